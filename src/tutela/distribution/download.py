"""One file, resumably: what arrived is kept beside it as `.part`, and the next try goes on from there.

The signed length and SHA-256 decide, computed while the bytes are written. What is too long or not the
signed file is removed; what is merely unfinished stays. The name is taken in one step at the end.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from tutela.distribution.errors import CutShort, EndlessData, WrongHash
from tutela.distribution.source import Body, Source
from tutela.distribution.storage import PART, digest, storage_errors

Progress = Callable[[int, int], None]
SUFFIX: Final = ".part"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was signed of a file."""

    length: int
    sha256: bytes


@dataclass(slots=True)
class Tally:
    """Bytes that came from the repository, and bytes that were here already."""

    received: int = 0
    resumed: int = 0


def part_of(path: Path) -> Path:
    """Return where the unfinished file lies."""
    return path.with_name(path.name + SUFFIX)


def download(
    source: Source, name: str, wanted: Wanted, path: Path, *, progress: Progress | None = None
) -> Tally:
    """Bring a file to `path`, from where the last try ended.

    Args:
        source: of the repository.
        name: of the file in the repository.
        wanted: its signed length and SHA-256.
        path: where it shall be; the unfinished file lies beside it.
        progress: called with (bytes so far, bytes in all).

    Raises:
        WrongHash, EndlessData: not the signed file; what had arrived was removed.
        CutShort, Slow, Unreachable: unfinished; what had arrived is kept.
        NoStorage: the disk refuses.
    """
    with storage_errors():
        if is_here(path, wanted):
            return Tally(resumed=wanted.length)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(path)
        tally = Tally()
        try:
            with part.open("a+b") as file:
                _complete(file, source, name, wanted, tally, progress)
                file.flush()
                os.fsync(file.fileno())
        except (WrongHash, EndlessData):
            part.unlink(missing_ok=True)
            raise
        part.replace(path)
        return tally


def is_here(path: Path, wanted: Wanted) -> bool:
    """Return whether the file is there and is the signed one."""
    try:
        return path.stat().st_size == wanted.length and digest(path) == (wanted.length, wanted.sha256)
    except FileNotFoundError:
        return False


def _complete(
    file: IO[bytes], source: Source, name: str, wanted: Wanted, tally: Tally, progress: Progress | None
) -> None:
    """Take what the file holds, add what is missing, and compare."""
    state = hashlib.sha256()
    have = file.seek(0, 2)
    if have > wanted.length:
        have = _empty(file)
    file.seek(0)
    while part := file.read(PART):
        state.update(part)
    tally.resumed = have
    if have < wanted.length:
        with source.open(name, have) as body:
            _check_total(body, wanted)
            if body.start != have:  # a server without ranges begins anew
                have, state, tally.resumed = _empty(file), hashlib.sha256(), 0
            for part in body.parts:
                tally.received += len(part)
                have += len(part)
                if have > wanted.length:
                    raise EndlessData
                file.write(part)
                state.update(part)
                if progress is not None:
                    progress(have, wanted.length)
    if have < wanted.length:
        raise CutShort
    if state.digest() != wanted.sha256:
        raise WrongHash


def _check_total(body: Body, wanted: Wanted) -> None:
    if body.total is not None and body.total > wanted.length:
        raise EndlessData
    if body.total is not None and body.total < wanted.length:
        raise WrongHash("(It is shorter.)")


def _empty(file: IO[bytes]) -> int:
    file.seek(0)
    file.truncate()
    return 0
