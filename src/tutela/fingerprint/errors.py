"""What can be wrong with a file that should be a picture.

FingerprintError
├── UnreadableFile     the file cannot be opened
├── EmptyFile          it has no bytes
├── FileTooLarge       it has more bytes than the limits allow
├── UnsupportedPicture it is no picture, or of a format that is not read
├── TooManyPixels      its header announces more pixels than the limits allow
├── TooManyScans       a JPEG that is built to take forever
├── TruncatedPicture   its end is missing
└── DamagedPicture     its decoder gave up
"""

from __future__ import annotations

from tutela.errors import InputError


class FingerprintError(InputError):
    """A file cannot be fingerprinted."""

    code = "fingerprint.failed"


class UnreadableFile(FingerprintError):
    """The file cannot be opened."""

    code = "fingerprint.unreadable"


class EmptyFile(FingerprintError):
    """The file has no bytes."""

    code = "fingerprint.empty"


class FileTooLarge(FingerprintError):
    """The file has more bytes than the limits allow."""

    code = "fingerprint.file_too_large"


class UnsupportedPicture(FingerprintError):
    """The content is no picture, or of a format that is not read."""

    code = "fingerprint.unsupported"


class TooManyPixels(FingerprintError):
    """The header announces more pixels than the limits allow; nothing was decoded."""

    code = "fingerprint.too_many_pixels"


class TooManyScans(FingerprintError):
    """A JPEG passes over its pixels more often than any camera or editor writes."""

    code = "fingerprint.too_many_scans"


class TruncatedPicture(FingerprintError):
    """The end of the file is missing."""

    code = "fingerprint.truncated"


class DamagedPicture(FingerprintError):
    """The decoder gave up on the content."""

    code = "fingerprint.damaged"
