"""What may happen to a case, as a table. No clock, no database, no socket.

    collecting -> opened -> review -> confirmed -> unsealing -> reporting -> reported
                    |         |           |            |            |           |
                discarded  dismissed      |      ended_mismatch     |           |
                              |           |      ended_unavailable  |           |
                              +-----------+--------- reversed <-----+-----------+

Rules of this file:

1. Everything that changes a case's state is here. Views and tasks call `handle` and store what it returns.
2. `confirmed` is reached by one row only: two *different* people agreed. No later state has another way in.
3. One disagreement ends the case. A person decides once.
4. A withdrawn entry is not an error: the case goes on if enough distinct clusters remain, and is otherwise
   reversed, whatever was done with it before.

What it does not protect: that two accounts are two people is the console's and the provider's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tutela.errors import InputError


class CaseError(InputError):
    """An event does not fit the state of the case."""

    code = "provider.case"


class SamePersonError(CaseError):
    """A person who has decided wants to decide again."""

    code = "provider.same_person"


class State(StrEnum):
    """Where a case stands."""

    COLLECTING = "collecting"
    OPENED = "opened"
    DISCARDED = "discarded"
    REVIEW = "review"
    CONFIRMED = "confirmed"
    UNSEALING = "unsealing"
    REPORTING = "reporting"
    REPORTED = "reported"
    DISMISSED = "dismissed"
    ENDED_MISMATCH = "ended_mismatch"
    ENDED_UNAVAILABLE = "ended_unavailable"
    REVERSED = "reversed"


class Signal(StrEnum):
    """What an event means for a case: the columns of the table."""

    THRESHOLD = "threshold"
    CLEAR = "clear"
    UNCLEAR = "unclear"
    FIRST_AGREES = "first_agrees"
    SECOND_AGREES = "second_agrees"
    DISAGREES = "disagrees"
    UNSEAL = "unseal"
    VERIFIED = "verified"
    MISMATCH = "mismatch"
    UNAVAILABLE = "unavailable"
    FINISHED = "finished"
    STILL_HOLDS = "still_holds"
    NO_LONGER_HOLDS = "no_longer_holds"
    APPEAL_UPHELD = "appeal_upheld"


class Effect(StrEnum):
    """What the shell does, in the same transaction as the change of state."""

    ROTATE_DEVICE_KEY = "rotate_device_key"
    DELETE_CONTENT = "delete_content"
    PRESERVE = "preserve"
    QUEUE_UNSEALING = "queue_unsealing"
    QUEUE_REPORT = "queue_report"
    WITHDRAW_REPORT = "withdraw_report"
    RECOMPOSE_REPORT = "recompose_report"
    INFORM_CENTRE = "inform_centre"
    NOTIFY_USER = "notify_user"
    NOTIFY_USER_LATER = "notify_user_later"


_WITHDRAWAL: Final = {Signal.NO_LONGER_HOLDS: State.REVERSED}

#: state -> signal -> next state; what is absent is refused
TRANSITIONS: Final[dict[State, dict[Signal, State]]] = {
    State.COLLECTING: {Signal.THRESHOLD: State.OPENED},
    State.OPENED: {Signal.CLEAR: State.REVIEW, Signal.UNCLEAR: State.DISCARDED},
    State.REVIEW: {
        Signal.FIRST_AGREES: State.REVIEW,
        Signal.SECOND_AGREES: State.CONFIRMED,
        Signal.DISAGREES: State.DISMISSED,
        Signal.STILL_HOLDS: State.REVIEW,
        **_WITHDRAWAL,
    },
    State.CONFIRMED: {
        Signal.UNSEAL: State.UNSEALING,
        Signal.STILL_HOLDS: State.CONFIRMED,
        Signal.APPEAL_UPHELD: State.REVERSED,
        **_WITHDRAWAL,
    },
    State.UNSEALING: {
        Signal.VERIFIED: State.REPORTING,
        Signal.MISMATCH: State.ENDED_MISMATCH,
        Signal.UNAVAILABLE: State.ENDED_UNAVAILABLE,
        Signal.STILL_HOLDS: State.UNSEALING,
        Signal.APPEAL_UPHELD: State.REVERSED,
        **_WITHDRAWAL,
    },
    State.REPORTING: {
        Signal.FINISHED: State.REPORTED,
        Signal.STILL_HOLDS: State.REPORTING,
        Signal.APPEAL_UPHELD: State.REVERSED,
        **_WITHDRAWAL,
    },
    State.REPORTED: {
        Signal.STILL_HOLDS: State.REPORTED,
        Signal.APPEAL_UPHELD: State.REVERSED,
        **_WITHDRAWAL,
    },
    State.DISCARDED: {},
    State.DISMISSED: {},
    State.ENDED_MISMATCH: {},
    State.ENDED_UNAVAILABLE: {},
    State.REVERSED: {},
}

#: effects of entering a state from another one; what was reported stays sealed for the time that the law asks
ON_ENTRY: Final[dict[State, tuple[Effect, ...]]] = {
    State.OPENED: (Effect.ROTATE_DEVICE_KEY,),
    State.DISCARDED: (Effect.DELETE_CONTENT, Effect.NOTIFY_USER_LATER),
    State.CONFIRMED: (Effect.QUEUE_UNSEALING,),
    State.REPORTING: (Effect.QUEUE_REPORT,),
    State.REPORTED: (Effect.PRESERVE,),
    State.DISMISSED: (Effect.DELETE_CONTENT, Effect.NOTIFY_USER_LATER),
    State.ENDED_MISMATCH: (Effect.DELETE_CONTENT, Effect.NOTIFY_USER_LATER),
    State.ENDED_UNAVAILABLE: (Effect.DELETE_CONTENT, Effect.NOTIFY_USER_LATER),
    State.REVERSED: (Effect.DELETE_CONTENT, Effect.NOTIFY_USER),
}

#: what a reversal does besides, by the state that it leaves
ON_REVERSAL: Final[dict[State, tuple[Effect, ...]]] = {
    State.REPORTING: (Effect.WITHDRAW_REPORT,),
    State.REPORTED: (Effect.INFORM_CENTRE,),
}

#: what a withdrawal does that leaves the case where it is
ON_STAY: Final[dict[State, tuple[Effect, ...]]] = {
    State.REPORTING: (Effect.RECOMPOSE_REPORT,),
    State.REPORTED: (Effect.INFORM_CENTRE,),
}

FINAL: Final = frozenset(state for state, row in TRANSITIONS.items() if not row)
#: states in which two people have agreed
AFTER_TWO: Final = frozenset({State.CONFIRMED, State.UNSEALING, State.REPORTING, State.REPORTED})


@dataclass(frozen=True, slots=True)
class Decided:
    """One person's decision on the derivatives of a case."""

    reviewer: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class ClustersRemain:
    """Entries were withdrawn: so many distinct clusters still stand behind the case."""

    clusters: int


