"""What reviewers see: the small pictures of a case, decoded and drawn anew before anybody looks at them.

A derivative is bytes that a device chose. They are decoded in a child process without secrets (`decoding`),
and only what that process encoded again is kept and shown. Its PDQ hash is compared with the hash that
matched, because nothing else says that the derivative is of the matched picture.

What it does not protect: a picture made to have a hash close to another's; a hole in a decoder lets the child
answer what it likes, within its form.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tutela.fingerprint import hamming
from tutela.provider.decoding import DERIVATIVES
from tutela.provider.judging import child
from tutela.voucher.opening import Revealed
from tutela.voucher.wire import DERIVATIVE_BYTES

#: bits between the hash that matched and its derivative's: measured, see docs/PROTOCOL.md
MAX_FROM_VOUCHER: Final = 84
_BATCH: Final = 64
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Derivative:
    """A derivative drawn anew.

    Attributes:
        webp: a grey WebP of at most 160 pixels and 2,400 bytes.
        distance: bits between its PDQ hash and the one in the voucher.
    """

    webp: bytes
    distance: int


def redraw(pictures: Sequence[Revealed]) -> dict[int, Derivative]:
    """Return the derivatives by slot; what a slot's device sealed is no derivative if it is not there.

    Raises:
        JudgeFailed: the child could not work at all; try again.
    """
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    return {slot: drawn for batch in batches for slot, drawn in _batch(batch).items()}


def _batch(pictures: Sequence[Revealed]) -> dict[int, Derivative]:
    """Draw some; a picture that ends the process is found by halves, and takes no other with it."""
    drawn = _read(child(_written(pictures), DERIVATIVES), pictures)
    if drawn is not None:
        return drawn
    if len(pictures) == 1:
        return {}
    half = len(pictures) // 2
    return _batch(pictures[:half]) | _batch(pictures[half:])


def _written(pictures: Sequence[Revealed]) -> bytes:
    return json.dumps([base64.b64encode(one.derivative).decode() for one in pictures]).encode()


def _read(answer: bytes | None, pictures: Sequence[Revealed]) -> dict[int, Derivative] | None:
    """Return what was drawn, by slot; None if the process ended or answered nonsense."""
    try:
        pairs = zip(pictures, json.loads(answer or b""), strict=True)
        return {one.slot: _derivative(one, item) for one, item in pairs if item is not None}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _derivative(picture: Revealed, item: dict[str, str]) -> Derivative:
    webp, pdq = base64.b64decode(item["webp"], validate=True), bytes.fromhex(item["pdq"])
    if len(webp) > DERIVATIVE_BYTES or len(pdq) != _HASH_BYTES or webp[:4] + webp[8:12] != b"RIFFWEBP":
        raise ValueError("not a derivative")
    return Derivative(webp, hamming(pdq, picture.pdq))
