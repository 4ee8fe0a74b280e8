"""Location signals: what each fact of a report says about the country, how surely, and why.

Confidences are fixed judgements, not measurements: they order the kinds of evidence and keep weak
ones from deciding alone. They stand in one table below so that a centre can discuss them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from tutela.hub.routing.phones import CallingCodes
from tutela.hub.routing.ranges import Address, Ranges

_T = TypeVar("_T")

#: How far one fact of a kind can be trusted to name the person's country.
CONFIDENCE: Final = {
    "ip": 0.85,
    "ip_old": 0.5,  # addresses are handed on: far from the incident it may have been someone else's
    "ip_untimed": 0.5,  # nobody can resolve an address without its time
    "ip_proxy": 0.1,  # says where the proxy is
    "phone": 0.65,  # the country of the contract, not of the person
    "phone_verified": 0.8,
    "address": 0.6,  # declared by the person
    "estimated": 0.5,  # worked out by the provider, mostly from addresses again
    "estimated_verified": 0.75,
}
OLD: Final = timedelta(days=90)
#: Codes of the country list that name no country: proxy, satellite, other.
NO_COUNTRY: Final = frozenset({"A1", "A2", "O1", ""})
_CGNAT: Final = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598

CAUTION_PORT: Final = (
    "No source port was reported. If the network shares this address between subscribers (CGNAT), "
    "it cannot be resolved to one of them."
)
CAUTION_TIME: Final = "No time was reported for this address, so that no subscriber can be found for it."
CAUTION_ZONE: Final = "The time of this address was reported without a time zone; it was read as UTC."
CAUTION_PROXY: Final = "The provider believes that this address is a proxy."


@dataclass(frozen=True, slots=True)
class IpEvent:
    """An address at a time; `port` is the source port. `zoned` is False where the time had no zone."""

    address: str
    at: datetime | None = None
    port: int | None = None
    event: str = ""
    proxy: bool = False
    zoned: bool = True


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number as the provider wrote it."""

    number: str
    calling_code: str | None = None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A country that an address or an estimate names."""

    country: str
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says about where the reported person is."""

    incident_at: datetime | None = None
    ip_events: tuple[IpEvent, ...] = ()
    phones: tuple[Phone, ...] = ()
    addresses: tuple[Place, ...] = ()
    estimated: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """One fact's word on the country.

    Attributes:
        kind: "ip", "phone", "address" or "estimated".
        evidence: the fact itself, as the analyst sees it.
        country: ISO 3166-1 alpha-2, or None where the fact names none.
        confidence: 0..1; 0 exactly when `country` is None.
        reason: one sentence.
        cautions: what an investigator must know before relying on it.
    """

    kind: str
    evidence: str
    country: str | None
    confidence: float
    reason: str
    cautions: tuple[str, ...] = ()


def read_signals(facts: Facts, ranges: Ranges, codes: CallingCodes) -> tuple[Signal, ...]:
    """Return every signal of the facts, in a fixed order; equal facts count once."""
    found = [_ip(event, facts.incident_at, ranges) for event in _once(facts.ip_events)]
    for phone in _once(facts.phones):
        found.extend(_phone(phone, codes))
    found.extend(_place("address", place) for place in _once(facts.addresses))
    found.extend(_place("estimated", place) for place in _once(facts.estimated))
    return tuple(found)


def _once(items: Iterable[_T]) -> Iterator[_T]:
    return iter(dict.fromkeys(items))


def _ip(event: IpEvent, incident_at: datetime | None, ranges: Ranges) -> Signal:
    try:
        address = ipaddress.ip_address(event.address.strip())
    except ValueError:
        return Signal("ip", event.address[:64], None, 0.0, "This is not an internet address.")
    evidence = address.compressed if event.port is None else _with_port(address, event.port)
    country = ranges.country(address)
    if country is None:
        return Signal("ip", evidence, None, 0.0, _unknown(address), _ip_cautions(event, address))
    confidence, reason = _ip_weight(event, incident_at)
    cautions = _ip_cautions(event, address)
    return Signal("ip", evidence, country, confidence, f"Address range of {country}; {reason}.", cautions)


def _with_port(address: Address, port: int) -> str:
    return f"{address.compressed} port {port}"


def _unknown(address: Address) -> str:
    if address in _CGNAT:
        return "This is a network's internal shared address (RFC 6598); it names no place."
    if not address.is_global:
        return "This is not a public address; it names no place."
    return "The address range file does not know this address."


def _ip_weight(event: IpEvent, incident_at: datetime | None) -> tuple[float, str]:
    if event.proxy:
        return CONFIDENCE["ip_proxy"], "marked as a possible proxy"
    if event.at is None:
        return CONFIDENCE["ip_untimed"], "without a time"
    if incident_at is not None and abs(event.at - incident_at) > OLD:
        return CONFIDENCE["ip_old"], f"more than {OLD.days} days from the incident"
    return CONFIDENCE[
        "ip"
    ], f"{event.event.lower()} near the incident" if event.event else "near the incident"


def _ip_cautions(event: IpEvent, address: Address) -> tuple[str, ...]:
    return tuple(
        text
        for text, applies in (
            (CAUTION_PROXY, event.proxy),
            (CAUTION_TIME, event.at is None),
            (CAUTION_ZONE, event.at is not None and not event.zoned),
            (CAUTION_PORT, event.port is None and address.version == 4),
        )
        if applies
    )


def _phone(phone: Phone, codes: CallingCodes) -> Iterator[Signal]:
    candidates = codes.countries(phone.number, phone.calling_code)
    evidence = phone.number[:32]
    if not candidates:
        yield Signal("phone", evidence, None, 0.0, "No known calling code.")
        return
    base = CONFIDENCE["phone_verified" if phone.verified else "phone"]
    shared = f", shared by {len(candidates)} countries" if len(candidates) > 1 else ""
    for country in candidates:
        reason = f"Calling code of {country}{shared}."
        yield Signal("phone", evidence, country, round(base / len(candidates), 3), reason)


def _place(kind: str, place: Place) -> Signal:
    country = place.country.strip().upper()
    what = "Declared address" if kind == "address" else "Location estimated by the provider"
    if country in NO_COUNTRY or len(country) != 2 or not (country.isascii() and country.isalpha()):
        return Signal(kind, country[:8], None, 0.0, f"{what}: no usable country code.")
    verified = place.verified and kind == "estimated"
    confidence = CONFIDENCE["estimated_verified" if verified else kind]
    return Signal(kind, country, country, confidence, f"{what}{', verified' if verified else ''}.")
