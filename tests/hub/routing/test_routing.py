"""Routing: where a report goes, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.hub.routing import (
    Facts,
    IpEvent,
    Phone,
    Place,
    Ranges,
    Rules,
    Signal,
    decide,
    phones,
    read_signals,
)
from tutela.hub.routing.decide import confidences, support
from tutela.hub.routing.signals import CAUTION_PORT, CAUTION_PROXY, CAUTION_TIME, CONFIDENCE

DATA = Path(str(files("tutela.hub") / "data"))
RULES = Rules.load(DATA / "routing.toml")
RANGES = Ranges.load(DATA / "ip-country.csv")
CODES = phones.standard().with_overrides(RULES.phone_prefixes)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def route(**facts):
    return decide(read_signals(Facts(incident_at=NOON, **facts), RANGES, CODES), RULES)


def test_an_address_near_the_incident_places_the_report():
    made = route(ip_events=(IpEvent("192.0.2.10", NOON, 40123, "Upload"),))
    assert (made.agency, made.country, made.placed) == ("northland-police", "XN", True)
    assert made.confidence == CONFIDENCE["ip"]
    assert made.cautions == ()
    assert "upload near the incident" in made.signals[0].reason


def test_no_location_goes_to_the_desk_with_a_reason():
    made = route()
    assert (made.agency, made.country, made.confidence, made.placed) == ("centre-desk", None, 0.0, False)
    assert "No fact" in made.reasons[0]


def test_a_country_without_a_rule_goes_to_the_desk():
    made = route(addresses=(Place("NZ"),), phones=(Phone("+64 4 000 0000"),))
    assert (made.agency, made.country, made.placed) == ("centre-desk", "NZ", False)
    assert "no rule" in made.reasons[0]


def test_a_tie_and_a_weak_lead_go_to_the_desk():
    tie = route(ip_events=(IpEvent("192.0.2.1", NOON, 1), IpEvent("198.51.100.1", NOON, 1)))
    assert (tie.agency, tie.placed) == ("centre-desk", False)
    weak = route(ip_events=(IpEvent("192.0.2.1", NOON, 1, proxy=True),))
    assert (weak.agency, weak.country) == ("centre-desk", "XN")
    assert "below the minimum" in weak.reasons[0]


def test_missing_port_time_and_a_proxy_are_cautioned():
    made = route(ip_events=(IpEvent("192.0.2.1", None, None, proxy=True),))
    assert made.cautions == (CAUTION_PROXY, CAUTION_TIME, CAUTION_PORT)
    six = route(ip_events=(IpEvent("2001:db8:1::7", NOON),))
    assert six.cautions == ()  # version 6 addresses are not shared by translation
    assert six.country == "XN"


def test_an_old_address_weighs_less_and_says_so():
    made = route(ip_events=(IpEvent("192.0.2.1", NOON - timedelta(days=91), 1),))
    assert made.confidence == CONFIDENCE["ip_old"]
    assert "more than 90 days" in made.signals[0].reason


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("not-an-address", "not an internet address"),
        ("100.64.3.4", "RFC 6598"),
        ("10.0.0.1", "not a public address"),
        ("8.8.8.8", "does not know"),
    ],
)
def test_an_address_without_a_country_is_kept_with_its_reason(address, words):
    made = route(ip_events=(IpEvent(address, NOON, 1),))
    assert made.country is None
    assert words in made.signals[0].reason


def test_phones():
    assert CODES.countries("+999 1 555 0100") == ("XN",)
    assert CODES.countries("0044 20 7946 0000")[0] == "GB"
    assert CODES.countries("020 7946 0000", "+44")[0] == "GB"
    assert CODES.countries("020 7946 0000") == ()
    assert CODES.countries("+1 242 555 0100") == ("BS",)
    assert CODES.countries("+1 212 555 0100") == ("US", "CA")
    shared = read_signals(Facts(phones=(Phone("+12125550100"),)), RANGES, CODES)
    assert [s.country for s in shared] == ["US", "CA"]
    assert "shared by 2" in shared[0].reason


def test_several_kinds_agree_and_others_are_kept():
    made = route(
        ip_events=(
            IpEvent("192.0.2.1", NOON, 1),
            IpEvent("192.0.2.2", NOON, 1),
            IpEvent("203.0.113.9", NOON, 1),
        ),
        phones=(Phone("+99915550100", verified=True),),
        estimated=(Place("XN", verified=True), Place("A1")),
    )
    assert made.agency == "northland-police"
    assert made.others[0][0] == "XW"
    assert "2 of 3 internet addresses" in made.reasons[1]
    assert len(made.signals) == 6


COUNTRIES = st.sampled_from(["XN", "XS", "XW", "NZ"])
SIGNALS = st.builds(
    Signal,
    kind=st.sampled_from(["ip", "phone", "address", "estimated"]),
    evidence=st.text(max_size=5),
    country=COUNTRIES,
    confidence=st.floats(0.01, 1.0),
    reason=st.just(""),
)


@given(st.lists(SIGNALS, max_size=8), st.randoms(use_true_random=False))
def test_order_does_not_matter(signals, random):
    shuffled = list(signals)
    random.shuffle(shuffled)
    assert confidences(signals) == confidences(shuffled)


@given(st.lists(SIGNALS, max_size=8), SIGNALS)
def test_one_more_signal_moves_confidence_the_right_way(signals, more):
    before, after = dict(confidences(signals)), dict(confidences([*signals, more]))
    assert after[more.country] >= before.get(more.country, 0.0) - 1e-9
    for country, value in support([*signals, more]).items():
        if country != more.country:
            assert value <= support(signals)[country] + 1e-9


@given(st.lists(SIGNALS, max_size=8))
def test_a_decision_names_a_known_agency_and_keeps_everything(signals):
    made = decide(tuple(signals), RULES)
    assert made.agency in {agency.slug for agency in RULES.agencies}
    assert 0.0 <= made.confidence <= 1.0
    assert made.signals == tuple(signals)
    assert made.reasons
    assert made.placed or made.agency == RULES.desk
    if made.placed:
        assert made.confidence >= RULES.minimum_confidence - 0.001


@given(
    st.lists(
        st.builds(
            IpEvent,
            st.text(max_size=40),
            st.none(),
            st.none() | st.integers(),
            st.text(max_size=5),
            st.booleans(),
        ),
        max_size=4,
    ),
    st.lists(
        st.builds(Phone, st.text(max_size=30), st.none() | st.text(max_size=5), st.booleans()), max_size=4
    ),
    st.lists(st.builds(Place, st.text(max_size=4), st.booleans()), max_size=4),
)
def test_any_text_of_a_report_yields_signals_not_errors(ips, numbers, places):
    facts = Facts(NOON, tuple(ips), tuple(numbers), tuple(places), tuple(places))
    for signal in read_signals(facts, RANGES, CODES):
        assert (signal.country is None) == (signal.confidence == 0)
        assert signal.reason
