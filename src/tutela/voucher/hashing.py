"""Domain-separated hashing: BLAKE2b with a 16-byte, zero-padded personalisation (RFC 7693).

Every use of a hash in the voucher protocol has a name of its own, so no output of one step can be
mistaken for that of another. All integers are little-endian.
"""

from __future__ import annotations

import hashlib

POINT = b"tutela1 point"
FREE_SLOT = b"tutela1 free"
SLOTS = b"tutela1 slots"
SLOT_SEED = b"tutela1 slotseed"
SEED = b"tutela1 seed"
EXPAND = b"tutela1 expand"
CONTEXT = b"tutela1 context"
COMMIT_IMAGE = b"tutela1 com"
COMMIT_ACCOUNT = b"tutela1 commit"
PAD = b"tutela1 pad"
SHARE = b"tutela1 share"
POLYNOMIAL = b"tutela1 poly"
POSITION = b"tutela1 x"
IMAGE_AEAD = b"tutela1 image"
ACCOUNT_AEAD = b"tutela1 account"
TOKENS = b"tutela1 tokens"
STATEMENT = b"tutela1 table"
LAWFUL_SET = b"tutela1 lawful"


def digest(name: bytes, data: bytes, *, size: int = 32, key: bytes = b"") -> bytes:
    """Return `size` bytes of BLAKE2b of `data` under `key`, personalised by `name`."""
    return hashlib.blake2b(data, digest_size=size, key=key, person=name.ljust(16, b"\0")).digest()


def frame(*parts: bytes) -> bytes:
    """Concatenate variable-length parts unambiguously: each behind its 4-byte length."""
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)
