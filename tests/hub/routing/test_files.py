"""The two data files that steer routing: what they may hold, and how bad ones are refused."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.hub.errors import RangesError, RulesError
from tutela.hub.routing import Ranges, Rules, phones

GOOD = """
version = 1
desk = "desk"
[[agency]]
slug = "desk"
name = "Desk"
kind = "desk"
[[agency]]
slug = "north"
name = "North"
countries = ["XN"]
"""


def test_ranges_in_both_styles():
    table = Ranges.parse(
        [
            "first,last,country",
            "# note",
            "",
            '"192.0.2.0","192.0.2.9",xn',
            "198.51.100.0/24,XS",
            "2001:db8::/32,XW # six",
        ]
    )
    assert len(table) == 3
    found = [
        table.country(ipaddress.ip_address(a))
        for a in ("192.0.2.9", "192.0.2.10", "198.51.100.255", "2001:db8::1", "::1")
    ]
    assert found == ["XN", None, "XS", "XW", None]


@pytest.mark.parametrize(
    "line",
    [
        "192.0.2.0,192.0.2.9",
        "192.0.2.9,192.0.2.0,XN",
        "192.0.2.0,2001:db8::,XN",
        "192.0.2.1/24,XN",
        "1,2,3,4,5",
        "192.0.2.0/24,XNX",
        "1" * 300,
    ],
)
def test_bad_lines_are_refused(line):
    with pytest.raises(RangesError):
        Ranges.parse([line])


def test_overlaps_are_refused():
    with pytest.raises(RangesError, match="overlap"):
        Ranges.parse(["192.0.2.0/24,XN", "192.0.2.128/25,XS"])


def test_an_absent_or_binary_range_file_is_refused(tmp_path):
    with pytest.raises(RangesError):
        Ranges.load(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RangesError):
        Ranges.load(tmp_path / "binary.csv")


@given(st.lists(st.text(max_size=60), max_size=5))
def test_ranges_only_our_error_escapes(lines):
    with contextlib.suppress(RangesError):
        Ranges.parse(lines)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=40, unique=True), st.integers(0, 2**32 - 1))
def test_lookup_agrees_with_a_plain_search(bounds, wanted):
    bounds = sorted(bounds)[: len(bounds) // 2 * 2]
    rows = [(bounds[i], bounds[i + 1], f"X{chr(65 + i % 26)}") for i in range(0, len(bounds), 2)]
    table = Ranges.parse(f"{ipaddress.IPv4Address(a)},{ipaddress.IPv4Address(b)},{c}" for a, b, c in rows)
    for number in (wanted, bounds[0], bounds[-1]):
        plain = next((c for a, b, c in rows if a <= number <= b), None)
        assert table.country(ipaddress.IPv4Address(number)) == plain


def test_rules():
    rules = Rules.parse(GOOD.encode())
    assert rules.agency_of == {"XN": "north"}
    assert rules.agencies[1].kind == "police"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version = 1", "version = 2", "version"),
        ('desk = "desk"', 'desk = "none"', "desk"),
        ('desk = "desk"', 'desk = "desk"\nminimum_confidence = 2', "0 to 1"),
        ('desk = "desk"', 'desk = "desk"\nminimum = 1', "unknown key"),
        ('desk = "desk"', 'desk = "desk"\nphone_prefixes = {"x" = "XN"}', "prefix"),
        ('slug = "north"', 'slug = "desk"', "same slug"),
        ('slug = "north"', 'slug = "No th"', "slug"),
        ('name = "North"', "", "name"),
        ('["XN"]', '["XN", "XN"]', "two agencies"),
        ('["XN"]', '["xn"]', "capital"),
        ('["XN"]', '"XN"', "list"),
        ('kind = "desk"', 'kind = "club"', "kind"),
        ("[[agency]]", "[[agency", "TOML"),
    ],
)
def test_bad_rules_are_refused(old, new, words):
    assert old in GOOD
    with pytest.raises(RulesError, match=words):
        Rules.parse(GOOD.replace(old, new, 1 if old != "[[agency]]" else 2).encode())


def test_rules_bounds(tmp_path):
    with pytest.raises(RulesError, match="larger"):
        Rules.parse(b"#" * (2 << 20))
    with pytest.raises(RulesError, match="no agency"):
        Rules.parse(b"version = 1")
    with pytest.raises(RulesError, match="cannot be read"):
        Rules.load(tmp_path / "none.toml")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: GOOD.encode() + t.encode()))
def test_rules_only_our_error_escapes(data):
    with contextlib.suppress(RulesError):
        Rules.parse(data)


def test_standard_calling_codes_are_plain():
    table = phones.standard()
    assert len(table.prefixes) > 200
    assert all(p.isdigit() and len(p) <= 4 for p in table.prefixes)
    assert all(len(c) == 2 and c.isupper() for row in table.prefixes.values() for c in row)


@given(st.text(max_size=40), st.none() | st.text(max_size=6))
def test_any_number_is_looked_up_without_error(number, code):
    assert isinstance(phones.standard().countries(number, code), tuple)
