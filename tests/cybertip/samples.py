"""Documents for the tests: the whole document space by Hypothesis, and a few plain ones. All invented."""

from __future__ import annotations

import dataclasses
import functools
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tutela.cybertip import documents as d
from tutela.cybertip import schema
from tutela.cybertip.binding import parts_of
from tutela.cybertip.vocabulary import FileRelevance, IncidentType

PUBLIC = "shared/data/ncmec/cyber_tipline.xsd"

texts = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n\r"
    ),
    max_size=12,
)
tokens = st.text("0123456789abcdef", min_size=1, max_size=32)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=st.none() | st.just(UTC) | zones)
WHOLE = {bool: st.booleans(), float: st.floats(allow_nan=False), datetime: moments, date: st.dates()}
BY_NAME = {
    "state": st.sampled_from(["", *schema.state_codes()]),
    "country": st.sampled_from(["", *schema.country_codes()]),
    "countryCode": st.sampled_from(["", *schema.country_codes()]),
    "fleaCountry": st.sampled_from(["", *schema.country_codes()]),
    "countryCallingCode": st.from_regex(r"\A\+[0-9]{1,3}\Z"),
    "extension": st.from_regex(r"\A[0-9]{1,10}\Z"),
}
LONGS = {"priorCTReports", "priorCTReport", "reportId"}
NEWER = {"age_assertion_discrepancy", "informational"}


def public_path() -> Path:
    """Where the public schema lies beside the checkout, or a skip."""
    root = Path(__file__).resolve().parents[2]
    for place in (root.parent / PUBLIC, root / PUBLIC):
        if place.exists():
            return place
    pytest.skip(f"the public schema is not at ../{PUBLIC}")


def _of_kind(part, kind):
    if dataclasses.is_dataclass(kind):
        return things(kind)
    if part.name in BY_NAME:
        return BY_NAME[part.name]
    if kind is int:
        bits = 63 if part.name in LONGS else 31
        return st.integers(-(2**bits), 2**bits - 1)
    if kind is str:
        return tokens if part.xml.token else texts
    return WHOLE[kind] if kind in WHOLE else st.sampled_from(kind)


def _part(part, required):
    one = st.one_of([_of_kind(part, kind) for kind in part.kinds])
    if part.many:
        return st.lists(one, min_size=int(required), max_size=2).map(tuple)
    return one if required else st.none() | one


@functools.cache
def things(cls):
    """A strategy for any document class, derived from its fields."""
    known = parts_of(cls)
    parts = {p.attribute: p for p in (*known.elements, *known.attributes, *filter(None, [known.text]))}
    drawn = {}
    for field in dataclasses.fields(cls):
        if field.name in parts and field.name not in NEWER:
            required = field.default is dataclasses.MISSING
            part = parts[field.name]
            drawn[field.name] = st.booleans() if part.xml.flag else _part(part, required)
    return st.builds(cls, **drawn)


def _lawful(details):
    """Make a drawn FileDetails follow the rules between its parts."""
    if details.potential_meme is not None:
        details = dataclasses.replace(details, file_annotations=None)
    if details.file_relevance is FileRelevance.SUPPLEMENTAL:
        details = dataclasses.replace(
            details, potential_meme=None, industry_classification=None, file_annotations=None
        )
    return details


reports = things(d.Report)
file_details = things(d.FileDetails).map(_lawful)
responses = st.one_of(
    things(d.ReportResponse),
    st.builds(
        d.ReportDoneResponse,
        response_code=st.integers(0, 9999),
        report_id=st.integers(1, 2**63 - 1),
        files=st.builds(d.FileIds, file_id=st.lists(tokens, max_size=3).map(tuple)),
    ),
)
papers = st.one_of(reports, file_details, things(d.ReportResponse))


def plain_report(**changes) -> d.Report:
    """A small report about nothing in particular."""
    values = {
        "incident_summary": d.IncidentSummary(
            incident_type=IncidentType.MISLEADING_DOMAIN_NAME,
            platform="Example Chat",
            incident_date_time=datetime(2026, 11, 1, 12, tzinfo=UTC),
        ),
        "internet_details": (d.WebPageIncident(url=("https://www.example.org/page",)),),
        "reporter": d.Reporter(
            reporting_person=d.Person(
                first_name="Robin", last_name="Example", email=(d.Email(value="robin@example.org"),)
            )
        ),
        "person_or_user_reported": (
            d.PersonOrUserReported(
                esp_identifier="user-17",
                ip_capture_event=(d.IpCaptureEvent(ip_address="192.0.2.7", port=40000),),
            ),
        ),
    }
    return d.Report(**(values | changes))


def plain_xml(**changes) -> bytes:
    return d.to_xml(plain_report(**changes))
