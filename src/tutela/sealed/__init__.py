"""Files at rest: secrets under a passphrase, and streams sealed to a recipient's public key."""

from __future__ import annotations

from tutela.sealed import keyfile
from tutela.sealed.errors import (
    KeyFileExists,
    KeyFileMissing,
    PassphraseMissing,
    SealedError,
    WrongPassphrase,
)
from tutela.sealed.stream import generate_keypair, open_file, open_stream, public_key, seal_file, seal_stream

__all__ = [
    "KeyFileExists",
    "KeyFileMissing",
    "PassphraseMissing",
    "SealedError",
    "WrongPassphrase",
    "generate_keypair",
    "keyfile",
    "open_file",
    "open_stream",
    "public_key",
    "seal_file",
    "seal_stream",
]
