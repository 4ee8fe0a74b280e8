"""How a case is put into words for pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tutela.provider.cases import State
from tutela.provider.derivatives import MAX_FROM_VOUCHER
from tutela.provider.models import Case, CaseImage

#: state -> (words, colour of the tag)
STATES: Final[dict[State, tuple[str, str]]] = {
    State.COLLECTING: ("Collecting", "grey"),
    State.OPENED: ("Opened", "grey"),
    State.DISCARDED: ("Discarded", "grey"),
    State.REVIEW: ("For review", "blue"),
    State.CONFIRMED: ("Confirmed", "purple"),
    State.UNSEALING: ("Fetching originals", "purple"),
    State.REPORTING: ("Being reported", "orange"),
    State.REPORTED: ("Reported", "green"),
    State.DISMISSED: ("Dismissed", "grey"),
    State.ENDED_MISMATCH: ("Ended: mismatch", "red"),
    State.ENDED_UNAVAILABLE: ("Ended: originals gone", "red"),
    State.REVERSED: ("Reversed", "yellow"),
}


@dataclass(frozen=True, slots=True)
class Label:
    """A tag."""

    text: str
    colour: str


def state_label(case: Case) -> Label:
    """Return the tag of a case's state."""
    return Label(*STATES[State(case.state)])


def case_rows(case: Case) -> list[dict[str, Any]]:
    """Return the facts of a case, as rows of a summary list."""
    clusters = case.images.filter(withdrawn=False).values("cluster").distinct().count()
    return [
        {"key": "Opened", "value": _moment(case.opened_at)},
        {"key": "Epoch of the list", "value": str(case.epoch)},
        {"key": "Distinct entries", "value": f"{clusters}, where the threshold is {case.threshold}"},
        {"key": "Pictures", "value": str(case.images.count())},
    ]


def picture_rows(image: CaseImage) -> list[dict[str, Any]]:
    """Return the facts of one picture."""
    return [
        {"key": "Listed entry", "value": image.entry_id + (" (withdrawn)" if image.withdrawn else "")},
        {"key": "Listed as", "value": image.category},
        {"key": "Distance", "value": f"{image.distance} of 256 bits; 31 is the most"},
        {"key": "Sent", "value": _moment(image.sent_at)},
    ]


def derivative_warning(image: CaseImage) -> str:
    """Return what a person must know of a picture's derivative before deciding; "" for a good one."""
    if image.derivative_distance is None:
        return "There is no derivative to show: nobody can agree on this picture."
    if image.derivative_distance > MAX_FROM_VOUCHER:
        return (
            f"This derivative is {image.derivative_distance} bits away from the hash that matched, more than"
            f" {MAX_FROM_VOUCHER}: it may show another picture than the one that matched."
        )
    return ""


def _moment(value: Any) -> str:
    return f"{value:%d %B %Y, %H:%M} UTC"
