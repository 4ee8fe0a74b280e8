"""The device's side: one voucher of constant size for every encrypted upload (design, section 4).

Randomness comes from a seed for each voucher, `H(device secret; system randomness, counter)`, so that an
opened voucher can be checked against its own making. Work that does not depend on the picture can be done
ahead.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tutela.oprf import group
from tutela.voucher import crafting, field, hashing
from tutela.voucher.errors import TableError, VoucherMalformed
from tutela.voucher.parameters import WRAP_BYTES, Parameters
from tutela.voucher.table import Table
from tutela.voucher.tokens import device_tokens, least_reliable
from tutela.voucher.wire import (
    FILLER,
    PICTURE,
    Attachment,
    Enrolment,
    Inner,
    account_commitment,
    context_digest,
    device_tag,
    image_commitment,
    voucher_head,
)

Random = Callable[[int], bytes]
_SECRET_BYTES: Final = 16 + 32 + 32


@dataclass(frozen=True, slots=True)
class DeviceSecrets:
    """A device's secrets for one table and window.

    Attributes:
        account_key: k_acct, a field element in 16 bytes; opened by t distinct matches.
        identity: 32 bytes, the seed of the Ed25519 identity key.
        randomness: 32 bytes mixed into every voucher's seed.
    """

    account_key: bytes
    identity: bytes
    randomness: bytes

    @classmethod
    def generate(cls, random: Random) -> Self:
        """Draw fresh secrets."""
        return cls(field.to_bytes(field.element(random(32))), random(32), random(32))

    def rotated(self, random: Random) -> Self:
        """Return the same identity with a fresh account key: for a new window, and after any opening."""
        return type(self)(field.to_bytes(field.element(random(32))), self.identity, random(32))

    def to_bytes(self) -> bytes:
        """Return the 80 bytes that a key file seals."""
        return self.account_key + self.identity + self.randomness

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the 80 bytes."""
        if len(data) != _SECRET_BYTES:
            raise VoucherMalformed("A device's secrets have 80 bytes.")
        return cls(data[:16], data[16:48], data[48:])

    def signing_key(self) -> Ed25519PrivateKey:
        """Return the identity key."""
        return Ed25519PrivateKey.from_private_bytes(self.identity)

    def public_identity(self) -> bytes:
        """Return the 32 bytes of the public identity key."""
        return self.signing_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a voucher says of a picture.

    Attributes:
        pdq: 32 bytes.
        quality: PDQ quality, 0 to 100.
        reliability: float32, shape (256,).
        derivative: a small grey picture for two reviewers, at most 2,400 bytes.
    """

    pdq: bytes
    quality: int
    reliability: npt.NDArray[np.float32]
    derivative: bytes


class Sealer:
    """Makes the vouchers of one device for one table. Slots must never repeat; the caller counts them."""

    def __init__(
        self,
        table: Table,
        parameters: Parameters,
        account: str,
        device: str,
        secrets: DeviceSecrets,
        random: Random,
        first: int = 0,
    ) -> None:
        """Prepare to seal.

        Args:
            table: checked.
            parameters: of the table's manifest.
            account: full name.
            device: its name at the homeserver.
            secrets: of this device, table and window.
            random: a cryptographically strong source.
            first: where the counter in the seeds begins; two sealers of the same secrets should differ in it.
        """
        self._counter = itertools.count(first)
        self._table = table
        self._parameters = parameters
        self._account = account
        self._device = device
        self._secrets = secrets
        self._random = random
        self._pool: deque[tuple[bytes, tuple[crafting.Pair, ...]]] = deque()

    def enrolment(self) -> bytes:
        """Return the signed enrolment of this device for this table."""
        return enrol(self._account, self._device, self._table.header.table_id, self._secrets)

    def precompute(self, count: int) -> None:
        """Do the half of the work of `count` vouchers ahead, while the device is idle."""
        for _ in range(count):
            self._pool.append(self._fresh())

    def _fresh(self) -> tuple[bytes, tuple[crafting.Pair, ...]]:
        seed = new_seed(self._secrets, self._random, next(self._counter))
        return seed, crafting.precompute(seed, self._table.header.public_key, self._parameters.tokens)

    def seal(self, picture: Picture | None, attachment: Attachment, slot: int) -> bytes:
        """Return the voucher of one upload.

        Args:
            picture: None for what is not a picture; below the minimum quality, tokens are random too.
            attachment: the upload's key and hash.
            slot: a number that this device uses once for this table.

        Raises:
            TableError: a group call failed; the table must no longer be used.
        """
        seed, pairs = self._pool.popleft() if self._pool else self._fresh()
        parameters = self._parameters
        matched = picture is not None and picture.quality >= parameters.minimum_quality
        if picture is not None and matched:
            tokens = device_tokens(parameters, picture.pdq, picture.reliability)
            places = least_reliable(parameters, picture.reliability)
            inner = Inner(PICTURE, picture.quality, seed, picture.pdq, places, attachment, picture.derivative)
        else:
            tokens = crafting.random_tokens(parameters, seed)
            places = ((0,) * parameters.probes,) * len(parameters.masks)
            inner = Inner(FILLER, 0, seed, bytes(32), places, attachment, b"")
        key = crafting.image_key(seed)
        commitment = image_commitment(key)
        context = context_digest(self._account, self._device, self._table.header.table_id, slot, commitment)
        try:
            section = crafting.token_section(
                parameters,
                self._table,
                account_key=self._secrets.account_key,
                context=context,
                seed=seed,
                tokens=tokens,
                pairs=pairs,
            )
        except group.InvalidPoint as error:
            raise TableError("A group operation failed; this table is no longer used.") from error
        body = crafting.seal_body(
            inner.to_bytes(), key=key, account_key=self._secrets.account_key, context=context
        )
        tag = device_tag(self._account, self._device)
        head = voucher_head(parameters, self._table.header.table_id, tag, slot)
        unsigned = head + commitment + section + body
        return unsigned + self._secrets.signing_key().sign(unsigned)


def enrol(account: str, device: str, table_id: bytes, secrets: DeviceSecrets) -> bytes:
    """Return a signed enrolment."""
    commitment = account_commitment(secrets.account_key, account, device, table_id)
    unsigned = Enrolment(account, device, table_id, commitment, secrets.public_identity()).unsigned()
    return unsigned + secrets.signing_key().sign(unsigned)


def new_seed(secrets: DeviceSecrets, random: Random, counter: int) -> bytes:
    """Return a voucher's seed: the system's randomness and a counter, under the device's own randomness."""
    return hashing.digest(hashing.SEED, random(64) + counter.to_bytes(8, "little"), key=secrets.randomness)


def chaff(
    parameters: Parameters,
    account: str,
    device: str,
    table_id: bytes,
    secrets: DeviceSecrets,
    slot: int,
    random: Random,
) -> bytes:
    """Return a voucher that nobody can ever open: what a device in user-side mode sends.

    It has the distribution of a non-match (uniform points, uniform wraps, a body under keys that are
    forgotten), needs no table, and carries nothing of the upload.
    """
    points = (group.hash_to_group(random(64)) + random(WRAP_BYTES) for _ in range(parameters.tokens))
    section = b"".join(points)
    key, account_key = random(16), random(16)
    commitment = image_commitment(key)
    context = context_digest(account, device, table_id, slot, commitment)
    nothing = Inner(
        FILLER,
        0,
        bytes(32),
        bytes(32),
        ((0,) * parameters.probes,) * len(parameters.masks),
        Attachment(bytes(32), bytes(16), bytes(32)),
        b"",
    )
    body = crafting.seal_body(nothing.to_bytes(), key=key, account_key=account_key, context=context)
    unsigned = (
        voucher_head(parameters, table_id, device_tag(account, device), slot) + commitment + section + body
    )
    return unsigned + secrets.signing_key().sign(unsigned)
