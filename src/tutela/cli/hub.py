"""`tutela hub`: set up a national centre, look at its agencies and reports, check its audit chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tutela.cli.output import emit, stdout

if TYPE_CHECKING:
    from tutela.hub.storage import Store

app = typer.Typer(no_args_is_help=True)
agency = typer.Typer(no_args_is_help=True, help="Who takes referrals.")
report = typer.Typer(no_args_is_help=True, help="What providers reported.")
app.add_typer(agency, name="agency")
app.add_typer(report, name="report")

DATABASE = typer.Option("", help="Database URL. [default: SQLite in the data folder]")
DATA = typer.Option(None, help="Folder of all state. [default: the platform's folder]")
AS_JSON = typer.Option(False, "--json", help="Print one JSON object.")


@app.command()
def init(database: str = DATABASE, data: Path | None = DATA, as_json: bool = AS_JSON) -> None:
    """Create the hub's key, sample rule files and agencies; what is there already stays as it is.

    The passphrase of the key comes from TUTELA_KEY_PASSPHRASE, or from the file that
    TUTELA_KEY_PASSPHRASE_FILE names.
    """
    from tutela.sealed import keyfile

    passphrase = keyfile.passphrase_from_environment()
    store = _start(database, data)
    from tutela.hub.setup import set_up

    done = set_up(store, passphrase)

    def human() -> None:
        stdout.print(f"Made: {', '.join(done.made)}." if done.made else "Everything was there already.")
        stdout.print(f"{done.agencies} agencies. Edit routing.toml and ip-country.csv in {store.root}.")

    result = {"folder": str(store.root), "made": list(done.made), "agencies": done.agencies}
    emit(result, human, as_json=as_json)


@app.command("verify-audit")
def verify_audit(database: str = DATABASE, data: Path | None = DATA, as_json: bool = AS_JSON) -> None:
    """Check the hash chain of all audit rows; print its length and head."""
    _start(database, data)
    from tutela.console.audit import verify_chain

    head = verify_chain()
    result = {"ok": True, "rows": head.length, "head": head.digest.hex()}
    emit(
        result,
        lambda: stdout.print(
            f"The chain of {head.length} rows holds. Head: {head.digest.hex()}", soft_wrap=True
        ),
        as_json=as_json,
    )


@agency.command("list")
def list_agencies(database: str = DATABASE, data: Path | None = DATA, as_json: bool = AS_JSON) -> None:
    """List the agencies and the countries whose reports they take."""
    _start(database, data)
    from tutela.hub.listing import agencies

    rows = agencies()

    def human() -> None:
        for row in rows:
            stdout.print(f"{row['slug']}: {row['name']} ({', '.join(row['countries']) or 'no country'})")

    emit({"agencies": rows}, human, as_json=as_json)


@report.command("list")
def list_reports(
    state: str = typer.Option("", help="new, open, referred or closed. [default: all]"),
    database: str = DATABASE,
    data: Path | None = DATA,
    as_json: bool = AS_JSON,
) -> None:
    """List finished reports, the newest first: ids, states and agencies; nothing that was reported."""
    _start(database, data)
    from tutela.hub.listing import reports

    rows = reports(state)

    def human() -> None:
        for row in rows:
            stdout.print(
                f"{row['id']}: {row['state']}, {row['agency']}, {row['files']} files, from {row['esp']}"
            )

    emit({"reports": rows}, human, as_json=as_json)


def _start(database: str, data: Path | None) -> Store:
    from tutela.console import bootstrap

    bootstrap.configure("hub", data=data, database=database)
    bootstrap.migrate()
    from tutela.hub.storage import Store

    return Store.of_this_server()
