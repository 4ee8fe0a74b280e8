"""What a JPEG's markers say, read without decoding: orientation, number of scans, and its end.

Source: ITU-T T.81 (JPEG), annex B; Exif 2.3 section 4.5.4 (APP1). Only the first picture of the file
is read: phones append previews, depth maps and films.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

from PIL import Image

from tutela.fingerprint.errors import DamagedPicture, TooManyScans

#: far above what cameras (1) and optimisers (10 to 15) write; each costs a pass over all pixels
MOST_SCANS = 100

#: extended XMP splits depth maps into hundreds of segments
MOST_SEGMENTS = 5000

#: a marker that is neither padding, a stuffed byte, a restart nor a start of image
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1

#: start of frame of a JPEG that is sequential, so that one scan may hold all of it
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_EXIF = b"Exif\x00\x00"
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Markers:
    """What the markers of the first picture say.

    Attributes:
        orientation: the Exif orientation, 1 to 8.
        whole: whether the end of the picture is there.
    """

    orientation: int
    whole: bool


def read_markers(data: bytes) -> Markers:
    """Read the markers of the first picture in `data`.

    Raises:
        TooManyScans: when it passes over its pixels more than 100 times.
        DamagedPicture: when it has more segments than any real picture.
    """
    orientation, scans, components, at = 1, 0, 0, 2
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            return Markers(orientation, whole=False)
        marker, at = data[found.end() - 1], found.end()
        size, body = int.from_bytes(data[at : at + 2]), data[at + 2 : at + 8]
        if marker == _END_OF_IMAGE:
            return Markers(orientation, whole=True)
        if marker in _SEQUENTIAL:
            components = body[5] if len(body) > 5 else 0
        elif marker == _START_OF_SCAN:
            scans += 1
            if scans == 1 and body[:1] == bytes([components]) and data.endswith(b"\xff\xd9"):
                return Markers(orientation, whole=True)  # no need to look through the only scan
            if scans > MOST_SCANS:
                raise TooManyScans("The JPEG is built to take very long.", hint="Treat it as hostile.")
        elif marker == _APP1 and orientation == 1 and body == _EXIF:
            orientation = exif_orientation(data[at + 2 : at + size])
        at += size
    raise DamagedPicture("The JPEG has more segments than a picture can have.")


def exif_orientation(exif: bytes) -> int:
    """Return the orientation (1 to 8) in an Exif block; 1 when it is missing or unreadable.

    A viewer shows a picture with a broken Exif block, so that is no reason to refuse it.
    """
    tags = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags.load(exif)
            return valid_orientation(tags.get(_ORIENTATION))
    except Exception:  # noqa: BLE001  Pillow's Exif reader raises whatever its parsing ran into
        return 1


def valid_orientation(value: object) -> int:
    """Return `value` when it is an Exif orientation, else 1 (upright)."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
