"""`tutela audit list|log|held`: what anybody checks of a register, its log, and what a device was given."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli.lists import AsJSON, say
from tutela.cli.output import emit

if TYPE_CHECKING:
    from tutela.hashlist.epoch.admission import Attested
    from tutela.hashlist.epoch.artefacts import Logged
    from tutela.hashlist.epoch.holding import HeldEpoch

Bundle = Annotated[Path, typer.Argument(metavar="LIST", help="Folder with the files of a list version.")]
TrustFile = Annotated[Path, typer.Option("--trust", help="Trust file, with constitution and log policy.")]


def list_command(bundle: Bundle, *, trust: TrustFile, as_json: AsJSON = False) -> None:
    """Check a published list version: every signature, rule and clock again, and the list drawn again."""
    from tutela.cli.publishing import read_bundle
    from tutela.hashlist.governance import verify_list
    from tutela.hashlist.trust import Trust

    anchor, _ = Trust.load(trust).anchors()
    found = verify_list(read_bundle(bundle), anchor, datetime.now(UTC))
    endorsers = [each.id for each in found.endorsers]
    result = {
        "ok": True,
        "number": found.number,
        "root": found.root.hex(),
        "entries": found.entries,
        "live": found.live,
        "constitution": found.constitution.digest.hex(),
        "endorsers": endorsers,
    }
    said = f"List {found.number} follows from its history; {', '.join(endorsers)} endorsed it."
    emit(result, lambda: say(said), as_json=as_json)


def log_command(
    where: Annotated[str, typer.Argument(metavar="LOG", help="The log's URL, or a folder with its files.")],
    *,
    trust: TrustFile,
    previous: Annotated[Path | None, typer.Option(help="A checkpoint seen before: it must continue.")] = None,
    bundle: Annotated[
        Path | None, typer.Option("--list", help="A list version: it, and all behind it, must be in it.")
    ] = None,
    epoch: Annotated[Path | None, typer.Option(help="An epoch's folder: it must be in it.")] = None,
    in_use: Annotated[
        bool, typer.Option("--in-use", help="The trust file, its log policy and our models must be in it.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Check a whole log: witnesses, history, every leaf, and that what is published stands in it."""
    from tutela.hashlist.epoch import artefacts, logged
    from tutela.hashlist.trust import Trust, read_small
    from tutela.tlog import SignedCheckpoint
    from tutela.tlog.client import FolderSource, LogReader, UrlSource

    trusted = Trust.load(trust)
    anchor, policy = trusted.anchors()
    source = UrlSource(where) if "://" in where else FolderSource(Path(where))
    before = SignedCheckpoint.parse(read_small(previous)) if previous else None
    found = logged.audit_log(LogReader(source, policy.log_keys()), policy, datetime.now(UTC), before)
    expected = []
    if bundle:
        from tutela.cli.publishing import read_bundle

        expected += logged.list_leaves(read_bundle(bundle), anchor)
    if epoch:
        expected += logged.epoch_leaves(epoch, trusted)
    logged.require(found.leaves, expected)
    published = artefacts.published(found.leaves, trusted)
    used = artefacts.in_use(trusted, read_small(trust)) if in_use else ()
    artefacts.require(published, used, trusted)
    result = {
        "ok": True,
        "origin": found.verified.checkpoint.origin,
        "size": found.verified.checkpoint.size,
        "witnesses": {name: time.isoformat() for name, time in sorted(found.verified.witnesses.items())},
        "leaves": dict(sorted(Counter(leaf.kind for leaf in found.leaves).items())),
        "found": len(expected) + len(used),
        "published": [_version(each) for each in published],
    }
    emit(result, lambda: _print_log(result), as_json=as_json)


def held_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="From `tutela guard held`.")],
    *,
    trust: TrustFile,
    as_json: AsJSON = False,
) -> None:
    """Check every list that a device was given and used: who endorsed it, and that it was published."""
    from tutela.hashlist.auditing import read_bounded
    from tutela.hashlist.epoch.holding import MAX_BYTES, Held
    from tutela.hashlist.trust import Trust

    trusted, held = Trust.load(trust), Held.parse(read_bounded(file, MAX_BYTES))
    found = held.verify(trusted)
    epochs = [_about(each, one) for each, one in zip(held.epochs, found, strict=True)]
    result = {"ok": True, "epochs": epochs, "evidence": held.check_evidence(trusted)}

    def human() -> None:
        for each in epochs:
            say(f"Epoch {each['number']}: {', '.join(each['endorsers'])}; entry {each['index']} of the log")
        say(f"{len(epochs)} lists held; each was endorsed and published.")

    emit(result, human, as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the commands to `tutela audit`."""
    app.command("list")(list_command)
    app.command("log")(log_command)
    app.command("held")(held_command)


def _version(logged: Logged) -> dict[str, Any]:
    its = logged.artefact
    said: dict[str, Any] = {"kind": its.kind, "name": its.name, "version": logged.version}
    return {**said, "date": logged.date.isoformat(), "sha256": its.sha256, "signer": logged.signer}


def _print_log(result: dict[str, Any]) -> None:
    say(f"{result['size']} leaves, all of them sound; {result['found']} that had to be there are.")
    for kind, count in result["leaves"].items():
        say(f"{count:>8}  {kind}")
    for each in result["published"]:
        about = f"version {each['version']}, signed by {each['signer']}, {each['sha256'][:16]}"
        say(f"{each['date']}  {each['kind']} {each['name']}: {about}")


def _about(held: HeldEpoch, found: Attested) -> dict[str, Any]:
    return {
        "number": found.manifest.number,
        "digest": found.manifest.digest().hex(),
        "since": held.since.isoformat(),
        "checked": held.checked.isoformat(),
        "endorsers": [each.id for each in found.endorsers],
        "origin": found.log.checkpoint.origin,
        "index": found.log.index,
        "size": found.log.checkpoint.size,
    }
