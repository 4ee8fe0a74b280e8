"""The device's keys: how long each lives, and the file that they are kept in."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from guard_samples import START, TRUST, Clock, attachment, build, guard, pattern
from hypothesis import given
from hypothesis import strategies as st

from tutela.guard.core import Policy
from tutela.guard.errors import GuardStateDamaged
from tutela.guard.keys import LONGEST, SHORTEST, WINDOW, Keys, MemoryKeys
from tutela.voucher import everyday
from tutela.voucher.wire import Enrolment, Voucher

TABLE = b"t" * 32


def test_a_life_is_drawn_evenly_between_its_bounds():
    lives = [Keys.generate(os.urandom, START).ends - START for _ in range(400)]
    assert SHORTEST.days == 7
    assert LONGEST.days == 28
    assert min(lives) >= SHORTEST
    assert max(lives) <= LONGEST
    weeks = [sum(low <= life.total_seconds() / 604_800 < low + 1 for life in lives) for low in (1, 2, 3)]
    assert min(weeks) > 80  # of 133; by chance less than once in ten million runs
    assert len(set(lives)) > 390


def test_each_new_account_key_draws_a_life_of_its_own():
    keys = Keys.generate(os.urandom, START)
    ends = {keys.rotated(os.urandom, START).ends for _ in range(9)}
    ends |= {keys.for_table(TABLE, os.urandom, START).ends for _ in range(9)}
    assert len(ends) > 9


def test_a_key_is_kept_for_its_life_and_not_longer():
    keys = Keys.generate(os.urandom, START).for_table(TABLE, os.urandom, START)
    before = keys.ends - timedelta(seconds=1)
    assert keys.for_table(TABLE, os.urandom, before) is keys
    assert keys.for_table(TABLE, os.urandom, keys.ends).device != keys.device
    assert keys.for_table(b"u" * 32, os.urandom, before).device != keys.device


def test_no_file_and_no_clock_gives_a_key_more_than_the_window():
    keys = replace(Keys.generate(os.urandom, START), ends=START + timedelta(days=1000))
    assert not keys.over(START + WINDOW - timedelta(seconds=1))
    assert keys.over(START + WINDOW)
    assert keys.over(START - WINDOW)  # drawn while the clock was far ahead


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - given UTC below
def test_what_is_kept_is_read_again(now):
    keys = Keys.generate(os.urandom, now.replace(tzinfo=UTC, microsecond=0))
    assert Keys.from_bytes(keys.to_bytes()) == keys


def test_a_file_of_version_1_is_read_and_its_key_ends_with_the_longest_life():
    keys = Keys.generate(os.urandom, START)
    drawn = int(START.timestamp()).to_bytes(8, "little")
    old = b"TG1\0" + keys.table_id + drawn + keys.device.to_bytes() + keys.folder
    assert Keys.from_bytes(old) == replace(keys, ends=START + LONGEST)
    assert Keys.from_bytes(keys.to_bytes()).to_bytes()[:4] == b"TG2\0"


@given(st.binary(max_size=200) | st.binary(min_size=160, max_size=160).map(b"TG2\0".__add__))
def test_any_bytes_give_keys_or_one_error(data):
    with suppress(GuardStateDamaged):
        assert Keys.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize("alerts", [True, False])
def test_a_device_renews_its_key_by_itself_and_goes_on_with_the_next_slot(tmp_path, alerts):
    """In either mode: who renews must not tell the modes apart."""
    clock, keys = Clock(), MemoryKeys()
    made = guard(Policy("XX", provider_alerts=alerts), clock=clock, keys=keys)
    assert made.load_epoch(build(tmp_path / "e", [pattern(1), pattern(2)])[0], TRUST).alerts is alerts
    made.enrolled(made.enrolment())
    first = made.protect(pattern(1), attachment())
    clock.now = keys.keys.ends - timedelta(seconds=1)
    second = made.protect(pattern(1), attachment())
    assert made.enrolment() is None
    clock.now = keys.keys.ends
    third = made.protect(pattern(1), attachment())
    assert [one.slot - first.slot for one in (first, second, third)] == [0, 1, 2]
    enrolment = made.enrolment()
    assert Enrolment.parse(enrolment).table_id == Voucher.parse(third.voucher, everyday()).table_id
    assert [made.outdated(one.voucher) for one in (first, second, third)] == [True, True, False]
    made.enrolled(enrolment)
    assert made.enrolment() is None


def test_the_providers_word_still_renews_a_key_before_its_time(tmp_path):
    keys = MemoryKeys()
    made = guard(keys=keys)
    made.load_epoch(build(tmp_path / "e", [pattern(1), pattern(2)])[0], TRUST)
    made.enrolled(made.enrolment())
    before = keys.keys
    made.note_receipts({"items": [], "renew": True})
    assert keys.keys.device.account_key != before.device.account_key
    assert keys.keys.ends != before.ends
