"""`tutela register`: set up a list register, sign for it offline, hand in, look, export what it publishes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli import register_constitution
from tutela.cli.output import emit, stdout

if TYPE_CHECKING:
    from tutela.register.book import Book

app = typer.Typer(no_args_is_help=True, help="A list register: constitution, statements, versions, log.")
app.add_typer(register_constitution.app, name="constitution")

FILE: dict[str, Any] = {"exists": True, "dir_okay": False, "resolve_path": True}
Database = Annotated[str, typer.Option(help="Database URL. [default: SQLite in the data folder]")]
Data = Annotated[Path | None, typer.Option(help="Folder of all state. [default: the platform's folder]")]
AsJSON = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def init(
    *,
    constitution: Annotated[Path, typer.Option(help="The first constitution, signed.", **FILE)],
    anchor: Annotated[str, typer.Option(help="Its SHA-256, 64 hexadecimal digits, as published elsewhere.")],
    origin: Annotated[str, typer.Option(help="The log's name: a URL without https://, never changed.")],
    witnesses: Annotated[
        Path | None, typer.Option(help="Policy lines: witness, group, quorum. [default: no witness]", **FILE)
    ] = None,
    url: Annotated[str, typer.Option(help="Where the log will be read, such as https://host/log.")] = "",
    database: Database = "",
    data: Data = None,
    as_json: AsJSON = False,
) -> None:
    """Begin the history with the constitution, and its log with a new key; what is there already stays.

    The passphrase of the log's key comes from TUTELA_KEY_PASSPHRASE, or from the file that
    TUTELA_KEY_PASSPHRASE_FILE names.
    """
    from tutela.hashlist.entries import read_hex
    from tutela.sealed import keyfile

    passphrase = keyfile.passphrase_from_environment()
    book = _start(database, data)
    from tutela.register import setup

    lines = witnesses.read_bytes() if witnesses else b"quorum none\n"
    answers = setup.Answers(constitution.read_bytes(), read_hex("sha256", anchor), origin, lines, url)
    done = setup.set_up(book.store, answers, passphrase)

    def human() -> None:
        stdout.print(f"The register stands in {done['folder']}.")
        stdout.print(f"Anchor {done['anchor']}\nLog {done['vkey']}", soft_wrap=True)

    emit(done, human, as_json=as_json)


@app.command()
def keygen(
    *,
    key_out: Annotated[Path, typer.Option(help="Key file to write, under TUTELA_KEY_PASSPHRASE.")],
    as_json: AsJSON = False,
) -> None:
    """Make an organisation's key on its own machine, and print the public half for the constitution."""
    import secrets

    from tutela.hashlist.trust import Signer
    from tutela.sealed import keyfile

    signer = Signer(secrets.token_bytes(32))
    keyfile.save(key_out, signer.private, keyfile.passphrase_from_environment())
    result = {"ok": True, "file": str(key_out), "public_key": signer.public_key.hex()}
    emit(result, lambda: stdout.print(signer.public_key.hex(), soft_wrap=True), as_json=as_json)


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="What is to be signed, as the register gave it.", **FILE)],
    *,
    key: Annotated[Path, typer.Option(help="The organisation's key file, under TUTELA_KEY_PASSPHRASE.")],
    out: Annotated[Path | None, typer.Option(help="File to write. [default: FILE with .signed]")] = None,
    as_json: AsJSON = False,
) -> None:
    """Sign a statement, or a constitution, offline: with no server, no network, and the key staying here."""
    from tutela.hashlist.trust import Signer
    from tutela.register.signing import sign_document
    from tutela.sealed import keyfile
    from tutela.sealed.files import replacing

    signer = Signer(keyfile.load(key, keyfile.passphrase_from_environment()))
    done = sign_document(file.read_bytes(), signer)
    target = out or file.with_name(file.name + ".signed")
    with replacing(target) as written:
        written.write(done.data)

    def human() -> None:
        shown = {name: value for name, value in done.said.items() if isinstance(value, str | int)}
        for name, value in shown.items():
            stdout.print(f"{name}: {value}", soft_wrap=True)
        stdout.print(f"Digest: {done.digest}\nSigned: {target}", soft_wrap=True)

    result = {"ok": True, "out": str(target), "digest": done.digest, "signed": done.said}
    emit(result, human, as_json=as_json)


@app.command("hand-in")
def hand_in(
    file: Annotated[Path, typer.Argument(help="A signed statement, or the next constitution.", **FILE)],
    *,
    database: Database = "",
    data: Data = None,
    as_json: AsJSON = False,
) -> None:
    """Hand a signed file in on the register's own machine."""
    book = _start(database, data)
    from tutela.register import logbook
    from tutela.register.setup import OPERATOR

    done = logbook.take_in(book, file.read_bytes(), OPERATOR)
    position = done.record.position
    result = {"position": position, "digest": done.record.digest.hex(), "repeated": done.repeated}
    emit(result, lambda: stdout.print(f"It is record {position} of the history."), as_json=as_json)


@app.command()
def status(*, database: Database = "", data: Data = None, as_json: AsJSON = False) -> None:
    """Say what is in force, what waits, and what the log has published."""
    book = _start(database, data)
    from tutela.register.status import collect

    found = collect(book)

    def human() -> None:
        for name, value in found.items():
            stdout.print(f"{name.replace('_', ' ')}: {value}")

    emit(found, human, as_json=as_json)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the public files.")],
    *,
    database: Database = "",
    data: Data = None,
    as_json: AsJSON = False,
) -> None:
    """Write what anybody needs to check the list version in force, offline."""
    book = _start(database, data)
    from tutela.register.status import export as write

    done = write(book, folder)
    emit(done, lambda: stdout.print(f"List version {done['number']} in {done['folder']}."), as_json=as_json)


@app.command("verify-audit")
def verify_audit(*, database: Database = "", data: Data = None, as_json: AsJSON = False) -> None:
    """Check the hash chain of all audit rows; print its length and head."""
    _start(database, data)
    from tutela.console.audit import verify_chain

    head = verify_chain()
    result = {"ok": True, "rows": head.length, "head": head.digest.hex()}
    emit(
        result,
        lambda: stdout.print(f"The chain of {head.length} rows holds. Head: {head.digest.hex()}"),
        as_json=as_json,
    )


def _start(database: str, data: Path | None) -> Book:
    from tutela.console import bootstrap

    bootstrap.configure("register", data=data, database=database)
    bootstrap.migrate()
    from tutela.register import book

    return book.of_this_server()
