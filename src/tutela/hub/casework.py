"""The analyst's side of a finished report: its states and the moves between them.

    new ──open──> open ──refer──> referred ──close──> closed
     │              │                │ ▲
     └──refer───────┘                └─┘ refer again (re-route, with a reason)
     new, open ──close──> closed ──reopen──> open

`new` and `open` may be referred or closed; a referred report may be sent to another agency or closed;
a closed one may be reopened. Each move but `open` wants a reason from a person, except that a first
referral to the agency that the rules proposed explains itself.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tutela.hub.errors import IllegalMoveError


class CaseState(StrEnum):
    """Where a finished report stands in the analysts' queue."""

    NEW = "new"
    OPEN = "open"
    REFERRED = "referred"
    CLOSED = "closed"


class Move(StrEnum):
    """What a person can do to a report."""

    OPEN = "open"
    REFER = "refer"
    CLOSE = "close"
    REOPEN = "reopen"


MOVES: Final = MappingProxyType(
    {
        (CaseState.NEW, Move.OPEN): CaseState.OPEN,
        (CaseState.NEW, Move.REFER): CaseState.REFERRED,
        (CaseState.NEW, Move.CLOSE): CaseState.CLOSED,
        (CaseState.OPEN, Move.REFER): CaseState.REFERRED,
        (CaseState.OPEN, Move.CLOSE): CaseState.CLOSED,
        (CaseState.REFERRED, Move.REFER): CaseState.REFERRED,
        (CaseState.REFERRED, Move.CLOSE): CaseState.CLOSED,
        (CaseState.CLOSED, Move.REOPEN): CaseState.OPEN,
    }
)


def moved(state: str, move: Move) -> CaseState:
    """Return the state after a move.

    Raises:
        IllegalMoveError: the state does not allow it.
    """
    try:
        return MOVES[CaseState(state), move]
    except (KeyError, ValueError) as error:
        raise IllegalMoveError(
            f"A report that is {state or 'not finished'} cannot be {_PAST[move]}.",
            hint="Load the page again: somebody may have acted in the meantime.",
        ) from error


def possible(state: str) -> frozenset[Move]:
    """Return the moves that a state allows."""
    return frozenset(move for before, move in MOVES if before == state)


_PAST: Final = {Move.OPEN: "opened", Move.REFER: "referred", Move.CLOSE: "closed", Move.REOPEN: "reopened"}
