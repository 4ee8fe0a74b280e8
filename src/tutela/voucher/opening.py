"""The provider's side: try a voucher on arrival, count, open at the threshold, and check what opened.

    arrive   S = a*Q for each token; where the token is listed the wrap opens, gives the image key, and the
             commitment proves it. Nothing opens: the caller deletes the bytes.
    recover  t distinct x in one mask give k_acct; the enrolled commitment proves it.
    reveal   decrypts the body and re-derives the whole token section from its seed: a device cannot make up a
             match, nor an insider an account's.
    close    the clear distance; `clusters` says whether at least t distinct ones are left.

At most one x for each image and mask is counted, so a burst, or many edits of one entry, counts once.

What the provider sees below the threshold: number, time and size class of uploads; which of them agreed with
the list in `hits` masks; that the same entry was sent again. With hits = 1 a single accidental agreement is
visible.
"""

from __future__ import annotations

import itertools
import random as deterministic
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from tutela.oprf import group
from tutela.voucher import crafting, field
from tutela.voucher.errors import RederivationError, TableError, VoucherMalformed, VoucherRefused
from tutela.voucher.parameters import TOKEN_WIRE_BYTES, Parameters
from tutela.voucher.table import Table, TableHeader
from tutela.voucher.tokens import probe_tokens
from tutela.voucher.wire import (
    PICTURE,
    Attachment,
    Enrolment,
    Inner,
    Voucher,
    account_commitment,
    context_digest,
    image_commitment,
    verify,
)

MAX_CLEAR_DISTANCE: Final = 31
#: subsets of shares that are tried for each mask before bad shares are allowed to win
MAX_SUBSETS: Final = 512
_HIT_BYTES: Final = 1 + 8 + 16


@dataclass(frozen=True, slots=True)
class Hit:
    """One share of the account key: a mask, x (8 bytes) and p_mask(x) (16 bytes)."""

    mask: int
    x: bytes
    share: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """What a matching voucher gave up on arrival: its image key and shares, not its body."""

    slot: int
    image_key: bytes
    hits: tuple[Hit, ...]

    def to_bytes(self) -> bytes:
        """Return a form to store: slot, image key, then the hits."""
        hits = b"".join(bytes((hit.mask,)) + hit.x + hit.share for hit in self.hits)
        return self.slot.to_bytes(8, "little") + self.image_key + hits

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the stored form."""
        if len(data) < 24 or (len(data) - 24) % _HIT_BYTES:
            raise VoucherMalformed("The stored shares of a voucher have another size.")
        rows = (data[i : i + _HIT_BYTES] for i in range(24, len(data), _HIT_BYTES))
        hits = tuple(Hit(row[0], row[1:9], row[9:]) for row in rows)
        return cls(int.from_bytes(data[:8], "little"), data[8:24], hits)


@dataclass(frozen=True, slots=True)
class Revealed:
    """A re-derived picture: its hash, its derivative, and the way to the original."""

    slot: int
    pdq: bytes
    quality: int
    derivative: bytes
    attachment: Attachment


@dataclass(frozen=True, slots=True)
class Listed:
    """The nearest list entry of a hash."""

    entry: str
    cluster: str
    distance: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A revealed picture beside the entry that it is close to."""

    revealed: Revealed
    listed: Listed


@dataclass(frozen=True, slots=True)
class _Wrap:
    place: int
    shared: bytes
    w: bytes
    mask: int
    image_share: bytes
    z: bytes


