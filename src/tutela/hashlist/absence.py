"""Proofs that an exact digest (SHA-256, MD5) is *not* in a list, against 32 bytes in its manifest.

A sorted map whose places nobody else can compute. Each listed digest x has the place
`v(x) = H(k*map(x))`, a verifiable random function: k is a scalar derived from the list's secret salt, K = k*G
is public, and a proof of equal logarithms shows that a place was computed with k. The places are sorted, with
0 and 2^256 - 1 at the ends; the leaves of an RFC 9162 tree are the *gaps* between neighbours. An absence
proof is the place of x with its proof, and the one gap around it with its path to the root.

What a proof shows to others: the number of listed digests, and two places, random to whoever lacks k. Nobody
tests a second digest with it, and nobody can enumerate the list. Whoever holds the list, and so its salt,
computes the whole map again and compares the commitment: that is what keeps gaps from lying.

Not protected here: **asking is testing.** Whoever makes proofs learns what is asked (evaluation is not
oblivious on purpose: it must be possible to refuse and to count), and an asker learns from a refusal that a
digest is listed. So proofs are for people with a decided appeal, not for a public service. An exact digest
says nothing of a copy that differs in one byte.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from tutela.errors import InputError, VerificationError
from tutela.hashlist.hash_list import HashList
from tutela.oprf import dleq, group
from tutela.oprf.dleq import Random, transcript

KEY: Final = b"tutela1 vrfkey"
POINT: Final = b"tutela1 vrfpoint"
PLACE: Final = b"tutela1 vrf"
COMMITMENT: Final = b"tutela1 absence"
CONTEXT: Final = b"tutela absence 1"
MAGIC: Final = b"tutelaE1"
KINDS: Final = {"sha256": 32, "md5": 16}
FIRST: Final = bytes(32)
LAST: Final = b"\xff" * 32
MAX_PATH: Final = 40
_HEAD: Final = len(MAGIC) + 32 + 8 + 8 + 32 + dleq.PROOF_BYTES + 64
MAX_BYTES: Final = _HEAD + 32 * MAX_PATH


class AbsenceMalformed(InputError):
    """The bytes are not an absence proof, or the digest is none."""

    code = "absence.malformed"


class AbsenceRefused(VerificationError):
    """The proof does not show that this digest is absent from the committed list."""

    code = "absence.refused"


class DigestListed(VerificationError):
    """The digest is in the list, so its absence cannot be proved."""

    code = "absence.listed"


class NoSalt(InputError):
    """The list has no secret salt, so that everyone could compute the places of its digests."""

    code = "absence.no_salt"


@dataclass(frozen=True, slots=True)
class AbsenceProof:
    """What one asker gets; the digest itself is not in it.

    Attributes:
        public_key: K.
        count: number of gaps.
        index: of the gap.
        product: k*map(x), from which the place follows.
        proof: that K and the product have one k.
        gap: the two neighbouring places.
        path: hashes from the gap to the root.
    """

    public_key: bytes
    count: int
    index: int
    product: bytes
    proof: dleq.Proof
    gap: tuple[bytes, bytes]
    path: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return at most 1,536 bytes."""
        numbers = self.count.to_bytes(8, "little") + self.index.to_bytes(8, "little")
        head = MAGIC + self.public_key + numbers + self.product + self.proof.to_bytes()
        return head + b"".join((*self.gap, *self.path))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; raises `AbsenceMalformed`."""
        if not data.startswith(MAGIC) or not _HEAD <= len(data) <= MAX_BYTES or (len(data) - _HEAD) % 32:
            raise AbsenceMalformed("This is not an absence proof of this version.")
        try:
            proof = dleq.Proof.from_bytes(data[88:152])
        except dleq.ProofMalformed as error:
            raise AbsenceMalformed(error.message) from error
        count, index = (int.from_bytes(data[at : at + 8], "little") for at in (40, 48))
        places = tuple(data[at : at + 32] for at in range(152, len(data), 32))
        return cls(data[8:40], count, index, data[56:88], proof, (places[0], places[1]), places[2:])


@dataclass(frozen=True)
class AbsenceMap:
    """The map of one list, as its holders compute it.

    Attributes:
        secret: the scalar k.
        places: sorted, with both ends.
    """

    secret: bytes
    places: tuple[bytes, ...]

    @classmethod
    def of(cls, hash_list: HashList) -> Self:
        """Return the map of a list; about 70 microseconds a digest.

        Raises:
            NoSalt: the list's salt is all zeros.
        """
        if not any(hash_list.salt):
            raise NoSalt("The list has no secret salt.", hint="Import the list again: that draws one.")
        secret = group.reduce_scalar(transcript(KEY, hash_list.salt))
        public = group.multiply_base(secret)
        said = {
            (kind, digest)
            for entry in hash_list.entries
            for kind, digest in (("sha256", entry.sha256), ("md5", entry.md5))
            if digest is not None
        }
        places = {_place(group.multiply(secret, _point(public, *item))) for item in said}
        return cls(secret, (FIRST, *sorted(places), LAST))

    @cached_property
    def public_key(self) -> bytes:
        """K = k*G."""
        return group.multiply_base(self.secret)

    @cached_property
    def _levels(self) -> list[list[bytes]]:
        """Return the tree from the leaves up; an odd node moves up as it is, which is RFC 9162's tree."""
        level = [_leaf(*gap) for gap in zip(self.places, self.places[1:], strict=False)]
        levels = [level]
        while len(level) > 1:
            pairs = [_node(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
            level = pairs + level[len(pairs) * 2 :]
            levels.append(level)
        return levels

    def commitment(self) -> bytes:
        """Return the 32 bytes that the manifest signs."""
        return _commitment(self.public_key, len(self.places) - 1, self._levels[-1][0])

    def prove(self, kind: str, digest: bytes, random: Random) -> AbsenceProof:
        """Prove that a digest is not in the list.

        Args:
            kind: "sha256" or "md5".
            digest: 32 or 16 bytes.
            random: gives n bytes; hedges the proof's nonce.

        Raises:
            DigestListed: it is in the list.
            AbsenceMalformed: it is not a digest of this kind.
        """
        base = _point(self.public_key, kind, digest)
        product = group.multiply(self.secret, base)
        after = bisect.bisect_left(self.places, _place(product))
        if self.places[after] == _place(product):
            raise DigestListed("This digest is in the list.")
        proof = dleq.prove(self.secret, CONTEXT, base, product, random)
        gap, count = (self.places[after - 1], self.places[after]), len(self.places) - 1
        return AbsenceProof(self.public_key, count, after - 1, product, proof, gap, self._path(after - 1))

    def _path(self, index: int) -> tuple[bytes, ...]:
        found = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                found.append(level[index ^ 1])
            index >>= 1
        return tuple(found)


def commitment_of(hash_list: HashList) -> bytes:
    """Return the commitment of a list, or nothing where it has no salt or no digests."""
    digests = any(entry.sha256 or entry.md5 for entry in hash_list.entries)
    return AbsenceMap.of(hash_list).commitment() if digests and any(hash_list.salt) else b""


def verify(proof: AbsenceProof, commitment: bytes, kind: str, digest: bytes) -> None:
    """Check that a digest is absent from the list behind a manifest's commitment.

    Raises:
        AbsenceRefused: the proof does not show it.
        AbsenceMalformed: it is not a digest of this kind.
    """
    base = _point(proof.public_key, kind, digest)
    try:
        dleq.verify(proof.proof, CONTEXT, proof.public_key, base, proof.product)
    except dleq.ProofRefused as error:
        raise AbsenceRefused("The digest's place was not computed with the list's key.") from error
    lower, upper = proof.gap
    if not lower < _place(proof.product) < upper:
        raise AbsenceRefused("The digest's place is not inside of the gap.")
    root = _climb(_leaf(lower, upper), proof.index, proof.count, proof.path)
    if _commitment(proof.public_key, proof.count, root) != commitment:
        raise AbsenceRefused("The gap is not one of the committed list.")


def _climb(node: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """Return the root of a tree of `count` leaves above a leaf (RFC 9162, section 2.1.3.2)."""
    if not index < count:
        raise AbsenceRefused("The gap lies outside of the map.")
    rest, last = list(path), count - 1
    while last:
        if index & 1 or index < last:
            if not rest:
                raise AbsenceRefused("The path to the root is too short.")
            other = rest.pop(0)
            node = _node(other, node) if index & 1 else _node(node, other)
        index, last = index >> 1, last >> 1
    if rest:
        raise AbsenceRefused("The path to the root is too long.")
    return node


def _point(public_key: bytes, kind: str, digest: bytes) -> bytes:
    if KINDS.get(kind) != len(digest):
        raise AbsenceMalformed("A digest is a SHA-256 of 32 bytes or an MD5 of 16.")
    return group.hash_to_group(transcript(POINT, public_key, kind.encode(), digest))


def _place(product: bytes) -> bytes:
    return transcript(PLACE, product, size=32)


def _leaf(lower: bytes, upper: bytes) -> bytes:
    return hashlib.sha256(b"\0" + lower + upper).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _commitment(public_key: bytes, count: int, root: bytes) -> bytes:
    return transcript(COMMITMENT, public_key, count.to_bytes(8, "little"), root, size=32)