Event = Signal | Decided | ClustersRemain
#: signals that only this module draws from an event; no caller may pass them
_DERIVED: Final = frozenset(
    {
        Signal.FIRST_AGREES,
        Signal.SECOND_AGREES,
        Signal.DISAGREES,
        Signal.STILL_HOLDS,
        Signal.NO_LONGER_HOLDS,
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """A case as the table sees it.

    `threshold` is the number of distinct clusters that the parameters ask for.
    """

    threshold: int
    state: State = State.COLLECTING
    decisions: tuple[Decided, ...] = ()

    @property
    def agreed(self) -> frozenset[str]:
        """The people who agreed."""
        return frozenset(d.reviewer for d in self.decisions if d.agrees)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The case after an event, and what the shell has to do."""

    case: Case
    effects: tuple[Effect, ...]


def handle(case: Case, event: Event) -> Outcome:
    """Apply one event.

    Raises:
        SamePersonError: the reviewer has decided this case already.
        CaseError: the event does not fit the state, or is one that only this module may draw.
    """
    if isinstance(event, Decided) and any(d.reviewer == event.reviewer for d in case.decisions):
        raise SamePersonError(
            "You have already decided this case. A second, different person must decide.",
            hint="Leave the case in the queue for a colleague.",
        )
    signal = _signal(case, event)
    following = TRANSITIONS[case.state].get(signal)
    if following is None:
        raise CaseError(
            f"A case that is {case.state.replace('_', ' ')} cannot take this step.",
            hint="Open the case again: somebody else may have decided it meanwhile.",
        )
    decisions = (*case.decisions, event) if isinstance(event, Decided) else case.decisions
    return Outcome(replace(case, state=following, decisions=decisions), _effects(case.state, following))


def _signal(case: Case, event: Event) -> Signal:
    match event:
        case Decided(agrees=False):
            return Signal.DISAGREES
        case Decided(reviewer=reviewer):
            return Signal.SECOND_AGREES if case.agreed - {reviewer} else Signal.FIRST_AGREES
        case ClustersRemain(clusters=clusters):
            return Signal.STILL_HOLDS if clusters >= case.threshold else Signal.NO_LONGER_HOLDS
        case Signal() if event in _DERIVED:
            raise CaseError("This step follows from a person's decision or a withdrawal only.")
        case Signal():
            return event


def _effects(before: State, after: State) -> tuple[Effect, ...]:
    if before is after:
        return ON_STAY.get(after, ())
    besides = ON_REVERSAL.get(before, ()) if after is State.REVERSED else ()
    return ON_ENTRY.get(after, ()) + besides
