"""`tutela log`: found, append to, prove, verify, show and serve a transparency log."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli.lists import AsJSON, say
from tutela.cli.output import emit
from tutela.errors import UsageError

if TYPE_CHECKING:
    from tutela.tlog import Ed25519Signer, Leaf, Policy, SignedCheckpoint, VerifierKey
    from tutela.tlog.client import LogReader
    from tutela.tlog.serving import App

app = typer.Typer(no_args_is_help=True, help="A transparency log: append, prove, verify, serve.")

#: the log's public key, beside its files
KEY_FILE = "log.vkey"
MAX_FILE_BYTES = 1 << 20

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The log's folder.")]
Where = Annotated[str, typer.Argument(metavar="LOG", help="The log's URL, or a folder with its files.")]
PolicyFile = Annotated[Path, typer.Option("--policy", help="Whom to trust: a tlog-policy file.")]
SigningKey = Annotated[Path, typer.Option(help="The log's key file, from `tutela log init`.")]


@app.command("init")
def init_command(
    folder: Folder,
    *,
    origin: Annotated[str, typer.Option(help="The log's name: a URL without https://, never changed.")],
    key_out: Annotated[Path, typer.Option(help="Key file to write, under TUTELA_KEY_PASSPHRASE.")],
    as_json: AsJSON = False,
) -> None:
    """Found an empty log with a new key, and print the key that its readers need."""
    from tutela.sealed import keyfile
    from tutela.tlog import Ed25519Signer, files
    from tutela.tlog.log import Log

    signer = Ed25519Signer(origin, secrets.token_bytes(32))
    keyfile.save(key_out, signer.private, keyfile.passphrase_from_environment())
    with Log.create(folder, signer) as log:
        files.write_all(folder, {KEY_FILE: f"{signer.key}\n".encode()})
        log.publish(log.head)
    result = {"ok": True, "log": str(folder), "origin": origin, "key": str(key_out), "vkey": str(signer.key)}
    emit(result, lambda: say(f"log {signer.key}"), as_json=as_json)


@app.command("append")
def append_command(
    folder: Folder,
    leaves: Annotated[list[Path] | None, typer.Argument(metavar="LEAF", help="Canonical leaf files.")] = None,
    *,
    signing_key: SigningKey,
    policy: Annotated[Path | None, typer.Option(help="Ask its witnesses before publishing.")] = None,
    kind: Annotated[str, typer.Option(help="Also append a leaf of this kind, made here.")] = "",
    artefact: Annotated[Path | None, typer.Option(help="The file whose SHA-256 that leaf names.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="name=text, a field of it; repeatable.")] = None,
    at_least: Annotated[Path | None, typer.Option(help="Refuse if the folder is behind this one.")] = None,
    proof: Annotated[Path | None, typer.Option(help="Write the proof of the one leaf here.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Append leaves. With --policy, publish only what witnesses cosigned; without leaves, try that again."""
    from tutela.tlog import Leaf, files
    from tutela.tlog.client import collect
    from tutela.tlog.log import Log

    entries = [Leaf.parse(_read(path)).to_bytes() for path in leaves or ()]
    if kind:
        entries.append(_made(kind, artefact, field or []).to_bytes())
    if proof and len(entries) != 1:
        raise UsageError("--proof is for one leaf.", hint="`tutela log proof` proves any other.")
    rules = _policy(policy) if policy else None
    with Log.open(folder, _signer(folder, signing_key), at_least=_checkpoint(at_least)) as log:
        first = log.size
        log.append(entries)
        log.publish(collect(log, rules) if rules else log.head)
        result = {"ok": True, "first": first, "appended": len(entries), **_summary(log.head)}
        result["signatures"] = len((log.published() or log.head).note.signatures)
        if proof:
            files.write_all(proof.parent, {proof.name: log.proof(first, log.published()).to_bytes()})
    emit(result, lambda: say(f"{len(entries)} appended; the log has {result['size']}"), as_json=as_json)


