"""A check of Ed25519 public keys (RFC 8032) that signature libraries leave out.

Under a public key of small order a signature that nobody made verifies for many or all messages. Whoever
enrols such a key could deny every message later, and anybody could sign in its name.
"""

from __future__ import annotations

from tutela.oprf import sodium
from tutela.oprf.group import POINT_BYTES, InvalidPoint


def check_signing_key(public: bytes) -> None:
    """Raise `InvalidPoint` unless `public` is canonical, on the curve and in the group of prime order."""
    if len(public) != POINT_BYTES or sodium.load().crypto_core_ed25519_is_valid_point(public) != 1:
        raise InvalidPoint("Not a usable Ed25519 public key.")
