"""Short words for the schema's terms, as lists and headings show them."""

from __future__ import annotations

from typing import Final

from tutela.cybertip.vocabulary import IncidentType
from tutela.hub.casework import CaseState

INCIDENTS: Final[dict[str, str]] = {
    IncidentType.CHILD_PORNOGRAPHY: "Abuse imagery",
    IncidentType.CHILD_SEX_TRAFFICKING: "Trafficking",
    IncidentType.CHILD_SEX_TOURISM: "Travel",
    IncidentType.CHILD_SEXUAL_MOLESTATION: "Contact abuse",
    IncidentType.MISLEADING_DOMAIN_NAME: "Misleading domain name",
    IncidentType.MISLEADING_WORDS_OR_IMAGES: "Misleading words or images",
    IncidentType.ONLINE_ENTICEMENT: "Online enticement",
    IncidentType.UNSOLICITED_OBSCENE_MATERIAL: "Unsolicited material",
}
STATES: Final[dict[str, str]] = {
    CaseState.NEW: "New",
    CaseState.OPEN: "Open",
    CaseState.REFERRED: "Referred",
    CaseState.CLOSED: "Closed",
}
COLOURS: Final[dict[str, str]] = {
    CaseState.NEW: "blue",
    CaseState.OPEN: "yellow",
    CaseState.REFERRED: "green",
    CaseState.CLOSED: "grey",
}
VIEWED_COLOURS: Final[dict[str, str]] = {"yes": "green", "no": "orange", "unknown": "grey"}
SIGNALS: Final[dict[str, str]] = {
    "ip": "Internet address",
    "phone": "Telephone",
    "address": "Declared address",
    "estimated": "Estimated location",
}
ACTIONS: Final[dict[str, str]] = {
    "open": "Taken into work",
    "refer": "Referred",
    "close": "Closed",
    "reopen": "Reopened",
    "note": "Note",
    "allow": "Opening of a file allowed",
}


def incident(statutory: str) -> str:
    """Return the short word for an incident type."""
    return INCIDENTS.get(statutory, "Other")
