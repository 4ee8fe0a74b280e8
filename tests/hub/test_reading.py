"""From any document of the schema to summary, facts, a decision and rows for people: nothing breaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from tests.cybertip.samples import plain_report, things

from tutela.cybertip import documents as d
from tutela.hub import presenting, reading
from tutela.hub.routing import Ranges, Rules, decide, phones, read_signals

DATA = Path(str(files("tutela.hub") / "data"))
RULES, RANGES = Rules.load(DATA / "routing.toml"), Ranges.load(DATA / "ip-country.csv")
SLOW = settings(suppress_health_check=list(HealthCheck), deadline=None)


@SLOW
@given(things(d.Report), things(d.FileDetails))
def test_any_document_is_summarised_routed_and_shown(report, details):
    found = reading.summary(report)
    assert found.incident_at.tzinfo is not None
    facts = reading.facts(report, (details,))
    made = decide(read_signals(facts, RANGES, phones.standard()), RULES)
    assert made.reasons
    for party in presenting.parties(report):
        assert all(row.key and row.value for row in party.rows)
    shown = presenting.addresses(report)
    assert len(shown) >= sum(len(p.ip_capture_event) for p in report.person_or_user_reported)
    assert all(told.text.strip() for told in presenting.narrative(report))
    presenting.marks(report)
    presenting.file_rows(details)


def test_facts_are_those_of_the_reported_person_only():
    event = d.IpCaptureEvent(ip_address="192.0.2.1")
    other = d.IpCaptureEvent(ip_address="203.0.113.1")
    report = plain_report(
        person_or_user_reported=(
            d.PersonOrUserReported(
                ip_capture_event=(event,),
                person=d.Person(
                    phone=(d.Phone(value="+9991555", verified=True),),
                    address=(d.Address(country="NZ"), d.Address(state="NY"), d.Address(city="Nowhere")),
                ),
                estimated_location=d.EstimatedLocation(country_code="NZ", verified=True),
            ),
        ),
        victim=(d.Victim(person=d.Person(phone=(d.Phone(value="+9992"),)), ip_capture_event=(other,)),),
        intended_recipient=(d.IntendedRecipient(ip_capture_event=(other,)),),
    )
    facts = reading.facts(report, (d.FileDetails(report_id=1, file_id="a" * 32, ip_capture_event=event),))
    assert [e.address for e in facts.ip_events] == ["192.0.2.1", "192.0.2.1"]
    assert [(p.number, p.verified) for p in facts.phones] == [("+9991555", True)]
    assert [p.country for p in facts.addresses] == ["NZ", "US"]
    assert [(p.country, p.verified) for p in facts.estimated] == [("NZ", True)]


def test_times_become_utc_and_a_missing_zone_is_said():
    naive = datetime(2026, 11, 20, 12)  # noqa: DTZ001
    assert reading.as_utc(naive) == datetime(2026, 11, 20, 12, tzinfo=UTC)
    edge = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert reading.as_utc(edge).tzinfo is UTC
    assert presenting.when(naive) == "20 Nov 2026, 12:00:00 (no time zone given)"
    assert (
        presenting.when(datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2))))
        == "20 Nov 2026, 10:00:00 UTC"
    )
    event = d.IpCaptureEvent(ip_address="192.0.2.1", date_time=naive, port=1)
    report = plain_report(person_or_user_reported=(d.PersonOrUserReported(ip_capture_event=(event,)),))
    (signal,) = read_signals(reading.facts(report), RANGES, phones.standard())
    assert "without a time zone" in signal.cautions[0]
