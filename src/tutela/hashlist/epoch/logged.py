"""The audit of a whole log: its witnesses, its history, every leaf, and that nothing published is missing.

Not shown: that what is in the log is right, and that devices were given nothing else; for that see `holding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tutela.errors import VerificationError
from tutela.hashlist import legal_basis
from tutela.hashlist.epoch.leaves import basis_leaf, epoch_leaf, list_leaf, record_leaf
from tutela.hashlist.epoch.verification import MANIFEST_FILE, read
from tutela.hashlist.governance.publication import HISTORY_FILE, replay
from tutela.hashlist.trust import Trust, read_small
from tutela.tlog import Leaf, Policy, SignedCheckpoint, Verified, verify_checkpoint
from tutela.tlog.client import LogReader


class NotLogged(VerificationError):
    """Something that was published is not in the log."""

    code = "audit.not_logged"


@dataclass(frozen=True, slots=True)
class AuditedLog:
    """A log whose every leaf was read: its checkpoint with the witnesses' times, and the leaves in order."""

    verified: Verified
    leaves: tuple[Leaf, ...]


def audit_log(
    log: LogReader, policy: Policy, now: datetime, previous: SignedCheckpoint | None = None
) -> AuditedLog:
    """Read a whole log and check it.

    Args:
        log: from outside.
        policy: whose witnesses must have vouched within 24 hours.
        now: the time, with its zone.
        previous: a checkpoint seen before.

    Raises:
        TutelaError: the errors of `tutela.tlog`; `BadLeaf` for an entry that is none.
    """
    signed = log.checkpoint()
    grown = log.consistency(previous, signed) if previous else ()
    verified = verify_checkpoint(signed, policy, now, previous=previous, consistency=grown)
    return AuditedLog(verified, tuple(Leaf.parse(entry) for entry in log.entries(signed)))


def list_leaves(files: Mapping[str, bytes], anchor: bytes) -> list[Leaf]:
    """Return the leaves of a published list version: all records of its history, and every endorsed list."""
    history = replay(files[HISTORY_FILE], anchor)
    lists = [list_leaf(endorsement) for _, endorsement in history.endorsements()]
    return [*(record_leaf(record) for record in history.records()), *lists]


def epoch_leaves(folder: Path, trust: Trust) -> list[Leaf]:
    """Return the leaves of an epoch's folder: its manifest, and its legal bases."""
    found = [epoch_leaf(read(read_small(folder / MANIFEST_FILE), trust))]
    for path in sorted(folder.glob("legal-basis-*.json")):
        data = read_small(path)
        found.append(basis_leaf(legal_basis.claimed(data), data))
    return found


def require(leaves: Iterable[Leaf], expected: Iterable[Leaf]) -> None:
    """Check that leaves are in a log.

    Raises:
        NotLogged: one is not; its kind and time are named.
    """
    known = {leaf.to_bytes() for leaf in leaves}
    for leaf in expected:
        if leaf.to_bytes() not in known:
            raise NotLogged(
                f"A leaf of the kind {leaf.kind}, of {leaf.time:%Y-%m-%d %H:%M:%S} UTC, is not in the log.",
                hint="It was used without being published, or the log is another one.",
            )
