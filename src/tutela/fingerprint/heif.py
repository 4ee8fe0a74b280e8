"""A look at HEIC before its reader sees it: the reader ends the process over a name that is not text.

pi-heif 1.4 builds Python text from the type and the strings of each item (`infe` boxes, ISO/IEC 14496-12
section 8.11.6) without checking that it could: a single changed byte there is a crash, not an error. So
those boxes are checked first, wherever they lie outside the coded pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tutela.fingerprint.errors import DamagedPicture

_ITEM = re.compile(rb"infe")
_PICTURES = b"mdat"


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and announced end of the boxes at the top level."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        elif size == 0:  # up to the end of the file
            size = len(data) - at
        yield data[at + 4 : at + 8], at, at + size
        if size < 8:
            return
        at += size


def check_items(data: bytes) -> None:
    """Raise DamagedPicture when the type or a string of an item is not text."""
    for kind, start, stop in boxes(data):
        if kind == _PICTURES:
            continue
        for found in _ITEM.finditer(data, start, stop if stop > start + 8 else len(data)):
            _check_item(data, found.end())


def _check_item(data: bytes, at: int) -> None:
    """Check the item whose box has its version at `at`, its size 8 bytes before."""
    stop = at - 8 + int.from_bytes(data[at - 8 : at - 4])
    identity = 4 if data[at : at + 1] == b"\x03" else 2
    text = data[at + 4 + identity + 2 : stop]
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise DamagedPicture("The HEIC content is damaged.", hint="Copy or download it again.") from error
