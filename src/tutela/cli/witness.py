"""`tutela witness`: cosign logs that only ever grow."""

from __future__ import annotations

import functools
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli.lists import AsJSON, say
from tutela.cli.output import emit
from tutela.errors import UsageError

if TYPE_CHECKING:
    from tutela.tlog import VerifierKey
    from tutela.tlog.serving import App

app = typer.Typer(no_args_is_help=True, help="Cosign logs that only ever grow.")

KEY_FILE = "witness.key"
PUBLIC_FILE = "witness.vkey"
#: `log` lines and `quorum none`: the logs that are witnessed
LOGS_FILE = "logs.policy"
STATE_FILE = "seen.sqlite3"

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's folder.")]


@app.command("init")
def init_command(
    folder: Folder,
    *,
    name: Annotated[str, typer.Option(help="The witness's name: a URL without https://, never changed.")],
    log: Annotated[list[str], typer.Option(help="Verifier key of a log to witness; repeatable.")],
    as_json: AsJSON = False,
) -> None:
    """Make a witness's key, under TUTELA_KEY_PASSPHRASE, and name the logs that it cosigns."""
    from tutela.sealed import keyfile
    from tutela.tlog import COSIGNATURE_ED25519, Ed25519Signer, Policy, files

    rules = Policy.parse("".join([*(f"log {key}\n" for key in log), "quorum none\n"]).encode())
    signer = Ed25519Signer(name, secrets.token_bytes(32), COSIGNATURE_ED25519)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {folder.name} cannot be made.") from error
    keyfile.save(folder / KEY_FILE, signer.private, keyfile.passphrase_from_environment())
    files.write_all(folder, {LOGS_FILE: rules.to_bytes(), PUBLIC_FILE: f"{signer.key}\n".encode()})
    result = {"ok": True, "witness": str(folder), "vkey": str(signer.key), "logs": len(rules.logs)}
    emit(result, lambda: say(f"witness NAME {signer.key} URL"), as_json=as_json)


@app.command("serve")
def serve_command(
    folder: Folder,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.")] = 8461,
    as_json: AsJSON = False,
) -> None:
    """Answer `add-checkpoint` until SIGTERM."""
    from tutela.cli.log import listen

    _witness(folder)  # a wrong passphrase or folder is told before anything listens
    listen(functools.partial(_app, folder), host, port, "witness", as_json=as_json)


@app.command("status")
def status_command(folder: Folder, *, as_json: AsJSON = False) -> None:
    """Show the logs that are witnessed, what was seen of each, and what did not fit."""
    from tutela.tlog.witness_store import WitnessStore

    if not (folder / PUBLIC_FILE).is_file():
        raise UsageError(
            f"The folder {folder.name} holds no witness.", hint="Make one with `tutela witness init`."
        )
    store = WitnessStore(folder / STATE_FILE)
    try:
        rows = [_row(store, origin) for origin in sorted(_logs(folder))]
    finally:
        store.close()
    result = {"ok": True, "vkey": (folder / PUBLIC_FILE).read_text().strip(), "logs": rows}
    emit(result, lambda: _print(result), as_json=as_json)


def _app(folder: Path) -> App:
    from tutela.console.processes import die_with_parent
    from tutela.tlog.serving import witness_app

    die_with_parent()
    return witness_app(_witness(folder))


def _witness(folder: Path) -> Any:
    from tutela.sealed import keyfile
    from tutela.tlog import COSIGNATURE_ED25519, Ed25519Signer, VerifierKey
    from tutela.tlog.witness import Witness
    from tutela.tlog.witness_store import WitnessStore

    private = keyfile.load(folder / KEY_FILE, keyfile.passphrase_from_environment())
    name = VerifierKey.parse((folder / PUBLIC_FILE).read_text().strip()).name
    signer = Ed25519Signer(name, private, COSIGNATURE_ED25519)
    return Witness(signer, _logs(folder), WitnessStore(folder / STATE_FILE), lambda: int(time.time()))


def _logs(folder: Path) -> dict[str, tuple[VerifierKey, ...]]:
    from tutela.tlog import Policy, files

    keys = Policy.parse(files.read(folder, LOGS_FILE, 1 << 20)).log_keys()
    return {key.name: tuple(other for other in keys if other.name == key.name) for key in keys}


def _row(store: Any, origin: str) -> dict[str, Any]:
    seen = store.seen(origin)
    return {
        "origin": origin,
        "size": seen.size,
        "root": seen.root.hex(),
        "conflicts": [signed.decode() for signed in store.conflicts(origin)],
    }


def _print(result: dict[str, Any]) -> None:
    say(result["vkey"])
    for row in result["logs"]:
        say(f"{row['origin']}: {row['size']} entries, root {row['root']}")
        if row["conflicts"]:
            say(f"  {len(row['conflicts'])} signed checkpoints did not fit; --json shows them")
