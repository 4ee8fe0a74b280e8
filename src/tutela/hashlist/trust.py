"""Who may sign what: the keys that a device, or a provider, trusts.

    {"format": "tutela-trust", "version": 2, "quorum": n, "keys": [{"name", "public_key", "roles"}],
     "constitution": hex, "log_policy": text}

A key is a raw Ed25519 key in hex with one or both of the roles "epoch" and "legal-basis". `constitution` is
the SHA-256 of the first constitution, `log_policy` the policy that says which log and which witnesses are
believed (C2SP tlog-policy). Both may be empty while the file is being made; a device, and whoever checks as
one, refuses it then. It is not signed: it comes with the program, or from the person who runs it, and whoever
can change it decides what is believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tutela.hashlist import strict_json
from tutela.hashlist.errors import BadFile, BadJSON, ListError
from tutela.hashlist.formats.lines import write_lines
from tutela.tlog.errors import BadPolicy
from tutela.tlog.policy import Policy

EPOCH: Final = "epoch"
LEGAL_BASIS: Final = "legal-basis"
ROLES: Final = frozenset({EPOCH, LEGAL_BASIS})
KEY_BYTES: Final = 32
HASH_BYTES: Final = 32
MAX_KEYS: Final = 64
_FORMAT: Final = "tutela-trust"
_VERSION: Final = 2
_KEY_ID: Final = b"tutela key id 1\0"


class BadTrust(ListError):
    """The trust file is not one, or contradicts itself."""

    code = "hashlist.trust"


class TrustIncomplete(ListError):
    """The trust file does not say which constitution and which log a device believes in."""

    code = "hashlist.trust_incomplete"


class BadSigningKey(ListError):
    """The secret is not an Ed25519 private key of 32 bytes."""

    code = "hashlist.signing_key"


def key_id(public_key: bytes) -> str:
    """Return the name that a signature gives its key: 32 hexadecimal digits."""
    return hashlib.sha256(_KEY_ID + public_key).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Signer:
    """A private Ed25519 key (RFC 8032), 32 bytes."""

    private: bytes

    def __post_init__(self) -> None:
        """Refuse a secret of another length."""
        if len(self.private) != KEY_BYTES:
            raise BadSigningKey("A signing key has 32 bytes.", hint="`tutela epoch keygen` makes one.")

    @property
    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.private).sign(message)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key with the name of who holds it and what it may sign."""

    name: str
    public_key: bytes
    roles: frozenset[str] = ROLES

    def __post_init__(self) -> None:
        """Refuse what no trust file can say."""
        named = 0 < len(self.name) <= 80 and self.name.isprintable()
        if not named or len(self.public_key) != KEY_BYTES or not self.roles or self.roles - ROLES:
            raise BadTrust("A trusted key needs a name, 32 bytes, and a role that is known here.")

    @property
    def id(self) -> str:
        """The name that signatures give this key."""
        return key_id(self.public_key)


@dataclass(frozen=True, slots=True)
class Trust:
    """Trusted keys, how many distinct ones of them must have signed, and what a device starts from.

    Attributes:
        keys: of builders and of those who state legal bases.
        quorum: how many of them sign.
        constitution: SHA-256 of the first constitution, 32 bytes, or empty.
        log_policy: a policy that asks for witnesses, or "".

    Raises (on construction): BadTrust.
    """

    keys: tuple[TrustedKey, ...]
    quorum: int = 1
    constitution: bytes = b""
    log_policy: str = ""

    def __post_init__(self) -> None:
        """Refuse a quorum that cannot be met, and one key or name that stands for two."""
        distinct = (
            len({key.id for key in self.keys}) == len({key.name for key in self.keys}) == len(self.keys)
        )
        if not 1 <= self.quorum <= len(self.keys) <= MAX_KEYS or not distinct:
            raise BadTrust("The trusted keys do not meet their quorum, or two have one name or one key.")
        if len(self.constitution) not in {0, HASH_BYTES}:
            raise BadTrust("The first constitution is named by its SHA-256, 32 bytes.")
        if self.log_policy:
            _read_policy(self.log_policy)

    def anchors(self) -> tuple[bytes, Policy]:
        """Return the digest of the first constitution, and the log's policy.

        Raises:
            TrustIncomplete: one of them is not there. Nothing can be admitted without.
        """
        if not self.constitution or not self.log_policy:
            raise TrustIncomplete(
                "The trust file names no constitution, or no policy of a transparency log.",
                hint="`tutela epoch trust` adds both; without them no list is used.",
            )
        return self.constitution, _read_policy(self.log_policy)

    def for_role(self, role: str) -> Mapping[str, TrustedKey]:
        """Return the keys that may sign in a role, by their id."""
        return {key.id: key for key in self.keys if role in key.roles}

    def with_key(self, key: TrustedKey) -> Trust:
        """Return the same trust with one more key."""
        return replace(self, keys=(*self.keys, key))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        keys = [
            {"name": key.name, "public_key": key.public_key.hex(), "roles": sorted(key.roles)}
            for key in self.keys
        ]
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "quorum": self.quorum,
            "keys": keys,
            "constitution": self.constitution.hex(),
            "log_policy": self.log_policy,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Read the JSON form; raises `BadTrust` on any defect."""
        try:
            if (data["format"], data["version"]) != (_FORMAT, _VERSION) or type(data["quorum"]) is not int:
                raise BadTrust("This is not a trust file of a version that is known here.")
            keys = tuple(
                TrustedKey(key["name"], bytes.fromhex(key["public_key"]), frozenset(key["roles"]))
                for key in data["keys"]
            )
            constitution, log_policy = bytes.fromhex(data["constitution"]), str(data["log_policy"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadTrust("The trust file lacks a field, or one has another form.") from error
        return cls(keys, data["quorum"], constitution, log_policy)

    def save(self, path: Path) -> None:
        """Write the trust file, whole or not at all."""
        write_lines(path, [strict_json.canonical(self.to_dict()).decode()])

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a trust file; raises `BadTrust`, or `BadFile` where it cannot be read."""
        try:
            return cls.from_dict(strict_json.read(read_small(path)))
        except BadJSON as error:
            raise BadTrust("The trust file is not JSON.") from error


def _read_policy(text: str) -> Policy:
    """Return the policy; one that nobody need meet is none."""
    try:
        policy = Policy.parse(text.encode())
    except (BadPolicy, ValueError) as error:
        raise BadTrust("The policy of the transparency log cannot be read.") from error
    if not policy.logs or policy.quorum_met(frozenset()):
        raise BadTrust("The policy of the transparency log names no log, or asks for no witness.")
    return policy


def read_small(path: Path, limit: int = strict_json.MAX_BYTES) -> bytes:
    """Return the bytes of a small file, and one byte more than `limit` of a large one; raises `BadFile`."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise BadFile(f"The file {path.name} cannot be read.") from error
