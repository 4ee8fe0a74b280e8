"""Conflicts of laws: where legal bases that matter to one alert do not permit the same.

A device is in one place, its provider and the person it writes to may be in others. What a device does
follows from the law of its own place alone (`legal_basis.check`), and nothing here changes that. `conflicts`
only says where the laws differ, so that nobody finds out later:

    permits    alerts are permitted in one place, and not in another
    reports    a report may follow an alert in one place, and not in another
    keeping    content may be kept after a report for other times
    scales     what is listed is classified by other scales
    statements two statements that are in force for one place do not say the same
    ending     one place's permission ends soon, and another's goes on

Not protected: laws that nobody put into a statement. Duties (to report, to keep for a least time, to tell the
account holder or not to) are none of a permission's, and are not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tutela.hashlist.entries import format_time
from tutela.hashlist.errors import BadFile
from tutela.hashlist.legal_basis import REPORT, LegalBasis, LegalBasisMissing, LegalBasisTampered, read
from tutela.hashlist.trust import Trust, read_small

#: how long before its end a permission counts as about to end
SOON: Final = timedelta(days=30)
PATTERN: Final = "legal-basis-??.json"
_NOTHING: Final = "there is no legal basis"


@dataclass(frozen=True, slots=True)
class View:
    """What the law of one place says, in words."""

    jurisdiction: str
    says: str

    def to_dict(self) -> dict[str, str]:
        """Return JSON values."""
        return {"jurisdiction": self.jurisdiction, "says": self.says}


@dataclass(frozen=True, slots=True)
class Conflict:
    """One thing on which laws differ.

    Attributes:
        kind: "permits", "reports", "keeping", "scales", "statements" or "ending".
        sentence: for people.
        views: of every place that is compared, sorted; at least two different ones.
    """

    kind: str
    sentence: str
    views: tuple[View, ...]

    @property
    def places(self) -> frozenset[str]:
        """The jurisdictions that are compared."""
        return frozenset(view.jurisdiction for view in self.views)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "kind": self.kind,
            "sentence": self.sentence,
            "views": [view.to_dict() for view in self.views],
        }


def conflicts(bases: Iterable[LegalBasis], now: datetime, places: Collection[str] = ()) -> list[Conflict]:
    """Return where the laws of several places, or several statements for one, do not agree.

    The order of the bases, and saying one twice, changes nothing.

    Args:
        bases: legal bases whose signatures were verified, of any place and time.
        now: the time, with its zone.
        places: jurisdictions that matter although no basis may be there: the device's, the provider's.
    """
    given = [basis for _, basis in sorted({repr(basis.to_statement()): basis for basis in bases}.items())]
    here = [
        _Place(name, tuple(basis for basis in given if basis.jurisdiction == name), now)
        for name in sorted({basis.jurisdiction for basis in given} | set(places))
    ]
    open_places = [place for place in here if place.in_force]
    found = [
        _permits(here, open_places),
        _differing("reports", "Whether a report may follow an alert differs", open_places, _Place.reports),
        _differing("keeping", "How long content may be kept differs", open_places, _Place.keeping),
        _differing("scales", "What is listed is classified by other scales", open_places, _Place.scales),
        *(_statements(place) for place in open_places),
        _ending(open_places, now),
    ]
    return [conflict for conflict in found if conflict is not None]


def touching(found: Iterable[Conflict], place: str) -> list[Conflict]:
    """Return the conflicts that the law of one place is part of."""
    return [conflict for conflict in found if place in conflict.places]


def read_folders(
    folders: Iterable[Path], trust: Trust
) -> tuple[list[LegalBasis], dict[str, LegalBasisMissing]]:
    """Return the legal bases of epochs' folders, and for each file that is none why.

    A basis that stands in a file of another place's name is none, as a device will not find it.

    Raises:
        BadFile: a folder is not there.
    """
    bases: list[LegalBasis] = []
    unusable: dict[str, LegalBasisMissing] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadFile(f"There is no folder {folder.name}.")
        for path in sorted(folder.glob(PATTERN)):
            try:
                bases.append(_read(path, trust))
            except LegalBasisMissing as error:
                unusable[str(path)] = error
    return bases, unusable


def _read(path: Path, trust: Trust) -> LegalBasis:
    try:
        basis = read(read_small(path), trust)
    except BadFile as error:
        raise LegalBasisTampered(error.message) from error
    if path.name != f"legal-basis-{basis.jurisdiction}.json":
        raise LegalBasisTampered(f"It is one of {basis.jurisdiction}.")
    return basis


@dataclass(frozen=True, slots=True)
class _Place:
    """All that is stated for one jurisdiction; where several statements hold, only what all permit counts."""

    name: str
    bases: tuple[LegalBasis, ...]
    now: datetime

    @property
    def in_force(self) -> tuple[LegalBasis, ...]:
        return tuple(basis for basis in self.bases if basis.valid_from <= self.now < basis.valid_until)

    @property
    def until(self) -> datetime:
        """Return when its permission ends, over statements that follow one another without a gap."""
        end = self.now
        for basis in sorted(self.bases, key=lambda basis: basis.valid_from):
            if basis.valid_from <= end:
                end = max(end, basis.valid_until)
        return end

    def permits(self) -> str:
        if self.in_force:
            return f"alerts are permitted until {format_time(self.until)}"
        coming = [basis.valid_from for basis in self.bases if basis.valid_from > self.now]
        if coming:
            return f"the legal basis begins on {format_time(min(coming))}"
        if self.bases:
            return f"the legal basis ended on {format_time(max(basis.valid_until for basis in self.bases))}"
        return _NOTHING

    def reports(self) -> str:
        permitted = all(REPORT in basis.acts for basis in self.in_force)
        return "a report may follow" if permitted else "no report may follow"

    def keeping(self) -> str:
        days = min(basis.keep_days for basis in self.in_force)
        return f"content may be kept for {days} days after a report" if days else "no content may be kept"

    def scales(self) -> str:
        known = frozenset.intersection(*(frozenset(basis.scales) for basis in self.in_force))
        return f"classified by {', '.join(sorted(known)) or 'no scale that all statements name'}"


def _permits(here: Sequence[_Place], open_places: Sequence[_Place]) -> Conflict | None:
    if len(open_places) in {0, len(here)}:
        return None
    closed = [place for place in here if place not in open_places]
    sentence = f"Alerts are permitted in {_names(open_places)}, and not in {_names(closed)}."
    return Conflict("permits", sentence, tuple(View(place.name, place.permits()) for place in here))


def _differing(
    kind: str, said: str, places: Sequence[_Place], what: Callable[[_Place], str]
) -> Conflict | None:
    views = tuple(View(place.name, what(place)) for place in places)
    if len({view.says for view in views}) < 2:
        return None
    return Conflict(
        kind, f"{said}: {'; '.join(f'{view.jurisdiction}: {view.says}' for view in views)}.", views
    )


def _statements(place: _Place) -> Conflict | None:
    if len(place.in_force) < 2:
        return None
    sentence = f"{len(place.in_force)} statements that do not say the same are in force for {place.name}."
    return Conflict("statements", sentence, tuple(View(place.name, _in_words(one)) for one in place.in_force))


def _in_words(basis: LegalBasis) -> str:
    return (
        f"{basis.statute}; {' and '.join(basis.acts)}; {basis.keep_days} days; by {', '.join(basis.scales)}; "
        f"from {format_time(basis.valid_from)} until {format_time(basis.valid_until)}; "
        f"impact assessment {basis.impact_assessment_sha256.hex()}"
    )


def _ending(places: Sequence[_Place], now: datetime) -> Conflict | None:
    ends = {place.name: place.until for place in places}
    if not ends or not min(ends.values()) <= now + SOON or len(set(ends.values())) == 1:
        return None
    first = min(ends.values())
    soon = [place for place in places if ends[place.name] == first]
    after = [place for place in places if ends[place.name] > first]
    sentence = (
        f"The permission ends on {format_time(first)} in {_names(soon)}, and goes on in {_names(after)}."
    )
    views = tuple(View(name, f"alerts are permitted until {format_time(end)}") for name, end in ends.items())
    return Conflict("ending", sentence, views)


def _names(places: Sequence[_Place]) -> str:
    return ", ".join(place.name for place in places)
