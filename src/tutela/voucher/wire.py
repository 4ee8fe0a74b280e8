"""The bytes of a voucher and of an enrolment. All integers are little-endian; docs/PROTOCOL.md draws them.

voucher     = "TV" version(1) profile(1) table_id(32) device(16) slot(8)
              commitment(32) tokens(81 each) body(3200) signature(64)
token       = Q(32) pad-encrypted{ w(8) mask(1) image-share(16) x(8) account-share(16) }(49)
body        = AEAD(image key, AEAD(account key, inner))
enrolment   = "TE" version(1) 0(1) table_id(32) commitment(32) identity(32)
              account(2+n) device(2+n) signature(64)

Every voucher of a profile has the same size, whatever the upload is. The signature (Ed25519, RFC 8032)
is by the device's identity key over everything before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tutela.oprf.edwards import check_signing_key
from tutela.oprf.group import InvalidPoint
from tutela.voucher import hashing
from tutela.voucher.errors import VoucherMalformed, VoucherRefused
from tutela.voucher.parameters import (
    BODY_BYTES,
    COMMITMENT_BYTES,
    PREAMBLE_BYTES,
    PROFILES,
    SIGNATURE_BYTES,
    VERSION,
    Parameters,
)

AEAD_TAG_BYTES: Final = 16
INNER_BYTES: Final = BODY_BYTES - 2 * AEAD_TAG_BYTES
MESSAGE_BYTES: Final = 192
FRANKING_BYTES: Final = 256
DERIVATIVE_BYTES: Final = 2400
MAX_NAME_BYTES: Final = 255
#: the table id that a device names while it has no valid table: what it sends is noise, for nobody to open
NO_TABLE: Final = bytes(32)
#: kinds of what a voucher accompanies
FILLER, PICTURE = 0, 1


@dataclass(frozen=True, slots=True)
class Attachment:
    """How to find and decrypt the upload that a voucher accompanies.

    Attributes:
        key: 32 bytes, the attachment's own key (Matrix: AES-256-CTR).
        iv: 16 bytes, its counter block.
        ciphertext_sha256: 32 bytes, which join voucher, blob and message.
        message: the messenger's reference to the message, at most 192 bytes of UTF-8.
        franking: bytes for verifiable reports, at most 256; may be empty.
    """

    key: bytes
    iv: bytes
    ciphertext_sha256: bytes
    message: str = ""
    franking: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what the format cannot carry."""
        if (len(self.key), len(self.iv), len(self.ciphertext_sha256)) != (32, 16, 32):
            raise VoucherMalformed("An attachment needs a 32-byte key, a 16-byte iv and a 32-byte hash.")
        if len(self.message.encode()) > MESSAGE_BYTES or len(self.franking) > FRANKING_BYTES:
            raise VoucherMalformed("The message reference or the franking data is too long.")


@dataclass(frozen=True, slots=True)
class Inner:
    """What the body holds: enough to check the voucher, show a derivative, and reach the original."""

    kind: int
    quality: int
    seed: bytes
    pdq: bytes
    places: tuple[tuple[int, ...], ...]
    attachment: Attachment
    derivative: bytes

    def to_bytes(self) -> bytes:
        """Return exactly `INNER_BYTES` bytes."""
        if len(self.derivative) > DERIVATIVE_BYTES:
            raise VoucherMalformed("The derivative is too large for a voucher.")
        a = self.attachment
        places = bytes(place for mask in self.places for place in mask)
        out = b"".join((
            bytes((VERSION, self.kind, self.quality, len(places))),
            self.seed, self.pdq, places.ljust(128, b"\0"), a.key, a.iv, a.ciphertext_sha256,
            _prefixed(a.message.encode(), MESSAGE_BYTES),
            _prefixed(a.franking, FRANKING_BYTES),
            _prefixed(self.derivative, DERIVATIVE_BYTES),
        ))  # fmt: skip
        if len(out) > INNER_BYTES:
            raise VoucherMalformed("The body of the voucher is too large.")
        return out.ljust(INNER_BYTES, b"\0")

    @classmethod
    def from_bytes(cls, data: bytes, parameters: Parameters) -> Self:
        """Read the inner part; raises `VoucherMalformed` on any defect."""
        reader = _Reader(data)
        version, kind, quality, count = reader.take(4)
        if version != VERSION or kind not in (FILLER, PICTURE) or quality > 100:
            raise VoucherMalformed("The opened body is not of this format.")
        if count != len(parameters.masks) * parameters.probes:
            raise VoucherMalformed("The opened body was made under other parameters.")
        seed, pdq, flat = reader.take(32), reader.take(32), reader.take(128)[:count]
        places = tuple(
            tuple(flat[i : i + parameters.probes]) for i in range(0, count, parameters.probes)
        ) if parameters.probes else ((),) * len(parameters.masks)  # fmt: skip
        if any(place >= 40 for mask in places for place in mask):
            raise VoucherMalformed("The opened body names a bit that no mask has.")
        key, iv, ciphertext = reader.take(32), reader.take(16), reader.take(32)
        try:
            message = reader.prefixed(MESSAGE_BYTES).decode()
        except UnicodeDecodeError as error:
            raise VoucherMalformed("The message reference is not UTF-8.") from error
        franking = reader.prefixed(FRANKING_BYTES)
        derivative = reader.prefixed(DERIVATIVE_BYTES)
        attachment = Attachment(key, iv, ciphertext, message, franking)
        return cls(kind, quality, seed, pdq, places, attachment, derivative)


