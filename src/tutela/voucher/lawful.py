"""Proofs that lawful pictures are not listed (design, section 6): for one published set, once an epoch.

A *reference set* is published, and its digest committed to in an epoch's manifest, before the list is fixed.
For every picture of it the key's holder proves, for each token that a device would send, that the table does
not decode it to a*H(y) (`tutela.oprf.inequality`). Anyone verifies, with the table and the set, without the
list and without a.

**Never on demand.** A proof for a picture of one's own choice would tell how far it must be changed to pass.
So there is no function here that proves a single picture: `prove` takes a whole set, and refuses any but the
one that the manifest committed to. Whoever signs manifests answers for what the set holds.

Not proved: anything of other copies of these pictures, whose devices may send other tokens; anything of
pictures outside of the set. That the set is lawful, and that it was fixed before the list, is for the log's
readers: the manifest that names it is signed and logged, and the epoch before can name it already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Self

from tutela.oprf import inequality
from tutela.oprf.dleq import Pair, ProofMalformed, ProofRefused, Random
from tutela.voucher import hashing
from tutela.voucher.errors import AuditMalformed, LawfulListed, LawfulRefused, Uncommitted
from tutela.voucher.parameters import MASK_BITS, Parameters
from tutela.voucher.table import Progress, Table, token_point
from tutela.voucher.tokens import probe_tokens

SET_MAGIC: Final = b"tutelaL1"
PROOFS_MAGIC: Final = b"tutelaN1"
MAX_PICTURES: Final = 1 << 16
_SET_HEAD: Final = len(SET_MAGIC) + 2 + 4
_PROOFS_HEAD: Final = len(PROOFS_MAGIC) + 32 + 32 + 4


class LawfulPicture(NamedTuple):
    """A picture of the set.

    Attributes:
        sha256: of its file, by which the set's publisher names it.
        pdq: 32 bytes.
        places: for each mask the places of its least reliable bits, as a device takes them.
    """

    sha256: bytes
    pdq: bytes
    places: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class LawfulSet:
    """A reference set; raises `AuditMalformed` on construction.

    Attributes:
        masks: number of masks T of the profile it was made for.
        probes: q of that profile.
        pictures: in ascending order of their SHA-256, without repetition.
    """

    masks: int
    probes: int
    pictures: tuple[LawfulPicture, ...]

    def __post_init__(self) -> None:
        """Refuse what has a second form, or no token."""
        names = [picture.sha256 for picture in self.pictures]
        sound = (
            1 <= self.masks <= 64
            and 0 <= self.probes <= 6
            and self.masks << self.probes <= 128
            and 1 <= len(names) <= MAX_PICTURES
            and all(a < b for a, b in pairwise(names))
            and all(self._fits(picture) for picture in self.pictures)
        )
        if not sound:
            raise AuditMalformed("This is not a lawful reference set.")

    def _fits(self, picture: LawfulPicture) -> bool:
        rows = picture.places
        return (
            len(picture.sha256) == len(picture.pdq) == 32
            and len(rows) == self.masks
            and all(len(row) == self.probes and list(row) == sorted(set(row)) for row in rows)
            and all(0 <= place < MASK_BITS for row in rows for place in row)
        )

    @property
    def digest(self) -> bytes:
        """32 bytes that the manifest commits to."""
        return hashing.digest(hashing.LAWFUL_SET, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the file."""
        head = SET_MAGIC + bytes((self.masks, self.probes)) + len(self.pictures).to_bytes(4, "little")
        rows = (p.sha256 + p.pdq + bytes(place for row in p.places for place in row) for p in self.pictures)
        return head + b"".join(rows)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a file; raises `AuditMalformed`."""
        if len(data) < _SET_HEAD or not data.startswith(SET_MAGIC):
            raise AuditMalformed("This is not a lawful reference set of this version.")
        masks, probes = data[8], data[9]
        count, size = int.from_bytes(data[10:14], "little"), 64 + masks * probes
        if count > MAX_PICTURES or len(data) != _SET_HEAD + count * size:
            raise AuditMalformed("A lawful reference set has another size.")
        rows = (data[at : at + size] for at in range(_SET_HEAD, len(data), size))
        return cls(masks, probes, tuple(_picture(row, masks, probes) for row in rows))


@dataclass(frozen=True, slots=True)
class LawfulProofs:
    """The proofs for one table and one set, in the set's order."""

    table_id: bytes
    set_digest: bytes
    proofs: tuple[inequality.Proof, ...]

    def to_bytes(self) -> bytes:
        """Return the file: about 2.1 kB a picture of the profile `everyday`."""
        head = PROOFS_MAGIC + self.table_id + self.set_digest + len(self.proofs).to_bytes(4, "little")
        return head + b"".join(proof.to_bytes() for proof in self.proofs)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a file; all of its proofs have one size; raises `AuditMalformed`."""
        count = int.from_bytes(data[72:76], "little")
        body = data[_PROOFS_HEAD:]
        if not data.startswith(PROOFS_MAGIC) or not 1 <= count <= MAX_PICTURES or len(body) % count:
            raise AuditMalformed("This is not a file of proofs for a lawful reference set.")
        size = len(body) // count
        if not size:
            raise AuditMalformed("The file of proofs is cut short.")
        try:
            proofs = tuple(
                inequality.Proof.from_bytes(body[at : at + size]) for at in range(0, len(body), size)
            )
        except ProofMalformed as error:
            raise AuditMalformed(error.message) from error
        return cls(data[8:40], data[40:72], proofs)


def prove(
    lawful: LawfulSet,
    committed: bytes,
    table: Table,
    parameters: Parameters,
    *,
    key: bytes,
    random: Random,
    progress: Progress | None = None,
) -> LawfulProofs:
    """Prove for every token of every picture of the committed set that it is not in the table.

    Args:
        lawful: the whole set.
        committed: the digest in the epoch's signed manifest; another set is refused.
        table: checked.
        parameters: of the epoch.
        key: the table's secret scalar a.
        random: gives n bytes; hedges the nonces.
        progress: called with (pictures done, pictures in all).

    Raises:
        Uncommitted: this is not the set of the manifest, or the manifest names none.
        LawfulListed: a picture agrees with the table; nothing is written, and the list needs a look.
    """
    _check_set(lawful, committed, parameters)
    proofs = []
    for number, (context, pairs) in enumerate(_claims(lawful, table, parameters)):
        try:
            proofs.append(inequality.prove(key, context, pairs, random))
        except inequality.Equal as error:
            raise LawfulListed(
                f"Picture {number} of the lawful set agrees with the table.",
                hint="Find the entry that it agrees with, and withdraw it or the picture in the next epoch.",
            ) from error
        if progress:
            progress(number + 1, len(lawful.pictures))
    return LawfulProofs(table.header.table_id, lawful.digest, tuple(proofs))


def verify(
    lawful: LawfulSet,
    committed: bytes,
    table: Table,
    parameters: Parameters,
    proofs: LawfulProofs,
    progress: Progress | None = None,
) -> None:
    """Check all proofs of a set, without the list and without the key.

    Args:
        lawful: the published set.
        committed: the digest in the epoch's signed manifest.
        table: whose root was checked.
        parameters: of the epoch.
        proofs: from the file.
        progress: called with (pictures done, pictures in all).

    Raises:
        Uncommitted: this is not the set of the manifest.
        LawfulRefused: a proof is missing, is about something else, or does not hold.
    """
    _check_set(lawful, committed, parameters)
    about = (proofs.table_id, proofs.set_digest, len(proofs.proofs))
    if about != (table.header.table_id, lawful.digest, len(lawful.pictures)):
        raise LawfulRefused("The proofs are about another table or another set.")
    claims = _claims(lawful, table, parameters)
    for number, ((context, pairs), proof) in enumerate(zip(claims, proofs.proofs, strict=True)):
        try:
            inequality.verify(proof, context, table.header.public_key, pairs)
        except ProofRefused as error:
            raise LawfulRefused(f"The proof of picture {number} does not hold.") from error
        if progress:
            progress(number + 1, len(lawful.pictures))


def _check_set(lawful: LawfulSet, committed: bytes, parameters: Parameters) -> None:
    if lawful.digest != committed:
        raise Uncommitted(
            "This lawful set is not the one that the epoch's manifest committed to.",
            hint="Proofs are made for the published set only, never for a picture that somebody asks about.",
        )
    if (lawful.masks, lawful.probes) != (len(parameters.masks), parameters.probes):
        raise Uncommitted("The lawful set was made for another profile.")


def _claims(
    lawful: LawfulSet, table: Table, parameters: Parameters
) -> Iterator[tuple[bytes, tuple[Pair, ...]]]:
    """Yield for each picture the context of its proof and its pairs (H(y), decode of y)."""
    table_id, digest = table.header.table_id, lawful.digest
    for number, picture in enumerate(lawful.pictures):
        context = hashing.frame(PROOFS_MAGIC, table_id, digest, number.to_bytes(4, "little"))
        names = (token.to_bytes() for token in probe_tokens(parameters, picture.pdq, picture.places))
        yield context, tuple((token_point(table_id, name), table.decode(name)) for name in names)


def _picture(row: bytes, masks: int, probes: int) -> LawfulPicture:
    places = tuple(tuple(row[64 + j * probes : 64 + (j + 1) * probes]) for j in range(masks))
    return LawfulPicture(row[:32], row[32:64], places)
