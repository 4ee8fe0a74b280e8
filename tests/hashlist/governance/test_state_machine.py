"""Hypothesis looks for a sequence of statements that the oracle judges otherwise, or that lists what it must not."""

from __future__ import annotations

import itertools
import random

import governance_samples as samples
from governance_samples import PEOPLE
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from random_histories import USUAL, Pair, endorsing, one

from tutela.hashlist.governance import Submission, state_at


class Register(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(USUAL)
        self.clock = 0

    @property
    def now(self):
        return samples.hours(self.clock)

    @rule(hours=st.integers(1, 60))
    def wait(self, hours: int) -> None:
        self.clock += hours

    @rule(number=st.integers(0, 2), who=st.sampled_from(sorted(PEOPLE)))
    def submit(self, number: int, who: str) -> None:
        self.pair.attempt(samples.submission(number, who, self.now), self.now)

    @rule(seed=st.integers(0, 1 << 16), kind=st.floats(0.68, 1))
    def say(self, seed: int, kind: float) -> None:
        said = one(random.Random(seed), self.pair, self.now, kind)
        self.pair.attempt(said, self.now)

    @rule(seed=st.integers(0, 1 << 16))
    def endorse(self, seed: int) -> None:
        for said in endorsing(random.Random(seed), self.pair, self.now):
            self.pair.attempt(said, self.now)

    @invariant()
    def agrees(self) -> None:
        self.pair.compare(USUAL, self.now)

    @invariant()
    def never_from_one_source_or_one_alliance(self) -> None:
        state = state_at(self.pair.history, USUAL, self.now)
        for name in state.live:
            said = [
                record.statement
                for record in self.pair.history.entries[name]
                if isinstance(record.statement, Submission)
                and record.statement.source != "own-removal-request"
            ]
            lands = {(PEOPLE[each.organisation][0], PEOPLE[each.organisation][1]) for each in said}
            pairs = itertools.combinations(lands, 2)
            assert any(a[0] != b[0] and not set(a[1]) & set(b[1]) for a, b in pairs)


Register.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestRegister = Register.TestCase
