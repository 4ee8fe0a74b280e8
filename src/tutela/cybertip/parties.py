"""People, accounts, addresses and devices: what `<report>` says about who.

Parts stand in the order of the schema. Limits are those of the documentation; the schema itself has none.
All of it is personal data: it is never logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from tutela.cybertip.binding import ATTRIBUTE, TEXT, Xml
from tutela.cybertip.vocabulary import AddressType, AssociatedAccountType, EmailType, EventName, PhoneType

Text64 = Annotated[str, Xml(limit=64)]
Text100 = Annotated[str, Xml(limit=100)]
Text255 = Annotated[str, Xml(limit=255)]
Text256 = Annotated[str, Xml(limit=256)]
Text3000 = Annotated[str, Xml(limit=3000)]
Url = Annotated[str, Xml(limit=2083)]


@dataclass(frozen=True, slots=True, kw_only=True)
class IpCaptureEvent:
    """An address that was seen; with its port and time, one subscriber behind carrier-grade NAT."""

    ip_address: str
    event_name: EventName | None = None
    date_time: datetime | None = None
    possible_proxy: bool | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceId:
    """A device that was seen (IMEI, advertising identifier, ...)."""

    id_type: Text255
    id_value: Url
    event_name: EventName | None = None
    date_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address. `state` is a United States code, `country` a code of the schema's list."""

    type: Annotated[AddressType | None, ATTRIBUTE] = None
    address: Text255 | None = None
    city: Text100 | None = None
    zip_code: Annotated[str | None, Xml(limit=20)] = None
    state: str | None = None
    non_usa_state: Text100 | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A telephone number."""

    value: Annotated[str, Xml(place="text", limit=50)]
    type: Annotated[PhoneType | None, ATTRIBUTE] = None
    verified: Annotated[bool | None, ATTRIBUTE] = None
    verification_date: Annotated[datetime | None, ATTRIBUTE] = None
    country_calling_code: Annotated[str | None, ATTRIBUTE] = None
    extension: Annotated[str | None, Xml(place="attribute", limit=10)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """An e-mail address."""

    value: Annotated[str, Xml(place="text", limit=255)]
    type: Annotated[EmailType | None, ATTRIBUTE] = None
    verified: Annotated[bool | None, ATTRIBUTE] = None
    verification_date: Annotated[datetime | None, ATTRIBUTE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person. `age_assertion_discrepancy` is newer than the public schema and accepted with a warning."""

    first_name: Text100 | None = None
    last_name: Text100 | None = None
    phone: tuple[Phone, ...] = ()
    email: tuple[Email, ...] = ()
    address: tuple[Address, ...] = ()
    age: int | None = None
    age_assertion_discrepancy: bool | None = None
    date_of_birth: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPerson:
    """Whom to ask."""

    first_name: Text100 | None = None
    last_name: Text100 | None = None
    phone: tuple[Phone, ...] = ()
    email: tuple[Email, ...] = ()
    address: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedLocation:
    """Where an account is thought to be used from."""

    verified: Annotated[bool | None, ATTRIBUTE] = None
    timestamp: Annotated[datetime | None, ATTRIBUTE] = None
    city: Text255 | None = None
    region: Text255 | None = None
    country_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporarilyDisabled:
    """Whether an account is disabled for a time."""

    value: Annotated[bool, TEXT]
    disabled_date: Annotated[datetime | None, ATTRIBUTE] = None
    user_notified: Annotated[bool | None, ATTRIBUTE] = None
    user_notified_date: Annotated[datetime | None, ATTRIBUTE] = None
    reenabled_date: Annotated[datetime | None, ATTRIBUTE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PermanentlyDisabled:
    """Whether an account is disabled for good."""

    value: Annotated[bool, TEXT]
    disabled_date: Annotated[datetime | None, ATTRIBUTE] = None
    user_notified: Annotated[bool | None, ATTRIBUTE] = None
    user_notified_date: Annotated[datetime | None, ATTRIBUTE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The service of an associated account."""

    value: Annotated[str, Xml(place="text", limit=256)]
    third_party_user: Annotated[bool | None, ATTRIBUTE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociatedAccount:
    """An account that is tied to the one reported."""

    type: Annotated[AssociatedAccountType, ATTRIBUTE]
    platform: Platform | None = None
    first_name: Text256 | None = None
    middle_name: Text256 | None = None
    last_name: Text256 | None = None
    approximate_age: int | None = None
    age_assertion_discrepancy: bool | None = None
    date_of_birth: date | None = None
    phone: tuple[Phone, ...] = ()
    email: tuple[Email, ...] = ()
    all_emails_reported: bool | None = None
    address: tuple[Address, ...] = ()
    esp_service: Text256 | None = None
    esp_identifier: Text256 | None = None
    profile_url: tuple[Url, ...] = ()
    screen_name: Text256 | None = None
    display_name: tuple[str, ...] = ()
    profile_bio: str | None = None
    group_identifier: Text256 | None = None
    compromised_account: bool | None = None
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    prior_ct_reports: Annotated[tuple[int, ...], Xml("priorCTReport")] = ()
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonOrUserReported:
    """Who is reported."""

    person: Annotated[Person | None, Xml("personOrUserReportedPerson")] = None
    vehicle_description: Annotated[str | None, Xml(limit=300)] = None
    esp_identifier: Text255 | None = None
    esp_service: Text100 | None = None
    compromised_account: bool | None = None
    screen_name: Text256 | None = None
    display_name: tuple[str, ...] = ()
    profile_url: tuple[Url, ...] = ()
    profile_bio: str | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    third_party_user_reported: bool | None = None
    prior_ct_reports: Annotated[tuple[int, ...], Xml("priorCTReports")] = ()
    group_identifier: Text255 | None = None
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    estimated_location: EstimatedLocation | None = None
    all_emails_reported: bool | None = None
    associated_account: tuple[AssociatedAccount, ...] = ()
    additional_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntendedRecipient:
    """For whom it was meant."""

    person: Annotated[Person | None, Xml("intendedRecipientPerson")] = None
    esp_identifier: Text255 | None = None
    esp_service: Text100 | None = None
    compromised_account: bool | None = None
    screen_name: Text256 | None = None
    display_name: tuple[str, ...] = ()
    profile_url: tuple[Url, ...] = ()
    profile_bio: str | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    prior_ct_reports: Annotated[tuple[int, ...], Xml("priorCTReports")] = ()
    group_identifier: Text255 | None = None
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    estimated_location: EstimatedLocation | None = None
    all_emails_reported: bool | None = None
    additional_info: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A child concerned. Only what helps to find and protect the child belongs here."""

    person: Annotated[Person, Xml("victimPerson")]
    esp_identifier: Text255 | None = None
    esp_service: Text100 | None = None
    compromised_account: bool | None = None
    screen_name: Text256 | None = None
    display_name: tuple[str, ...] = ()
    profile_url: tuple[Url, ...] = ()
    profile_bio: str | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    school_name: Text255 | None = None
    prior_ct_reports: Annotated[tuple[int, ...], Xml("priorCTReports")] = ()
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    estimated_location: EstimatedLocation | None = None
    all_emails_reported: bool | None = None
    associated_account: tuple[AssociatedAccount, ...] = ()
    additional_info: str | None = None
