"""Pacing and the sealed outbox."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest
from guard_samples import TRUST, attachment, build, guard, pattern
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.guard.errors import GuardStateDamaged, OutboxFull
from tutela.guard.outbox import MAX_HELD, Outbox
from tutela.guard.pacing import PacedQueue
from tutela.guard.store import Store

HOUR = 3_600_000


def test_one_set_a_beat_in_order_and_never_before_the_next_beat():
    queue = PacedQueue(guard(), beat=0.25)
    tickets = [queue.submit(data, attachment()) for data in (None, b"text", pattern(1))]
    left = []
    for tick in range(100):
        now = 10 + tick / 20
        ready = queue.due(now)
        if ready:
            left.append((ready.ticket, now))
        if ready or now >= queue.next_beat - 0.25:
            queue.work()
    assert [ticket for ticket, _ in left] == tickets
    gaps = [after - before for (_, before), (_, after) in pairwise(left)]
    assert all(gap == pytest.approx(0.25) for gap in gaps)
    assert not queue.busy


def test_idle_beats_work_ahead(tmp_path):
    made = guard()
    made.load_epoch(build(tmp_path / "e", [pattern(1)])[0], TRUST)
    queue = PacedQueue(made, ahead=2)
    for _ in range(4):
        queue.work()
    assert made._ahead == 2
    queue.submit(pattern(1), attachment())
    queue.work()
    assert made._ahead == 1


def test_an_error_comes_out_with_its_ticket(monkeypatch):
    made = guard()
    queue = PacedQueue(made)
    ticket = queue.submit(None, attachment())

    def fail() -> int:
        raise GuardStateDamaged("full disk")

    monkeypatch.setattr(made._store, "next_slot", fail)
    queue.work()
    ready = queue.due(1.0)
    assert (ready.ticket, ready.protected, ready.error.code) == (ticket, None, "guard.state")


@given(st.lists(st.floats(0, 0.6), min_size=1, max_size=80), st.lists(st.booleans(), min_size=1, max_size=80))
@settings(max_examples=40, deadline=None)
def test_release_times_do_not_depend_on_the_files(steps, files):
    """The same times of asking and of submitting: releases at the same moments, whatever the files are."""
    made = guard()

    def run(data: bytes | None) -> list[float]:
        queue, now, left = PacedQueue(made), 0.0, []
        for step, file in zip(steps, files, strict=False):
            now += step
            if file:
                queue.submit(data, attachment())
            if queue.due(now):
                left.append(now)
            queue.work()
        return left

    assert run(None) == run(b"x" * 1_000)


def outbox(deadline: int = HOUR) -> tuple[Outbox, Store]:
    store = Store.memory()
    return Outbox(store, b"k" * 32, os.urandom, deadline), store


def test_held_uploads_are_sealed_tried_again_and_forgotten():
    box, store = outbox()
    box.hold(b"CONTROL-MARKER", 0)
    assert b"CONTROL-MARKER".hex() not in "".join(store._connection.iterdump()).lower()
    (held,), notices = box.due(0)
    assert (held.payload, notices) == (b"CONTROL-MARKER", ())
    box.failed(held, 0)
    assert box.due(1_999) == ((), ())
    (held,), _ = box.due(2_000)
    assert held.attempts == 1
    box.failed(held, 2_000)
    assert box.due(5_999) == ((), ())
    (held,), _ = box.due(6_000)
    box.done(held)
    assert store.outbox_size() == (0, 0, None)


def test_what_waits_too_long_is_given_up_and_said():
    box, store = outbox()
    box.hold(b"file", 0)
    held, notices = box.due(HOUR + 1)
    assert held == ()
    assert [notice.code for notice in notices] == ["upload.given_up"]
    assert store.outbox_size()[0] == 0


def test_waiting_is_bounded():
    box, _ = outbox()
    for _ in range(MAX_HELD):
        box.hold(b"file", 0)
    with pytest.raises(OutboxFull):
        box.hold(b"file", 0)


def test_other_keys_read_nothing_and_say_so():
    box, store = outbox()
    box.hold(b"file", 0)
    held, notices = Outbox(store, b"x" * 32, os.urandom, HOUR).due(0)
    assert held == ()
    assert len(notices) == 1
