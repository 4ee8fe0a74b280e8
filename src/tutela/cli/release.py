"""`tutela release`: build a release twice, sign it, print its leaf for the log, and check one."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli.lists import AsJSON, say
from tutela.cli.output import emit

if TYPE_CHECKING:
    from tutela.release.verification import Release
    from tutela.tlog import VerifierKey

app = typer.Typer(no_args_is_help=True, help="Make, sign and check releases.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a release.")]
Source = Annotated[Path, typer.Option(help="Clone of the source.")]
Name = Annotated[str, typer.Option(help="Name of the release key, as in its public half.")]


@app.command("build")
def build_command(
    out: Annotated[Path, typer.Option(help="Folder to write; an earlier release in it goes.")] = Path("dist"),
    *,
    source: Source = Path(),
    as_json: AsJSON = False,
) -> None:
    """Build the checked-out commit in two different trees, and refuse if a byte differs."""
    from tutela.release import builds, making, verification

    commit = builds.head(source)
    builds.check_clean(source)
    making.write(out, making.make(source, commit))
    _show(verification.read(out), as_json, folder=str(out), builds=len(builds.SURROUNDINGS))


@app.command("keygen")
def keygen_command(
    key_out: Annotated[Path, typer.Option(help="Key file to write, under TUTELA_KEY_PASSPHRASE.")],
    *,
    name: Name,
    public_out: Annotated[Path | None, typer.Option(help="File to write the public half to.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Make a release key, and print its public half: the verifier key that everyone may know."""
    from tutela.release import making
    from tutela.sealed import keyfile
    from tutela.tlog import Ed25519Signer

    signer = Ed25519Signer(name, secrets.token_bytes(32))
    keyfile.save(key_out, signer.private, keyfile.passphrase_from_environment())
    if public_out:
        making.put(public_out, f"{signer.key}\n".encode())
    result = {"ok": True, "file": str(key_out), "key": str(signer.key)}
    emit(result, lambda: say(str(signer.key)), as_json=as_json)


@app.command("sign")
def sign_command(
    folder: Folder,
    *,
    signing_key: Annotated[Path, typer.Option(help="Key file of `tutela release keygen`.")],
    name: Name,
    as_json: AsJSON = False,
) -> None:
    """Check a release's files, and sign its checksums as a note."""
    from tutela.release import making, verification
    from tutela.sealed import keyfile
    from tutela.tlog import Ed25519Signer

    release = verification.read(folder)
    private = keyfile.load(signing_key, keyfile.passphrase_from_environment())
    signer = Ed25519Signer(name, private)
    making.sign(folder, signer)
    _show(release, as_json, key=str(signer.key))


@app.command("leaf")
def leaf_command(folder: Folder, *, as_json: AsJSON = False) -> None:
    """Print what a transparency log records of a release, byte for byte, without a newline."""
    from tutela.release import verification

    body = verification.read(folder).leaf().to_bytes().decode()
    emit({"ok": True, "leaf": body}, lambda: typer.echo(body, nl=False), as_json=as_json)


@app.command("verify")
def verify_command(
    folder: Folder,
    *,
    key: Annotated[str, typer.Option(help="Verifier key of the release key, or a file that holds it.")],
    proof: Annotated[Path | None, typer.Option(help="Proof of its leaf. [default: in the folder]")] = None,
    policy: Annotated[Path | None, typer.Option(help="Check the proof: whom to trust.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the commit here, and compare.")] = False,
    source: Source = Path(),
    as_json: AsJSON = False,
) -> None:
    """Check a release: files, checksums, bill of materials, signature; its log and a rebuild if asked."""
    from tutela.errors import UsageError
    from tutela.release import making, verification

    if proof and not policy:
        raise UsageError("--proof asks for --policy.", hint="A proof holds only under a policy.")
    release = verification.read(folder)
    verification.check_signature(folder, release, _key(key))
    checked = ["checksums", "bill of materials", "signature"]
    if policy:
        shown = making.get(proof or folder / making.PROOF)
        verification.check_logged(release, shown, making.get(policy), datetime.now(UTC))
        checked.append("log")
    if rebuild:
        verification.check_rebuild(folder, release, source)
        checked.append("rebuild")
    _show(release, as_json, checked=checked)


def _key(text: str) -> VerifierKey:
    from tutela.release import making
    from tutela.tlog import VerifierKey

    path = Path(text)
    if "+" not in text or path.is_file():
        text = making.get(path).decode("utf-8", "replace").strip()
    return VerifierKey.parse(text)


def _show(release: Release, as_json: bool, **more: Any) -> None:
    files = release.sums
    result = {"ok": True, "version": release.version, "commit": release.commit.name, "files": files, **more}
    emit(result, lambda: _print(result), as_json=as_json)


def _print(result: dict[str, Any]) -> None:
    for name, value in result.items():
        if name == "files":
            for file, digest in value.items():
                say(f"{digest}  {file}")
        elif name != "ok":
            say(f"{name:<8} {', '.join(value) if isinstance(value, list) else value}")
