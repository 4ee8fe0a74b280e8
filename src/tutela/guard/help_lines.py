"""Who to talk to, by country: data beside this file, checked by people and dated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

#: member states of the European Union, ISO 3166-1 alpha-2: 116 111 is reserved in all of them
EUROPEAN_UNION: Final = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)


@dataclass(frozen=True, slots=True)
class HelpLine:
    """One service.

    Attributes:
        country: ISO 3166-1 alpha-2, "EU" or "XX" (an example).
        service: its name.
        contact: telephone number or address of a page.
        hours: when somebody answers.
        audience: whom it is for.
        source: where the entry was read.
        checked: the day of that, ISO 8601.
        example: whether this is no real service.
    """

    country: str
    service: str
    contact: str
    hours: str
    audience: str
    source: str
    checked: str
    example: bool

    def to_dict(self) -> dict[str, str | bool]:
        """Return the entry for `--json`."""
        return {name: getattr(self, name) for name in self.__slots__}


@cache
def _all() -> tuple[HelpLine, ...]:
    text = resources.files(__package__).joinpath("help_lines.json").read_text(encoding="utf-8")
    return tuple(
        HelpLine(
            country=line["country"],
            service=line["service"],
            contact=line["contact"],
            hours=line["hours"],
            audience=line["for"],
            source=line["source"],
            checked=line["checked"],
            example=line["example"],
        )
        for line in json.loads(text)["lines"]
    )


def help_lines(country: str) -> tuple[HelpLine, ...]:
    """Return the services of a country: its own, else the Union's where it is a member, else none."""
    own = tuple(line for line in _all() if line.country == country)
    if own or country not in EUROPEAN_UNION:
        return own
    return tuple(line for line in _all() if line.country == "EU")
