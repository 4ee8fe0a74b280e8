"""`tutela epoch`: build, sign, endorse and check the epoch that devices load."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli import publishing
from tutela.cli.audit import read_lawful_set
from tutela.cli.lists import AsJSON, progress, say
from tutela.cli.output import emit

if TYPE_CHECKING:
    from tutela.hashlist.epoch import Manifest, Signer, Trust
    from tutela.hashlist.legal_basis import LegalBasis
    from tutela.voucher import Parameters

app = typer.Typer(no_args_is_help=True, help="Build, sign and check the epoch that devices load.")
legal_basis_app = typer.Typer(no_args_is_help=True, help="State and check the legal basis for alerts.")
app.add_typer(legal_basis_app, name="legal-basis")
publishing.register(app)

SigningKey = Annotated[Path, typer.Option(help="Key file of the signer, from `tutela epoch keygen`.")]
TrustFile = Annotated[Path, typer.Option("--trust", help="Trust file: who may sign.")]
Jurisdiction = Annotated[str, typer.Option(help="Country, two capital letters (ISO 3166-1).")]


@app.command("keygen")
def keygen_command(
    key_out: Annotated[Path, typer.Option(help="Key file to write, under TUTELA_KEY_PASSPHRASE.")],
    trust: Annotated[Path, typer.Option(help="Trust file that the public key is added to.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the organisation that holds the key.")],
    role: Annotated[list[str], typer.Option(help="epoch, legal-basis; repeatable.")] = ["epoch"],  # noqa: B006
    as_json: AsJSON = False,
) -> None:
    """Make a signing key, and add its public half to a trust file."""
    from tutela.hashlist.epoch import Signer, Trust, TrustedKey
    from tutela.sealed import keyfile

    passphrase = keyfile.passphrase_from_environment()
    signer = Signer(secrets.token_bytes(32))
    key = TrustedKey(name, signer.public_key, frozenset(role))
    known = Trust.load(trust).with_key(key) if trust.exists() else Trust((key,))
    keyfile.save(key_out, signer.private, passphrase)
    known.save(trust)
    result = {"ok": True, "key": str(key_out), "trust": str(trust), "key_id": key.id, "name": name}
    emit(result, lambda: say(f"{key_out} written; {name} added to {trust}"), as_json=as_json)


@app.command("build")
def build_command(
    list_file: Annotated[Path, typer.Argument(metavar="LIST", help="A list file.")],
    out: Annotated[Path, typer.Option(help="Folder of the epoch; made if it is not there.")],
    *,
    signing_key: SigningKey,
    key_out: Annotated[Path, typer.Option(help="Key file for the new table key; keep it elsewhere.")],
    list_root: Annotated[str, typer.Option(help="Root of the endorsed list version: see `log-list`.")],
    checkpoint: Annotated[Path, typer.Option(help="The checkpoint that `log-list` wrote.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Days of validity, from now.")] = 90,
    number: Annotated[int | None, typer.Option(min=1, help="Default: one above --previous, else 1.")] = None,
    build: Annotated[int, typer.Option(min=1, help="Counter of builds of the same epoch.")] = 1,
    previous: Annotated[Path | None, typer.Option(help="Folder of the epoch before.")] = None,
    benign: Annotated[Path | None, typer.Option(help="List file of a benign corpus: its tokens go.")] = None,
    lawful: Annotated[Path | None, typer.Option(help="Lawful reference set that is committed to.")] = None,
    scenes: Annotated[int, typer.Option(help="Scenes of a busy device in one window.")] = 5000,
    burst: Annotated[int, typer.Option(help="Pictures of a scene that may each fall elsewhere.")] = 2,
    spread: Annotated[float, typer.Option(help="Shape of the spread among devices.")] = 1.0,
    false_pair_rate: Annotated[float | None, typer.Option(help="Measured, upper end.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Build the table of a logged list version under a fresh key, and sign its manifest."""
    from tutela.hashlist import HashList
    from tutela.hashlist.epoch import Model, Plan, build_with_new_key
    from tutela.hashlist.governance.fields import read_bytes
    from tutela.sealed import keyfile
    from tutela.voucher import everyday

    model = Model(scenes=scenes, burst=burst, spread=spread)
    if false_pair_rate is not None:
        model = Model(scenes=scenes, burst=burst, spread=spread, false_pair_rate=false_pair_rate)
    parameters = everyday()
    now = datetime.now(UTC)
    plan = Plan(
        number or _next_number(previous),
        now,
        now + timedelta(days=days),
        build=build,
        model=model,
        common=_common(benign, parameters),
        lawful_set=read_lawful_set(lawful).digest if lawful else b"",
        list_root=read_bytes(list_root),
        checkpoint=_checkpoint(checkpoint),
    )
    signer = _signer(signing_key)
    with progress("Building the table") as step:
        manifest = build_with_new_key(
            HashList.load(list_file),
            parameters,
            plan,
            key_path=key_out,
            passphrase=keyfile.passphrase_from_environment(),
            signers=[signer],
            out_dir=out,
            progress=step,
        )
    result = {"ok": True, "folder": str(out), "key": str(key_out), **_summary(manifest)}

    def human() -> None:
        _print(result)
        say(f"Give {key_out} to the provider by a safe way, and destroy your copy of it and its backups,")
        say(f"at the latest on {manifest.valid_until:%d %B %Y}, the epoch's end: it tells what is listed.")

    emit(result, human, as_json=as_json)


