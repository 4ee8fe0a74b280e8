"""Hash-chained audit records: who did what, to what, when, on which basis, and in which order.

Each record carries the digest of the one before it, so that a record cannot be changed, removed,
swapped or inserted without breaking every later link.

What this does NOT protect: whoever can rewrite the whole store can compute a new chain. The chain is
evidence only against a head (`Head`) that was handed to someone else earlier: printed, signed, or
published. Nor does it say that a record is true, only that it has not been altered since.
"""

from __future__ import annotations

from tutela.audit.chain import (
    GENESIS,
    ChainBroken,
    Head,
    MalformedRecord,
    Record,
    Scalar,
    append,
    digest_of,
    verify,
)
from tutela.audit.lines import dump, load

__all__ = [
    "GENESIS",
    "ChainBroken",
    "Head",
    "MalformedRecord",
    "Record",
    "Scalar",
    "append",
    "digest_of",
    "dump",
    "load",
    "verify",
]
