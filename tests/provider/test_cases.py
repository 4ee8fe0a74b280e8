"""The case table: no way to the centre without two different people."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tutela.provider.cases import (
    AFTER_TWO,
    FINAL,
    TRANSITIONS,
    Case,
    CaseError,
    ClustersRemain,
    Decided,
    Effect,
    SamePersonError,
    Signal,
    State,
    handle,
)

PEOPLE = ("ada", "berit", "chidi")


class CaseMachine(RuleBasedStateMachine):
    """Any order of events by any people; the model remembers who said what."""

    def __init__(self) -> None:
        super().__init__()
        self.case = Case(threshold=3)
        self.agreed: set[str] = set()
        self.disagreed = False
        self.effects: list[Effect] = []

    def _apply(self, event: Signal | Decided | ClustersRemain) -> bool:
        before = self.case
        try:
            outcome = handle(self.case, event)
        except CaseError:
            assert self.case == before
            return False
        self.case = outcome.case
        self.effects += outcome.effects
        return True

    @rule(signal=st.sampled_from(Signal))
    def signal(self, signal: Signal) -> None:
        self._apply(signal)

    @precondition(lambda self: self.case.state is not State.REVIEW)
    @rule(signal=st.sampled_from([Signal.THRESHOLD, Signal.CLEAR]))
    def towards_review(self, signal: Signal) -> None:
        self._apply(signal)

    @rule(person=st.sampled_from(PEOPLE), agrees=st.sampled_from([True, True, True, False]))
    def decide(self, person: str, agrees: bool) -> None:
        known = {d.reviewer for d in self.case.decisions}
        if person in known:
            with pytest.raises(SamePersonError):
                handle(self.case, Decided(person, agrees))
            return
        if self._apply(Decided(person, agrees)):
            self.agreed |= {person} if agrees else set()
            self.disagreed |= not agrees

    @rule(left=st.integers(0, 5))
    def withdraw(self, left: int) -> None:
        if self._apply(ClustersRemain(left)):
            assert (self.case.state is State.REVERSED) == (left < 3)

    @invariant()
    def nothing_reaches_the_centre_without_two_people(self) -> None:
        if self.case.state in AFTER_TWO or Effect.QUEUE_REPORT in self.effects:
            assert len(self.agreed) >= 2
            assert not self.disagreed
        if Effect.QUEUE_UNSEALING in self.effects:
            assert len(self.agreed) >= 2

    @invariant()
    def one_disagreement_ends_it(self) -> None:
        if self.disagreed:
            assert self.case.state is State.DISMISSED

    @invariant()
    def each_queue_once(self) -> None:
        assert self.effects.count(Effect.QUEUE_REPORT) <= 1
        assert self.effects.count(Effect.QUEUE_UNSEALING) <= 1

    @invariant()
    def what_ends_is_deleted(self) -> None:
        if self.case.state in FINAL:
            assert Effect.DELETE_CONTENT in self.effects


CaseMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestCaseMachine = CaseMachine.TestCase


def _until(state: State) -> Case:
    case = Case(threshold=2)
    path: list[Signal | Decided] = [
        Signal.THRESHOLD, Signal.CLEAR, Decided("ada", agrees=True), Decided("berit", agrees=True),
        Signal.UNSEAL, Signal.VERIFIED, Signal.FINISHED,
    ]  # fmt: skip
    for event in path:
        if case.state is state:
            return case
        case = handle(case, event).case
    assert case.state is state
    return case


def test_the_straight_way() -> None:
    assert _until(State.REPORTED).state is State.REPORTED


def test_the_same_person_twice_is_refused_and_explained() -> None:
    case = handle(_until(State.REVIEW), Decided("ada", agrees=True)).case
    with pytest.raises(SamePersonError, match="different person"):
        handle(case, Decided("ada", agrees=True))


def test_confirmed_has_one_way_in() -> None:
    ways = [(s, g) for s, row in TRANSITIONS.items() for g, after in row.items() if after is State.CONFIRMED]
    assert ways == [(State.REVIEW, Signal.SECOND_AGREES), (State.CONFIRMED, Signal.STILL_HOLDS)]


@pytest.mark.parametrize("signal", [Signal.SECOND_AGREES, Signal.STILL_HOLDS, Signal.NO_LONGER_HOLDS])
def test_no_caller_may_pass_a_derived_signal(signal: Signal) -> None:
    with pytest.raises(CaseError):
        handle(_until(State.REVIEW), signal)


@pytest.mark.parametrize(
    ("state", "effect"),
    [(State.REPORTING, Effect.WITHDRAW_REPORT), (State.REPORTED, Effect.INFORM_CENTRE)],
)
def test_a_reversal_reaches_whoever_was_told(state: State, effect: Effect) -> None:
    outcome = handle(_until(state), ClustersRemain(1))
    assert outcome.case.state is State.REVERSED
    assert effect in outcome.effects
    assert Effect.NOTIFY_USER in outcome.effects