@app.command("endorse")
def endorse_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an epoch.")],
    *,
    signing_key: SigningKey,
    as_json: AsJSON = False,
) -> None:
    """Add a signature to an epoch's manifest."""
    from tutela.hashlist import envelope
    from tutela.hashlist.epoch import MANIFEST_FILE
    from tutela.hashlist.epoch.building import write_public
    from tutela.hashlist.trust import key_id, read_small

    signer = _signer(signing_key)
    path = folder / MANIFEST_FILE
    write_public(path, envelope.add_signature(read_small(path), signer))
    result = {"ok": True, "manifest": str(path), "key_id": key_id(signer.public_key)}
    emit(result, lambda: say(f"Signed {path}"), as_json=as_json)


@app.command("verify")
def verify_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an epoch.")],
    *,
    trust: TrustFile,
    previous: Annotated[Path | None, typer.Option(help="Folder of the epoch that was used before.")] = None,
    jurisdiction: Annotated[str, typer.Option(help="Also say which legal basis holds there.")] = "",
    as_json: AsJSON = False,
) -> None:
    """Check an epoch as a device does: builder, endorsements, log, witnesses, and every slot of the table."""
    from tutela.hashlist.epoch import MANIFEST_FILE, read
    from tutela.hashlist.epoch.admission import admit
    from tutela.hashlist.trust import read_small

    trusted, now = _trust(trust), datetime.now(UTC)
    before = read(read_small(previous / MANIFEST_FILE), trusted) if previous else None
    with progress("Checking the table") as step:
        found = admit(folder, trusted, jurisdiction, now, previous=before, progress=step)
    attested = found.attested
    result = {
        "ok": True,
        "builders": list(found.manifest.endorsers),
        "endorsers": [each.id for each in attested.endorsers],
        "log": attested.log.checkpoint.origin,
        "size": attested.log.checkpoint.size,
        "witnesses": sorted(attested.log.witnesses),
        "fresh_until": attested.fresh_until.isoformat(),
        "legal_basis": found.basis.statute if found.basis else None,
        **_summary(found.manifest),
    }
    emit(result, lambda: _print(result), as_json=as_json)


@legal_basis_app.command("make")
def make_basis_command(
    out: Annotated[Path, typer.Option(help="Folder of the epoch that the file is put into.")],
    *,
    jurisdiction: Jurisdiction,
    statute: Annotated[str, typer.Option(help="The law and its article.")],
    impact_assessment: Annotated[Path, typer.Option(help="File of the impact assessment; its hash is kept.")],
    signing_key: SigningKey,
    act: Annotated[list[str], typer.Option(help="What is permitted: alert, report; repeatable.")] = [  # noqa: B006
        "alert",
        "report",
    ],
    keep_days: Annotated[int, typer.Option(help="Days for which reported content may be kept.")] = 366,
    scale: Annotated[list[str] | None, typer.Option(help="Scale of classification. [default: all]")] = None,
    days: Annotated[int, typer.Option(min=1, help="Days of validity, from now.")] = 365,
    as_json: AsJSON = False,
) -> None:
    """State the legal basis for alerts to the provider in one jurisdiction."""
    from tutela.hashlist import legal_basis
    from tutela.hashlist.epoch.building import write_public
    from tutela.hashlist.errors import BadFile

    now = datetime.now(UTC).replace(microsecond=0)
    try:
        assessment = hashlib.sha256(impact_assessment.read_bytes()).digest()
    except OSError as error:
        raise BadFile(f"The file {impact_assessment.name} cannot be read.") from error
    basis = legal_basis.LegalBasis(
        jurisdiction,
        statute,
        now,
        now + timedelta(days=days),
        assessment,
        acts=tuple(sorted(set(act))),
        keep_days=keep_days,
        scales=tuple(sorted(set(scale))) if scale else legal_basis.ALL_SCALES,
    )
    path = out / legal_basis.file_name(jurisdiction)
    write_public(path, legal_basis.make(basis, _signer(signing_key)))
    result = {"ok": True, "file": str(path), **_basis_summary(basis)}
    emit(result, lambda: _print(result), as_json=as_json)


