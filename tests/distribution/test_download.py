"""Resumption over every way in which a source can break off, change or lie."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.distribution.download import Tally, Wanted, download, part_of
from tutela.distribution.errors import BadPath, CutShort, EndlessData, Malformed, WrongHash
from tutela.distribution.paths import check, epoch_numbers, stored
from tutela.distribution.source import Body, content_range


class Shaky:
    """Gives `data`, but breaks off after so and so many bytes of each answer; some answers know no ranges."""

    def __init__(self, data: bytes, cuts: list[tuple[int, bool, bool]]) -> None:
        self.data, self.cuts = data, cuts
        self.sent = 0

    @contextmanager
    def open(self, name: str, start: int = 0) -> Iterator[Body]:
        del name
        cut, ranges, says = self.cuts.pop(0) if self.cuts else (len(self.data), True, True)
        begin = start if ranges else 0
        yield Body(begin, len(self.data) if says else None, self._parts(self.data[begin:][:cut]))

    def _parts(self, data: bytes) -> Iterator[bytes]:
        for place in range(0, len(data), 7):
            self.sent += len(data[place : place + 7])
            yield data[place : place + 7]


def _wanted(data: bytes) -> Wanted:
    return Wanted(len(data), hashlib.sha256(data).digest())


_CUTS = st.lists(st.tuples(st.integers(0, 300), st.booleans(), st.booleans()), max_size=8)


@given(st.binary(max_size=300), _CUTS)
def test_it_arrives_after_any_breaks_and_no_byte_is_asked_for_twice(
    data: bytes, cuts: list[tuple[int, bool, bool]]
) -> None:
    source = Shaky(data, list(cuts))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for _ in range(len(cuts) + 1):
            before = part_of(path).stat().st_size if part_of(path).exists() else 0
            with contextlib.suppress(CutShort):
                tally = download(source, "file", _wanted(data), path)
                break
            assert not path.exists()
            all_ranges = all(ranges for _, ranges, _ in cuts)
            assert not all_ranges or part_of(path).stat().st_size >= before
        assert path.read_bytes() == data
        assert tally.received + tally.resumed == len(data)
        if all(ranges for _, ranges, _ in cuts):
            assert source.sent == len(data)
        assert not part_of(path).exists()
        assert download(source, "file", _wanted(data), path) == Tally(0, len(data))


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200), _CUTS)
def test_another_file_never_takes_the_name(
    data: bytes, sent: bytes, partial: bytes, cuts: list[tuple[int, bool, bool]]
) -> None:
    """Whatever lies there already and whatever is sent, only the signed bytes get the name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        part_of(path).write_bytes(partial)
        try:
            download(Shaky(sent, list(cuts)), "file", _wanted(data), path)
        except CutShort:
            assert not path.exists()
            assert part_of(path).stat().st_size < len(data)
        except (WrongHash, EndlessData):
            assert not path.exists()
            assert not part_of(path).exists()
        else:
            assert path.read_bytes() == data


@given(st.text(max_size=60))
def test_a_range_is_read_or_refused(header: str) -> None:
    with contextlib.suppress(Malformed):
        first, total = content_range(header)
        assert first is None or first < total


def test_ranges() -> None:
    assert content_range("bytes 5-9/10") == (5, 10)
    assert content_range("bytes */10") == (None, 10)
    for bad in (
        "bytes 5-10/10",
        "bytes 9-5/10",
        "bytes 5-9/*",
        "bytes=5-9/10",
        "bytes 5-9/10 ",
        "bytes \u0665-9/10",
    ):
        with pytest.raises(Malformed):
            content_range(bad)


@given(st.lists(st.text(alphabet="aZ09._-", max_size=4), max_size=5).map("/".join) | st.text(max_size=30))
def test_a_path_never_leads_out(path: str) -> None:
    with contextlib.suppress(BadPath):
        where = Path("/base") / stored(check(path), b"\0" * 32)
        assert where.resolve().is_relative_to("/base/targets")
        assert len(where.parts) == 4 + path.count("/")


def test_epochs_are_found_by_their_manifest() -> None:
    listed = [
        "epochs/2/manifest.json",
        "epochs/10/manifest.json",
        "epochs/11/table.bin",
        "epochs/012/manifest.json",
    ]
    assert epoch_numbers([*listed, "lists/3/manifest.json", "epochs/\u0663/manifest.json"]) == (2, 10)
