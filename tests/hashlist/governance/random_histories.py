"""Random attempts on a register, from a seed: most are lawful, many are not, times lie close together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import governance_samples as samples
from governance_samples import BEGIN, PEOPLE, STRANGER, hours
from oracle import Oracle, Rules

from tutela.hashlist.governance import (
    Answer,
    Constitution,
    Decision,
    Dispute,
    Endorsement,
    Expiry,
    History,
    Statement,
    Submission,
    Verified,
    Withdrawal,
    errors,
    list_root,
    state_at,
)  # fmt: skip

NAMES = sorted(PEOPLE)
SUBMITTERS = [name for name in NAMES if "submitter" in PEOPLE[name][2]]
CLOCKS = {"entry_days": 5, "answer_days": 2, "list_days": 4, "source_floor": 1, "source_share": 50}
USUAL = samples.constitution(**CLOCKS, classifications=("tutela-demo:A",))
STRICT = replace(USUAL, submitters=3)
#: two organisations lost their roles, one left an alliance: what is listed is judged by the rules of now
LATER = replace(
    USUAL,
    number=2,
    previous=USUAL.digest,
    endorsers=("east-hotline", "rights-body", "south-centre"),
    quorum=2,
    amendment_quorum=2,
    organisations=tuple(
        replace(each, roles=("auditor",)) if each.id in {"north-hotline", "west-centre"}
        else replace(each, alliances=()) if each.id == "south-hotline" else each
        for each in USUAL.organisations
    ),
)  # fmt: skip


def rules_of(constitution: Constitution) -> Rules:
    return Rules(
        people={
            each.id: (each.jurisdiction, each.alliances, each.roles) for each in constitution.organisations
        },
        endorsers=constitution.endorsers,
        digest=constitution.digest,
        quorum=constitution.quorum,
        submitters=constitution.submitters,
        jurisdictions=constitution.jurisdictions,
        share=constitution.source_share,
        floor=constitution.source_floor,
        entry=timedelta(days=constitution.entry_days),
        list=timedelta(days=constitution.list_days),
        answer=timedelta(days=constitution.answer_days),
        delivery=timedelta(hours=constitution.delivery_hours),
        ends=constitution.valid_until,
    )


RULES = {constitution.digest: rules_of(constitution) for constitution in (USUAL, STRICT, LATER)}


class Pair:
    """A history and its oracle, given the same attempts."""

    def __init__(self, constitution: Constitution) -> None:
        self.constitution = constitution
        self.history: History = samples.begin(constitution)
        self.oracle = Oracle(RULES[constitution.digest])

    def attempt(self, said: Statement, received: datetime) -> bool:
        """Let both judge; they must agree."""
        expected = self.oracle.accepts(said, received)
        who = self.constitution.directory.get(said.organisation)
        size = len(self.history)
        try:
            self.history.admit(Verified(said, who, b"{}"), received)
            accepted = True
        except errors.GovernanceError:
            accepted = False
        assert (accepted, len(self.history)) == (expected, size + expected), (said, received)
        if accepted:
            self.oracle.taken.append((said, received))
        return accepted

    def compare(self, constitution: Constitution, now: datetime) -> int:
        """Compare what is live and what a list drawn now would hold; return how many are live."""
        rules = RULES[constitution.digest]
        state = state_at(self.history, constitution, now)
        assert list(state.eligible) == self.oracle.eligible(rules, self.oracle.size(now), now)
        assert list(state.live) == self.oracle.live(rules, now)
        assert {name for name, each in state.entries.items() if each.live} == set(state.live)
        return len(state.live)


def attempts(draw: random.Random, pair: Pair, count: int) -> Iterator[tuple[Statement, datetime]]:
    """Yield attempts; each sees what became of those before."""
    now = BEGIN
    while count > 0:
        now += timedelta(hours=draw.choice((0, 1, 1, 2, 5, 12)))
        kind = draw.random()
        if kind < 0.2:
            for said in endorsing(draw, pair, now):
                count -= 1
                yield said, now
        elif kind < 0.33:
            entry = draw.choice((0, 1, 2, 3))
            for who in ("east-hotline", draw.choice(("west-centre", "south-hotline"))):
                count -= 1
                yield samples.submission(entry, who, now), now
        else:
            count -= 1
            yield one(draw, pair, now, kind), now


def endorsing(draw: random.Random, pair: Pair, now: datetime) -> Iterator[Endorsement]:
    drawn = now - timedelta(hours=draw.choice((1, 1, 1, 3)))
    drawn = max(drawn, BEGIN)
    size = pair.oracle.size(drawn)
    root = list_root(pair.oracle.eligible(pair.oracle.rules, size, drawn))
    last = [said.number for said, _ in pair.oracle.taken if isinstance(said, Endorsement)]
    said = Endorsement(
        organisation=NAMES[0],
        at=now,
        category="other" if draw.random() < 0.02 else "child-sexual-exploitation-and-abuse",
        number=max([1, *(number + draw.choice((0, 1, 1, 1)) for number in last[-1:])]),
        root=bytes(32) if draw.random() < 0.05 else root,
        size=size + 1 + (draw.random() < 0.05),
        drawn=drawn,
        valid_from=drawn,
        valid_until=drawn + timedelta(days=draw.choice((1, 2, 4, 4, 5))),
        constitution=bytes(32) if draw.random() < 0.02 else pair.constitution.digest,
    )
    most = len(NAMES) if draw.random() < 0.1 else 5
    pool = NAMES if most > 5 else list(pair.constitution.endorsers)
    for who in draw.sample(pool, draw.choice((1, *range(3, len(pool) + 1)))):
        yield replace(said, organisation=who)


def one(draw: random.Random, pair: Pair, now: datetime, kind: float) -> Statement:
    at = now - timedelta(hours=draw.choice((*(0,) * 12, 3, 23, 30, -1)))
    at = max(at, BEGIN)
    number = draw.choice((0, 0, 0, 1, 1, 2, 3))
    entry, who = samples.name(number), draw.choice(NAMES)
    asked = [said for said, _ in pair.oracle.taken if isinstance(said, Dispute)]
    if kind < 0.68:
        source = draw.choice(
            ("hotline",) * 12 + ("police-votes", "verified-own-request", "own-removal-request")
        )
        pool = SUBMITTERS if draw.random() < 0.9 else NAMES
        classification = "tutela-demo:B" if draw.random() < 0.01 else "tutela-demo:A"
        return Submission(
            organisation=draw.choice(pool),
            at=at,
            commitment=entry,
            source=source,
            classification=classification,
        )
    if kind < 0.74:
        return Withdrawal(organisation=who, at=at, commitment=entry, reason="mistaken")
    if kind < 0.80:
        return Expiry(
            organisation=who, at=at, commitment=entry, ends=now + timedelta(hours=draw.randrange(-2, 40))
        )
    if kind < 0.86 or not asked:
        return Dispute(at=at, commitment=entry, ground="lawful-content", opener=STRANGER.public_key)
    about = draw.choice(asked)
    said = {
        "at": at,
        "commitment": about.commitment if draw.random() < 0.95 else entry,
        "dispute": about.digest,
    }
    if kind < 0.94:
        return Answer(**said, organisation=who, outcome=draw.choice(("stands", "stands", "accepted")))
    judge = draw.choice(("rights-body", "rights-body", "west-centre", who))
    return Decision(**said, organisation=judge, outcome=draw.choice(("keep", "keep", "remove")))


def run(seed: int) -> tuple[int, int]:
    """Play one history; return how many entries were live at the moments looked at, and were accepted."""
    draw = random.Random(seed)
    pair = Pair(STRICT if seed % 8 == 0 else USUAL)
    accepted = 0
    received = BEGIN
    for said, received in attempts(draw, pair, draw.randint(4, 24)):
        accepted += pair.attempt(said, received)
    live = pair.compare(pair.constitution, received)
    live += pair.compare(pair.constitution, received + timedelta(hours=draw.randrange(1, 150)))
    if seed % 4 == 0:
        pair.compare(LATER, received)
        pair.compare(pair.constitution, hours(draw.randrange(100)))
    return live, accepted
