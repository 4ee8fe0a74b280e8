"""SHA256SUMS, as `sha256sum --check` reads it, in one canonical form only.

    <64 lower-case hexadecimal digits> <two spaces> <name> <newline>      one line a file, sorted by name

Names are plain: letters, digits and `._+-`, no folder, no leading dot. The signed note (`SHA256SUMS.note`)
has exactly these bytes as its text. No line of them can be read as the size of a log's checkpoint, so a
release's signature is never a log's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from tutela.release.errors import BadSums

MAX_BYTES: Final = 16 * 1024
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_][A-Za-z0-9._+-]{0,199})")


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes, in hex."""
    return sha256(data).hexdigest()


def write(sums: Mapping[str, str]) -> bytes:
    """Return the list of name -> SHA-256 in hex.

    Raises:
        BadSums: a name or a sum is not of the form.
    """
    data = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()
    parse(data)
    return data


def parse(data: bytes) -> dict[str, str]:
    """Return name -> SHA-256 in hex.

    Raises:
        BadSums: the list is empty, too long, or not in the one form; the message names the line.
    """
    if len(data) > MAX_BYTES:
        raise BadSums(f"The list of checksums is larger than {MAX_BYTES} bytes.")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadSums("The list of checksums is not plain text.") from error
    if not text.endswith("\n"):
        raise BadSums("The list of checksums is empty, or ends in the middle of a line.")
    found: dict[str, str] = {}
    previous = ""
    for number, line in enumerate(text[:-1].split("\n"), 1):
        match = _LINE.fullmatch(line)
        if not match:
            raise BadSums(f"Line {number} of the list of checksums is not `<sha256>  <name>`.")
        if match[2] <= previous:
            raise BadSums(f"Line {number} of the list of checksums is out of order, or repeats a name.")
        previous = match[2]
        found[previous] = match[1]
    return found
