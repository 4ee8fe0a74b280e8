"""A list version for endorsers to sign: drawn once, so that all of them sign the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.http import HttpRequest

from tutela.console import audit
from tutela.hashlist import strict_json
from tutela.hashlist.governance import Endorsement, History, Organisation
from tutela.hashlist.governance.errors import WrongRole
from tutela.register.book import Book, present
from tutela.register.models import Draft


@dataclass(frozen=True, slots=True)
class Share:
    """How many entries of one organisation, or of one jurisdiction, changed and stand."""

    name: str
    jurisdiction: str
    listed: int
    added: int
    withdrawn: int
    held_back: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What a draft changes against the version in force.

    Attributes:
        added, withdrawn, held_back: commitments.
        listed: how many entries the draft holds.
        organisations, jurisdictions: the same by whose contribution an entry is.
    """

    added: tuple[bytes, ...]
    withdrawn: tuple[bytes, ...]
    held_back: tuple[bytes, ...]
    listed: int
    organisations: tuple[Share, ...]
    jurisdictions: tuple[Share, ...]


def newest(history: History, now: datetime) -> Draft | None:
    """Return the newest draft if it may still be signed under the constitution in force."""
    draft = Draft.objects.last()
    if draft is None or draft.constitution != history.constitution.digest.hex() or draft.valid_until <= now:
        return None
    return draft


def draw(book: Book, request: HttpRequest, days: int, now: datetime | None = None) -> Draft:
    """Draw a list version from all that has arrived, and keep it for the endorsers."""
    moment = present(now)
    with book.lock, transaction.atomic():
        history = book.history()
        size, constitution = history.size_at(moment), history.constitution
        numbers = [each.number for _, each in history.endorsements()]
        numbers += Draft.objects.values_list("number", flat=True)
        draft = Draft.objects.create(
            number=max(numbers, default=0) + 1,
            root=history.draw(constitution, size, moment).root.hex(),
            size=size,
            drawn=moment,
            valid_until=moment + timedelta(days=min(days, constitution.list_days)),
            constitution=constitution.digest.hex(),
        )
        audit.record(request, "version.drawn", f"version/{draft.number}")
    return draft


def endorsement(draft: Draft, organisation: str, at: datetime) -> Endorsement:
    """Return what an organisation signs to endorse a draft."""
    drawn = draft.drawn.astimezone(UTC)
    return Endorsement(
        organisation=organisation,
        at=at,
        number=draft.number,
        root=bytes.fromhex(draft.root),
        size=draft.size,
        drawn=drawn,
        valid_from=drawn,
        valid_until=draft.valid_until.astimezone(UTC),
        constitution=bytes.fromhex(draft.constitution),
    )


def to_sign(history: History, draft: Draft, organisation: str, now: datetime) -> bytes:
    """Return the file of a statement to sign, without a signature; raises `WrongRole`."""
    if organisation not in history.constitution.endorsers:
        raise WrongRole(organisation=organisation)
    return strict_json.canonical(endorsement(draft, organisation, present(now)).to_dict()) + b"\n"


def endorsers(history: History, draft: Draft) -> list[tuple[Organisation, datetime | None]]:
    """Return the constitution's endorsers, and when each one's endorsement of the draft arrived."""
    names = history.constitution.endorsers
    wanted = endorsement(draft, names[0], draft.drawn.astimezone(UTC)).version
    arrived = {
        each.organisation: record.received
        for record, each in history.endorsements()
        if each.version == wanted
    }
    directory = history.constitution.directory
    return [(directory[name], arrived.get(name)) for name in names]


def changes(book: Book, draft: Draft, now: datetime) -> Changes:
    """Return what a draft changes against the version in force."""
    with book.lock:
        history, version = book.history(), book.state(now).version
        size, drawn = draft.size, draft.drawn.astimezone(UTC)
        found = history.draw(history.constitution, size, drawn)
        listed, held = set(found.listed), {each.commitment for each in found.held_back}
        before = set(version.commitments) if version else set()
        earlier = (version.statement.size, version.statement.drawn) if version else (size, drawn)
        source = {each: _source(history, each, size, drawn) for each in listed | held}
        source |= {each: _source(history, each, *earlier) for each in before - listed}
        parts = (listed, listed - before, before - listed, held)
        counts = [Counter(source[each] for each in part) for part in parts]
        organisations = _shares(counts, history)
    return Changes(
        added=tuple(sorted(listed - before)),
        withdrawn=tuple(sorted(before - listed)),
        held_back=tuple(sorted(held)),
        listed=len(listed),
        organisations=organisations,
        jurisdictions=_by_jurisdiction(organisations),
    )


def _source(history: History, commitment: bytes, size: int, moment: datetime) -> str:
    """Return whose contribution an entry was: the earliest submission that counted then."""
    counting = history.folded(commitment, size).counting(history.constitution, moment)
    return counting[0].statement.organisation if counting else ""


def _shares(counts: list[Counter[str]], history: History) -> tuple[Share, ...]:
    rows = []
    for name in sorted(set().union(*counts)):
        organisation = history.constitution.directory.get(name)
        where = organisation.jurisdiction if organisation else ""
        rows.append(Share(name, where, *(count[name] for count in counts)))
    return tuple(rows)


def _by_jurisdiction(shares: Iterable[Share]) -> tuple[Share, ...]:
    found: dict[str, list[Share]] = {}
    for share in shares:
        found.setdefault(share.jurisdiction, []).append(share)
    return tuple(
        Share(
            where,
            where,
            sum(each.listed for each in rows),
            sum(each.added for each in rows),
            sum(each.withdrawn for each in rows),
            sum(each.held_back for each in rows),
        )
        for where, rows in sorted(found.items())
    )
