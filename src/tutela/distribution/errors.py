"""Why something of a repository is not used, each in a sentence and with what the reader can do.

DistributionRefused (VerificationError)   what arrived is not believed; what was there before stays
DistributionFailed  (RemoteError)         nothing arrived, or not in time; trying again is safe
CannotPublish       (UsageError)          the publisher's side: nothing of the old state was changed
NoTrustedRoot, Busy, NoStorage (EnvironmentProblem)
"""

from __future__ import annotations

from typing import ClassVar

from tutela.errors import EnvironmentProblem, RemoteError, TutelaError, UsageError, VerificationError

_KEPT = "What was fetched before is kept. Tell whoever runs the repository."


class _Explained(TutelaError):
    """An error whose sentence and advice belong to its class."""

    sentence: ClassVar[str] = "The repository cannot be used."
    advice: ClassVar[str] = _KEPT

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.sentence} {detail}".strip(), hint=self.advice)


class DistributionRefused(_Explained, VerificationError):
    """What the repository sent is not believed."""

    code = "distribution.refused"


class Rollback(DistributionRefused):
    """Metadata is older than what was seen before, or names less."""

    code = "distribution.rollback"
    sentence = "The repository shows an older state than the one that was seen before."


class Frozen(DistributionRefused):
    """The timestamp has expired: nobody says any more that this is current."""

    code = "distribution.frozen"
    sentence = "Nobody has confirmed lately that this state is still current."
    advice = (
        "Somebody holds back updates, or the publisher has stopped. Check the clock, then try another mirror."
    )


class Expired(DistributionRefused):
    """Metadata other than the timestamp has expired."""

    code = "distribution.expired"
    sentence = "A statement of the repository has run out."
    advice = "Its publisher has to renew it; check this device's clock too."


class MixAndMatch(DistributionRefused):
    """Parts of different states were put together."""

    code = "distribution.mix_and_match"
    sentence = "The repository puts parts together that never belonged together."


class Threshold(DistributionRefused):
    """Fewer trusted keys signed than must."""

    code = "distribution.threshold"
    sentence = "Fewer of the trusted keys have signed than must."


class WrongHash(DistributionRefused):
    """A file is not the one that was signed."""

    code = "distribution.wrong_hash"
    sentence = "A file is not the one that was signed."
    advice = "What arrived was removed. Try again, or another mirror."


class EndlessData(DistributionRefused):
    """A file is larger than was signed, or than one may be."""

    code = "distribution.endless_data"
    sentence = "A file is larger than it may be."
    advice = "What arrived was removed. Try another mirror."


class Malformed(DistributionRefused):
    """Metadata cannot be read."""

    code = "distribution.malformed"
    sentence = "A statement of the repository cannot be read."


class RunsOut(_Explained, VerificationError):
    """The publisher's side: a statement ends soon, or has ended."""

    code = "distribution.runs_out"
    sentence = "A statement of the repository runs out."
    advice = "Renew it with `tutela distribution renew`; the timestamp with `refresh-timestamp`."


class NotListed(DistributionRefused):
    """No organisation that may publish the file does."""

    code = "distribution.not_listed"
    sentence = "Nobody who may publish this file does."
    advice = "Check its name with `tutela distribution status`."


class OtherPath(DistributionRefused):
    """An organisation names a file that belongs to another one, or to nobody."""

    code = "distribution.other_path"
    sentence = "An organisation names a file outside of the paths that it may publish."


class BadPath(DistributionRefused):
    """A path holds something that no path of ours does."""

    code = "distribution.bad_path"
    sentence = "A path is not of the form that is published here."
    advice = "A path has parts of letters, digits, dots, hyphens and underscores, joined by strokes."


class DistributionFailed(_Explained, RemoteError):
    """The repository does not answer, or not in time."""

    code = "distribution.failed"
    advice = "Try again later, or use another mirror; a folder works too."


class Unreachable(DistributionFailed):
    """The repository does not answer, or has no such file."""

    code = "distribution.unreachable"
    sentence = "The repository cannot be reached."


class NotThere(Unreachable):
    """The repository answers that it has no such file."""

    code = "distribution.not_there"
    sentence = "The repository has no such file."


class Slow(DistributionFailed):
    """Data arrives too slowly to be worth the wait."""

    code = "distribution.slow"
    sentence = "The repository sends too slowly."
    advice = "What arrived is kept, and the next try goes on from there. Another mirror may be quicker."


class CutShort(DistributionFailed):
    """The connection ended before the file did."""

    code = "distribution.cut_short"
    sentence = "The file ended before its end."
    advice = "What arrived is kept, and the next try goes on from there."


class NoTrustedRoot(_Explained, EnvironmentProblem):
    """No root of trust was given, and none is kept from before."""

    code = "distribution.no_root"
    sentence = "There is no trusted root to begin from."
    advice = "Give the root that came with the program (`--root`); never one from the repository itself."


class Busy(_Explained, EnvironmentProblem):
    """Another process works in the same folder."""

    code = "distribution.busy"
    sentence = "Another process works in this folder."
    advice = "Wait until it is done."


class NoStorage(_Explained, EnvironmentProblem):
    """The disk refuses."""

    code = "distribution.storage"
    sentence = "A file cannot be written."
    advice = "Is there room, and is the folder yours? What was there before is unchanged."


class BadAddress(_Explained, UsageError):
    """The repository's address is of a kind that is not used here."""

    code = "distribution.address"
    sentence = "This is no address of a repository."
    advice = "Use https, or the path of a folder. Plain http is for this machine only."


class CannotPublish(_Explained, UsageError):
    """The publisher asks for something that would make no valid repository."""

    code = "distribution.cannot_publish"
    sentence = "This cannot be published."
    advice = "Nothing was changed."


class NotEnoughKeys(CannotPublish):
    """The keys that were given do not meet a role's threshold."""

    code = "distribution.not_enough_keys"
    sentence = "The keys that were given are fewer than must sign."


class NoRepository(CannotPublish):
    """The folder holds no repository, or a damaged one."""

    code = "distribution.no_repository"
    sentence = "The folder holds no repository that can be read."
    advice = "`tutela distribution init` makes one."
