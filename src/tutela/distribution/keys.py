"""Keys of a repository: raw Ed25519 secrets of 32 bytes become the signers that TUF wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Key, Signer

from tutela.distribution.errors import CannotPublish
from tutela.distribution.paths import check_pattern, check_role

__all__ = ["Organisation", "RoleKeys", "Signer", "signer"]

SECRET_BYTES: Final = 32
MAX_KEYS: Final = 64


def signer(secret: bytes) -> Signer:
    """Return the signer of a raw Ed25519 secret; raises `CannotPublish` where it is none."""
    if len(secret) != SECRET_BYTES:
        raise CannotPublish("A signing key has 32 bytes.")
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(secret))


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """The public keys of a role, and how many distinct ones of them must sign."""

    keys: tuple[Key, ...]
    threshold: int = 1

    def __post_init__(self) -> None:
        """Refuse a threshold that cannot be met, and one key that stands for two."""
        distinct = len({key.keyid for key in self.keys}) == len(self.keys)
        if not distinct or not 1 <= self.threshold <= len(self.keys) <= MAX_KEYS:
            raise CannotPublish("The keys of a role do not meet its threshold, or two are one.")

    @classmethod
    def of(cls, signers: Sequence[Signer], threshold: int = 1) -> RoleKeys:
        """Return the public half of signers."""
        return cls(tuple(signer.public_key for signer in signers), threshold)


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who may publish under which paths.

    Attributes:
        name: of the delegated role: small letters, digits, hyphens.
        keys: its own, and how many of them must sign.
        paths: patterns such as `epochs/*/*`; a star stands for one part or a piece of one, never for more.
    """

    name: str
    keys: RoleKeys
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse names and patterns of another form."""
        check_role(self.name)
        if not self.paths:
            raise CannotPublish("An organisation needs a path.")
        for pattern in self.paths:
            check_pattern(pattern)
