"""What happened, where, who knows and who reports: the parts of `<report>` that are not about parties."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from tutela.cybertip.binding import ATTRIBUTE, TEXT, Flag, Xml
from tutela.cybertip.parties import (
    Address,
    ContactPerson,
    Email,
    IpCaptureEvent,
    Person,
    Phone,
    Text100,
    Text255,
    Text256,
    Text3000,
    Url,
)
from tutela.cybertip.vocabulary import BatchReason, IncidentType


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedReport:
    """Says that one report stands for many alike."""

    reason: Annotated[BatchReason, ATTRIBUTE]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAnnotations:
    """Marks on a report. `informational` is newer than the public schema and accepted with a warning."""

    sextortion: Flag = False
    csam_solicitation: Flag = False
    minor_to_minor_interaction: Flag = False
    spam: Flag = False
    sadistic_online_exploitation: Flag = False
    informational: Flag = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSummary:
    """What is reported. Law demands the type and the time only.

    `escalate_to_high_priority` is the reason why a human must look at once; its presence escalates.
    """

    incident_type: IncidentType
    platform: Text256 | None = None
    escalate_to_high_priority: Text3000 | None = None
    report_annotations: ReportAnnotations | None = None
    incident_date_time: datetime
    incident_date_time_description: Text3000 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPageIncident:
    """On a web page."""

    TAG: ClassVar[str] = "webPageIncident"
    third_party_hosted_content: Annotated[bool | None, ATTRIBUTE] = None
    url: tuple[Url, ...] = ()
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailIncident:
    """By e-mail."""

    TAG: ClassVar[str] = "emailIncident"
    email_address: tuple[Email, ...] = ()
    content: str | None = None
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsgroupIncident:
    """In a newsgroup."""

    TAG: ClassVar[str] = "newsgroupIncident"
    name: Text255 | None = None
    email_address: tuple[Email, ...] = ()
    content: str | None = None
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatImIncident:
    """In a chat or by instant messages."""

    TAG: ClassVar[str] = "chatImIncident"
    chat_client: Text255 | None = None
    chat_room_name: Text255 | None = None
    content: str | None = None
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineGamingIncident:
    """In a game."""

    TAG: ClassVar[str] = "onlineGamingIncident"
    game_name: Text255 | None = None
    console: Text255 | None = None
    content: str | None = None
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPhoneIncident:
    """By mobile telephone. Coordinates in degrees, WGS 84."""

    TAG: ClassVar[str] = "cellPhoneIncident"
    phone_number: Phone | None = None
    latitude: float | None = None
    longitude: float | None = None
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInternetIncident:
    """Outside of any network."""

    TAG: ClassVar[str] = "nonInternetIncident"
    location_name: Text255 | None = None
    incident_address: tuple[Address, ...] = ()
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer2PeerIncident:
    """In a peer-to-peer network."""

    TAG: ClassVar[str] = "peer2peerIncident"
    client: Text255 | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    file_names: str | None = None
    additional_info: str | None = None


InternetDetails = (
    WebPageIncident
    | EmailIncident
    | NewsgroupIncident
    | ChatImIncident
    | OnlineGamingIncident
    | CellPhoneIncident
    | NonInternetIncident
    | Peer2PeerIncident
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InternationalProcess:
    """Whether legal process came from abroad, and from which country (a code of the schema's list)."""

    value: Annotated[bool, TEXT]
    flea_country: Annotated[str | None, ATTRIBUTE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LawEnforcement:
    """An agency that already knows."""

    agency_name: Text255
    case_number: Text100 | None = None
    officer_contact: ContactPerson | None = None
    reported_to_le: bool | None = None
    served_legal_process_domestic: bool | None = None
    served_legal_process_international: InternationalProcess | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports."""

    reporting_person: Person
    contact_person: ContactPerson | None = None
    company_template: str | None = None
    terms_of_service: str | None = None
    legal_url: Annotated[str | None, Xml("legalURL", limit=2083)] = None
