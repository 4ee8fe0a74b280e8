"""Proofs that points share one discrete logarithm (Chaum and Pedersen, CRYPTO 1992), single and for a batch.

The prover knows a with A = a*G and P_i = a*H_i for every pair (H_i, P_i), and shows it without saying a.

A batch is folded into one pair by coefficients, M = sum d_i*H_i and Z = sum d_i*P_i. Here d_i is a full
scalar that depends on a digest of **all** pairs, on A, the context, the number of pairs, and i. The
composites of RFC 9497, section 2.2.1, hash each pair only with itself, its index and the key, so whoever
chooses the pairs can draw many candidates for each place until their errors d_i*(P_i - a*H_i) cancel: a
k-sum problem (Wagner, "A Generalized Birthday Problem", CRYPTO 2002). With the digest of all pairs inside,
every change of one pair changes all coefficients.

Fiat-Shamir over BLAKE2b with a personalisation for each use, as in the voucher protocol. The nonce is
derived from the secret, the statement and injected randomness: repeated or bad randomness does not
repeat a nonce for two statements.

Not protected here: the proof says nothing of where the H_i come from. A verifier computes them itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from tutela.errors import InputError, VerificationError
from tutela.oprf import group

SINGLE: Final = b"tutela1 dleq"
BATCH: Final = b"tutela1 batch"
COEFFICIENT: Final = b"tutela1 coeff"
PAIRS: Final = b"tutela1 pairs"
NONCE: Final = b"tutela1 nonce"
PROOF_BYTES: Final = 2 * group.SCALAR_BYTES
MAX_PAIRS: Final = 1 << 32

Random = Callable[[int], bytes]
Pair = tuple[bytes, bytes]


class ProofMalformed(InputError):
    """The bytes are not a proof of this format."""

    code = "dleq.malformed"


class ProofRefused(VerificationError):
    """The proof does not hold for this statement."""

    code = "dleq.refused"


class SecretRefused(InputError):
    """The prover's secret does not fit the statement: what would be proved is not so."""

    code = "dleq.secret"


@dataclass(frozen=True, slots=True)
class Proof:
    """A challenge and a response, each a reduced scalar; raises `ProofMalformed` on construction."""

    challenge: bytes
    response: bytes

    def __post_init__(self) -> None:
        """Refuse scalars with a second form."""
        reduced(self.challenge, self.response)

    def to_bytes(self) -> bytes:
        """Return 64 bytes."""
        return self.challenge + self.response

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read 64 bytes; raises `ProofMalformed`."""
        if len(data) != PROOF_BYTES:
            raise ProofMalformed(f"A proof has {PROOF_BYTES} bytes.")
        return cls(data[: group.SCALAR_BYTES], data[group.SCALAR_BYTES :])


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch is about.

    Attributes:
        context: what it is for, for example a table's id.
        public_key: A.
        root: 32 bytes that determine all pairs and their order (`pairs_root`, or a digest of whatever
            the verifier computes all pairs from).
        count: number of pairs.
    """

    context: bytes
    public_key: bytes
    root: bytes
    count: int

    def binding(self) -> bytes:
        """Return 32 bytes on which every coefficient depends."""
        if len(self.root) != 32 or not 1 <= self.count < MAX_PAIRS:
            raise ProofMalformed("A batch has a root of 32 bytes and at least one pair.")
        return transcript(
            BATCH, self.root, self.public_key, self.context, self.count.to_bytes(4, "little"), size=32
        )

    def coefficients(self) -> Callable[[int], bytes]:
        """Return the function i -> d_i."""
        key = self.binding()

        def coefficient(index: int) -> bytes:
            data = index.to_bytes(4, "little")
            return group.reduce_scalar(_blake(COEFFICIENT, data, key=key))

        return coefficient


def prove(secret: bytes, context: bytes, base: bytes, product: bytes, random: Random) -> Proof:
    """Prove that product = secret*base and A = secret*G.

    Args:
        secret: the scalar a.
        context: what the proof is for; a verifier must give the same bytes.
        base: H.
        product: P.
        random: gives n bytes; only a hedge.

    Raises:
        SecretRefused: product is not secret*base.
    """
    try:
        public_key = group.multiply_base(secret)
        if group.multiply(secret, base) != product:
            raise SecretRefused("The secret does not join these two points.")
        statement = frame(context, public_key, base, product)
        nonce = derive_nonce(secret, statement, random)
        commitments = group.multiply_base(nonce), group.multiply(nonce, base)
    except group.InvalidPoint as error:
        raise SecretRefused("The statement holds something that is not a group element.") from error
    challenge = scalar(SINGLE, statement, *commitments)
    return Proof(challenge, group.add_scalars(nonce, group.multiply_scalars(challenge, secret)))