@app.command("leaf")
def leaf_command(
    name: Annotated[
        str, typer.Argument(help="Under which it is published: log-policy, trust, everyday, ...")
    ],
    file: Annotated[Path | None, typer.Argument(help="[default: this program's model of that name]")] = None,
    *,
    kind: Annotated[str, typer.Option(help="policy or model.")],
    version: Annotated[int, typer.Option(min=1, help="Counts from 1 under its name.")],
    signing_key: Annotated[Path, typer.Option(help="Key file of `tutela epoch keygen`.")],
    out: Annotated[Path, typer.Option(help="Leaf file to write, for `tutela log append`.")],
    as_json: AsJSON = False,
) -> None:
    """Sign the leaf of one version of a policy or a model."""
    from tutela.hashlist.epoch import artefacts
    from tutela.hashlist.trust import Signer
    from tutela.sealed import keyfile
    from tutela.tlog import files
    from tutela.voucher import masks

    if file is None and kind != artefacts.MODEL:
        raise UsageError(f"Which file is the {kind} {name}?", hint="Only models come with the program.")
    data = _read(file) if file else masks.data(name)
    signer = Signer(keyfile.load(signing_key, keyfile.passphrase_from_environment()))
    artefact = artefacts.Artefact(kind, name, artefacts.digest(data))
    leaf = artefacts.sign(artefact, version, datetime.now(UTC), signer)
    files.write_all(out.parent, {out.name: leaf.to_bytes()})
    result = {"ok": True, "leaf": str(out), "kind": kind, "name": name, "version": version}
    result["sha256"] = leaf.sha256
    emit(result, lambda: say(f"{out}: {kind} {name}, version {version}, {leaf.sha256}"), as_json=as_json)


@app.command("proof")
def proof_command(
    where: Where,
    index: Annotated[int, typer.Argument(min=0, help="The leaf's place, from 0.")],
    *,
    policy: PolicyFile,
    out: Annotated[Path, typer.Option(help="Proof file to write; its leaf goes beside it as .leaf.")],
    as_json: AsJSON = False,
) -> None:
    """Fetch a leaf and its offline proof."""
    from tutela.tlog import files

    reader = _reader(where, _policy(policy).log_keys())
    signed = reader.checkpoint()
    proof = reader.proof(index, signed).to_bytes()
    leaf = reader.entries(signed, index, index + 1)[0]
    beside = out.with_suffix(".leaf")
    files.write_all(out.parent, {out.name: proof, beside.name: leaf})
    result = {"ok": True, "proof": str(out), "leaf": str(beside), "bytes": len(proof), **_summary(signed)}
    emit(result, lambda: say(f"{out} ({len(proof)} bytes) and {beside}"), as_json=as_json)