class Opener:
    """Holds the table's key and opens what it can.

    Args:
        header: the table's header.
        parameters: the profile.
        key: the table's secret scalar, 32 bytes; must belong to the header's public key.
    """

    def __init__(self, header: TableHeader, parameters: Parameters, key: bytes) -> None:
        if group.multiply_base(key) != header.public_key:
            raise TableError("This key is not the key of this table.")
        self._header = header
        self._parameters = parameters
        self._key = key

    def arrive(self, data: bytes, enrolment: Enrolment) -> Opened | None:
        """Try a voucher; None says that nothing of it opened and its bytes must be deleted.

        Raises:
            VoucherMalformed: not a voucher of this profile, or a point of it is invalid.
            VoucherRefused: made for another table or device, or the signature is bad.
        """
        voucher = self._checked(data, enrolment)
        context = self._context(voucher, enrolment)
        try:
            wraps = list(self._unwrap(voucher, context))
        except group.InvalidPoint as error:
            raise VoucherMalformed("A token of the voucher is not a group element.") from error
        line = self._image_polynomial(wraps, voucher.commitment)
        if line is None:
            return None
        w, coefficients = line
        return Opened(
            voucher.slot, field.to_bytes(coefficients[0]), self._hits(wraps, w, coefficients, context)
        )

    def _checked(self, data: bytes, enrolment: Enrolment) -> Voucher:
        voucher = Voucher.parse(data, self._parameters)
        if voucher.table_id != self._header.table_id or enrolment.table_id != self._header.table_id:
            raise VoucherRefused("The voucher was made for another table.", hint="Load the current epoch.")
        if voucher.device != enrolment.tag:
            raise VoucherRefused("The voucher was made by another device.")
        verify(enrolment.identity, voucher.signature, voucher.signed)
        return voucher

    def _context(self, voucher: Voucher, enrolment: Enrolment) -> bytes:
        return context_digest(
            enrolment.account, enrolment.device, voucher.table_id, voucher.slot, voucher.commitment
        )

    def _unwrap(self, voucher: Voucher, context: bytes) -> Iterator[_Wrap]:
        for place in range(self._parameters.tokens):
            start = place * TOKEN_WIRE_BYTES
            q = voucher.tokens[start : start + 32]
            shared = group.multiply(self._key, q)
            wrap = crafting.xor(
                voucher.tokens[start + 32 : start + TOKEN_WIRE_BYTES], crafting.pad(shared, q, context, place)
            )
            yield _Wrap(place, shared, wrap[:8], wrap[8], wrap[9:25], wrap[25:])

    def _image_polynomial(self, wraps: Sequence[_Wrap], commitment: bytes) -> tuple[bytes, list[int]] | None:
        """Return w and the polynomial of the image shares whose value at 0 meets the commitment."""
        for w, points in self._candidates(wraps):
            key = field.interpolate_at_zero(points)
            if image_commitment(field.to_bytes(key)) == commitment:
                coefficients = [key]
                if len(points) == 2:
                    x, y = points[0]
                    coefficients.append((y - key) * pow(x, -1, field.PRIME) % field.PRIME)
                return w, coefficients
        return None

    def _candidates(self, wraps: Sequence[_Wrap]) -> Iterator[tuple[bytes, list[tuple[int, int]]]]:
        """Yield the shares to try: each alone (hits = 1), or two masks' shares of equal w (hits = 2)."""
        groups: dict[bytes, list[_Wrap]] = defaultdict(list)
        for wrap in wraps:
            if wrap.mask < len(self._parameters.masks):
                groups[wrap.w].append(wrap)
        for w, members in groups.items():
            for chosen in itertools.combinations(members, self._parameters.hits):
                if len({wrap.mask for wrap in chosen}) == self._parameters.hits:
                    yield w, [(one.mask + 1, int.from_bytes(one.image_share, "little")) for one in chosen]

    def _hits(
        self, wraps: Sequence[_Wrap], w: bytes, coefficients: list[int], context: bytes
    ) -> tuple[Hit, ...]:
        """Return one hit for each mask that opened: at most one x of an image counts in a mask."""
        key = field.to_bytes(coefficients[0])
        hits: dict[int, Hit] = {}
        for wrap in wraps:
            if wrap.w != w or wrap.mask >= len(self._parameters.masks) or wrap.mask in hits:
                continue
            if field.to_bytes(field.evaluate(coefficients, wrap.mask + 1)) != wrap.image_share:
                continue
            clear = crafting.xor(wrap.z, crafting.share_pad(key, wrap.shared, context))
            if any(clear[:8]):
                hits[wrap.mask] = Hit(wrap.mask, clear[:8], clear[8:])
        return tuple(hits[mask] for mask in sorted(hits))

    def recover(
        self, opened: Sequence[Opened], enrolment: Enrolment, *, tries: int = MAX_SUBSETS
    ) -> bytes | None:
        """Return k_acct once some mask holds t distinct x whose shares meet the enrolled commitment.

        Bad shares are survived by trying other subsets, at most `tries` for each mask.
        """
        for shares in _by_mask(opened, len(self._parameters.masks)):
            for subset in _subsets(sorted(shares.items()), self._parameters.threshold, tries):
                points = [(int.from_bytes(x, "little"), int.from_bytes(y, "little")) for x, y in subset]
                key = field.to_bytes(field.interpolate_at_zero(points))
                if self._commits(key, enrolment):
                    return key
        return None

    def _commits(self, key: bytes, enrolment: Enrolment) -> bool:
        mine = account_commitment(key, enrolment.account, enrolment.device, enrolment.table_id)
        return mine == enrolment.commitment

    def reveal(
        self, data: bytes, opened: Opened, account_key: bytes, enrolment: Enrolment, table: Table
    ) -> Revealed:
        """Decrypt a voucher's body, make the voucher again from its seed, and compare every byte.

        Raises:
            RederivationError: the voucher is not what its seed and hash produce; it must be deleted.
            VoucherMalformed, VoucherRefused: as in `arrive`.
        """
        voucher = self._checked(data, enrolment)
        context = self._context(voucher, enrolment)
        try:
            body = crafting.open_body(
                voucher.body, key=opened.image_key, account_key=account_key, context=context
            )
            inner = Inner.from_bytes(body, self._parameters)
        except (VoucherRefused, VoucherMalformed) as error:
            raise RederivationError("The body of an opened voucher does not decrypt or read.") from error
        if inner.kind != PICTURE or inner.quality < self._parameters.minimum_quality:
            raise RederivationError("An opened voucher is a filler's, or of a picture too poor to match.")
        section = crafting.token_section(
            self._parameters,
            table,
            account_key=account_key,
            context=context,
            seed=inner.seed,
            tokens=probe_tokens(self._parameters, inner.pdq, inner.places),
            pairs=crafting.precompute(inner.seed, self._header.public_key, self._parameters.tokens),
        )
        key = crafting.image_key(inner.seed)
        if (
            section != voucher.tokens
            or key != opened.image_key
            or image_commitment(key) != voucher.commitment
        ):
            raise RederivationError("An opened voucher differs from what its own seed produces.")
        return Revealed(voucher.slot, inner.pdq, inner.quality, inner.derivative, inner.attachment)


