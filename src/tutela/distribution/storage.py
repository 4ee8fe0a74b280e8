"""Files and folders in one step: whole, or not at all; and one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from tutela.distribution.errors import Busy, NoStorage

PART: Final = 1 << 16
_PUBLIC: Final = 0o644


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a temporary file beside `path` that takes its name once the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _PUBLIC)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write(path: Path, data: bytes) -> None:
    """Write a small file, whole or not at all."""
    with replacing(path) as file:
        file.write(data)


def copy(source: Path, to: Path) -> None:
    """Copy a file, whole or not at all."""
    with source.open("rb") as original, replacing(to) as file:
        shutil.copyfileobj(original, file, PART)


def place(source: Path, to: Path) -> None:
    """Let `to` be the same file as `source`, or where that cannot be, a copy; in one step."""
    name = to.with_name(f".{to.name}.{os.getpid()}")
    name.unlink(missing_ok=True)
    try:
        os.link(source, name)
    except OSError:
        copy(source, to)
    else:
        name.replace(to)
        name.unlink(missing_ok=True)  # renaming a file to itself does nothing


def digest(path: Path) -> tuple[int, bytes]:
    """Return a file's length and SHA-256."""
    state, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(PART):
            state.update(part)
            length += len(part)
    return length, state.digest()


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh = room / "fresh"
        fresh.mkdir()
        yield fresh
        if folder.exists():
            folder.rename(room / "old")
        fresh.rename(folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; raises `Busy` if another one has it."""
    with storage_errors():
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy from error
        yield


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what the disk refuses into `NoStorage`."""
    try:
        yield
    except OSError as error:
        raise NoStorage(f"({type(error).__name__}, {Path(str(error.filename or '')).name})") from error
