"""What the report page shows, from the parsed documents: rows of words, no decisions.

Pure. Identifiers are shown as the provider wrote them; times in UTC, and a time that came without a
zone says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

from tutela.cybertip import documents
from tutela.hub.reading import as_utc

Party = documents.PersonOrUserReported | documents.IntendedRecipient | documents.Victim


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a summary list."""

    key: str
    value: str
    action: None = None


@dataclass(frozen=True, slots=True)
class Someone:
    """A party of the report: who in it, and the rows that identify them."""

    role: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """An internet address that was seen, of whom, and during what."""

    whose: str
    address: str
    port: int | None
    at: str
    event: str
    proxy: str


@dataclass(frozen=True, slots=True)
class Told:
    """A piece of narrative text and where in the report it stood."""

    where: str
    text: str


def parties(report: documents.Report) -> tuple[Someone, ...]:
    """Return everybody whom the report names, the reported first."""
    return tuple(Someone(role, tuple(_identity(party))) for role, party in _parties(report))


def addresses(report: documents.Report) -> tuple[Seen, ...]:
    """Return every internet address that the report names."""
    found = [_seen(role, event) for role, party in _parties(report) for event in party.ip_capture_event]
    for details in report.internet_details:
        if isinstance(details, documents.Peer2PeerIncident):
            found += [_seen("Peer-to-peer", event) for event in details.ip_capture_event]
    return tuple(found)


def narrative(report: documents.Report) -> tuple[Told, ...]:
    """Return every free text of the report."""
    incident = report.incident_summary
    told = [
        Told("Why it is urgent", incident.escalate_to_high_priority or ""),
        Told("About the time", incident.incident_date_time_description or ""),
        Told("About the report", report.additional_info or ""),
    ]
    for role, party in _parties(report):
        info = party.additional_info
        told += [
            Told(f"About the {role.lower()}", text)
            for text in ((info,) if isinstance(info, str) else info or ())
        ]
    for details in report.internet_details:
        told += [Told(f"{_label(details.TAG)}: {row.key.lower()}", row.value) for row in _rows(details)]
    return tuple(item for item in told if item.text.strip())


def marks(report: documents.Report) -> tuple[str, ...]:
    """Return the marks that the provider put on the report, in words."""
    given = report.incident_summary.report_annotations
    found = [] if given is None else [_words(f.name) for f in fields(given) if getattr(given, f.name)]
    if report.batched_report is not None:
        found.append("Stands for many alike")
    return tuple(found)


def file_rows(details: documents.FileDetails) -> tuple[Row, ...]:
    """Return what the provider said about a file."""
    skipped = {"report_id", "file_id", "warnings", "ip_capture_event"}
    rows = list(_rows(details, skipped))
    if details.ip_capture_event is not None:
        seen = _seen("", details.ip_capture_event)
        port = "no port" if seen.port is None else f"port {seen.port}"
        rows.append(Row("Uploaded from", f"{seen.address} {port}, {seen.at or 'no time'}"))
    return tuple(rows)


def when(at: datetime | None) -> str:
    """Return a moment as text in UTC; "" for none."""
    if at is None:
        return ""
    zone = "UTC" if at.tzinfo is not None else "(no time zone given)"
    return f"{as_utc(at):%-d %b %Y, %H:%M:%S} {zone}"


def _parties(report: documents.Report) -> Iterator[tuple[str, Party]]:
    groups: tuple[tuple[str, tuple[Party, ...]], ...] = (
        ("Person reported", report.person_or_user_reported),
        ("Intended recipient", report.intended_recipient),
        ("Child", report.victim),
    )
    for role, members in groups:
        for number, member in enumerate(members, start=1):
            yield (role if len(members) == 1 else f"{role} {number}"), member


def _identity(party: Party) -> Iterator[Row]:
    skipped = {"person", "ip_capture_event", "additional_info", "estimated_location"}
    yield from _rows(party, skipped)
    if party.person is not None:
        yield from _rows(party.person)
    place = party.estimated_location
    if place is not None:
        words = ", ".join(part for part in (place.city, place.region, place.country_code) if part)
        yield Row("Estimated location", f"{words or 'none'}{' (verified)' if place.verified else ''}")


def _rows(record: Any, skipped: Iterable[str] = ()) -> Iterator[Row]:
    """Return one row for each field of a record that says something."""
    left_out = set(skipped)
    for field in fields(record):
        value = getattr(record, field.name)
        text = "" if field.name in left_out else _text(value)
        if text:
            yield Row(_label(field.name), text)


def _text(value: Any) -> str:
    """Return any value of a document as one line."""
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, tuple):
        return "; ".join(filter(None, (_text(item) for item in value)))
    if is_dataclass(value):
        return _record_text(value)
    return str(value)


def _record_text(record: Any) -> str:
    """Return a nested record: its value first, then what is said about it."""
    if isinstance(record, documents.NameValue):
        return f"{record.name}: {record.value}"
    parts = {field.name: _text(getattr(record, field.name)) for field in fields(record)}
    main = parts.pop("value", "") or parts.pop("id_value", "")
    rest = ", ".join(
        text if name in _BARE else f"{_words(name).lower()}: {text}"
        for name, text in parts.items()
        if text and text != "no"
    )
    return f"{main} ({rest})" if main and rest else main or rest


def _seen(whose: str, event: documents.IpCaptureEvent) -> Seen:
    return Seen(
        whose=whose,
        address=event.ip_address,
        port=event.port,
        at=when(event.date_time),
        event="" if event.event_name is None else event.event_name.value,
        proxy=_text(event.possible_proxy) or "not stated",
    )


def _label(name: str) -> str:
    return _LABELS.get(name, _words(name))


def _words(name: str) -> str:
    """Return a field's or an element's name in words: `screen_name`, `chatImIncident`."""
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in name).replace("_", " ")
    return spaced.strip().capitalize()


_LABELS = {
    "esp_identifier": "Account at the provider",
    "esp_service": "Service",
    "prior_ct_reports": "Earlier reports",
    "profile_url": "Profile address",
    "file_viewed_by_esp": "Viewed by the provider",
    "exif_viewed_by_esp": "Metadata viewed by the provider",
    "original_file_hash": "Digests from the provider",
    "device_id": "Devices",
    "email": "E-mail",
    "uploaded_to_esp_timestamp": "Uploaded to the provider",
    "file_relevance": "Relevance",
    "details": "Further details",
    "chatImIncident": "Chat",
}
#: fields of nested records that need no name beside their value
_BARE = frozenset({"name_value_pair"})