@legal_basis_app.command("check")
def check_basis_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an epoch.")],
    *,
    jurisdiction: Jurisdiction,
    trust: TrustFile,
    as_json: AsJSON = False,
) -> None:
    """Check that a legal basis holds now, in one jurisdiction."""
    from tutela.hashlist import legal_basis

    basis = legal_basis.check_folder(folder, jurisdiction, _trust(trust), datetime.now(UTC))
    result = {"ok": True, "signers": list(basis.signers), **_basis_summary(basis)}
    emit(result, lambda: _print(result), as_json=as_json)


@legal_basis_app.command("conflicts")
def conflicts_command(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of epochs.")],
    *,
    trust: TrustFile,
    jurisdiction: Annotated[list[str], typer.Option(help="Also look at this place; repeatable.")] = [],  # noqa: B006
    as_json: AsJSON = False,
) -> None:
    """Show where the laws of several places, or several statements for one, do not permit the same."""
    from tutela.hashlist.conflicts import conflicts, read_folders

    bases, unusable = read_folders(folders, _trust(trust))
    found = conflicts(bases, datetime.now(UTC), jurisdiction)
    result = {
        "ok": True,
        "jurisdictions": sorted({basis.jurisdiction for basis in bases} | set(jurisdiction)),
        "conflicts": [conflict.to_dict() for conflict in found],
        "unusable": [{"file": name, "code": error.code} for name, error in unusable.items()],
    }

    def human() -> None:
        for conflict in found:
            say(conflict.sentence)
            for view in conflict.views:
                say(f"    {view.jurisdiction}  {view.says}")
        for name, error in unusable.items():
            say(f"Not counted: {name}: {error.message}")
        if not found:
            say("No conflict among the legal bases that are there.")

    emit(result, human, as_json=as_json)


def _checkpoint(path: Path) -> bytes:
    from tutela.hashlist.epoch.leaves import checkpoint_digest
    from tutela.hashlist.trust import read_small
    from tutela.tlog import SignedCheckpoint

    return checkpoint_digest(SignedCheckpoint.parse(read_small(path)))


def _next_number(previous: Path | None) -> int:
    from tutela.hashlist.epoch.verification import number_of

    return 1 if previous is None else number_of(previous) + 1


def _common(benign: Path | None, parameters: Parameters) -> frozenset[Any]:
    from tutela.hashlist import HashList
    from tutela.hashlist.epoch import common_tokens

    return common_tokens(HashList.load(benign).entries, parameters) if benign else frozenset()


def _signer(path: Path) -> Signer:
    from tutela.hashlist.epoch import Signer
    from tutela.sealed import keyfile

    return Signer(keyfile.load(path, keyfile.passphrase_from_environment()))


def _trust(path: Path) -> Trust:
    from tutela.hashlist.epoch import Trust

    return Trust.load(path)


def _summary(manifest: Manifest) -> dict[str, Any]:
    said = manifest.to_statement()
    names = ("number", "build", "category", "table_id", "threshold", "valid_from", "valid_until", "root")
    sizes, counts = said["sizes"], said["counts"]
    return {**{name: said[name] for name in names}, "sizes": sizes, "counts": counts}


def _basis_summary(basis: LegalBasis) -> dict[str, Any]:
    said = basis.to_statement()
    return {name: said[name] for name in said if name not in {"type", "version"}}


def _print(result: dict[str, Any]) -> None:
    """Print one line a value, nested ones indented."""
    flat: dict[str, Any] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            flat.update({f"{name} {inner}": number for inner, number in value.items()})
        elif name != "ok":
            flat[name] = ", ".join(value) if isinstance(value, list) else value
    for name, value in flat.items():
        say(f"{name:<36} {value}")
