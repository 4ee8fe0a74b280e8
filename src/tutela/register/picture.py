"""The picture of organisations and alliances: who counts once, as numbers for an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tutela.hashlist.governance import Constitution, Organisation
from tutela.hashlist.governance.organisations import independent
from tutela.register import words

_ROW: Final = 56
_BOX: Final = 40
_LEFT: Final = 300
_GAP: Final = 160
_RIGHT: Final = 220


@dataclass(frozen=True, slots=True)
class Box:
    """A box with up to two lines of text, in pixels."""

    x: int
    y: int
    width: int
    title: str
    note: str = ""
    height: int = _BOX

    @property
    def text_x(self) -> int:
        """Where its text begins."""
        return self.x + 12

    @property
    def title_y(self) -> int:
        """The base line of its title."""
        return self.y + (17 if self.note else 25)

    @property
    def note_y(self) -> int:
        """The base line of its note."""
        return self.y + 33


def of(constitution: Constitution) -> dict[str, Any]:
    """Return boxes and lines: organisations on the left, their alliances on the right."""
    shown = constitution.organisations
    alliances = sorted({name for each in shown for name in each.alliances})
    ordered = sorted(shown, key=lambda each: (each.alliances == (), each.alliances, each.id))
    left = {
        each.id: Box(1, 1 + row * _ROW, _LEFT, _shorten(each.name), f"{each.jurisdiction}  {each.id}"[:44])
        for row, each in enumerate(ordered)
    }
    right = {
        name: Box(_LEFT + _GAP, _place(row, len(alliances), len(ordered)), _RIGHT, _shorten(name))
        for row, name in enumerate(alliances)
    }
    lines = [
        (_LEFT + 1, left[each.id].y + _BOX // 2, _LEFT + _GAP, right[name].y + _BOX // 2)
        for each in ordered
        for name in each.alliances
    ]
    return {
        "width": _LEFT + _GAP + _RIGHT + 2,
        "height": max(len(ordered), len(alliances)) * _ROW,
        "organisations": list(left.values()),
        "alliances": list(right.values()),
        "lines": lines,
    }


def rows(constitution: Constitution) -> list[dict[str, Any]]:
    """Return the organisations as rows, each with whom it counts once."""
    return [
        {
            "organisation": each,
            "roles": [words.ROLES[role] for role in each.roles],
            "endorses": each.id in constitution.endorsers,
            "allies": [
                other.id for other in constitution.organisations if other.id != each.id and each.allied(other)
            ],
            "until": max(key.valid_until for key in each.keys),
        }
        for each in constitution.organisations
    ]


def most_endorsers(constitution: Constitution) -> int:
    """Return how many endorsers can count at most, allied ones once."""
    able: Sequence[Organisation] = [constitution.directory[name] for name in constitution.endorsers]
    return independent(able, len(able))


def _place(row: int, count: int, beside: int) -> int:
    """Spread the alliances over the height of the organisations."""
    return 1 + row * _ROW + max(0, beside - count) * _ROW * (2 * row + 1) // (2 * count)


def _shorten(text: str) -> str:
    return text if len(text) <= 34 else text[:33] + "…"
