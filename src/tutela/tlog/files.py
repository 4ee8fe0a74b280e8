"""Files that are whole and on the disk before the caller goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tutela.tlog.errors import StoreTruncated, StoreUnwritable, Truncated

_TEMPORARY = ".tmp"


def write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their paths under `folder`: each whole or not at all, all durable on return.

    One writer at a time: temporary names are fixed, so that what a crash left is written over.

    Raises:
        StoreUnwritable: the disk or the folder refuses.
    """
    touched: set[Path] = set()
    try:
        for name, data in files.items():
            target = folder / name
            _make(target.parent, touched)
            temporary = target.with_name(target.name + _TEMPORARY)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            touched.add(target.parent)
        for place in touched:
            _sync(place)
    except OSError as error:
        raise StoreUnwritable(
            f"The folder {folder.name} cannot be written.",
            hint="Is the disk full, or the folder someone else's?",
        ) from error


def read(folder: Path, name: str, limit: int) -> bytes:
    """Return a file's bytes.

    Raises:
        StoreTruncated: it is not there.
        StoreUnwritable: it cannot be read.
        Truncated: it is larger than `limit`, so it is not what it should be.
    """
    try:
        with (folder / name).open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise StoreTruncated(
            f"The file {name} of the log is missing.", hint="Restore the folder from its newest copy."
        ) from error
    except OSError as error:
        raise StoreUnwritable(f"The file {name} of the log cannot be read.") from error
    if len(data) > limit:
        raise Truncated(f"The file {name} of the log is too large.")
    return data


def _make(place: Path, touched: set[Path]) -> None:
    missing = []
    while not place.is_dir():
        missing.append(place)
        place = place.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        touched.add(one.parent)


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
