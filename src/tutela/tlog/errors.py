"""What can go wrong with a transparency log, each by its own name.

`Malformed` and its kin say that bytes cannot be read; `TrustError` and its kin say that bytes were read and
do not hold; `StoreError` and its kin say that a log's own folder is not what it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutela.errors import EnvironmentProblem, InputError, RemoteError, UsageError, VerificationError

if TYPE_CHECKING:
    from tutela.tlog.evidence import Evidence


class Malformed(InputError):
    """The bytes are not of the format that they should be."""

    code = "tlog.malformed"


class Truncated(Malformed):
    """The bytes end too early."""

    code = "tlog.truncated"


class Unsupported(InputError):
    """A key or signature is of a type that is known, and not verified here."""

    code = "tlog.unsupported"


class BadPolicy(InputError):
    """A policy file breaks a rule of its format; the message names the line."""

    code = "tlog.policy"


class BadLeaf(InputError):
    """A leaf is not canonical, or holds what its kind may not hold."""

    code = "tlog.leaf"


class TrustError(VerificationError):
    """Something was read, and does not hold."""

    code = "tlog"


class UnknownLog(TrustError):
    """The checkpoint is of a log that the policy does not list."""

    code = "tlog.unknown-log"


class BadLogSignature(TrustError):
    """No signature of the log under the checkpoint verifies."""

    code = "tlog.log-signature"


class BadCosignature(TrustError):
    """A signature that bears a known witness's name does not verify."""

    code = "tlog.cosignature"


class TooFewWitnesses(TrustError):
    """The witnesses that cosigned do not make the policy's quorum."""

    code = "tlog.too-few-witnesses"


class Stale(TrustError):
    """The quorum's cosignatures are older than allowed."""

    code = "tlog.stale"


class FromTheFuture(TrustError):
    """The quorum needs cosignatures that are dated later than now."""

    code = "tlog.future"


class NotIncluded(TrustError):
    """The inclusion proof does not lead from the leaf to the checkpoint's root."""

    code = "tlog.inclusion"


class Fork(TrustError):
    """The consistency proof does not lead from the earlier root to the later one."""

    code = "tlog.fork"


class ConsistencyMissing(TrustError):
    """The tree grew, and nothing shows that it grew by appending only."""

    code = "tlog.consistency-missing"


class RolledBack(TrustError):
    """The tree is smaller than one that was seen before."""

    code = "tlog.rolled-back"


class Equivocation(TrustError):
    """The log signed two roots for one size. `evidence` convinces anyone who knows the log's key."""

    code = "tlog.equivocation"

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(
            f"The log {evidence.first.checkpoint.origin} signed two different trees of one size.",
            hint="Keep the evidence, hand it to a witness or an auditor, and stop trusting this log.",
        )
        self.evidence = evidence


class NoEquivocation(TrustError):
    """The evidence does not show that the log signed two roots for one size."""

    code = "tlog.evidence"


class StoreError(VerificationError):
    """A log's folder is not what it was when its last checkpoint was signed."""

    code = "tlog.store"


class StoreRolledBack(StoreError):
    """The folder holds an older state of the log than was published or witnessed."""

    code = "tlog.store-rolled-back"


class StoreTruncated(StoreError):
    """Files that the last signed checkpoint needs are missing or short."""

    code = "tlog.store-truncated"


class StoreDamaged(StoreError):
    """Files are there, and do not hash to the signed root."""

    code = "tlog.store-damaged"


class LogExists(UsageError):
    """The folder holds a log already."""

    code = "tlog.exists"


class LogMissing(UsageError):
    """The folder holds no log, or another log than the one that was meant."""

    code = "tlog.missing"


class LogBusy(EnvironmentProblem):
    """Another process appends to this log."""

    code = "tlog.busy"


class StoreUnwritable(EnvironmentProblem):
    """The folder cannot be read or written."""

    code = "tlog.unwritable"


class Unreachable(RemoteError):
    """A log or witness does not answer, or answers with something else than asked for."""

    code = "tlog.unreachable"


class Absent(Unreachable):
    """A log does not have the file that was asked for."""

    code = "tlog.absent"


class WitnessRefused(RemoteError):
    """A witness answered that it will not cosign. `status` is its HTTP status."""

    code = "tlog.witness-refused"

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class NoQuorum(RemoteError):
    """Fewer witnesses cosigned than the policy asks for; the checkpoint is not published."""

    code = "tlog.no-quorum"
