"""Proofs that points do *not* share a discrete logarithm (Camenisch and Shoup, CRYPTO 2003).

The prover knows a with A = a*G and shows, for each pair (H_j, W_j), that W_j is not a*H_j. It draws b and
publishes C_j = b*(a*H_j - W_j), which is the identity exactly where W_j = a*H_j, with one proof that it
knows (u, b) with `u*G - b*A = 0` and `u*H_j - b*W_j = C_j` for all j: then u = a*b, and C_j tells.

All pairs of one proof share b. The points a*H_j - W_j are known to nobody but the prover, so under the
decisional Diffie-Hellman assumption the C_j look random.

Not protected here: asking for such a proof *is* asking whether a token is listed. Whoever can ask for
pictures of their own choice has an oracle; `tutela.voucher.lawful` therefore proves only a set that was
committed to before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from tutela.oprf import group
from tutela.oprf.dleq import (
    Pair,
    ProofMalformed,
    ProofRefused,
    Random,
    SecretRefused,
    derive_nonce,
    frame,
    negated,
    pairs_root,
    reduced,
    scalar,
    sum_of,
)

UNEQUAL: Final = b"tutela1 unequal"
MAX_PAIRS: Final = 1 << 10
_HEAD: Final = 3 * group.SCALAR_BYTES


class Equal(SecretRefused):
    """A pair *does* share the discrete logarithm, so its inequality cannot be proved.

    Attributes:
        index: which pair.
    """

    code = "inequality.equal"

    def __init__(self, index: int) -> None:
        super().__init__(f"Pair {index} shares the discrete logarithm of the public key.")
        self.index = index


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof for several pairs; raises `ProofMalformed` on construction.

    Attributes:
        challenge: c.
        responses: for u and b.
        differences: C_j, one for each pair.
    """

    challenge: bytes
    responses: tuple[bytes, bytes]
    differences: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse other sizes and scalars with a second form."""
        reduced(self.challenge, *self.responses)
        sizes = {len(point) for point in self.differences}
        if sizes != {group.POINT_BYTES} or len(self.differences) > MAX_PAIRS:
            raise ProofMalformed(f"A proof is about 1 to {MAX_PAIRS} pairs.")

    def to_bytes(self) -> bytes:
        """Return 96 bytes, and 32 for each pair."""
        return b"".join((self.challenge, *self.responses, *self.differences))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; raises `ProofMalformed`."""
        if len(data) % 32 or not _HEAD < len(data) <= _HEAD + 32 * MAX_PAIRS:
            raise ProofMalformed("A proof of inequality has 96 bytes, and 32 for each pair.")
        parts = [data[at : at + 32] for at in range(0, len(data), 32)]
        return cls(parts[0], (parts[1], parts[2]), tuple(parts[3:]))


def prove(secret: bytes, context: bytes, pairs: Sequence[Pair], random: Random) -> Proof:
    """Prove that no pair's second point is secret times its first.

    Args:
        secret: the scalar a.
        context: what the proof is for.
        pairs: (H_j, W_j).
        random: gives n bytes; only a hedge.

    Raises:
        Equal: one is.
        ProofMalformed: no pair, or too many.
        SecretRefused: something is not a group element.
    """
    public_key = group.multiply_base(secret)
    statement = _statement(context, public_key, pairs)
    blind, first, second = (derive_nonce(secret, statement, random, index) for index in range(3))
    both = group.multiply_scalars(secret, blind)
    try:
        differences = _differences(secret, blind, pairs)
        commitments = [_difference(first, second, h, w) for h, w in pairs]
        commitments.append(_difference(first, second, None, public_key))
    except group.InvalidPoint as error:
        raise SecretRefused("A pair holds something that is not a group element.") from error
    challenge = scalar(UNEQUAL, statement, *differences, *commitments)
    responses = (
        group.add_scalars(first, group.multiply_scalars(challenge, both)),
        group.add_scalars(second, group.multiply_scalars(challenge, blind)),
    )
    return Proof(challenge, responses, tuple(differences))


def verify(proof: Proof, context: bytes, public_key: bytes, pairs: Sequence[Pair]) -> None:
    """Check that no pair shares the discrete logarithm of `public_key`.

    Raises:
        ProofRefused: the proof does not hold, or a difference is the identity.
        ProofMalformed: no pair, or too many.
    """
    if len(proof.differences) != len(pairs):
        raise ProofRefused("The proof is about another number of pairs.")
    statement = _statement(context, public_key, pairs)
    minus, (u, b) = negated(proof.challenge), proof.responses
    try:
        group.check_point(public_key)
        for point in (*proof.differences, *(point for pair in pairs for point in pair)):
            group.check_point(point)  # the identity among the differences would be an equality
        commitments = [
            sum_of((u, h), (negated(b), w), (minus, c))
            for (h, w), c in zip(pairs, proof.differences, strict=True)
        ]
        commitments.append(sum_of((u, None), (negated(b), public_key)))
    except group.InvalidPoint as error:
        raise ProofRefused("The proof holds the identity, or something that is no group element.") from error
    if scalar(UNEQUAL, statement, *proof.differences, *commitments) != proof.challenge:
        raise ProofRefused("The proof of inequality does not hold.")


def _statement(context: bytes, public_key: bytes, pairs: Sequence[Pair]) -> bytes:
    if not 1 <= len(pairs) <= MAX_PAIRS:
        raise ProofMalformed(f"A proof is about 1 to {MAX_PAIRS} pairs.")
    return frame(context, public_key, pairs_root(pairs))


def _differences(secret: bytes, blind: bytes, pairs: Sequence[Pair]) -> list[bytes]:
    found = []
    for index, (h, w) in enumerate(pairs):
        apart = group.subtract(group.multiply(secret, h), w)
        if apart == group.IDENTITY:
            raise Equal(index)
        found.append(group.multiply(blind, apart))
    return found


def _difference(left: bytes, right: bytes, base: bytes | None, point: bytes) -> bytes:
    product = group.multiply_base(left) if base is None else group.multiply(left, base)
    return group.subtract(product, group.multiply(right, point))
