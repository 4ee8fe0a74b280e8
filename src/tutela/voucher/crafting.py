"""How a voucher follows from its seed: the same code makes it on the device and checks it at the provider.

For each token y of mask j, with P decoded from the table (design, section 4):

    b, g   scalars from the seed
    Q = b*H(y) + g*G        S = b*P + g*A
    x = PRF(k_acct, y)      z = (x, p_j(x)) under KDF(k_img, S)
    wrap = KDF(S, Q, context, place) xor (w, j, s_j, z)

If y is not listed, (Q, S) is uniform whatever the other tokens are, so the wrap is noise to a provider with
any dictionary. If y is listed, S = a*Q. The p_j are polynomials of degree t-1 with p_j(0) = k_acct and all
other coefficients from a PRF under k_acct; s_j are Shamir shares of k_img over the masks (for hits = 1: k_img
itself).

Not protected here: a modified client can send noise, and nobody can tell that from an honest non-match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tutela.oprf import group
from tutela.voucher import field, hashing
from tutela.voucher.errors import VoucherRefused
from tutela.voucher.parameters import WRAP_BYTES, Parameters
from tutela.voucher.table import Table, token_point
from tutela.voucher.tokens import BITS_BYTES, Token

_NONCE: Final = bytes(12)  # every key below encrypts one message only


@dataclass(frozen=True, slots=True)
class Pair:
    """A precomputed (g*G, g*A), burnt before its only use."""

    base: bytes
    public: bytes


def expand(seed: bytes, what: bytes, index: int = 0, size: int = 64) -> bytes:
    """Return `size` pseudo-random bytes of a voucher's seed."""
    return hashing.digest(hashing.EXPAND, what + index.to_bytes(4, "little"), size=size, key=seed)


def image_key(seed: bytes) -> bytes:
    """Return k_img, a field element in 16 bytes."""
    return field.to_bytes(field.element(expand(seed, b"k_img")))


def precompute(seed: bytes, public_key: bytes, count: int) -> tuple[Pair, ...]:
    """Return the `count` pairs of a seed: the half of the work that does not depend on the picture."""
    pairs = []
    for index in range(count):
        scalar = group.reduce_scalar(expand(seed, b"g", index))
        pairs.append(Pair(group.multiply_base(scalar), group.multiply(scalar, public_key)))
    return tuple(pairs)


def random_tokens(parameters: Parameters, seed: bytes) -> tuple[Token, ...]:
    """Return tokens that no picture gave, for uploads that are not matched: same work, same size."""
    return tuple(
        Token(index >> parameters.probes, expand(seed, b"token", index, BITS_BYTES))
        for index in range(parameters.tokens)
    )


def order(seed: bytes, count: int) -> list[int]:
    """Return the random order in which the tokens go out."""
    return sorted(range(count), key=lambda index: expand(seed, b"order", index, 16))


def account_polynomials(parameters: Parameters, account_key: bytes) -> list[list[int]]:
    """Return p_1 ... p_T of degree t-1: all equal k_acct at 0, otherwise independent."""
    constant = int.from_bytes(account_key, "little")
    return [
        [constant]
        + [
            field.element(
                hashing.digest(hashing.POLYNOMIAL, bytes((mask,)) + i.to_bytes(2, "little"), key=account_key)
            )
            for i in range(1, parameters.threshold)
        ]
        for mask in range(len(parameters.masks))
    ]


def position(account_key: bytes, token: bytes) -> bytes:
    """Return x = PRF(k_acct, y): 8 bytes, never zero (p_j(0) is the key itself)."""
    x = hashing.digest(hashing.POSITION, token, size=8, key=account_key)
    return x if any(x) else b"\1" + bytes(7)


def pad(shared: bytes, sent: bytes, context: bytes, place: int) -> bytes:
    """Return the 49 bytes that hide a wrap."""
    return hashing.digest(hashing.PAD, sent + context + bytes((place,)), size=WRAP_BYTES, key=shared)


def share_pad(key: bytes, shared: bytes, context: bytes) -> bytes:
    """Return the 24 bytes that hide (x, p_j(x)) from whoever lacks the image key."""
    return hashing.digest(hashing.SHARE, shared + context, size=24, key=key)


def xor(left: bytes, right: bytes) -> bytes:
    """Return left xor right, of equal length."""
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))


def image_shares(parameters: Parameters, seed: bytes, key: bytes) -> list[bytes]:
    """Return s_1 ... s_T, of which any `hits` give k_img."""
    coefficients = [int.from_bytes(key, "little")]
    coefficients += [field.element(expand(seed, b"share", i)) for i in range(1, parameters.hits)]
    return [field.to_bytes(field.evaluate(coefficients, mask + 1)) for mask in range(len(parameters.masks))]


def token_section(
    parameters: Parameters,
    table: Table,
    *,
    account_key: bytes,
    context: bytes,
    seed: bytes,
    tokens: Sequence[Token],
    pairs: Sequence[Pair],
) -> bytes:
    """Return the token section of a voucher: 81 bytes for each token, in the seed's order.

    Raises:
        TableError: a group call failed; the table must no longer be used.
    """
    key = image_key(seed)
    shares = image_shares(parameters, seed, key)
    polynomials = account_polynomials(parameters, account_key)
    w = expand(seed, b"w", size=8)
    table_id = table.header.table_id
    sent = []
    for place, index in enumerate(order(seed, len(tokens))):
        token = tokens[index]
        name = token.to_bytes()
        blind = group.reduce_scalar(expand(seed, b"b", index))
        decoded = table.decode(name)
        if decoded == group.IDENTITY:
            decoded = group.hash_to_group(expand(seed, b"identity", index))
        q = group.add(group.multiply(blind, token_point(table_id, name)), pairs[index].base)
        s = group.add(group.multiply(blind, decoded), pairs[index].public)
        x = position(account_key, name)
        share = field.evaluate(polynomials[token.mask], int.from_bytes(x, "little"))
        z = xor(x + field.to_bytes(share), share_pad(key, s, context))
        wrap = w + bytes((token.mask,)) + shares[token.mask] + z
        sent.append(q + xor(wrap, pad(s, q, context, place)))
    return b"".join(sent)


def _aead(name: bytes, key: bytes, context: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(hashing.digest(name, context, key=key))


def seal_body(inner: bytes, *, key: bytes, account_key: bytes, context: bytes) -> bytes:
    """Return AEAD(k_img, AEAD(k_acct, inner)) (ChaCha20-Poly1305, RFC 8439; keys bound to the context)."""
    once = _aead(hashing.ACCOUNT_AEAD, account_key, context).encrypt(_NONCE, inner, context)
    return _aead(hashing.IMAGE_AEAD, key, context).encrypt(_NONCE, once, context)


def open_body(body: bytes, *, key: bytes, account_key: bytes, context: bytes) -> bytes:
    """Undo `seal_body`; raises `VoucherRefused` if either layer does not open."""
    try:
        once = _aead(hashing.IMAGE_AEAD, key, context).decrypt(_NONCE, body, context)
        return _aead(hashing.ACCOUNT_AEAD, account_key, context).decrypt(_NONCE, once, context)
    except InvalidTag as error:
        raise VoucherRefused("The voucher's body does not open under its keys.") from error
