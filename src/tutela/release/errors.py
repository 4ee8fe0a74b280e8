"""What can be wrong with a release. Each check has its own error, so that a report says which one failed."""

from __future__ import annotations

from tutela.errors import EnvironmentProblem, InputError, UsageError, VerificationError


class Uncommitted(UsageError):
    """The checkout holds changes that no commit has: a release is made of a commit."""

    code = "release.uncommitted"


class NoSource(EnvironmentProblem):
    """The source of the release is not here: no clone, or one without the commit."""

    code = "release.no_source"


class BuildFailed(EnvironmentProblem):
    """A build ended with an error."""

    code = "release.build_failed"


class NotReproducible(VerificationError):
    """Two builds of one commit differ."""

    code = "release.not_reproducible"


class BadSums(InputError):
    """SHA256SUMS is not a list of checksums in the one form that is written here."""

    code = "release.sums"


class FileMissing(InputError):
    """A file of the release is missing or cannot be read."""

    code = "release.file_missing"


class UnlistedFile(VerificationError):
    """The folder holds what SHA256SUMS does not name, or SHA256SUMS names another set than a release."""

    code = "release.unlisted"


class ChecksumDiffers(VerificationError):
    """A file is not the one whose checksum was written down."""

    code = "release.checksum"


class BadSignature(VerificationError):
    """The signed note carries no valid signature of the release key, or signs another list."""

    code = "release.signature"


class BadBillOfMaterials(VerificationError):
    """The bill of materials is malformed, or speaks of another release."""

    code = "release.sbom"


class RebuildDiffers(VerificationError):
    """What the same commit gives here is not what was released."""

    code = "release.rebuild"


class NotLogged(VerificationError):
    """The proof does not show the release's leaf in a log whose witnesses the policy accepts."""

    code = "release.not_logged"
