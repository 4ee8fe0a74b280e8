"""`tutela epoch trust|log-list|publish|refresh`: what makes a built epoch one that devices admit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli.lists import AsJSON, say
from tutela.cli.output import emit

if TYPE_CHECKING:
    from tutela.hashlist.governance import History, ListVersion
    from tutela.hashlist.trust import Trust
    from tutela.tlog import SignedCheckpoint
    from tutela.tlog.log import Log

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an epoch.")]
Bundle = Annotated[Path, typer.Argument(metavar="LIST", help="Folder with the files of a list version.")]
TrustFile = Annotated[Path, typer.Option("--trust", help="Trust file, with constitution and log policy.")]
LogFolder = Annotated[Path, typer.Option("--log", help="The log's folder.")]
LogKey = Annotated[Path, typer.Option(help="The log's key file, from `tutela log init`.")]


def trust_command(
    *,
    trust: Annotated[Path, typer.Option(help="Trust file that is completed.")],
    constitution: Annotated[Path, typer.Option(help="The register's first constitution, signed.")],
    policy: Annotated[Path, typer.Option(help="Which log and which witnesses: a tlog-policy file.")],
    as_json: AsJSON = False,
) -> None:
    """Say in a trust file which constitution and which log devices believe in."""
    from dataclasses import replace

    from tutela.hashlist.governance import Constitution, read_constitution
    from tutela.hashlist.governance.signing import MAX_CONSTITUTION, split
    from tutela.hashlist.trust import BadTrust, Trust, read_small

    data = read_small(constitution, MAX_CONSTITUTION)
    first = read_constitution(data, Constitution.from_dict(split(data, MAX_CONSTITUTION)[0]).digest)
    if first.number != 1:
        raise BadTrust("A trust file begins with the first constitution.")
    text = read_small(policy).decode(errors="replace")
    complete = replace(Trust.load(trust), constitution=first.digest, log_policy=text)
    complete.save(trust)
    result = {"ok": True, "trust": str(trust), "constitution": first.digest.hex()}
    emit(result, lambda: say(f"{trust} names constitution {first.digest.hex()}"), as_json=as_json)


def log_list_command(
    bundle: Bundle,
    *,
    trust: TrustFile,
    log: LogFolder,
    log_key: LogKey,
    out: Annotated[Path, typer.Option(help="The cosigned checkpoint to write, for build and publish.")],
    as_json: AsJSON = False,
) -> None:
    """Put an endorsed list version into the log, before its table is built."""
    from tutela.hashlist.epoch import publishing
    from tutela.hashlist.epoch.building import write_public

    trusted = _trust(trust)
    history, version = _version(bundle, trusted)
    with _log(log, log_key) as opened:
        signed = publishing.log_version(history, version, opened, trusted.anchors()[1])
    write_public(out, signed.to_bytes())
    result = {"ok": True, "checkpoint": str(out), "list_root": version.root.hex(), **_about(signed)}
    emit(result, lambda: say(f"{out}: list root {version.root.hex()}"), as_json=as_json)


def publish_command(
    folder: Folder,
    bundle: Bundle,
    *,
    trust: TrustFile,
    log: LogFolder,
    log_key: LogKey,
    checkpoint: Annotated[Path, typer.Option(help="What `log-list` wrote.")],
    as_json: AsJSON = False,
) -> None:
    """Put an epoch and its legal bases into the log, and their proofs into its folder."""
    from tutela.hashlist.epoch import publishing
    from tutela.hashlist.trust import read_small
    from tutela.tlog import SignedCheckpoint

    trusted = _trust(trust)
    history, version = _version(bundle, trusted)
    listed = SignedCheckpoint.parse(read_small(checkpoint))
    with _log(log, log_key) as opened:
        signed = publishing.publish(folder, history, version, opened, trusted.anchors()[1], listed)
    result = {"ok": True, "folder": str(folder), "endorsers": _endorsers(version), **_about(signed)}
    emit(result, lambda: say(f"{folder} is published; the log has {result['size']} entries"), as_json=as_json)


def refresh_command(
    folder: Folder, *, trust: TrustFile, log: LogFolder, log_key: LogKey, as_json: AsJSON = False
) -> None:
    """Renew the witnesses' cosignatures in an epoch's proofs: each day, or devices stop."""
    from tutela.hashlist.epoch import publishing

    _, policy = _trust(trust).anchors()
    with _log(log, log_key) as opened:
        signed = publishing.refresh_proof(folder, opened, policy)
    result = {"ok": True, "folder": str(folder), **_about(signed)}
    emit(result, lambda: say(f"{folder}: proofs renewed"), as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the commands to `tutela epoch`."""
    app.command("trust")(trust_command)
    app.command("log-list")(log_list_command)
    app.command("publish")(publish_command)
    app.command("refresh")(refresh_command)


def _trust(path: Path) -> Trust:
    from tutela.hashlist.trust import Trust

    return Trust.load(path)


def _version(bundle: Path, trust: Trust) -> tuple[History, ListVersion]:
    """Read a list version's files and check them as an auditor does."""
    from tutela.hashlist.governance import publish, state_at, verify_list
    from tutela.hashlist.governance.publication import HISTORY_FILE, replay

    files, anchor, now = read_bundle(bundle), trust.anchors()[0], datetime.now(UTC)
    verify_list(files, anchor, now)
    history = replay(files[HISTORY_FILE], anchor)
    return history, publish(history, state_at(history, history.constitution, now))


def read_bundle(folder: Path) -> dict[str, bytes]:
    """Return the files of a published list version."""
    from tutela.hashlist.auditing import read_bounded
    from tutela.hashlist.governance.publication import FILES, MAX_FILE

    return {name: read_bounded(folder / name, MAX_FILE) for name in sorted(FILES)}


def _log(folder: Path, key: Path) -> Log:
    from tutela.cli.log import KEY_FILE
    from tutela.hashlist.trust import read_small
    from tutela.sealed import keyfile
    from tutela.tlog import Ed25519Signer, VerifierKey
    from tutela.tlog.log import Log

    known = VerifierKey.parse(read_small(folder / KEY_FILE).decode(errors="replace").strip())
    secret = keyfile.load(key, keyfile.passphrase_from_environment())
    return Log.open(folder, Ed25519Signer(known.name, secret))


def _endorsers(version: ListVersion) -> list[str]:
    return list(version.leaf()["endorsers"])


def _about(signed: SignedCheckpoint) -> dict[str, Any]:
    return {"origin": signed.checkpoint.origin, "size": signed.checkpoint.size}