@app.command("verify")
def verify_command(
    proof: Annotated[Path, typer.Argument(help="A proof file.")],
    leaf: Annotated[Path, typer.Argument(help="The leaf that it speaks of.")],
    *,
    policy: PolicyFile,
    hours: Annotated[float, typer.Option(min=0, help="Oldest cosignatures that count.")] = 24.0,
    previous: Annotated[Path | None, typer.Option(help="The last checkpoint accepted here.")] = None,
    where: Annotated[str, typer.Option("--log", help="URL or folder: how it grew since --previous.")] = "",
    keep: Annotated[Path | None, typer.Option(help="Write the accepted checkpoint here.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="Write proof of the log's misbehaviour here.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Check, offline, that a leaf is in a log that enough witnesses saw lately."""
    from tutela.tlog import Proof, files, verify_offline
    from tutela.tlog.errors import Equivocation

    rules, data, before = _policy(policy), _read(proof), _checkpoint(previous)
    grown: tuple[bytes, ...] = ()
    if before and where:
        grown = _reader(where, rules.log_keys()).consistency(before, Proof.parse(data).checkpoint)
    try:
        found = verify_offline(
            data,
            _read(leaf),
            rules,
            datetime.now(UTC),
            max_age=timedelta(hours=hours),
            previous=before,
            consistency=grown,
        )
    except Equivocation as error:
        if evidence:
            files.write_all(evidence.parent, {evidence.name: error.evidence.to_bytes()})
        raise
    if keep:
        files.write_all(keep.parent, {keep.name: found.signed.to_bytes()})
    times = {name: time.isoformat() for name, time in found.witnesses.items()}
    result = {"ok": True, "index": found.index, "witnesses": times, **_summary(found.signed)}
    emit(result, lambda: _print_verified(result), as_json=as_json)


@app.command("show")
def show_command(
    where: Where,
    *,
    policy: PolicyFile,
    last: Annotated[int, typer.Option(min=0, max=10000, help="How many of the last leaves.")] = 10,
    as_json: AsJSON = False,
) -> None:
    """Show a log's published state and its last leaves, verified against that state."""
    from tutela.tlog.verification import cosigners

    rules = _policy(policy)
    reader = _reader(where, rules.log_keys())
    signed = reader.checkpoint()
    start = max(0, signed.checkpoint.size - last)
    rows = [_row(start + at, entry) for at, entry in enumerate(reader.entries(signed, start))]
    times = {name: time.isoformat() for name, time in cosigners(signed, rules).items()}
    result = {"ok": True, **_summary(signed), "witnesses": times, "leaves": rows}
    emit(result, lambda: _print_log(result), as_json=as_json)


@app.command("serve")
def serve_command(
    folder: Folder,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.")] = 8460,
    as_json: AsJSON = False,
) -> None:
    """Serve a log's checkpoint and tiles for everyone to read, until SIGTERM."""
    from tutela.tlog.log import Log

    Log.read(folder, (_public(folder),))
    listen(functools.partial(_app, folder), host, port, "log", as_json=as_json)


def listen(load: Any, host: str, port: int, role: str, *, as_json: bool) -> None:
    """Serve an app on a port of ours, and say so once it answers."""
    from tutela.console import processes
    from tutela.console.serving import ReservedPort
    from tutela.tlog.serving import run

    if processes.PARENT in os.environ:  # whoever started us for a while wants no server left behind
        processes.die_with_parent()
        os.environ[processes.PARENT] = str(os.getpid())  # and our worker ends with us
    reserved = ReservedPort(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{reserved.port}"
    result = {"role": role, "url": url}
    run(
        load,
        host,
        reserved.port,
        lambda: emit(result, lambda: say(f"{role} is ready at {url}"), as_json=as_json),
    )


def _app(folder: Path) -> App:
    from tutela.console.processes import die_with_parent
    from tutela.tlog.serving import log_app

    die_with_parent()
    return log_app(folder)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The file {path.name} cannot be read.", hint="Is its path right?") from error
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"The file {path.name} is larger than {MAX_FILE_BYTES} bytes.")
    return data


def _policy(path: Path) -> Policy:
    from tutela.tlog import Policy

    return Policy.parse(_read(path))


def _checkpoint(path: Path | None) -> SignedCheckpoint | None:
    from tutela.tlog import SignedCheckpoint

    return SignedCheckpoint.parse(_read(path)) if path else None


def _public(folder: Path) -> VerifierKey:
    from tutela.tlog import VerifierKey
    from tutela.tlog.note import plain_text

    return VerifierKey.parse(plain_text(_read(folder / KEY_FILE)).strip())


def _signer(folder: Path, signing_key: Path) -> Ed25519Signer:
    from tutela.sealed import keyfile
    from tutela.tlog import Ed25519Signer

    private = keyfile.load(signing_key, keyfile.passphrase_from_environment())
    return Ed25519Signer(_public(folder).name, private)


def _reader(where: str, keys: tuple[VerifierKey, ...]) -> LogReader:
    from tutela.tlog.client import FolderSource, LogReader, UrlSource

    web = where.startswith(("http://", "https://"))
    return LogReader(UrlSource(where) if web else FolderSource(Path(where)), keys)


def _made(kind: str, artefact: Path | None, fields: list[str]) -> Leaf:
    from tutela.tlog import Leaf

    digest = ""
    if artefact:
        try:
            with artefact.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UsageError(f"The file {artefact.name} cannot be read.") from error
    pairs = [item.partition("=") for item in fields]
    if not all(gap for _, gap, _ in pairs):
        raise UsageError("A --field is not of the form name=text.")
    return Leaf(
        kind, digest, datetime.now(UTC).replace(microsecond=0), {name: text for name, _, text in pairs}
    )


def _summary(signed: SignedCheckpoint) -> dict[str, Any]:
    checkpoint = signed.checkpoint
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}


def _row(index: int, entry: bytes) -> dict[str, Any]:
    from tutela.tlog import Leaf
    from tutela.tlog.errors import BadLeaf

    try:
        leaf = Leaf.parse(entry)
    except BadLeaf:
        return {"index": index, "kind": "", "bytes": len(entry)}
    facts = {
        "kind": leaf.kind,
        "sha256": leaf.sha256,
        "time": leaf.time.isoformat(),
        "fields": dict(leaf.fields),
    }
    return {"index": index, **facts}


def _print_verified(result: dict[str, Any]) -> None:
    say(f"Leaf {result['index']} is in {result['origin']} at {result['size']} entries.")
    for name, time in result["witnesses"].items():
        say(f"  {name} saw it at {time}")


def _print_log(result: dict[str, Any]) -> None:
    say(f"{result['origin']}: {result['size']} entries, root {result['root']}")
    for name, time in result["witnesses"].items():
        say(f"  {name} saw it at {time}")
    for row in result["leaves"]:
        if row["kind"]:
            facts = ", ".join(f"{name} {value}" for name, value in row["fields"].items())
            say(f"{row['index']:>8}  {row['time']}  {row['kind']}  {row['sha256'][:16]}  {facts}")
        else:
            say(f"{row['index']:>8}  {row['bytes']} bytes of another format")