def verify(proof: Proof, context: bytes, public_key: bytes, base: bytes, product: bytes) -> None:
    """Check that one a has public_key = a*G and product = a*base; raises `ProofRefused`.

    The four points must be valid and not the identity.
    """
    minus = negated(proof.challenge)
    try:
        for point in (public_key, base, product):
            group.check_point(point)
        commitments = (
            sum_of((proof.response, None), (minus, public_key)),
            sum_of((proof.response, base), (minus, product)),
        )
    except group.InvalidPoint as error:
        raise ProofRefused("The proof, or its statement, holds no group element.") from error
    if scalar(SINGLE, frame(context, public_key, base, product), *commitments) != proof.challenge:
        raise ProofRefused("The points do not share one discrete logarithm.")


def prove_folded(secret: bytes, batch: Batch, base: bytes, random: Random) -> tuple[bytes, Proof]:
    """Return Z = secret*M and a proof of it for a batch that was folded to M; raises `SecretRefused`."""
    product = group.multiply(secret, base)
    if group.multiply_base(secret) != batch.public_key:
        raise SecretRefused("The secret does not belong to the public key.")
    return product, prove(secret, batch.binding(), base, product, random)


def verify_folded(proof: Proof, batch: Batch, base: bytes, product: bytes) -> None:
    """Check the proof of a batch that was folded to (M, Z); raises `ProofRefused`."""
    verify(proof, batch.binding(), batch.public_key, base, product)


def prove_batch(secret: bytes, context: bytes, pairs: Sequence[Pair], random: Random) -> Proof:
    """Prove that every product is secret times its base; raises `SecretRefused`."""
    batch = Batch(context, group.multiply_base(secret), pairs_root(pairs), len(pairs))
    base, product = fold(batch, pairs)
    made, proof = prove_folded(secret, batch, base, random)
    if made != product:
        raise SecretRefused("The secret does not join every pair.")
    return proof


def verify_batch(proof: Proof, context: bytes, public_key: bytes, pairs: Sequence[Pair]) -> None:
    """Check that one a joins every pair and public_key = a*G; raises `ProofRefused`."""
    batch = Batch(context, public_key, pairs_root(pairs), len(pairs))
    try:
        base, product = fold(batch, pairs)
    except group.InvalidPoint as error:
        raise ProofRefused("A pair holds something that is not a group element.") from error
    verify_folded(proof, batch, base, product)


def pairs_root(pairs: Iterable[Pair]) -> bytes:
    """Return a digest of all pairs in their order."""
    state = hashlib.blake2b(digest_size=32, person=PAIRS.ljust(16, b"\0"))
    for base, product in pairs:
        if len(base) != group.POINT_BYTES or len(product) != group.POINT_BYTES:
            raise ProofMalformed("A pair is two points of 32 bytes.")
        state.update(base + product)
    return state.digest()


def fold(batch: Batch, pairs: Iterable[Pair]) -> Pair:
    """Return (M, Z), the sums of all bases and of all products, each times its coefficient."""
    coefficient = batch.coefficients()
    base = product = group.IDENTITY
    for index, (h, p) in enumerate(pairs):
        d = coefficient(index)
        base = group.add(base, group.multiply(d, h))
        product = group.add(product, group.multiply(d, p))
    return base, product


def derive_nonce(secret: bytes, statement: bytes, random: Random, index: int = 0) -> bytes:
    """Return a nonce that depends on the secret, the statement and 32 bytes of randomness."""
    data = frame(statement, random(32), index.to_bytes(4, "little"))
    return group.reduce_scalar(_blake(NONCE, data, key=secret))


def scalar(name: bytes, *parts: bytes) -> bytes:
    """Return a challenge: a scalar hashed from framed parts."""
    return group.reduce_scalar(transcript(name, *parts))


def transcript(name: bytes, *parts: bytes, size: int = 64) -> bytes:
    """Return BLAKE2b of framed parts, personalised by `name`."""
    return _blake(name, frame(*parts), size=size)


def frame(*parts: bytes) -> bytes:
    """Concatenate parts unambiguously: each behind its 4-byte length."""
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def negated(value: bytes) -> bytes:
    """Return -value modulo the order; for public scalars."""
    return (-int.from_bytes(value, "little") % group.ORDER).to_bytes(32, "little")


def sum_of(*terms: tuple[bytes, bytes | None]) -> bytes:
    """Return the sum of scalar*point; None stands for the base point, and a zero scalar adds nothing."""
    total = group.IDENTITY
    for factor, point in terms:
        if factor != bytes(group.SCALAR_BYTES):
            product = group.multiply_base(factor) if point is None else group.multiply(factor, point)
            total = group.add(total, product)
    return total


def reduced(*scalars: bytes) -> None:
    """Raise `ProofMalformed` unless all are reduced scalars."""
    try:
        for value in scalars:
            group.check_scalar(value)
    except group.InvalidScalar as error:
        raise ProofMalformed("A scalar of the proof is not reduced.") from error


def _blake(name: bytes, data: bytes, *, size: int = 64, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=size, key=key, person=name.ljust(16, b"\0")).digest()
