"""`tutela provider`: set up a provider, see its state, withdraw a list entry, check its audit chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tutela.cli.output import emit, stdout
from tutela.errors import EnvironmentProblem

app = typer.Typer(no_args_is_help=True)

DATABASE = typer.Option("", help="Database URL. [default: SQLite in the data folder]")
DATA = typer.Option(None, help="Folder of all state. [default: the platform's folder]")
AS_JSON = typer.Option(False, "--json", help="Print one JSON object.")
FOLDER: dict[str, Any] = {"exists": True, "file_okay": False, "resolve_path": True}
FILE: dict[str, Any] = {"exists": True, "dir_okay": False, "resolve_path": True}


@app.command()
def init(
    epoch: Path = typer.Option(help="Folder with manifest.json, table.bin, legal-basis-XX.json.", **FOLDER),
    hash_list: Path = typer.Option(..., "--list", help="The list that the epoch was built from.", **FILE),
    table_key: Path = typer.Option(help="Key file of the table's secret key.", **FILE),
    trust: Path = typer.Option(help="Public keys that sign epochs and legal bases.", **FILE),
    jurisdiction: str = typer.Option(help="Two capital letters; a legal basis for it must be in force."),
    hub: str = typer.Option(help="Base URL of the centre's reporting service, such as https://host/ispws."),
    homeserver: str = typer.Option(help="Base URL of the homeserver."),
    repository: Path | None = typer.Option(
        None, help="Repository of epochs, or a mirror of it, for devices below /distribution/.", **FOLDER
    ),
    organisation: str = typer.Option("Example Messenger", help="The provider's name, as it reports."),
    contact_email: str = typer.Option("safety@example.org", help="Address of the person who reports."),
    hub_user: str = typer.Option("provider", help="Account at the centre."),
    hub_password_file: Path | None = typer.Option(
        None, help="File with its password. [default: TUTELA_HUB_PASSWORD]", **FILE
    ),
    homeserver_token_file: Path | None = typer.Option(
        None, help="File with the media route's token. [default: TUTELA_HOMESERVER_TOKEN]", **FILE
    ),
    passphrase_file: Path | None = typer.Option(
        None, help="File whose first line opens the table key. [default: TUTELA_KEY_PASSPHRASE]", **FILE
    ),
    data: Path | None = DATA,
    as_json: bool = AS_JSON,
) -> None:
    """Check epoch, list, table key and legal basis, and write the configuration.

    Nothing is written unless all of them hold. Run it again for the next epoch: the key that seals
    what is stored stays the same, and late vouchers for the table before count until its epoch ends.
    """
    from tutela.console.environment import data_directory
    from tutela.provider import setup

    state = (data or data_directory()).absolute() / "provider"
    done = setup.set_up(
        state,
        setup.Answers(
            jurisdiction=jurisdiction,
            organisation=organisation,
            contact_email=contact_email,
            epoch=epoch,
            hash_list=hash_list,
            table_key=table_key,
            trust=trust,
            hub=hub,
            hub_user=hub_user,
            homeserver=homeserver,
            repository=repository,
            hub_password_file=hub_password_file,
            homeserver_token_file=homeserver_token_file,
            passphrase_file=passphrase_file,
        ),
    )

    def human() -> None:
        stdout.print(f"Configured for epoch {done['epoch']}, threshold {done['threshold']}.")
        stdout.print(f"Legal basis: {done['statute']}")
        stdout.print(f"Configuration in {done['folder']}")

    emit(done, human, as_json=as_json)


@app.command()
def status(database: str = DATABASE, data: Path | None = DATA, as_json: bool = AS_JSON) -> None:
    """Say whether alerts may run, under which epoch and legal basis, and what waits.

    Exit code 0 if alerts are on, 3 if they are off for whatever reason; with --json the reason's code
    is the value of "alerts" in both cases.
    """
    _start(database, data)
    from django.utils import timezone

    from tutela.provider import status as state

    found = state.collect(timezone.now())

    def human() -> None:
        for key, value in state.rows(found):
            stdout.print(f"{key}: {value}")

    emit(found.to_dict(), human, as_json=as_json)
    if found.alerts != "on":
        raise typer.Exit(EnvironmentProblem.exit_code)


@app.command()
def withdraw(
    entry_id: str = typer.Argument(help="Id of the list entry."),
    reason: str = typer.Option(help="For the record and the centre; describe no content."),
    database: str = DATABASE,
    data: Path | None = DATA,
    as_json: bool = AS_JSON,
) -> None:
    """Let an entry count no more, and re-evaluate every case that relies on it.

    A case with too few other entries is reversed: its content is deleted, an unfinished report taken
    back, a finished one followed by a reversal, and the account holder is due a notice.
    """
    _start(database, data)
    from tutela.provider import setup

    done = setup.withdraw(entry_id, reason)
    result: dict[str, Any] = {
        "entry": done.entry_id,
        "reversed": list(done.reversed),
        "still_hold": list(done.still_hold),
    }

    def human() -> None:
        stdout.print(f"{done.entry_id} is withdrawn.")
        stdout.print(f"Cases reversed: {', '.join(done.reversed) or 'none'}")
        stdout.print(f"Cases that still hold: {', '.join(done.still_hold) or 'none'}")

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


def _start(database: str, data: Path | None) -> None:
    from tutela.console import bootstrap

    bootstrap.configure("provider", data=data, database=database)
    bootstrap.migrate()
