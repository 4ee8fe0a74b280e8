"""Pictures to digests: SHA-256, MD5 and PDQ in all orientations, from untrusted bytes.

    fingerprint(data)      -> Fingerprint: digests, PDQ, quality, reliability of each bit
    derivative(data)       -> a small grey picture within a fixed budget of bytes
    hamming(a, b)          -> in how many bits two hashes differ

Everything that can be wrong with a file is a FingerprintError (see `errors`). A perceptual hash finds
copies of a known picture; it neither judges what a picture shows nor resists somebody who alters a
picture until its hash is far away.
"""

from __future__ import annotations

from tutela.fingerprint.decode import Limits
from tutela.fingerprint.errors import (
    DamagedPicture,
    EmptyFile,
    FileTooLarge,
    FingerprintError,
    TooManyPixels,
    TooManyScans,
    TruncatedPicture,
    UnreadableFile,
    UnsupportedPicture,
)
from tutela.fingerprint.pdq import hamming
from tutela.fingerprint.pictures import (
    Fingerprint,
    derivative,
    fingerprint,
    fingerprint_and_derivative,
    fingerprint_file,
)

__all__ = [
    "DamagedPicture",
    "EmptyFile",
    "FileTooLarge",
    "Fingerprint",
    "FingerprintError",
    "Limits",
    "TooManyPixels",
    "TooManyScans",
    "TruncatedPicture",
    "UnreadableFile",
    "UnsupportedPicture",
    "derivative",
    "fingerprint",
    "fingerprint_and_derivative",
    "fingerprint_file",
    "hamming",
]
