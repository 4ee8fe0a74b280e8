"""What the distribution room reads: paths and ranges by itself, statements through python-tuf."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tutela.distribution import Organisation, Repository, RoleKeys, Updater, signer
from tutela.distribution.errors import NotThere
from tutela.distribution.paths import check, check_pattern, epoch_numbers, stored
from tutela.distribution.source import Body, content_range

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_KEYS = [signer(bytes([number]) * 32) for number in range(1, 5)]


class _Given:
    """A repository that holds what it was given."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    @contextmanager
    def open(self, name: str, start: int = 0) -> Iterator[Body]:
        if name not in self.files:
            raise NotThere
        data = self.files[name][start:]
        yield Body(start, len(data), iter((data,)))


def _made() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        roles = {
            name: RoleKeys.of([key])
            for name, key in zip(("root", "targets", "snapshot", "timestamp"), _KEYS, strict=True)
        }
        by = Organisation("builder", RoleKeys.of([_KEYS[1]]), ("epochs/*/*",))
        Repository(Path(folder)).create(roles, [by], _KEYS, NOW)
        return {f"metadata/{file.name}": file.read_bytes() for file in (Path(folder) / "metadata").iterdir()}


FILES = _made()


def roots() -> tuple[bytes, ...]:
    return (FILES["metadata/1.root.json"],)


def timestamps() -> tuple[bytes, ...]:
    return (FILES["metadata/timestamp.json"],)


def root(data: bytes) -> None:
    """A root from outside that somebody took for the program's own."""
    with tempfile.TemporaryDirectory() as folder:
        Updater(_Given(FILES), Path(folder), root=data).refresh(NOW)


def timestamp(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = _Given({**FILES, "metadata/timestamp.json": data})
        Updater(given, Path(folder), root=roots()[0]).refresh(NOW)


def path(data: bytes) -> None:
    text = data.decode("latin-1")
    epoch_numbers([text])
    assert ".." not in Path(stored(check(text), b"\0" * 32)).parts
    check_pattern(text)


def paths() -> tuple[bytes, ...]:
    return b"epochs/7/manifest.json", b"lists/centre/a.csv", b"epochs/../x"


def ranges(data: bytes) -> None:
    first, total = content_range(data.decode("latin-1"))
    assert first is None or first < total


def range_headers() -> tuple[bytes, ...]:
    return b"bytes 5-9/10", b"bytes */10"
