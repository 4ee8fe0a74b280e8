"""Why an epoch is refused, each in a sentence that a user can understand."""

from __future__ import annotations

from typing import ClassVar

from tutela.errors import InputError, UsageError, VerificationError


class EpochRefused(VerificationError):
    """The epoch is not used. `sentence` is what the user is told; it holds no details of the file."""

    code = "epoch.refused"
    sentence: ClassVar[str] = "The list of this epoch cannot be used."
    advice: ClassVar[str] = "Nothing is compared with it until a valid one is loaded."

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.sentence} {detail}".strip(), hint=self.advice)


class Expired(EpochRefused):
    """The manifest's validity is over."""

    code = "epoch.expired"
    sentence = "This list's time is over."


class NotYetValid(EpochRefused):
    """The manifest's validity has not begun."""

    code = "epoch.not_yet_valid"
    sentence = "This list's time has not begun."
    advice = "Check this device's clock; nothing is compared with the list until then."


class TooLong(EpochRefused):
    """The manifest wants to be valid for longer than any may be."""

    code = "epoch.too_long"
    sentence = "This list wants to be valid for longer than a list may be."


class Older(EpochRefused):
    """A newer epoch was loaded before."""

    code = "epoch.older"
    sentence = "This list is older than one that this device has used already."


class Equivocation(EpochRefused):
    """Two different manifests carry one number."""

    code = "epoch.equivocation"
    sentence = "Two different lists were published under one number."
    advice = "Somebody is shown another list than others. Tell whoever runs the service, and keep both files."


class Tampered(EpochRefused):
    """The manifest is damaged, was changed, or contradicts itself."""

    code = "epoch.tampered"
    sentence = "This list is damaged, or it was changed after it was signed."
    advice = "Download it again; nothing is compared with it."


class UnknownVersion(EpochRefused):
    """The manifest is of another format version."""

    code = "epoch.unknown_version"
    sentence = "This list has a format that this program does not know."
    advice = "Update this program."


class UnknownSigner(EpochRefused):
    """Too few trusted organisations signed."""

    code = "epoch.unknown_signer"
    sentence = "This list is not signed by enough of the organisations that this device trusts."


class OtherCategory(EpochRefused):
    """The list is for another purpose than the only one that there is."""

    code = "epoch.other_category"
    sentence = "This list is for another purpose than the one that this program serves."
    advice = "It is never used, whoever signed it."


class OtherProfile(EpochRefused):
    """The vouchers' parameters are not those of a profile that was published with the program."""

    code = "epoch.other_profile"
    sentence = "This list compares pictures in another way than the published one."
    advice = "Update this program; if that does not help, tell whoever runs the service."


class WeakThreshold(EpochRefused):
    """The threshold was computed from inputs that promise less than this program asks for."""

    code = "epoch.weak_threshold"
    sentence = "This list would open accounts sooner than this program allows."
    advice = "Tell whoever runs the service; nothing is compared with it."


class SameTableKey(EpochRefused):
    """The table key was used for another table before."""

    code = "epoch.same_table_key"
    sentence = "This list was published under a secret key that served another list before."
    advice = (
        "Two lists under one key would show everyone what they share; whoever made it must build it again."
    )


class Unpublished(EpochRefused):
    """The folder lacks what shows who endorsed the list, and that it is in the log."""

    code = "epoch.unpublished"
    sentence = "This list comes without the papers that show who endorsed it and where it was published."


class OtherConstitution(EpochRefused):
    """The chain of constitutions is not one that continues what this device has seen."""

    code = "epoch.other_constitution"
    sentence = "This list was made under other rules than those that this device knows."
    advice = "Somebody may be showing other rules to this device than to others. Keep the file, and ask."


class NotInUse(EpochRefused):
    """Proofs were brought for another epoch than the one in use."""

    code = "epoch.not_in_use"
    sentence = "The proofs are those of another list than the one in use."
    advice = "Load that list as a whole."


class NoLongerEndorsed(EpochRefused):
    """The time of the endorsements, or of the constitution that they are made under, is over."""

    code = "epoch.no_longer_endorsed"
    sentence = "The time for which organisations endorsed this list is over."


class OtherCheckpoint(EpochRefused):
    """The slot seed was not drawn after the list version was published."""

    code = "epoch.other_checkpoint"
    sentence = "This list's table was not drawn after the list itself was published."


class OtherSeed(EpochRefused):
    """The slot seed does not follow from the list and the checkpoint."""

    code = "epoch.other_seed"
    sentence = "This list's table was arranged in another way than the list prescribes."


class BadPapers(InputError):
    """What should be the papers of an epoch is not."""

    code = "epoch.papers"


class NotPublishable(InputError):
    """The epoch, its list version and the log do not belong together."""

    code = "epoch.not_publishable"


class EpochExists(UsageError):
    """The folder already holds an epoch."""

    code = "epoch.exists"


class CannotBuild(InputError):
    """The list, or the plan, cannot become an epoch."""

    code = "epoch.cannot_build"
