"""In which member two archives differ: wheels (zip) and source distributions (tar.gz).

Equality is of bytes and is decided by the caller; this module only finds words for a difference, so that
whoever sees it knows where to look.
"""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from typing import Final

MAX_UNPACKED: Final = 1 << 26
_UNREADABLE: Final = (
    *(OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError),
)
#: name -> facts of a member, the most telling first
_Members = dict[str, dict[str, object]]


def difference(name: str, first: bytes, second: bytes) -> str:
    """Return where two archives differ, in a few words; empty if they are equal, byte for byte.

    Args:
        name: the file's name; its ending says how to read it.
        first: the archive of one build.
        second: that of the other.
    """
    if first == second:
        return ""
    try:
        left, right = _members(name, first), _members(name, second)
    except _UNREADABLE:
        return f"{name} cannot be read as an archive"
    for member in sorted(left.keys() ^ right.keys()):
        return f"{name}: {member} is in one of them only"
    for fact in next(iter(left.values()), {}):  # a difference of content says more than one of time
        for member, facts in left.items():
            if right[member][fact] != facts[fact]:
                return f"{name}: {member} differs in its {fact}"
    if list(left) != list(right):
        return f"{name}: the order of the members differs"
    return f"{name}: every member is the same, but they are packed differently"


def _members(name: str, data: bytes) -> _Members:
    return _zip_members(data) if name.endswith(".whl") else _tar_members(data)


def _zip_members(data: bytes) -> _Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED:
            raise ValueError("The archive unpacks to too much.")
        return {
            member.filename: {
                "content": archive.read(member),
                "time": member.date_time,
                "mode": member.external_attr >> 16,
                "compression": member.compress_type,
            }
            for member in archive.infolist()
        }


def _tar_members(data: bytes) -> _Members:
    found: _Members = {}
    with gzip.open(io.BytesIO(data)) as plain:
        unpacked = plain.read(MAX_UNPACKED + 1)
    if len(unpacked) > MAX_UNPACKED:
        raise ValueError("The archive unpacks to too much.")
    with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            found[member.name] = {
                "content": file.read() if file else member.linkname,
                "time": member.mtime,
                "mode": member.mode,
                "owner": (member.uid, member.gid, member.uname, member.gname),
                "type": member.type,
            }
    return found