def _by_mask(opened: Sequence[Opened], masks: int) -> list[dict[bytes, bytes]]:
    """Return each mask's shares by their x; the first share of an x stays."""
    found: list[dict[bytes, bytes]] = [{} for _ in range(masks)]
    for item in opened:
        for hit in item.hits:
            if hit.mask < masks:
                found[hit.mask].setdefault(hit.x, hit.share)
    return found


def _subsets(
    items: Sequence[tuple[bytes, bytes]], size: int, most: int
) -> Iterator[Sequence[tuple[bytes, bytes]]]:
    """Yield at most `most` subsets of `size`: every one where they are few, else a repeatable sample."""
    if len(items) < size:
        return
    if len(items) <= size + 2:
        yield from itertools.islice(itertools.combinations(items, size), most)
        return
    yield items[:size]
    draw = deterministic.Random(0)  # noqa: S311  a search order, not a secret
    for _ in range(most - 1):
        yield draw.sample(items, size)


def close(revealed: Iterable[Revealed], nearest: Callable[[bytes], Listed | None]) -> tuple[Confirmed, ...]:
    """Keep the pictures that are close to the list in the clear.

    Args:
        revealed: re-derived pictures of one device and window.
        nearest: the list entry nearest to a 32-byte PDQ hash, or None.
    """
    found = ((picture, nearest(picture.pdq)) for picture in revealed)
    return tuple(
        Confirmed(picture, listed)
        for picture, listed in found
        if listed is not None and listed.distance <= MAX_CLEAR_DISTANCE
    )


def clusters(confirmed: Iterable[Confirmed]) -> int:
    """Return how many distinct clusters are covered: with fewer than t, no person sees anything."""
    return len({item.listed.cluster for item in confirmed})
