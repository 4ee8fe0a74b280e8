"""The documents that travel: `<report>`, `<fileDetails>`, and the two answers.

Sources: the public schema of November 2025, the published descriptions of the reporting API, and the
clients that speak it. Whatever `to_xml` returns follows the schema; whatever `parse_*` returns did.
The element order is the schema's and is enforced.

What this does NOT protect: nothing here says that a report is true, or that its sender may send it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, TypeVar

from lxml import etree
from lxml.etree import _Element as Element

from tutela.cybertip import binding, schema, values
from tutela.cybertip.binding import ASIDE, Xml
from tutela.cybertip.errors import RuleBroken, SchemaInvalid
from tutela.cybertip.files import (
    Details,
    FileAnnotations,
    FileDetails,
    FileHash,
    NameValue,
)
from tutela.cybertip.incidents import (
    BatchedReport,
    CellPhoneIncident,
    ChatImIncident,
    EmailIncident,
    IncidentSummary,
    InternationalProcess,
    InternetDetails,
    LawEnforcement,
    NewsgroupIncident,
    NonInternetIncident,
    OnlineGamingIncident,
    Peer2PeerIncident,
    ReportAnnotations,
    Reporter,
    WebPageIncident,
)
from tutela.cybertip.parties import (
    Address,
    AssociatedAccount,
    ContactPerson,
    DeviceId,
    Email,
    EstimatedLocation,
    IntendedRecipient,
    IpCaptureEvent,
    PermanentlyDisabled,
    Person,
    PersonOrUserReported,
    Phone,
    Platform,
    TemporarilyDisabled,
    Victim,
)
from tutela.cybertip.reading import DEFAULT_CAPS, Caps, read_tree
from tutela.cybertip.vocabulary import FileRelevance

__all__ = [
    "Address",
    "AssociatedAccount",
    "BatchedReport",
    "CellPhoneIncident",
    "ChatImIncident",
    "ContactPerson",
    "Details",
    "DeviceId",
    "Document",
    "Email",
    "EmailIncident",
    "EstimatedLocation",
    "FileAnnotations",
    "FileDetails",
    "FileHash",
    "FileIds",
    "IncidentSummary",
    "IntendedRecipient",
    "InternationalProcess",
    "InternetDetails",
    "IpCaptureEvent",
    "LawEnforcement",
    "NameValue",
    "NewsgroupIncident",
    "NonInternetIncident",
    "OnlineGamingIncident",
    "Peer2PeerIncident",
    "PermanentlyDisabled",
    "Person",
    "PersonOrUserReported",
    "Phone",
    "Platform",
    "Report",
    "ReportAnnotations",
    "ReportDoneResponse",
    "ReportResponse",
    "Reporter",
    "Response",
    "TemporarilyDisabled",
    "Victim",
    "WebPageIncident",
    "canonical",
    "parse_file_details",
    "parse_report",
    "parse_response",
    "to_xml",
]

D = TypeVar("D")
RESPONSE_CAPS = Caps(size=1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The document of `/submit`.

    Attributes:
        warnings: notices from reading; not part of the document.
    """

    batched_report: BatchedReport | None = None
    incident_summary: IncidentSummary
    internet_details: Annotated[tuple[InternetDetails, ...], Xml(wrapped=True)] = ()
    law_enforcement: LawEnforcement | None = None
    reporter: Reporter
    person_or_user_reported: tuple[PersonOrUserReported, ...] = ()
    intended_recipient: tuple[IntendedRecipient, ...] = ()
    victim: tuple[Victim, ...] = ()
    additional_info: str | None = None
    warnings: Annotated[tuple[str, ...], ASIDE] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResponse:
    """The answer to every call but `/finish`; `hash` is the MD5 of the bytes received, in hex."""

    TAG: ClassVar[str] = "reportResponse"
    response_code: int
    response_description: str
    report_id: int | None = None
    file_id: Annotated[str | None, Xml(token=True)] = None
    hash: Annotated[str | None, Xml(token=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIds:
    """The files of a finished report."""

    file_id: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDoneResponse:
    """The answer to `/finish`, with the files that the report holds."""

    TAG: ClassVar[str] = "reportDoneResponse"
    response_code: int
    report_id: int
    files: FileIds = FileIds()

    @property
    def file_ids(self) -> tuple[str, ...]:
        """The files that the finished report holds."""
        return self.files.file_id


Document = Report | FileDetails | ReportResponse | ReportDoneResponse
Response = ReportResponse | ReportDoneResponse

_TAGS: dict[type, str] = {
    Report: "report",
    FileDetails: "fileDetails",
    ReportResponse: ReportResponse.TAG,
    ReportDoneResponse: ReportDoneResponse.TAG,
}


def to_xml(document: Document) -> bytes:
    """Return a document as UTF-8 XML that follows the schema.

    Raises:
        NotWritable: a text is too long, or has characters that XML cannot carry.
        SchemaInvalid: a value is outside of the schema (a country code, a number's range).
        RuleBroken: a documented rule beyond the schema does not hold.
    """
    if isinstance(document, FileDetails):
        _check_file_rules(document)
    root = binding.write(_TAGS[type(document)], document)
    data = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    schema.validate(data)
    return data


def parse_report(data: bytes, *, caps: Caps = DEFAULT_CAPS) -> Report:
    """Read a `<report>`.

    Raises:
        SchemaInvalid: it does not follow the schema (answered with 4100).
        MalformedXml: it is not well-formed (4110).
        DocumentTooLarge: it passes a cap (4000).
    """
    report, warnings = _parse(data, "report", Report, caps)
    if report.incident_summary.incident_date_time.tzinfo is None:
        warnings.append("incidentDateTime has no time zone")
    return dataclasses.replace(report, warnings=_unique(warnings))


def parse_file_details(data: bytes, *, caps: Caps = DEFAULT_CAPS) -> FileDetails:
    """Read a `<fileDetails>`.

    Raises:
        RuleBroken: supplemental content carries a classification or is marked as a meme (4100).
        SchemaInvalid, MalformedXml, DocumentTooLarge: as for `parse_report`.
    """
    details, warnings = _parse(data, "fileDetails", FileDetails, caps)
    _check_file_rules(details)
    if details.exif_viewed_by_esp and not details.file_viewed_by_esp:
        warnings.append("exifViewedByEsp is true but fileViewedByEsp is not")
    return dataclasses.replace(details, warnings=_unique(warnings))


def parse_response(data: bytes, *, caps: Caps = RESPONSE_CAPS) -> Response:
    """Read a server's answer of either kind.

    Answers are read leniently: unknown elements are ignored and order is not asked for, because an answer
    that cannot be read would leave the sender not knowing whether a report exists.

    Raises:
        SchemaInvalid: it has no response code, or is no answer of this protocol.
        MalformedXml, DocumentTooLarge: it cannot be read at all.
    """
    root = read_tree(data, caps)
    if root.tag == ReportDoneResponse.TAG:
        ids = tuple(values.collapse(e.text or "") for e in root.findall("files/fileId"))
        report_id = _number(root, "reportId")
        return ReportDoneResponse(
            response_code=_required(root, "responseCode"),
            report_id=0 if report_id is None else report_id,
            files=FileIds(file_id=ids),
        )
    if root.tag != ReportResponse.TAG:
        raise SchemaInvalid("the root element is not an answer of this protocol")
    return ReportResponse(
        response_code=_required(root, "responseCode"),
        response_description=root.findtext("responseDescription") or "",
        report_id=_number(root, "reportId"),
        file_id=values.collapse(root.findtext("fileId") or "") or None,
        hash=values.collapse(root.findtext("hash") or "") or None,
    )


def canonical(data: bytes, *, caps: Caps = DEFAULT_CAPS) -> bytes:
    """Return a document's canonical form (C14N 2.0, text trimmed of white space between elements).

    Two documents that say the same, however they are written, have the same canonical form.

    Raises:
        DocumentError: the bytes cannot be read.
    """
    root = read_tree(data, caps)
    for element in root.iter():
        if len(element) and not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None
    return etree.tostring(root, method="c14n2")


def _parse(data: bytes, tag: str, cls: type[D], caps: Caps) -> tuple[D, list[str]]:
    root = read_tree(data, caps)
    if root.tag != tag:
        raise SchemaInvalid(f"the root element is not {tag}")
    warnings = list(schema.check(root))
    return binding.read(root, cls, warnings), warnings


def _check_file_rules(details: FileDetails) -> None:
    """Only what is reported may be classified or called a meme (documentation of fileRelevance)."""
    if details.file_relevance is not FileRelevance.SUPPLEMENTAL:
        return
    if details.industry_classification is not None:
        raise RuleBroken("a supplemental file may not carry an industryClassification")
    marked = details.file_annotations is not None and details.file_annotations.potential_meme
    if details.potential_meme is not None or marked:
        raise RuleBroken("a supplemental file may not be marked as a potentialMeme")


def _number(root: Element, name: str) -> int | None:
    text = root.findtext(name)
    if text is None or not text.strip():
        return None
    return values.read_int(text)


def _required(root: Element, name: str) -> int:
    number = _number(root, name)
    if number is None:
        raise SchemaInvalid(f"the answer has no {name}")
    return number


def _unique(warnings: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warnings))
