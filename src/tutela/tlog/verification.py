"""Verify a checkpoint or a proof offline, against a policy, a clock and what was seen before.

Every way to fail has its own error (see `errors`). What is checked, in this order: the format; that the
policy lists the log; the log's signature; that nothing seen before contradicts it (`Equivocation`,
`RolledBack` or `Fork`); the cosignatures; the quorum, and that a quorum is fresh; the inclusion of the leaf.

A quorum is fresh when the cosignatures that are not older than `max_age` make a quorum by themselves, so that
one witness alone cannot keep an old state alive. With `quorum none` no time is signed and nothing is stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tutela.tlog import checkpoint as checkpoints
from tutela.tlog import cosignature, tree
from tutela.tlog.checkpoint import Checkpoint, SignedCheckpoint
from tutela.tlog.errors import (
    ConsistencyMissing,
    Equivocation,
    FromTheFuture,
    RolledBack,
    Stale,
    UnknownLog,
)
from tutela.tlog.evidence import Evidence
from tutela.tlog.policy import Policy
from tutela.tlog.proof import Proof

MAX_AGE: Final = timedelta(hours=24)
#: how far a witness's clock may be ahead of ours
CLOCK_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Verified:
    """What holds: the checkpoint, and when each witness (by its name in the policy) vouched for it last."""

    signed: SignedCheckpoint
    witnesses: dict[str, datetime]
    index: int | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint: keep `signed` to compare the next one with."""
        return self.signed.checkpoint


def verify_offline(
    proof: bytes,
    leaf: bytes,
    policy: Policy,
    now: datetime,
    *,
    max_age: timedelta = MAX_AGE,
    previous: SignedCheckpoint | None = None,
    consistency: Sequence[bytes] = (),
) -> Verified:
    """Check that a leaf is in a log that enough witnesses saw lately.

    Args:
        proof: a tlog-proof file.
        leaf: the record, byte for byte.
        policy: whom to trust.
        now: aware.
        max_age: of the cosignatures that make the quorum.
        previous: the last checkpoint of this log that was accepted here.
        consistency: the consistency proof from `previous` to the proof's checkpoint.

    Raises:
        Malformed, Truncated, UnknownLog, BadLogSignature, Equivocation, RolledBack, ConsistencyMissing, Fork,
        BadCosignature, TooFewWitnesses, Stale, FromTheFuture, NotIncluded: see `errors`.
    """
    read = Proof.parse(proof)
    found = verify_checkpoint(
        read.checkpoint, policy, now, max_age=max_age, previous=previous, consistency=consistency
    )
    size, root = found.checkpoint.size, found.checkpoint.root
    tree.verify_inclusion(tree.leaf_hash(leaf), read.index, size, read.hashes, root)
    return Verified(found.signed, found.witnesses, read.index)


def verify_checkpoint(
    signed: SignedCheckpoint,
    policy: Policy,
    now: datetime,
    *,
    max_age: timedelta = MAX_AGE,
    previous: SignedCheckpoint | None = None,
    consistency: Sequence[bytes] = (),
) -> Verified:
    """Check a checkpoint as `verify_offline` does, without a leaf."""
    checkpoints.verify(signed, policy.log_keys())
    if previous is not None:
        checkpoints.verify(previous, policy.log_keys())  # it may become evidence
        check_continues(previous, signed, consistency)
    times = cosigners(signed, policy)
    policy.require(times.keys())
    check_fresh(times, policy, now, max_age)
    return Verified(signed, times)


def check_continues(
    previous: SignedCheckpoint, signed: SignedCheckpoint, consistency: Sequence[bytes]
) -> None:
    """Check that a checkpoint continues an earlier one of the same log; both signatures were checked.

    Raises:
        UnknownLog: they are of two logs.
        Equivocation, RolledBack, ConsistencyMissing, Fork: see `errors`.
    """
    old, new = previous.checkpoint, signed.checkpoint
    if old.origin != new.origin:
        raise UnknownLog(f"The checkpoint is of {new.origin}, and the earlier one is of {old.origin}.")
    if new.size < old.size:
        raise RolledBack(
            f"The log shows {new.size} records, and has shown {old.size} before.",
            hint="An old copy was served: fetch again. If it stays so, tell the log's witnesses.",
        )
    if new.size == old.size and new.root != old.root:
        raise Equivocation(Evidence(previous, signed))
    if new.size > old.size > 0 and not consistency:
        raise ConsistencyMissing(
            "The log grew, and no proof was given that it kept what it had.",
            hint="Fetch the consistency proof from the log.",
        )
    tree.verify_consistency(old.size, old.root, new.size, new.root, consistency)


def cosigners(signed: SignedCheckpoint, policy: Policy) -> dict[str, datetime]:
    """Return the policy's witnesses that cosigned, each once, with the latest time that each signed.

    Raises:
        BadCosignature: a line that bears a known witness's key does not verify.
    """
    found: dict[str, datetime] = {}
    for witness in policy.witnesses:
        if witness.key.type not in cosignature.KINDS:
            continue  # a type that this version cannot verify counts as absent
        times = [
            cosignature.verify(signed.note.text, line, witness.key) for line in signed.note.by(witness.key)
        ]
        if times:
            found[witness.name] = _moment(max(times))
    return found


def check_fresh(
    times: Mapping[str, datetime], policy: Policy, now: datetime, max_age: timedelta = MAX_AGE
) -> None:
    """Check that a quorum vouched lately; a device asks this again at each use.

    Args:
        times: when each witness, by its name in the policy, vouched last.
        policy: whose quorum counts.
        now: aware.
        max_age: of the cosignatures that make the quorum.

    Raises:
        FromTheFuture, Stale: see `errors`.
    """
    known = {name for name, time in times.items() if time <= now + CLOCK_SKEW}
    if not policy.quorum_met(known):
        raise FromTheFuture(
            "The witnesses' cosignatures are dated later than this device's clock.",
            hint="Check the date and time of this device.",
        )
    if not policy.quorum_met({name for name in known if now - times[name] <= max_age}):
        raise Stale(
            f"Too few witnesses have vouched for this state of the log within {_hours(max_age)}.",
            hint="Fetch a newer proof. Someone may be keeping newer entries from this device.",
        )


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # the year 10000 and later
        return datetime.max.replace(tzinfo=UTC)


def _hours(age: timedelta) -> str:
    return f"the last {age.total_seconds() / 3600:g} hours"
