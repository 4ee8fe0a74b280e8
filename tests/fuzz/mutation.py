"""Small random changes of bytes, the same for the same seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

#: what breaks readers of lengths, numbers, texts and trees
TOKENS = (
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"-1", b"0", b"99999999999999999999", b"1e400", b"null",
    b"[]", b"{}", b"[[[[", b'""', b'"\\ud800"', b"\\u0000", b"true", b"\xc3", b"\xed\xa0\x80", b"\r\n", b"\xef\xbb\xbf",
    b"<", b">", b"&#0;", b"<!--", b"]]>", b"%00", b"=", b";", b",", b"\x7f", b" ", b"\xe2\x80\xae",
)  # fmt: skip


def mutations(seeds: tuple[bytes, ...], count: int, longest: int) -> Iterator[bytes]:
    """Yield `count` changed inputs."""
    draw = random.Random(20260201)
    for _ in range(count):
        data = bytearray(draw.choice(seeds))
        for _ in range(draw.choice((1, 1, 2, 4, 8))):
            _change(draw, data, seeds)
        yield bytes(data[:longest])


def _change(draw: random.Random, data: bytearray, seeds: tuple[bytes, ...]) -> None:
    at = draw.randrange(len(data) + 1)
    upto = min(len(data), at + draw.choice((1, 2, 4, 16, 256)))
    kind = draw.randrange(7)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << draw.randrange(8)
    elif kind == 1 and at < len(data):
        data[at] = draw.randrange(256)
    elif kind == 2:
        del data[at:upto]
    elif kind == 3:
        data[at:at] = data[at:upto]
    elif kind == 4:
        data[at:upto] = draw.choice(TOKENS)
    elif kind == 5:
        data[at:at] = draw.choice(TOKENS)
    else:
        other = draw.choice(seeds)
        begin = draw.randrange(len(other) + 1)
        data[at:upto] = other[begin : begin + draw.choice((1, 8, 64))]


#: what may stand in a place of a JSON text where something else is expected
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**60, 10**400, 1.5, "", "x", "\ud800", "\0", "9" * 20, [], {}, ["x"], {"a": 1}, [[]],
)  # fmt: skip


def odd_values(seed: bytes) -> Iterator[bytes]:
    """Yield a JSON text with each of its values, one at a time, replaced by each of `ODD`, and left out."""
    whole = json.loads(seed)
    for path in list(_paths(whole, ())):
        for value in ODD:
            yield json.dumps(_with(whole, path, value)).encode()
        yield json.dumps(_with(whole, path, _GONE)).encode()


_GONE = object()


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    names = value if isinstance(value, dict) else range(min(2, len(value))) if isinstance(value, list) else ()
    for name in names:
        yield from _paths(value[name], (*path, name))


def _with(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    copied = copy.deepcopy(whole)
    place = copied
    for name in path[:-1]:
        place = place[name]
    if value is _GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied
