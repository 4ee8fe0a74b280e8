from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.audit import GENESIS, ChainBroken, Head, MalformedRecord, Record, append, dump, load, verify

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5, minutes=30))]),
)
entries = st.tuples(texts, texts, texts, moments, st.dictionaries(texts, scalars, max_size=3))


def build(items: list[tuple]) -> list[Record]:
    chain: list[Record] = []
    for actor, action, subject, at, detail in items:
        chain.append(append(chain[-1] if chain else None, actor, action, subject, at, detail))
    return chain


chains = st.lists(entries, min_size=1, max_size=6).map(build)


@given(chains)
def test_a_chain_as_written_holds_and_survives_export(chain):
    head = verify(chain)
    assert head == chain[-1].head
    assert verify([load(dump(record)) for record in chain], head=head) == head
    half = len(chain) // 2
    assert verify(chain[half:], after=verify(chain[:half])) == head


def test_an_empty_chain_has_the_empty_head():
    assert verify([]) == Head(0, GENESIS)


@given(chains, st.data())
def test_any_change_of_any_field_is_found_at_its_place(chain, data):
    place = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from([f.name for f in dataclasses.fields(Record)]))
    old = getattr(chain[place], name)
    new = {
        "sequence": lambda: old + data.draw(st.sampled_from([-1, 1, 7])),
        "at": lambda: old + timedelta(microseconds=data.draw(st.integers(1, 10**9))),
        "detail": lambda: {**old, "\u00e9tat": 1 if old.get("\u00e9tat") != 1 else 2},
        "previous": lambda: bytes([old[0] ^ 1]) + old[1:],
        "digest": lambda: old[:-1] + bytes([old[-1] ^ 128]),
    }.get(name, lambda: old + "x")()
    changed = list(chain)
    changed[place] = dataclasses.replace(chain[place], **{name: new})
    with pytest.raises(ChainBroken) as caught:
        verify(changed)
    assert caught.value.place == place


@given(chains, st.data())
def test_removal_is_found(chain, data):
    place = data.draw(st.integers(0, len(chain) - 1))
    with pytest.raises(ChainBroken) as caught:
        verify(chain[:place] + chain[place + 1 :], head=chain[-1].head)
    assert caught.value.place == place


@given(chains, st.data())
def test_truncation_is_found_with_the_head_only(chain, data):
    kept = data.draw(st.integers(0, len(chain) - 1))
    verify(chain[:kept])
    with pytest.raises(ChainBroken):
        verify(chain[:kept], head=chain[-1].head)


@given(st.lists(entries, min_size=2, max_size=6).map(build), st.data())
def test_swap_and_insertion_are_found(chain, data):
    first = data.draw(st.integers(0, len(chain) - 2))
    second = data.draw(st.integers(first + 1, len(chain) - 1))
    swapped = list(chain)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    with pytest.raises(ChainBroken) as caught:
        verify(swapped)
    assert caught.value.place == first
    inserted = append(chain[first], "mallory", "made.up", "case/1", datetime.now(UTC))
    with pytest.raises(ChainBroken):
        verify([*chain[: first + 1], inserted, *chain[first + 1 :]])


@given(chains)
def test_a_rewritten_chain_is_found_with_the_head_only(chain):
    forged = build([("mallory", r.action, r.subject, r.at, r.detail) for r in chain[:-1]])
    forged.append(append(forged[-1] if forged else None, "mallory", "x", "y", chain[-1].at))
    verify(forged)
    with pytest.raises(ChainBroken):
        verify(forged, head=chain[-1].head)


@pytest.mark.parametrize(
    "detail",
    [{"a": 1.5}, {"a": [1]}, {"a": {}}, {"a": 2**53}, {"a": "x\0"}, {"a": "\ud800"}, {1: "a"}, {"a": b"x"}],
)
def test_details_are_plain_scalars(detail):
    with pytest.raises(MalformedRecord):
        append(None, "avery", "case.opened", "case/1", datetime.now(UTC), detail)


def test_texts_and_time_are_checked():
    now = datetime.now(UTC)
    for bad in (
        ("", "a", "s", now),
        ("a", "", "s", now),
        ("a", "a", "", now),
        ("a", "a", "s", now.replace(tzinfo=None)),
    ):
        with pytest.raises(MalformedRecord):
            append(None, *bad)
    with pytest.raises(MalformedRecord):
        append(None, "a", "a", "s", now, {str(i): i for i in range(65)})


def test_the_digest_is_pinned():
    record = append(
        None,
        "avery",
        "case.opened",
        "case/1",
        datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        {"basis": "order 7"},
    )
    assert record.digest.hex() == "473e33b661b3edc71892467b647457041247228abb4f4904e6d2294bc37f1878"


PINNED = "0" * 64


@given(st.binary(max_size=200))
def test_reading_lines_raises_our_error_only(line):
    with pytest.raises(MalformedRecord):
        load(line)


@given(chains, st.data())
def test_a_damaged_line_is_refused_or_found(chain, data):
    line = bytearray(dump(chain[0]))
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    try:
        record = load(bytes(line))
    except MalformedRecord:
        return
    if record != chain[0]:
        with pytest.raises(ChainBroken):
            verify([record])


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"a":1,"a":2}', b"null", b"x" * (1 << 21)])
def test_hostile_lines(line):
    with pytest.raises(MalformedRecord):
        load(line)
