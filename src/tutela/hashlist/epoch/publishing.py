"""Publishing an epoch: the list version into the log, then the epoch, then proofs that are renewed each day.

    signed = log_version(history, version, log, policy)      1  the version and all behind it are in the log
    build_epoch(..., Plan(..., list_root=version.root,       2  the table is drawn after that checkpoint
                          checkpoint=checkpoint_digest(signed)))
    publish(folder, history, version, log, policy, signed)   3  the papers that devices ask for
    refresh_proof(folder, log, policy)                       4  each day: fresh cosignatures

Not protected: a log whose folder was lost is founded anew, and every device then refuses; keep copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tutela.hashlist import legal_basis, strict_json
from tutela.hashlist.epoch.admission import Chain
from tutela.hashlist.epoch.building import write_public
from tutela.hashlist.epoch.errors import CannotBuild, NotPublishable
from tutela.hashlist.epoch.folder import (
    CONSTITUTION_FILE,
    ENDORSEMENTS_FILE,
    EPOCH_PROOF_FILE,
    LIST_PROOF_FILE,
    LOG_FOLDER,
    tile_names,
)
from tutela.hashlist.epoch.leaves import basis_leaf, checkpoint_digest, epoch_leaf, list_leaf, record_leaf
from tutela.hashlist.epoch.manifest import Manifest
from tutela.hashlist.epoch.verification import MANIFEST_FILE
from tutela.hashlist.errors import BadFile, BadJSON
from tutela.hashlist.governance import Endorsement, History, ListVersion
from tutela.hashlist.governance.records import Amendment
from tutela.hashlist.trust import read_small
from tutela.tlog import Leaf, Policy, Proof, SignedCheckpoint, files, tree
from tutela.tlog.client import Ask, collect
from tutela.tlog.log import CHECKPOINT, Log
from tutela.tlog.proof import SUFFIX
from tutela.tlog.tiles import MAX_TILE_BYTES


def log_version(
    history: History, version: ListVersion, log: Log, policy: Policy, ask: Ask | None = None
) -> SignedCheckpoint:
    """Put a list version, and every record of the history, into the log; return the cosigned checkpoint.

    What is in the log already is not put there again. The checkpoint's digest goes into the epoch's plan.

    Args:
        history: of the register.
        version: the list version in force.
        log: opened to write.
        policy: whose quorum of witnesses is asked.
        ask: see `tutela.tlog.client.collect`.

    Raises:
        NotPublishable: the history holds no endorsement of this version.
        NoQuorum, StoreRolledBack, StoreUnwritable: nothing was published.
    """
    leaves = [record_leaf(record) for record in history.records()]
    _append(log, [*leaves, list_leaf(_endorsement(history, version))])
    return _published(log, policy, ask)


def publish(
    folder: Path,
    history: History,
    version: ListVersion,
    log: Log,
    policy: Policy,
    listed: SignedCheckpoint,
    ask: Ask | None = None,
) -> SignedCheckpoint:
    """Write the papers of a built epoch into its folder; return the checkpoint that they end in.

    Args:
        folder: with the manifest, the table, and the legal bases.
        history: of the register.
        version: the list version that the epoch was built from.
        log: opened to write.
        policy: as in the devices' trust file.
        listed: what `log_version` returned.
        ask: see `tutela.tlog.client.collect`.

    Raises:
        NotPublishable: the manifest, the list version and the checkpoint do not belong together.
        NoQuorum, StoreRolledBack, StoreUnwritable, BadFile, LegalBasisTampered: as they say.
    """
    manifest, endorsement = claimed(folder), _endorsement(history, version)
    if (manifest.list_root, manifest.checkpoint) != (version.root, checkpoint_digest(listed)):
        raise NotPublishable("The epoch was built from another list version, or after another checkpoint.")
    bases = {path: read_small(path) for path in sorted(folder.glob("legal-basis-*.json"))}
    laws = {path: basis_leaf(legal_basis.claimed(data), data) for path, data in bases.items()}
    place, epoch, *others = _append(log, [list_leaf(endorsement), epoch_leaf(manifest), *laws.values()])
    signed = _published(log, policy, ask)
    constitutions = [each.data for each in history.records() if isinstance(each.content, Amendment)]
    write_public(folder / CONSTITUTION_FILE, Chain(tuple(constitutions)).to_bytes())
    write_public(folder / ENDORSEMENTS_FILE, version.endorsements.to_bytes())
    write_public(folder / LIST_PROOF_FILE, log.proof(place, listed).to_bytes())
    proofs = {path.with_suffix(SUFFIX).name: at for path, at in zip(laws, others, strict=True)}
    _write_proofs(folder, log, signed, {**proofs, EPOCH_PROOF_FILE: epoch})
    return signed


def refresh_proof(folder: Path, log: Log, policy: Policy, ask: Ask | None = None) -> SignedCheckpoint:
    """Give an epoch's proofs fresh cosignatures; return the checkpoint that they end in now.

    Raises:
        BadFile: the epoch was not published.
        NoQuorum: too few witnesses answer; the folder is as before.
    """
    names = [EPOCH_PROOF_FILE, *(path.name for path in folder.glob(f"legal-basis-*{SUFFIX}"))]
    places = {name: Proof.parse(read_small(folder / name)).index for name in names}
    signed = _published(log, policy, ask)
    _write_proofs(folder, log, signed, places)
    return signed


def claimed(folder: Path) -> Manifest:
    """Return what a folder's manifest says, without verifying anything: for whoever publishes it.

    Raises:
        NotPublishable: it is none.
        BadFile: there is none.
    """
    try:
        return Manifest.from_statement(strict_json.read(read_small(folder / MANIFEST_FILE))["signed"])
    except (BadJSON, CannotBuild, KeyError, TypeError) as error:
        raise NotPublishable("The folder's manifest cannot be read.") from error


def _endorsement(history: History, version: ListVersion) -> Endorsement:
    for _, endorsement in history.endorsements():
        if (endorsement.number, endorsement.root) == (version.number, version.root):
            return endorsement
    raise NotPublishable("The history holds no endorsement of this list version.")


def _append(log: Log, leaves: Sequence[Leaf]) -> list[int]:
    """Append what is not in the log; return each leaf's place."""
    nodes = log.nodes()
    places = {nodes(0, at): at for at in range(log.size)}
    missing: dict[bytes, bytes] = {}
    for leaf in leaves:
        entry = leaf.to_bytes()
        if (name := tree.leaf_hash(entry)) not in places:
            places[name] = log.size + len(missing)
            missing[name] = entry
    log.append(tuple(missing.values()))
    return [places[tree.leaf_hash(leaf.to_bytes())] for leaf in leaves]


