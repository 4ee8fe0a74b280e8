"""What can go wrong with sealed files."""

from __future__ import annotations

from tutela.errors import EnvironmentProblem, UsageError, VerificationError


class SealedError(VerificationError):
    """A sealed file or key file is damaged, cut short, changed, or sealed to another key."""

    code = "sealed.broken"


class WrongPassphrase(SealedError):
    """The passphrase does not open the key file, or the file's contents were changed."""

    code = "sealed.passphrase"


class PassphraseMissing(EnvironmentProblem):
    """Nobody said where the passphrase of the key files comes from."""

    code = "sealed.passphrase_missing"


class KeyFileMissing(EnvironmentProblem):
    """The key file is not there, or cannot be read."""

    code = "sealed.key_missing"


class KeyFileExists(UsageError):
    """A key file of this name exists already; it is never overwritten silently."""

    code = "sealed.key_exists"
