from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from list_samples import ORIGIN, entries

from tutela.errors import TutelaError
from tutela.hashlist import BadEntry, CategoryRefused, Entry, Labels, Provenance, check_category
from tutela.hashlist.entries import FIELDS


@given(entries())
def test_the_dictionary_holds_everything(entry: Entry) -> None:
    assert tuple(entry.to_dict()) == FIELDS
    assert Entry.from_dict(entry.to_dict()) == entry


@pytest.mark.parametrize(
    ("scale", "code"), [("tutela-demo", "C"), ("ncmec", "A"), ("ncmec", "a1"), ("other", "A"), ("", "")]
)
def test_the_set_of_categories_is_closed(scale: str, code: str) -> None:
    with pytest.raises(CategoryRefused):
        check_category(scale, code)
    with pytest.raises(CategoryRefused):
        Entry(id="x", scale=scale, category=code, md5=bytes(16), provenance=ORIGIN)
    with pytest.raises(CategoryRefused):
        Labels(scale, code, ORIGIN, lambda: "x")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""}, {"id": "a b"}, {"id": "x" * 65}, {"cluster": "ü"}, {"pdq": "00"}, {"pdq": 7}, {"sha256": "g" * 64},
        {"pdq": None, "sha256": None, "md5": None}, {"quality": 101}, {"quality": -1}, {"quality": True}, {"quality": "9"},
        {"source": ""}, {"source": " x"}, {"note": "two\nlines"}, {"note": "=1+1"}, {"note": "x" * 121}, {"note": None},
        {"path": "guess"}, {"added": "yesterday"}, {"added": "2026-13-01T00:00:00Z"}, {"added": "2026-01-01T00:00:00+01:00"},
        {"extra": 1}, {"scale": 3},
    ],
)  # fmt: skip
def test_bad_fields_are_refused(changes: dict[str, Any]) -> None:
    good = Entry(id="x", scale="ncmec", category="B2", pdq=bytes(32), provenance=ORIGIN).to_dict()
    with pytest.raises(BadEntry):
        Entry.from_dict({**good, **changes})


def test_a_missing_field_is_refused() -> None:
    good = Entry(id="x", scale="ncmec", category="B2", pdq=bytes(32), provenance=ORIGIN).to_dict()
    for name in FIELDS:
        with pytest.raises(BadEntry):
            Entry.from_dict({key: value for key, value in good.items() if key != name})


@given(st.dictionaries(st.sampled_from(FIELDS), st.none() | st.integers() | st.text(max_size=9), max_size=12))
def test_only_our_error_escapes(changes: dict[str, Any]) -> None:
    good = Entry(id="x", scale="ncmec", category="B2", pdq=bytes(32), provenance=ORIGIN).to_dict()
    with contextlib.suppress(TutelaError):
        Entry.from_dict({**good, **changes})


def test_wrong_sizes_and_times_are_refused() -> None:
    with pytest.raises(BadEntry):
        Entry(id="x", scale="ncmec", category="B2", pdq=bytes(31), provenance=ORIGIN)
    with pytest.raises(BadEntry):
        Provenance("example.org", datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(BadEntry):
        Provenance("example.org", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))))


def test_times_are_kept_in_utc_and_whole_seconds() -> None:
    origin = Provenance("example.org", datetime(2026, 1, 1, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=1))))
    assert origin.added == datetime(2026, 1, 1, tzinfo=UTC)
