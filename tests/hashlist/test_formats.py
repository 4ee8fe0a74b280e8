from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from list_samples import ORIGIN, entries, entry, labels

from tutela.errors import TutelaError
from tutela.hashlist import BadEntry, BadFile, BadLine, Entry, HashList
from tutela.hashlist.formats import jsonl, plain, table
from tutela.hashlist.formats.lines import MAX_LINE_BYTES

SALT = bytes(range(32))
several = st.lists(entries(), max_size=6, unique_by=lambda entry: entry.id)


@contextmanager
def written(data: bytes = b"") -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.txt"
        path.write_bytes(data)
        yield path


@given(several)
def test_json_lines_round_trip(given_entries: list[Entry]) -> None:
    with written() as path:
        HashList(tuple(given_entries), SALT).save(path)
        assert HashList.load(path) == HashList(tuple(given_entries), SALT)
        assert path.stat().st_mode & 0o777 == 0o600


@given(several)
def test_csv_round_trip(given_entries: list[Entry]) -> None:
    with written() as path:
        table.save(path, given_entries)
        assert list(table.load(path)) == given_entries


@given(several)
def test_plain_lines_keep_every_fingerprint(given_entries: list[Entry]) -> None:
    def signals(these: list[Entry] | tuple[Entry, ...]) -> set[tuple[str, bytes]]:
        return {(n, v) for e in these for n in ("pdq", "sha256", "md5") if (v := getattr(e, n)) is not None}

    with written() as path:
        count = plain.save(path, given_entries)
        read = plain.load(path, labels())
    assert signals(read.entries) == signals(given_entries)
    assert (count, read.duplicates) == (len(read.entries), 0)


def test_plain_lines_as_people_write_them() -> None:
    text = f"\ufeff# a comment\r\n\r\npdq {'AB' * 32}\r\nmd5\t{'0' * 32}\r\n  # another\nPDQ {'ab' * 32}\n".encode()
    with written(text) as path:
        read = plain.load(path, labels())
    assert [(e.pdq, e.md5) for e in read.entries] == [(b"\xab" * 32, None), (None, bytes(16))]
    assert read.duplicates == 1
    assert read.entries[0].provenance == ORIGIN


@pytest.mark.parametrize(
    "bad",
    [
        "pdq",
        "pdq 00",
        "pdq " + "zz" * 32,
        "phash " + "0" * 16,
        "pdq " + "0" * 64 + " x",
        "x" * 5000,
        "\udcff",
    ],
)
def test_a_bad_plain_line_is_named(bad: str) -> None:
    text = f"md5 {'0' * 32}\n# fine\n{bad}\nmd5 {'1' * 32}\n".encode(errors="surrogateescape")
    with written(text) as path, pytest.raises(BadLine, match=r"^Line 3: ") as caught:
        plain.load(path, labels())
    assert caught.value.line == 3
    assert bad[:20] not in caught.value.message or len(bad) < 6  # the content of the line is not repeated


def test_a_bad_csv_record_is_named() -> None:
    with written() as path:
        table.save(path, [entry(1, bytes(32)), entry(2, bytes(32))])
        good = path.read_text().splitlines()
        for changed in (
            [*good[:2], good[2].replace("tutela-demo", "other")], [*good[:2], good[1]], [*good[:2], '"open'],
            [*good[:2], "a,b"], [*good[:2], good[2].replace(",90,", ",9e1,")], [*good[:2], good[2].replace(",90,", ",1000,")],
        ):  # fmt: skip
            path.write_text("\n".join(changed))
            with pytest.raises(BadLine, match=r"^Line 3: "):
                table.load(path)
        path.write_text("\n".join([good[0], "", good[1], ""]))
        assert len(table.load(path)) == 1
        for header in ("", good[0] + ",more"):
            path.write_text(header)
            with pytest.raises(BadFile):
                table.load(path)


def test_a_damaged_list_is_refused() -> None:
    with written() as path:
        jsonl.save(path, [entry(1, bytes(32)), entry(2, bytes(32))], SALT)
        good = path.read_text().splitlines()
        line = {  # what is written -> the line that the error names, or None for the whole file
            "\n".join(good[:2]): None,
            "\n".join([*good, good[1].replace("e00001", "e00003")]): None,
            "": None,
            "\n".join(["[]", *good[1:]]): None,
            "\n".join([good[0].replace('"version":1', '"version":2'), *good[1:]]): None,
            "\n".join([good[0].replace('"salt"', '"pepper"'), *good[1:]]): None,
            "\n".join([good[0].replace("00", "", 1), *good[1:]]): None,
            "\n".join([good[0], good[1], "[]"]): 3,
            "\n".join([good[0], good[1], good[2].replace('"A"', '"Z"')]): 3,
            "\n".join([good[0], good[1].replace(":90", ":9.0"), good[2]]): 2,
            "\n".join([good[0], good[1].replace('{"added"', '{"added":"","added"'), good[2]]): 2,
            "\n".join([good[0], good[1].replace('{"added"', '{"more":1,"added"'), good[2]]): 2,
        }
        for text, number in line.items():
            path.write_text(text)
            with pytest.raises(BadLine if number else BadFile, match=f"Line {number}" if number else None):
                HashList.load(path)
        path.write_text("\n".join([good[0], good[1], good[1]]))
        with pytest.raises(BadEntry):
            HashList.load(path)


parsers = st.sampled_from([jsonl.load, table.load, lambda path: plain.load(path, labels())])
headers = st.sampled_from(
    [b"", b"pdq ", b"id,scale,category,pdq,sha256,md5,quality,cluster,source,added,note,path\n"]
    + [
        b'{"entries":1,"format":"tutela-list","salt":"' + b"0" * 64 + b'","version":1}\n' + rest
        for rest in (b"", b"{", b"[" * 900)
    ]
)


@given(
    parsers,
    headers,
    st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode(errors="replace")),
)
def test_only_our_errors_escape(parser: object, header: bytes, noise: bytes) -> None:
    with written(header + noise) as path, contextlib.suppress(TutelaError):
        parser(path)  # type: ignore[operator]


def test_bounds(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"{" + b" " * MAX_LINE_BYTES)
    with pytest.raises(BadLine, match="longer"):
        jsonl.load(path)
    for missing in (tmp_path / "absent", tmp_path):
        with pytest.raises(BadFile):
            HashList.load(missing)
    with pytest.raises(BadFile):
        HashList(()).save(tmp_path / "no" / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_nothing_of_a_failed_write_is_left(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("before")

    def failing() -> Iterator[Entry]:
        yield entry(1, bytes(32))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        table.save(path, failing())
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("before", 1)


def test_the_plain_form_is_what_exchanges_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert plain.save(path, [entry(1, b"\xab" * 32), entry(2, b"\xab" * 32)], signals=("pdq",)) == 1
    assert re.fullmatch(r"pdq (ab){32}\n", path.read_text())
