"""`tutela guard status`: everything that left the device, and why, without keys."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import suppress
from datetime import timedelta

import pytest
from guard_samples import ANNA, ON, SIGNER, START, TRUST, Clock, MemoryKeys, attachment, build, guard, pattern
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tutela.cli.guard import _lines, app
from tutela.errors import TutelaError
from tutela.guard import open_guard
from tutela.guard.core import Guard, Policy
from tutela.guard.errors import GuardStateDamaged, NoGuardState
from tutela.guard.help_lines import help_lines
from tutela.guard.keys import KeyFile, Keys
from tutela.guard.status import describe, note_receipts
from tutela.guard.store import FILE, Store
from tutela.hashlist.legal_basis import LegalBasis, file_name, make
from tutela.sealed.errors import WrongPassphrase

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["items", "uploads", "reason", "state", "ct_sha256", "code", "message"]


@pytest.fixture
def folder(tmp_path):
    store, keys = Store.open(tmp_path / "g"), KeyFile(tmp_path / "g" / "device.key", "pass", cost=12)
    made = Guard(ANNA, "PHONE", ON, store=store, keys=keys, clock=Clock())
    made.load_epoch(build(tmp_path / "e", [pattern(1), pattern(2)])[0], TRUST)
    for name in (b"1", b"2", b"3"):
        made.protect(pattern(3), attachment(name))
    items = [
        {"kind": "voucher", "ct_sha256": attachment(b"1").ciphertext_sha256.hex(), "state": "delivered"},
        {
            "kind": "voucher",
            "ct_sha256": attachment(b"2").ciphertext_sha256.hex(),
            "state": "refused",
            "code": "x.y",
        },
    ]
    reason = {"code": "voucher.deadline", "message": "?", "hint": "?"}
    made.note_receipts({"items": items, "uploads": "refused", "reason": reason})
    store.close()
    return tmp_path / "g"


def test_json_names_everything_that_left(folder):
    result = CliRunner().invoke(app, ["status", "--state", str(folder), "--json"])
    found = json.loads(result.stdout)
    assert found["ok"] is True
    assert found["sent"]["count"] == 3
    assert found["sent"]["bytes"] == 3 * 8_540
    assert found["sent"]["by_state"] == {"made": 1, "waiting": 0, "queued": 0, "delivered": 1, "refused": 1}
    assert found["epoch"]["signers"] == ["Example Centre"]
    assert found["uploads"]["reason"]["code"] == "voucher.deadline"
    assert found["help"][0]["contact"] == "https://help.example.org"


def test_text_for_people(folder):
    text = CliRunner().invoke(app, ["status", "--state", str(folder)]).stdout
    for word in (
        "PHONE of @anna",
        "signed by Example Centre",
        "3 sealed sets",
        "1 delivered",
        "EXAMPLE",
        "Text messages",
    ):
        assert word in " ".join(text.split())


@pytest.mark.parametrize(
    ("place", "kind", "sentence"),
    [
        ("XX", "reports", "XX: a report may follow; YY: no report may follow."),
        ("ZZ", "permits", "Alerts are permitted in XX, YY, and not in ZZ."),
    ],
)
def test_conflicts_of_laws_are_shown_and_decide_nothing(tmp_path, place, kind, sentence):
    epoch, _ = build(tmp_path / "e", [pattern(1), pattern(2)])
    other = LegalBasis("YY", "Other Act", START, START + timedelta(days=60), b"q" * 32, acts=("alert",))
    (epoch / file_name("YY")).write_bytes(make(other, SIGNER))
    store, clock = Store.open(tmp_path / "g"), Clock()
    made = Guard(
        ANNA, "PHONE", Policy(place, provider_alerts=True), store=store, keys=MemoryKeys(), clock=clock
    )
    mode = made.load_epoch(epoch, TRUST)
    assert mode.alerts == (place == "XX")
    assert [(one["kind"], one["sentence"][-len(sentence) :]) for one in made.status()["conflicts"]] == [
        (kind, sentence)
    ]
    made.refresh(epoch)
    assert len(made.status()["conflicts"]) == 1
    assert [line[-len(sentence) :] for line in _lines(made.status()) if line.startswith("Laws ")] == [
        sentence
    ]
    assert describe(store, START + timedelta(days=60))["conflicts"] == []  # over in every place
    store.close()


@pytest.mark.parametrize(
    ("days", "code", "says"),
    [
        (-1, "legal_basis.expired", "the legal basis ended on 2026-10-31T12:00:00Z"),
        (60, "legal_basis.not_logged", "there is no legal basis"),
    ],
)
def test_a_law_that_does_not_hold_is_none_on_its_side_of_a_conflict(tmp_path, days, code, says):
    epoch, _ = build(tmp_path / "e", [pattern(1), pattern(2)], basis_days=days)
    if days > 0:
        (epoch / "legal-basis-XX.tlog-proof").unlink()
    other = LegalBasis("YY", "Other Act", START, START + timedelta(days=60), b"q" * 32)
    (epoch / file_name("YY")).write_bytes(make(other, SIGNER))
    made = guard()
    assert made.load_epoch(epoch, TRUST).code == code
    (found,) = made.status()["conflicts"]
    assert found["kind"] == "permits"
    assert {"jurisdiction": "XX", "says": says} in found["views"]


def test_an_epoch_that_ended_meanwhile_is_shown_as_ended(folder):
    store = Store.open(folder)
    clock = Clock()
    assert describe(store, clock())["mode"]["name"] == "provider alerts"
    clock.forward(days=60)
    found = describe(store, clock())
    assert found["mode"]["code"] == "epoch.expired"
    assert not found["epoch"]["valid_now"]
    store.close()


def test_no_guard_and_a_damaged_one_are_typed_errors(tmp_path):
    with pytest.raises(NoGuardState):
        Store.open(tmp_path / "missing", create=False)
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(GuardStateDamaged):
        Store.open(tmp_path)
    (tmp_path / "v").mkdir()
    sqlite3.connect(tmp_path / "v" / FILE).execute("PRAGMA user_version = 9")
    with pytest.raises(GuardStateDamaged):
        Store.open(tmp_path / "v")


def test_files_are_private_and_hold_no_content(folder):
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (folder / FILE, folder / "device.key")} == {
        0
    }
    with pytest.raises(WrongPassphrase):
        KeyFile(folder / "device.key", "other").load()


def test_open_guard_begins_and_continues(tmp_path):
    one = open_guard(tmp_path / "new", ANNA, "PHONE", ON, "pass")
    identity = one._keys.device.identity
    assert open_guard(tmp_path / "new", ANNA, "PHONE", ON, "pass")._keys.device.identity == identity


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON)
    | st.fixed_dictionaries({"items": st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON), max_size=4)})
)
@settings(max_examples=100, deadline=None)
def test_whatever_a_homeserver_answers_is_taken(receipts):
    store = Store.memory()
    note_receipts(store, receipts, 0)
    json.dumps(describe(store, START))


@given(st.binary(max_size=200) | st.binary(min_size=152, max_size=152).map(lambda tail: b"TG1\0" + tail))
@settings(max_examples=100)
def test_only_our_errors_escape_the_key_parser(data):
    with suppress(TutelaError):
        Keys.from_bytes(data)


def test_keys_round_trip():
    keys = Keys.generate(lambda n: bytes(range(n)), START)
    assert Keys.from_bytes(keys.to_bytes()) == keys


def test_help_lines_are_dated_and_examples_are_marked():
    for country in ("XX", "FR"):
        for line in help_lines(country):
            assert line.source
            assert line.checked == "2026-11-23"
            assert line.example == (country == "XX") == ("EXAMPLE" in line.service)