def _published(log: Log, policy: Policy, ask: Ask | None) -> SignedCheckpoint:
    signed = collect(log, policy, ask)
    log.publish(signed)
    return signed


def _write_proofs(folder: Path, log: Log, signed: SignedCheckpoint, places: dict[str, int]) -> None:
    """Write the log's hashes first, so that no proof ends in a checkpoint that cannot be reached."""
    names = tile_names(signed.checkpoint.size)
    _copy(log, folder / LOG_FOLDER, names)
    files.write_all(folder / LOG_FOLDER, {CHECKPOINT: signed.to_bytes()})
    for name, place in places.items():
        write_public(folder / name, log.proof(place, signed).to_bytes())
    _drop(folder / LOG_FOLDER, names)


def _copy(log: Log, to: Path, names: Iterable[str]) -> None:
    found = {name: files.read(log.folder, name, MAX_TILE_BYTES) for name in names}
    changed = {name: data for name, data in found.items() if _held(to / name) != data}
    files.write_all(to, changed)


def _held(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise BadFile(f"The file {path.name} cannot be read.") from error


def _drop(folder: Path, names: Iterable[str]) -> None:
    """Remove partial tiles that the published checkpoint does not need."""
    kept = {folder / name for name in names}
    for path in folder.glob("tile/**/*.p/*"):
        if path not in kept:
            path.unlink(missing_ok=True)
