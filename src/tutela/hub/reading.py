"""From a parsed `<report>` to what the hub keeps beside it: a summary, and the facts for routing.

Pure. Whose facts count: those of the person or user reported. Victims' and recipients' places are
shown on the page but do not route a report, because the referral goes to where the suspect can be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tutela.cybertip import documents
from tutela.hub.routing import Facts, IpEvent, Phone, Place

MAX_FACTS = 2000


@dataclass(frozen=True, slots=True)
class Summary:
    """The columns of `models.Report` that come from the document."""

    incident_type: str
    incident_at: datetime
    platform: str
    escalated: bool
    warnings: tuple[str, ...]


def summary(report: documents.Report) -> Summary:
    """Return what lists and searches show of a report."""
    incident = report.incident_summary
    return Summary(
        incident_type=incident.incident_type.value,
        incident_at=as_utc(incident.incident_date_time),
        platform=without_nul(incident.platform or "")[:256],
        escalated=incident.escalate_to_high_priority is not None,
        warnings=report.warnings,
    )


def facts(report: documents.Report, files: tuple[documents.FileDetails, ...] = ()) -> Facts:
    """Return the reported persons' location facts, from the report and from what was said of its files."""
    people = [reported.person for reported in report.person_or_user_reported if reported.person is not None]
    return Facts(
        incident_at=as_utc(report.incident_summary.incident_date_time),
        ip_events=tuple(_event(event) for event in _ip_events(report, files))[:MAX_FACTS],
        phones=tuple(_phone(phone) for phone in _phones(report, people))[:MAX_FACTS],
        addresses=tuple(_places(people))[:MAX_FACTS],
        estimated=tuple(_estimates(report))[:MAX_FACTS],
    )


def as_utc(at: datetime) -> datetime:
    """Return a moment in UTC; one without a zone is taken for UTC."""
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:  # a zone at the edge of the calendar
        return at.replace(tzinfo=UTC)


def without_nul(text: str) -> str:
    """Return text that any database can store."""
    return text.replace("\x00", "")


def _ip_events(
    report: documents.Report, files: tuple[documents.FileDetails, ...]
) -> Iterator[documents.IpCaptureEvent]:
    for reported in report.person_or_user_reported:
        yield from reported.ip_capture_event
    for details in report.internet_details:
        if isinstance(details, documents.Peer2PeerIncident):
            yield from details.ip_capture_event
    for file in files:
        if file.ip_capture_event is not None:
            yield file.ip_capture_event


def _event(event: documents.IpCaptureEvent) -> IpEvent:
    at = event.date_time
    return IpEvent(
        address=event.ip_address,
        at=None if at is None else as_utc(at),
        port=event.port,
        event="" if event.event_name is None else event.event_name.value,
        proxy=bool(event.possible_proxy),
        zoned=at is None or at.tzinfo is not None,
    )


def _phones(report: documents.Report, people: list[documents.Person]) -> Iterator[documents.Phone]:
    for person in people:
        yield from person.phone
    for details in report.internet_details:
        if isinstance(details, documents.CellPhoneIncident) and details.phone_number is not None:
            yield details.phone_number


def _phone(phone: documents.Phone) -> Phone:
    return Phone(phone.value, phone.country_calling_code, bool(phone.verified))


def _places(people: list[documents.Person]) -> Iterator[Place]:
    for person in people:
        for address in person.address:
            if address.country:
                yield Place(address.country)
            elif address.state:  # the schema's list of states is the United States' own
                yield Place("US")


def _estimates(report: documents.Report) -> Iterator[Place]:
    for reported in report.person_or_user_reported:
        place = reported.estimated_location
        if place is not None and place.country_code:
            yield Place(place.country_code, bool(place.verified))
