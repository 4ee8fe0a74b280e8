"""Freshness at use, renewed proofs, distrust, and what the device keeps of every list that it used."""

from __future__ import annotations

import json
import shutil

import pytest
from guard_samples import START, TRUST, WORLD, Clock, attachment, build, guard, pattern, publish_as_of
from typer.testing import CliRunner

from tutela.cli.audit import app as audit_app
from tutela.cli.guard import app as guard_app
from tutela.guard.store import Store
from tutela.tlog.errors import RolledBack
from tutela.voucher import everyday
from tutela.voucher.wire import Enrolment, Voucher

PICTURES = [pattern(seed) for seed in range(3)]


@pytest.fixture
def folder(tmp_path):
    return build(tmp_path / "epoch", PICTURES)[0]


def test_a_day_without_fresh_proofs_stops_alerts_until_they_come(folder):
    clock = Clock()
    device = guard(clock=clock)
    assert device.load_epoch(folder, TRUST).alerts
    clock.forward(hours=24)
    assert device.protect(None, attachment()).mode.alerts
    clock.forward(seconds=1)
    protected = device.protect(PICTURES[0], attachment())
    assert protected.mode.code == "tlog.stale"
    assert len(protected.voucher) == everyday().voucher_bytes
    assert [each["name"] for each in device.status()["checks"] if not each["holds"]] == ["freshness"]
    assert device.refresh(folder).code == "tlog.stale"  # the same old proofs
    publish_as_of(folder, clock.now)
    assert device.refresh(folder).alerts
    assert device.protect(None, attachment()).mode.alerts


def test_stale_sets_open_nothing_and_the_enrolment_stays(folder):
    clock = Clock()
    device = guard(clock=clock)
    device.load_epoch(folder, TRUST)
    table = Enrolment.parse(device.enrolment()).table_id
    clock.forward(hours=30)
    stale = device.protect(PICTURES[0], attachment())
    assert not stale.mode.alerts
    assert Voucher.parse(stale.voucher, everyday()).table_id == table
    assert Enrolment.parse(device.enrolment()).table_id == table


def test_what_the_distribution_refuses_stops_alerts_until_all_checks_pass(folder):
    device = guard()
    device.load_epoch(folder, TRUST)
    mode = device.distrust(RolledBack("An old state was served.", hint=""))
    assert (mode.alerts, mode.code) == (False, "tlog.rolled-back")
    assert not device.protect(PICTURES[0], attachment()).mode.alerts
    assert device.refresh(folder).alerts


def test_proofs_of_another_list_renew_nothing(folder, tmp_path):
    device = guard()
    device.load_epoch(folder, TRUST)
    other, _ = build(tmp_path / "other", PICTURES[:2], number=2)
    assert device.refresh(other).alerts
    assert device.status()["refused_epoch"]["code"] == "epoch.not_in_use"


def test_an_older_log_is_refused_after_a_restart(folder, tmp_path):
    store = Store.memory()
    shutil.copytree(folder, tmp_path / "old")
    WORLD.endorsing.log.append([b"another entry"])
    WORLD.refresh(folder)
    assert guard(store=store).load_epoch(folder, TRUST).alerts
    assert guard(store=store).load_epoch(tmp_path / "old", TRUST).code == "tlog.rolled-back"


def test_status_says_each_check_in_a_sentence(folder):
    device = guard()
    device.load_epoch(folder, TRUST)
    checks = {each["name"]: each for each in device.status()["checks"]}
    assert list(checks) == [
        "builder", "constitution", "endorsement", "log", "consistency", "witnesses", "freshness", "succession",
        "table", "legal basis",
    ]  # fmt: skip
    assert all(each["sentence"].endswith(".") and each["holds"] for each in checks.values())
    assert checks["endorsement"]["independent"] == 3
    assert checks["endorsement"]["jurisdictions"] == ["XE", "XN", "XS"]
    assert checks["endorsement"]["endorsers"][1]["alliances"] == ["north-pact"]
    assert len(checks["witnesses"]["witnesses"]) == 2
    assert checks["freshness"]["until"] > START.isoformat()


def test_every_list_that_was_used_can_be_shown_and_audited(folder, tmp_path):
    store, state, out = Store.open(tmp_path / "state"), tmp_path / "state", tmp_path / "held.json"
    device = guard(store=store)
    device.load_epoch(folder, TRUST)
    device.load_epoch(build(tmp_path / "2", PICTURES[:2], number=2)[0], TRUST)
    store.close()
    TRUST.save(tmp_path / "trust.json")
    made = CliRunner().invoke(guard_app, ["held", "--state", str(state), "--out", str(out), "--json"])
    assert json.loads(made.stdout)["epochs"] == 2
    args = ["held", str(out), "--trust", str(tmp_path / "trust.json"), "--json"]
    checked = json.loads(CliRunner().invoke(audit_app, args).stdout)
    assert [each["number"] for each in checked["epochs"]] == [1, 2]
    assert checked["epochs"][0]["endorsers"] == ["east-hotline", "north-centre", "south-rights"]
    assert b"@anna" not in out.read_bytes()
    spoiled = out.read_bytes().replace(b"north-centre", b"north-police")
    out.write_bytes(spoiled)
    assert CliRunner().invoke(audit_app, args).exit_code != 0


def test_a_state_of_the_version_before_is_taken_over(folder, tmp_path):
    store = Store.open(tmp_path / "old")
    store._connection.executescript("DROP TABLE epochs; PRAGMA user_version = 1;")
    store.close()
    assert guard(store=Store.open(tmp_path / "old")).load_epoch(folder, TRUST).alerts
