"""Routing of a stored report: the rule files are read, the pure core decides, the decision is stored.

A report is never refused or lost because routing fails: then the centre's desk takes it, and the
decision says what was wrong.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tutela.cybertip import documents
from tutela.errors import TutelaError
from tutela.hub.models import Agency, FileStatement, Report, RoutingDecision
from tutela.hub.reading import facts
from tutela.hub.routing import CallingCodes, Decision, Ranges, Rules, decide, phones, read_signals
from tutela.hub.storage import Store

#: The desk of last resort, when not even the rule file can be read.
DESK: Final = "centre-desk"
DESK_NAME: Final = "National centre, triage desk"


@dataclass(frozen=True, slots=True)
class Tables:
    """What steers routing, and the SHA-256 over both files, for the record."""

    rules: Rules
    ranges: Ranges
    codes: CallingCodes
    sha256: str


def tables(store: Store) -> Tables:
    """Return the tables of a data folder; a changed file is read again.

    Raises:
        RulesError, RangesError: a file is absent or unusable.
    """
    return _tables(store.rules, _stamp(store.rules), store.ranges, _stamp(store.ranges))


def warm(store: Store) -> None:
    """Read the tables before a transaction is open: a real range file takes seconds."""
    with contextlib.suppress(TutelaError):  # `place` meets the same error and the desk takes the report
        tables(store)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=2)
def _tables(rules: Path, _: tuple[int, int], ranges: Path, __: tuple[int, int]) -> Tables:
    table, addresses = Rules.load(rules), Ranges.load(ranges)
    digest = hashlib.sha256(rules.read_bytes() + b"\0" + ranges.read_bytes()).hexdigest()
    return Tables(table, addresses, phones.standard().with_overrides(table.phone_prefixes), digest)


def place(report: Report, store: Store, now: datetime) -> RoutingDecision:
    """Decide where a report goes and store the decision. To be called in the transaction of `/finish`."""
    made, digest = _decide(report, store)
    agency = agency_named(made.agency, store)
    report.agency = agency
    report.save(update_fields=["agency"])
    return RoutingDecision.objects.create(
        report=report,
        agency=agency,
        country=made.country or "",
        confidence=made.confidence,
        placed=made.placed,
        reasons=list(made.reasons),
        cautions=list(made.cautions),
        signals=[dataclasses.asdict(signal) for signal in made.signals],
        others=[list(pair) for pair in made.others],
        rules_sha256=digest,
        made_at=now,
    )


def _decide(report: Report, store: Store) -> tuple[Decision, str]:
    try:
        known = tables(store)
        document = documents.parse_report(bytes(report.xml))
        statements = tuple(documents.parse_file_details(bytes(xml)) for xml in newest_statements(report))
        signals = read_signals(facts(document, statements), known.ranges, known.codes)
        return decide(signals, known.rules), known.sha256
    except TutelaError as error:
        reason = f"The centre's desk decides, because routing failed: {error.message}"
        return Decision(DESK, None, 0.0, False, (reason,), (), ()), ""


def newest_statements(report: Report) -> list[Any]:
    """Return the newest `<fileDetails>` of each file, in the order of the files."""
    rows = FileStatement.objects.filter(file__report=report).order_by("file_id", "id")
    return list({row.file_id: row.xml for row in rows}.values())


def agency_named(slug: str, store: Store) -> Agency:
    """Return an agency's row, made from the rule table where it is not stored yet."""
    known = Agency.objects.filter(slug=slug).first()
    if known is not None:
        return known
    try:
        rule = next(rule for rule in tables(store).rules.agencies if rule.slug == slug)
    except (TutelaError, StopIteration):
        return Agency.objects.create(slug=slug, name=DESK_NAME, kind="desk")
    return Agency.objects.create(slug=slug, name=rule.name, kind=rule.kind, countries=list(rule.countries))


def follow_rules(rules: Rules) -> None:
    """Make the agencies of the database those of the rule table; agencies that left it become inactive."""
    for rule in rules.agencies:
        Agency.objects.update_or_create(
            slug=rule.slug,
            defaults={
                "name": rule.name,
                "kind": rule.kind,
                "countries": list(rule.countries),
                "active": True,
            },
        )
    Agency.objects.exclude(slug__in=[rule.slug for rule in rules.agencies]).update(active=False)
