"""`tutela audit`: check what was published, as the holder of a list or as anyone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli import audit_published
from tutela.cli.lists import AsJSON, progress, say
from tutela.cli.output import emit

if TYPE_CHECKING:
    from tutela.hashlist.epoch import Manifest
    from tutela.voucher.lawful import LawfulSet

app = typer.Typer(
    no_args_is_help=True,
    help="Check what was published: table, lawful pictures, list, log, and what a device held.",
)
audit_published.register(app)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an epoch.")]
ListFile = Annotated[Path, typer.Argument(metavar="LIST", help="The list file behind the epoch.")]
SetFile = Annotated[Path, typer.Argument(metavar="SET", help="A lawful reference set.")]
TrustFile = Annotated[Path, typer.Option("--trust", help="Trust file: who may sign.")]
Digest = Annotated[str, typer.Option(help="SHA-256 or MD5 of the file, in hexadecimal digits.")]


@app.command("table")
def table_command(
    folder: Folder,
    list_file: ListFile,
    *,
    trust: TrustFile,
    benign: Annotated[Path | None, typer.Option(help="List file of the benign corpus left out.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Check that the table holds the list and nothing else, without the table key."""
    from tutela.hashlist import HashList, auditing
    from tutela.hashlist.epoch import Trust, common_tokens, read
    from tutela.hashlist.epoch.verification import MANIFEST_FILE
    from tutela.hashlist.trust import read_small

    trusted = Trust.load(trust)
    parameters = read(read_small(folder / MANIFEST_FILE), trusted).parameters
    common = common_tokens(HashList.load(benign).entries, parameters) if benign else frozenset()
    with progress("Auditing the table") as step:
        manifest = auditing.audit_table(
            folder, trusted, HashList.load(list_file), common=common, progress=step
        )
    result = {**_about(manifest), "tokens": manifest.header.tokens, "slots": manifest.header.slots}
    emit(result, lambda: say("The table holds the list and nothing else."), as_json=as_json)


@app.command("lawful-set")
def lawful_set_command(
    pictures: Annotated[Path, typer.Argument(help="Folder of lawful pictures.")],
    *,
    out: Annotated[Path, typer.Option(help="The reference set to write and publish.")],
    as_json: AsJSON = False,
) -> None:
    """Make a reference set, to be published and named by `tutela epoch build --lawful`."""
    from tutela.hashlist.epoch.building import write_public
    from tutela.hashlist.making import make_lawful
    from tutela.voucher import everyday

    with progress("Fingerprinting") as step:
        made = make_lawful(pictures, everyday(), progress=step)
    write_public(out, made.to_bytes())
    result = {"ok": True, "file": str(out), "pictures": len(made.pictures), "digest": made.digest.hex()}
    emit(result, lambda: say(f"{out}: {len(made.pictures)} pictures, {made.digest.hex()}"), as_json=as_json)


@app.command("lawful-prove")
def lawful_prove_command(
    folder: Folder,
    reference: SetFile,
    *,
    trust: TrustFile,
    table_key: Annotated[Path, typer.Option(help="Key file of the table.")],
    as_json: AsJSON = False,
) -> None:
    """Prove the set that the epoch's manifest committed to, as a whole; no other is accepted."""
    from tutela.hashlist import auditing
    from tutela.hashlist.epoch import Trust
    from tutela.hashlist.epoch.building import write_public
    from tutela.sealed import keyfile

    key = keyfile.load(table_key, keyfile.passphrase_from_environment())
    with progress("Proving") as step:
        proofs = auditing.prove_lawful(
            folder,
            Trust.load(trust),
            read_lawful_set(reference),
            key=key,
            random=os.urandom,
            progress=step,
        )
    path = folder / auditing.LAWFUL_FILE
    write_public(path, proofs.to_bytes())
    result = {"ok": True, "file": str(path), "pictures": len(proofs.proofs)}
    emit(result, lambda: say(f"{path}: {len(proofs.proofs)} pictures"), as_json=as_json)


@app.command("lawful")
def lawful_command(folder: Folder, reference: SetFile, *, trust: TrustFile, as_json: AsJSON = False) -> None:
    """Check offline that no picture of the committed lawful set is listed; needs no list and no key."""
    from tutela.hashlist import auditing
    from tutela.hashlist.epoch import Trust

    chosen = read_lawful_set(reference)
    with progress("Verifying") as step:
        manifest = auditing.audit_lawful(folder, Trust.load(trust), chosen, step)
    result = {**_about(manifest), "pictures": len(chosen.pictures), "set": chosen.digest.hex()}
    emit(result, lambda: say(f"None of {len(chosen.pictures)} lawful pictures is listed."), as_json=as_json)


@app.command("absent-prove")
def absent_prove_command(
    list_file: ListFile,
    *,
    digest: Digest,
    out: Annotated[Path, typer.Option(help="The proof to write.")],
    as_json: AsJSON = False,
) -> None:
    """Prove that an exact digest is not in the list: for decided appeals, not for a public service."""
    from tutela.hashlist import HashList, absence
    from tutela.hashlist.epoch.building import write_public

    kind, value = _digest(digest)
    proof = absence.AbsenceMap.of(HashList.load(list_file)).prove(kind, value, os.urandom)
    write_public(out, proof.to_bytes())
    emit({"ok": True, "file": str(out), "kind": kind}, lambda: say(f"{out} written"), as_json=as_json)


@app.command("absent")
def absent_command(
    folder: Folder,
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="An absence proof.")],
    *,
    digest: Digest,
    trust: TrustFile,
    as_json: AsJSON = False,
) -> None:
    """Check offline that an exact digest is not in the list behind an epoch."""
    from tutela.hashlist import absence, auditing
    from tutela.hashlist.epoch import Trust, read
    from tutela.hashlist.epoch.verification import MANIFEST_FILE
    from tutela.hashlist.trust import read_small

    kind, value = _digest(digest)
    manifest = read(read_small(folder / MANIFEST_FILE), Trust.load(trust))
    found = absence.AbsenceProof.from_bytes(auditing.read_bounded(proof, absence.MAX_BYTES))
    absence.verify(found, manifest.absence, kind, value)
    result = {**_about(manifest), "kind": kind, "digests": found.count - 1}
    emit(result, lambda: say("This digest is not in the list."), as_json=as_json)


def read_lawful_set(path: Path) -> LawfulSet:
    """Return the reference set of a file."""
    from tutela.hashlist import auditing
    from tutela.voucher.lawful import LawfulSet

    return LawfulSet.from_bytes(auditing.read_bounded(path))


def _digest(text: str) -> tuple[str, bytes]:
    from tutela.hashlist.entries import read_hex

    kind = "md5" if len(text) == 32 else "sha256"
    return kind, read_hex(kind, text)


def _about(manifest: Manifest) -> dict[str, Any]:
    said = {"ok": True, "number": manifest.number, "build": manifest.build, "root": manifest.root.hex()}
    return {**said, "endorsers": list(manifest.endorsers)}
