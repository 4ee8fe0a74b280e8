"""Modes, sealed sets, and that nothing but sending is counted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from guard_samples import (
    ANNA,
    ON,
    SIGNER,
    START,
    STRANGER,
    TRUST,
    WORLD,
    Clock,
    attachment,
    build,
    guard,
    pattern,
    publish_as_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import tutela
from tutela.guard.core import Policy
from tutela.guard.errors import OtherDevice
from tutela.guard.keys import Keys, MemoryKeys
from tutela.guard.store import Store
from tutela.hashlist.epoch import MANIFEST_FILE, Model, read
from tutela.hashlist.legal_basis import file_name
from tutela.oprf import group
from tutela.voucher import everyday
from tutela.voucher.errors import TableError
from tutela.voucher.opening import Opener
from tutela.voucher.wire import Enrolment, Voucher

HERE = Path(__file__).parent
PLACES = (str(HERE), str(HERE.parent), str(Path(tutela.__file__).parents[1]))
LISTED = [pattern(seed) for seed in range(12)]


@pytest.fixture(scope="session")
def epoch(tmp_path_factory):
    return build(tmp_path_factory.mktemp("epoch"), LISTED)


@pytest.fixture
def ready(epoch):
    made = guard()
    assert made.load_epoch(epoch[0], TRUST).alerts
    return made


@pytest.fixture
def provider(epoch):
    folder, key = epoch
    manifest = read((folder / MANIFEST_FILE).read_bytes(), TRUST)
    return Opener(manifest.header, manifest.parameters, key)


def test_provider_opens_listed_pictures_only(ready, provider):
    enrolment = Enrolment.parse(ready.enrolment())
    hits = {}
    files = {
        "listed": LISTED[0],
        "listed, smaller": pattern(1, (300, 225), 70),
        "unlisted": pattern(99),
        "text": b"plain text",
        "cut short": LISTED[2][:2_000],
        "nothing": None,
        "empty": b"",
    }
    for name, data in files.items():
        protected = ready.protect(data, attachment(name.encode()))
        assert len(protected.voucher) == everyday().voucher_bytes
        hits[name] = provider.arrive(protected.voucher, enrolment) is not None
    assert hits == {name: name.startswith("listed") for name in files}


def test_slots_increase_and_are_in_the_sets(ready):
    slots = []
    for _ in range(3):
        protected = ready.protect(None, attachment())
        assert Voucher.parse(protected.voucher, everyday()).slot == protected.slot
        slots.append(protected.slot)
    assert slots == [slots[0], slots[0] + 1, slots[0] + 2]


def test_a_device_begins_at_a_number_that_nobody_knows():
    """A folder that was lost must not bring back numbers that the provider has seen, nor show how much was sent."""
    first = [guard().protect(None, attachment()).slot for _ in range(24)]
    assert len(set(first)) == 24
    assert max(first) < 1 << 40
    assert max(first) > 1 << 38  # 24 draws are all below a quarter once in 10^14 runs


def test_precomputed_work_is_used_once(ready, provider):
    assert [ready.precompute(2) for _ in range(3)] == [True, True, False]
    enrolment = Enrolment.parse(ready.enrolment())
    opened = [provider.arrive(ready.protect(LISTED[n], attachment()).voucher, enrolment) for n in range(3)]
    assert all(opened)
    assert len({one.image_key for one in opened}) == 3
    assert ready.precompute(1)


@pytest.mark.parametrize(
    ("policy", "build_with", "code"),
    [
        (Policy("XX"), {}, "policy.off"),
        (ON, {"signer": STRANGER}, "epoch.unknown_signer"),
        (ON, {"days": 1, "start": START.replace(month=9)}, "epoch.expired"),
        (ON, {"start": START.replace(month=12)}, "epoch.not_yet_valid"),
        (ON, {"basis": ""}, "legal_basis.missing"),
        (ON, {"basis_days": -1}, "legal_basis.expired"),
        (Policy("YY", provider_alerts=True), {}, "legal_basis.missing"),
        (Policy("../x", provider_alerts=True), {}, "legal_basis.missing"),
    ],
)
def test_user_side_only_says_why_and_sends_noise_of_the_same_size(tmp_path, policy, build_with, code):
    folder, key = build(tmp_path / "epoch", LISTED[:3], **build_with)
    made = guard(policy)
    mode = made.load_epoch(folder, TRUST)
    assert (mode.name, mode.code) == ("user-side only", code)
    assert mode.sentence.endswith((".", "there."))
    protected = made.protect(LISTED[0], attachment())
    assert len(protected.voucher) == everyday().voucher_bytes
    assert [notice.code for notice in protected.notices] == ["mode.user_side"]
    assert made.protect(LISTED[0], attachment()).notices == ()
    manifest = read((folder / MANIFEST_FILE).read_bytes(), TRUST) if code != "epoch.unknown_signer" else None
    if manifest and made.status()["epoch"]:
        opener = Opener(manifest.header, manifest.parameters, key)
        assert opener.arrive(protected.voucher, Enrolment.parse(made.enrolment())) is None


def test_masks_that_were_not_published_before_are_refused(tmp_path):
    """Whoever could choose masks for a list could choose such under which a whole class of pictures agrees."""
    mine = replace(everyday(), masks=(tuple(range(40)), *everyday().masks[1:]))
    folder, _ = build(tmp_path / "epoch", LISTED[:3], parameters=mine)
    mode = guard().load_epoch(folder, TRUST)
    assert (mode.name, mode.code) == ("user-side only", "epoch.other_profile")
    fewer = replace(everyday(), minimum_quality=0)
    folder, _ = build(tmp_path / "poor", LISTED[:3], parameters=fewer)
    assert guard().load_epoch(folder, TRUST).code == "epoch.other_profile"


@pytest.mark.parametrize(
    "weak",
    [{"scenes": 999}, {"burst": 1}, {"false_pair_rate": 5.8e-11}, {"spread": 10.1}, {"target": 1.1e-9}],
)
def test_a_threshold_from_inputs_that_promise_too_little_is_refused(tmp_path, weak):
    """Signers choose the inputs: with a target of 0.99 two matches would open an account."""
    folder, _ = build(tmp_path / "epoch", LISTED[:3], model=replace(Model(), **weak))
    made = guard()
    mode = made.load_epoch(folder, TRUST)
    assert (mode.name, mode.code) == ("user-side only", "epoch.weak_threshold")
    refused = made.status()["refused_epoch"]
    assert refused["code"] == "epoch.weak_threshold"
    assert f"out of bounds: {next(iter(weak))}." in refused["message"]


def test_a_threshold_at_the_bounds_is_accepted_and_its_inputs_are_shown(tmp_path):
    model = Model(scenes=1000, burst=2, false_pair_rate=64 * 2.0**-40, spread=10.0, target=1e-9)
    folder, _ = build(tmp_path / "epoch", LISTED[:3], model=model)
    made = guard()
    assert made.load_epoch(folder, TRUST).alerts
    assert made.status()["epoch"]["threshold_inputs"] == model.to_dict()


def test_nothing_loaded_still_sends_a_set_of_the_size():
    made = guard()
    assert made.mode().code == "epoch.none"
    assert len(made.protect(LISTED[0], attachment()).voucher) == everyday().voucher_bytes


@pytest.mark.parametrize("name", ["manifest.json", "table.bin", file_name("XX")])
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=12, deadline=None)
def test_no_changed_file_turns_alerts_on(tmp_path_factory, epoch, name, place, bit):
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(epoch[0], folder, dirs_exist_ok=True)
    data = bytearray((folder / name).read_bytes())
    data[place % len(data)] ^= 1 << bit
    (folder / name).write_bytes(data)
    mode = guard().load_epoch(folder, TRUST)
    if mode.alerts:  # only the layout of the JSON, or an untrusted key's name, can have changed
        assert name != "table.bin"
        assert read(bytes(data), TRUST) if name == "manifest.json" else True
    else:
        assert mode.code
        assert mode.sentence


def test_validity_is_checked_at_every_upload(epoch):
    clock = Clock()
    made = guard(clock=clock)
    assert made.load_epoch(epoch[0], TRUST).alerts
    assert made.protect(None, attachment()).mode.alerts
    clock.forward(days=61)
    protected = made.protect(None, attachment())
    assert protected.mode.code == "epoch.expired"
    assert [notice.code for notice in protected.notices] == ["mode.user_side"]
    clock.now = START
    assert made.protect(None, attachment()).mode.alerts


@pytest.mark.parametrize("ends", [{}, {"basis_days": 60, "days": 90}])
def test_an_expired_table_is_no_longer_named(tmp_path, ends):
    """A provider that went on to the next epoch refuses sets of the last one, and then the homeserver files."""
    clock = Clock()
    made = guard(clock=clock)
    assert made.load_epoch(build(tmp_path / "e", LISTED[:3], **ends)[0], TRUST).alerts
    made.enrolled(made.enrolment())
    clock.forward(days=61)
    protected = made.protect(LISTED[0], attachment())
    assert Voucher.parse(protected.voucher, everyday()).table_id == bytes(32)
    assert Enrolment.parse(made.enrolment()).table_id == bytes(32)


def test_a_refused_epoch_leaves_the_valid_one_in_use(tmp_path, ready):
    bad, _ = build(tmp_path / "bad", LISTED[:2], number=2, signer=STRANGER)
    assert ready.load_epoch(bad, TRUST).alerts
    status = ready.status()
    assert status["epoch"]["number"] == 1
    assert status["refused_epoch"]["code"] == "epoch.unknown_signer"


def test_older_equivocating_and_same_key_epochs_are_refused_across_restarts(tmp_path, epoch):
    store, keys = Store.memory(), MemoryKeys()
    guard(store=store, keys=keys).load_epoch(epoch[0], TRUST)
    second, _ = build(tmp_path / "2", LISTED[:3], number=2)
    guard(store=store, keys=keys).load_epoch(second, TRUST)
    cases = {
        "epoch.older": epoch[0],
        "epoch.equivocation": build(tmp_path / "2b", LISTED[:4], number=2)[0],
        "epoch.same_table_key": build(tmp_path / "3", LISTED[:4], number=3, key=epoch[1])[0],
    }
    for code, folder in cases.items():
        WORLD.refresh(folder)
        assert guard(store=store, keys=keys).load_epoch(folder, TRUST).code == code
    assert guard(store=store, keys=keys).load_epoch(second, TRUST).code == "tlog.rolled-back"
    WORLD.refresh(second)
    assert guard(store=store, keys=keys).load_epoch(second, TRUST).alerts


def test_a_failing_table_is_never_used_again(ready, monkeypatch):
    def fail(*_: object, **__: object) -> bytes:
        raise group.InvalidPoint("invalid")

    table_id = Enrolment.parse(ready.enrolment()).table_id
    with monkeypatch.context() as patch:
        patch.setattr("tutela.voucher.crafting.token_section", fail)
        protected = ready.protect(LISTED[0], attachment())
    assert protected.mode.code == TableError.code
    assert Voucher.parse(protected.voucher, everyday()).table_id == table_id
    assert not ready.protect(LISTED[0], attachment()).mode.alerts


def test_account_key_changes_with_table_window_and_opening(tmp_path, epoch):
    clock, keys, store = Clock(), MemoryKeys(), Store.memory()
    long, _ = build(tmp_path / "long", LISTED[:2], number=5, days=300, basis_days=300)
    made = guard(clock=clock, keys=keys, store=store)
    made.load_epoch(epoch[0], TRUST)
    first = keys.keys.device
    made.load_epoch(long, TRUST)
    second = keys.keys.device
    made.enrolled(made.enrolment())
    assert made.enrolment() is None
    clock.forward(days=93)
    publish_as_of(long, clock.now)
    assert made.refresh(long).alerts
    made.protect(None, attachment())
    third = keys.keys.device
    made.rotate()
    fourth = keys.keys.device
    assert len({key.account_key for key in (first, second, third, fourth)}) == 4
    assert len({key.identity for key in (first, second, third, fourth)}) == 1
    assert made.enrolment() is not None


def test_a_clock_that_was_wrong_for_a_day_does_not_keep_a_key_for_ever():
    drawn = Keys.generate(os.urandom, START.replace(year=2036))
    keys = drawn.for_table(drawn.table_id, os.urandom, START)
    assert keys.device.account_key != drawn.device.account_key
    assert keys.drawn == START


def test_a_restart_keeps_keys_enrolment_and_counters(epoch):
    store, keys = Store.memory(), MemoryKeys()
    one = guard(store=store, keys=keys)
    one.load_epoch(epoch[0], TRUST)
    one.enrolled(one.enrolment())
    slot = one.protect(None, attachment()).slot
    two = guard(store=store, keys=keys)
    two.load_epoch(epoch[0], TRUST)
    assert two.enrolment() is None
    assert two.protect(None, attachment()).slot == slot + 1
    with pytest.raises(OtherDevice):
        guard(store=store, keys=keys, device="TABLET")


def test_first_picture_of_a_stranger_brings_one_notice_with_help(ready):
    before = ready.status()["sent"]
    notices = ready.received("@new:example.org", picture=True, known=False)
    assert [notice.code for notice in notices] == ["received.first_picture"]
    assert "You can always say no" in notices[0].text
    assert all(line.example and line.source and line.checked for line in notices[0].help)
    assert ready.received("@new:example.org", picture=True, known=False) == ()
    assert ready.received("@other:example.org", picture=False, known=False) == ()
    assert ready.received("@friend:example.org", picture=True, known=True) == ()
    assert ready.status()["sent"] == before
    assert "@new" not in "".join(ready._store._connection.iterdump())


def test_eu_countries_have_the_umbrella_number():
    (line,) = guard(Policy("DE")).received("@new:example.org", picture=True, known=False)[0].help
    assert (line.contact, line.example) == ("116 111", False)
    assert guard(Policy("ZZ")).received("@new:example.org", picture=True, known=False)[0].help == ()


def test_unknown_refusals_are_explained_too():
    assert guard().explain_refusal("voucher.deadline").title == "Files cannot be sent at the moment"
    unknown = guard().explain_refusal("something.new")
    assert unknown.code == "something.new"
    assert unknown.text


ACTS = st.lists(
    st.sampled_from(["protect", "receive", "restart", "crash", "rotate", "status"]), min_size=1, max_size=30
)


@given(ACTS)
@settings(max_examples=25, deadline=None)
def test_slots_never_repeat_and_receiving_counts_nothing(acts):
    """Whatever happens, crash between reserving and sending included."""
    store, keys = Store.memory(), MemoryKeys()
    made, slots, sizes = guard(store=store, keys=keys), [], set()
    for number, act in enumerate(acts):
        if act == "protect":
            protected = made.protect(None, attachment())
            slots.append(protected.slot)
            sizes.add(len(protected.voucher))
        elif act == "receive":
            before = (store.get("slot"), store.totals(), store.outbox_size(), keys.keys)
            made.received(f"@u{number % 3}:example.org", picture=True, known=False)
            assert before == (store.get("slot"), store.totals(), store.outbox_size(), keys.keys)
        elif act == "crash":
            slots.append(store.next_slot())  # reserved, and then the power went
            made = guard(store=store, keys=keys)
        elif act == "restart":
            made = guard(store=store, keys=keys)
        elif act == "rotate":
            made.rotate()
        else:
            made.status()
    assert slots == sorted(set(slots))
    assert sizes <= {everyday().voucher_bytes}


CHILD = """
import sys
from pathlib import Path
from guard_samples import attachment, guard
from tutela.guard.store import Store
made = guard(store=Store.open(Path(sys.argv[1])))
while True:
    print(made.protect(None, attachment()).slot, flush=True)
"""


def test_slots_increase_over_a_killed_process(tmp_path):
    seen = []
    for _ in range(3):
        command = [sys.executable, "-c", CHILD, str(tmp_path / "g")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(PLACES)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as child:
            seen += [int(child.stdout.readline()) for _ in range(4)]
            child.kill()
            seen += [int(line) for line in child.stdout.read().split("\n")[:-1]]
    assert seen == sorted(set(seen))
    assert len(seen) >= 12


def test_user_side_sets_look_like_alerts_to_whoever_holds_no_key(ready):
    """Same size and head; no byte position of the rest is constant over many sets in either mode."""
    off = guard(Policy("XX"))
    for made in (ready, off):
        sets = [made.protect(LISTED[0], attachment(os.urandom(4))).voucher for _ in range(24)]
        heads = {one[:4] for one in sets}
        assert len(heads) == 1
        constant = [n for n in range(60, len(sets[0])) if len({one[n] for one in sets}) == 1]
        assert constant == []


def test_names_of_signers_and_account_are_shown(ready):
    status = ready.status()
    assert status["account"] == ANNA
    assert status["epoch"]["signers"] == ["Example Centre"]
    assert SIGNER.public_key.hex() not in str(status)