def _prefixed(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(2, "little") + data.ljust(size, b"\0")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise VoucherMalformed("The message ends too early.")
        self._at += count
        return part

    def prefixed(self, room: int) -> bytes:
        size = int.from_bytes(self.take(2), "little")
        if size > room:
            raise VoucherMalformed("A field is longer than its room.")
        return self.take(room)[:size]

    def variable(self) -> str:
        size = int.from_bytes(self.take(2), "little")
        if not 1 <= size <= MAX_NAME_BYTES:
            raise VoucherMalformed("A name must have 1 to 255 bytes.")
        try:
            name = self.take(size).decode()
        except UnicodeDecodeError as error:
            raise VoucherMalformed("A name is not UTF-8.") from error
        if not name.isprintable():
            raise VoucherMalformed("A name has characters that no name has.")
        return name

    def finish(self) -> None:
        if self._at != len(self._data):
            raise VoucherMalformed("The message is longer than its format.")


def device_tag(account: str, device: str) -> bytes:
    """Return the 16 bytes that name a device in its vouchers."""
    return hashing.digest(
        hashing.CONTEXT, hashing.frame(b"device", account.encode(), device.encode()), size=16
    )


def context_digest(account: str, device: str, table_id: bytes, slot: int, commitment: bytes) -> bytes:
    """Return the 32 bytes that bind every part of a voucher to its account, device, table and slot."""
    names = hashing.frame(b"voucher", account.encode(), device.encode())
    return hashing.digest(hashing.CONTEXT, names + table_id + slot.to_bytes(8, "little") + commitment)


def account_commitment(account_key: bytes, account: str, device: str, table_id: bytes) -> bytes:
    """Return H(k_acct), bound to the device and the table, to which a device is held at enrolment."""
    names = hashing.frame(account.encode(), device.encode())
    return hashing.digest(hashing.COMMIT_ACCOUNT, names + table_id, key=account_key)


def image_commitment(image_key: bytes) -> bytes:
    """Return com = H("com", k_img)."""
    return hashing.digest(hashing.COMMIT_IMAGE, image_key)


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher cut into its fields; nothing of it is decrypted here."""

    table_id: bytes
    device: bytes
    slot: int
    commitment: bytes
    tokens: bytes
    body: bytes
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, data: bytes, parameters: Parameters) -> Self:
        """Cut `data`; raises `VoucherMalformed` unless it has this profile's size and preamble."""
        if len(data) != parameters.voucher_bytes:
            raise VoucherMalformed("A voucher of this profile has another size.")
        if data[:4] != b"TV" + bytes((VERSION, PROFILES[parameters.profile])):
            raise VoucherMalformed("This is not a voucher of this version and profile.")
        reader = _Reader(data[4:])
        return cls(
            table_id=reader.take(32),
            device=reader.take(16),
            slot=int.from_bytes(reader.take(8), "little"),
            commitment=reader.take(COMMITMENT_BYTES),
            tokens=reader.take(parameters.token_section_bytes),
            body=reader.take(BODY_BYTES),
            signed=data[:-SIGNATURE_BYTES],
            signature=reader.take(SIGNATURE_BYTES),
        )


def voucher_head(parameters: Parameters, table_id: bytes, device: bytes, slot: int) -> bytes:
    """Return the preamble of a voucher."""
    head = (
        b"TV"
        + bytes((VERSION, PROFILES[parameters.profile]))
        + table_id
        + device
        + slot.to_bytes(8, "little")
    )
    assert len(head) == PREAMBLE_BYTES
    return head


def voucher_slot(data: bytes) -> int:
    """Return the slot in a voucher's preamble; nothing else of the voucher is looked at."""
    if len(data) < PREAMBLE_BYTES or data[:3] != b"TV" + bytes((VERSION,)):
        raise VoucherMalformed("This is not a voucher of this version.")
    return int.from_bytes(data[PREAMBLE_BYTES - 8 : PREAMBLE_BYTES], "little")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device's promise to the provider: its identity, and the key to which its vouchers are held."""

    account: str
    device: str
    table_id: bytes
    commitment: bytes
    identity: bytes

    def unsigned(self) -> bytes:
        """Return the bytes that the device signs."""
        names = b""
        for name in (self.account.encode(), self.device.encode()):
            if not 1 <= len(name) <= MAX_NAME_BYTES:
                raise VoucherMalformed("A name must have 1 to 255 bytes.")
            names += len(name).to_bytes(2, "little") + name
        return b"TE" + bytes((VERSION, 0)) + self.table_id + self.commitment + self.identity + names

    @property
    def tag(self) -> bytes:
        """The device's name in its vouchers."""
        return device_tag(self.account, self.device)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read and verify an enrolment.

        Raises:
            VoucherMalformed: not an enrolment of this version.
            VoucherRefused: the signature is not by the identity key inside, or the key is of small order.
        """
        if len(data) > 1024 or data[:4] != b"TE" + bytes((VERSION, 0)):
            raise VoucherMalformed("This is not an enrolment of this version.")
        reader = _Reader(data[4:])
        table_id, commitment, identity = reader.take(32), reader.take(32), reader.take(32)
        account, device = reader.variable(), reader.variable()
        signature = reader.take(SIGNATURE_BYTES)
        reader.finish()
        try:
            check_signing_key(identity)
        except InvalidPoint as error:
            raise VoucherRefused("The device's identity key is not a usable one.") from error
        verify(identity, signature, data[:-SIGNATURE_BYTES])
        return cls(account, device, table_id, commitment, identity)


def verify(identity: bytes, signature: bytes, signed: bytes) -> None:
    """Check an Ed25519 signature; raises `VoucherRefused`."""
    try:
        Ed25519PublicKey.from_public_bytes(identity).verify(signature, signed)
    except (InvalidSignature, ValueError) as error:
        raise VoucherRefused("The signature is not by this device's identity key.") from error
