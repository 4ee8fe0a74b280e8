"""The rules once more, from their sentences: quantifiers over a plain list, nothing kept, nothing shared with `src`.

Only statements and their fields are taken from the code under test, and the Merkle root.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tutela.hashlist.governance.commitments import list_root
from tutela.hashlist.governance.statements import (
    Answer,
    Decision,
    Dispute,
    Endorsement,
    Expiry,
    Statement,
    Submission,
    Withdrawal,
)  # fmt: skip

#: id -> jurisdiction, alliances, roles
People = Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
ROLE = {
    "hotline": "submitter",
    "police-votes": "police",
    "verified-own-request": "verifier",
    "own-removal-request": "verifier",
}


@dataclass(frozen=True)
class Rules:
    people: People
    endorsers: tuple[str, ...]
    digest: bytes
    quorum: int
    submitters: int
    jurisdictions: int
    share: int
    floor: int
    entry: timedelta
    list: timedelta
    answer: timedelta
    delivery: timedelta
    ends: datetime
    category: str = "child-sexual-exploitation-and-abuse"
    classifications: tuple[str, ...] = ("tutela-demo:A",)


@dataclass
class Oracle:
    rules: Rules
    taken: list[tuple[Statement, datetime]] = field(default_factory=list)

    def roles(self, rules: Rules, who: str) -> tuple[str, ...]:
        return rules.people[who][2] if who in rules.people else ()

    def of(self, kind: type, entry: bytes, size: int) -> list[tuple[int, Statement, datetime]]:
        return [
            (place, said, when)
            for place, (said, when) in enumerate(self.taken[:size])
            if isinstance(said, kind) and said.entry == entry
        ]

    def wipes(self, entry: bytes, size: int) -> list[tuple[int, datetime]]:
        return [
            (place, said.at)
            for place, said, _ in self.of(Statement, entry, size)
            if isinstance(said, Withdrawal)
            or (isinstance(said, Answer) and said.outcome == "accepted")
            or (isinstance(said, Decision) and said.outcome == "remove")
        ]

    def support(self, rules: Rules, entry: bytes, size: int, now: datetime) -> list[tuple[int, str]]:
        """Position and organisation of each submission that counts."""
        return [
            (place, said.organisation)
            for place, said, _ in self.of(Submission, entry, size)
            if said.source != "own-removal-request"
            and ROLE[said.source] in self.roles(rules, said.organisation)
            and said.category == rules.category
            and said.classification in rules.classifications
            and now < said.at + rules.entry
            and all(wiped < place for wiped, _ in self.wipes(entry, size))
            and not any(
                later > place and cut.organisation == said.organisation and cut.ends <= now
                for later, cut, _ in self.of(Expiry, entry, size)
            )
        ]

    def pairwise(self, rules: Rules, names: Iterable[str], count: int, lands: bool) -> bool:
        """Some `count` of these organisations are pairwise unallied (and, if asked, of different lands)."""

        def apart(one: str, other: str) -> bool:
            (land, pacts, _), (other_land, other_pacts, _) = rules.people[one], rules.people[other]
            return not set(pacts) & set(other_pacts) and not (lands and land == other_land)

        return any(
            all(apart(*pair) for pair in itertools.combinations(chosen, 2))
            for chosen in itertools.combinations(sorted(set(names)), count)
        )

    def sound(self, rules: Rules, entry: bytes, size: int, now: datetime) -> bool:
        names = {who for _, who in self.support(rules, entry, size, now)}
        if len(names) < rules.submitters or not self.pairwise(rules, names, rules.jurisdictions, lands=True):
            return False
        decisions = self.of(Decision, entry, size)
        for place, said, _ in decisions:
            kept = any(
                later > place and each.dispute == said.dispute and each.outcome == "keep"
                for later, each, _ in decisions
            )
            if said.outcome == "remove" and not kept:
                return False
        closing = [each.dispute for kind in (Answer, Decision) for _, each, _ in self.of(kind, entry, size)]
        return not any(
            said.digest not in closing and when + rules.answer <= now
            for _, said, when in self.of(Dispute, entry, size)
        )

    def shared(self, rules: Rules, size: int, now: datetime, entries: Iterable[bytes]) -> list[bytes]:
        """The largest list in which each source keeps to its share, its earliest entries first."""
        first = {entry: min(self.support(rules, entry, size, now)) for entry in entries}
        order = sorted(first, key=lambda entry: first[entry])
        for total in range(len(order), -1, -1):
            most = max(rules.floor, total * rules.share // 100)
            kept = [
                entry
                for place, entry in enumerate(order)
                if sum(first[other][1] == first[entry][1] for other in order[:place]) < most
            ]
            if len(kept) == total:
                return sorted(kept)
        return []

    def size(self, now: datetime) -> int:
        return sum(when <= now for _, when in self.taken)

    def eligible(self, rules: Rules, size: int, now: datetime) -> list[bytes]:
        entries = {said.entry for said, _ in self.taken[:size]} - {b""}
        return self.shared(rules, size, now, [e for e in entries if self.sound(rules, e, size, now)])

    def live(self, rules: Rules, now: datetime) -> list[bytes]:
        size = self.size(now)
        lists = {
            said.version
            for said, when in self.taken
            if isinstance(said, Endorsement) and when <= now and now < rules.ends
        }
        best: Endorsement | None = None
        for version in lists:
            who = [
                said
                for said, when in self.taken
                if isinstance(said, Endorsement)
                and when <= now
                and said.version == version
                and said.constitution == rules.digest
                and said.valid_from <= now < said.valid_until
                and said.organisation in rules.endorsers
                and "endorser" in self.roles(rules, said.organisation)
            ]
            if self.pairwise(rules, (each.organisation for each in who), rules.quorum, lands=False):
                best = who[0] if best is None or who[0].number > best.number else best
        if best is None:
            return []
        held = [
            entry
            for entry in self.eligible(rules, best.size - 1, best.drawn)
            if self.sound(rules, entry, size, now)
            and all(place < best.size - 1 for place, _ in self.wipes(entry, size))
        ]
        return self.shared(rules, size, now, held)

    def accepts(self, said: Statement, received: datetime) -> bool:  # noqa: PLR0911 - one rule, one line
        rules, size = self.rules, len(self.taken)
        earlier = [each for each, _ in self.taken]
        if said in earlier or (self.taken and received < self.taken[-1][1]) or received >= rules.ends:
            return False
        if not said.at <= received <= said.at + rules.delivery or said.category != rules.category:
            return False
        if isinstance(said, Endorsement):
            return self.endorses(said)
        mine = [each for each in earlier if isinstance(each, Submission) and each.entry == said.entry]
        if isinstance(said, Submission):
            wiped = self.wipes(said.entry, size)
            return (
                said.classification in rules.classifications
                and ROLE[said.source] in self.roles(rules, said.organisation)
                and all(each.classification == said.classification for each in mine)
                and (not wiped or max(wiped)[1] < said.at)
            )
        if not mine:
            return False
        if isinstance(said, Dispute):
            return True
        if isinstance(said, Answer | Decision):
            disputes = [each for each in earlier if isinstance(each, Dispute) and each.entry == said.entry]
            if said.dispute not in {each.digest for each in disputes}:
                return False
        submitters = {each.organisation for each in mine}
        if isinstance(said, Decision):
            pacts = set(rules.people[said.organisation][1])
            partial = said.organisation in submitters or any(
                pacts & set(rules.people[s][1]) for s in submitters
            )
            judge = "adjudicator" in self.roles(rules, said.organisation)
            return judge and (said.outcome == "remove" or not partial)
        return said.organisation in submitters

    def endorses(self, said: Endorsement) -> bool:
        rules = self.rules
        numbers = [
            each.number
            for each, _ in self.taken
            if isinstance(each, Endorsement) and each.organisation == said.organisation
        ]
        return (
            said.organisation in rules.endorsers
            and "endorser" in self.roles(rules, said.organisation)
            and said.constitution == rules.digest
            and said.number > max(numbers, default=0)
            and said.drawn <= said.valid_from < said.valid_until <= said.drawn + rules.list
            and said.drawn <= said.at
            and 0 <= said.size - 1 <= len(self.taken)  # the constitution is the first record
            and all(when <= said.drawn for _, when in self.taken[: said.size - 1])
            and all(when >= said.drawn for _, when in self.taken[said.size - 1 :])
            and said.root == list_root(self.eligible(rules, said.size - 1, said.drawn))
        )
