"""Moves between the states of the queue: the table, and nothing beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.hub.casework import MOVES, CaseState, Move, moved, possible
from tutela.hub.errors import IllegalMoveError


@given(st.lists(st.sampled_from(Move), max_size=12))
def test_only_moves_of_the_table_change_a_state(moves):
    state = CaseState.NEW
    for move in moves:
        if (state, move) in MOVES:
            assert move in possible(state)
            state = moved(state, move)
        else:
            assert move not in possible(state)
            with pytest.raises(IllegalMoveError):
                moved(state, move)


def test_every_state_is_reached_and_none_is_a_trap():
    assert set(MOVES.values()) == {CaseState.OPEN, CaseState.REFERRED, CaseState.CLOSED}
    assert all(possible(state) for state in CaseState)


def test_an_unfinished_report_cannot_be_moved():
    with pytest.raises(IllegalMoveError, match="not finished"):
        moved("", Move.OPEN)
