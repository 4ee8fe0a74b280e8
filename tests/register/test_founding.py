"""From rules in TOML to a constitution that a quorum signed; what no constitution may say is refused in words."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.register.conftest import NOW, PEOPLE, SIGNERS, THREE
from typer.testing import CliRunner

from tutela.cli.register import app
from tutela.errors import TutelaError
from tutela.hashlist.governance import History, sign_constitution
from tutela.hashlist.governance.errors import (
    BadConstitution,
    ForgedSignature,
    GovernanceError,
    Malformed,
    OtherConstitution,
    TooFewEndorsements,
)
from tutela.register import founding
from tutela.register.errors import BadRules
from tutela.sealed import keyfile


def organisation(name: str, **changes: object) -> str:
    where, allied, roles = PEOPLE[name]
    said = {"id": name, "name": name.title(), "jurisdiction": where, "roles": list(roles)[::-1]}
    said |= {"alliances": list(allied), "keys": [SIGNERS[name].public_key.hex()], **changes}
    return "[[organisation]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())


def rules(head: str = "", **changes: dict[str, object]) -> str:
    return head + "\n" + "".join(organisation(name, **changes.get(name, {})) for name in sorted(PEOPLE)[::-1])


def test_rules_become_a_constitution_that_a_register_begins_with():
    made = founding.draft(rules("days = 400\nsource_share = 50"), NOW)
    assert (made.number, made.source_share, made.quorum) == (1, 50, 3)
    assert made.valid_until - made.valid_from == timedelta(days=400)
    assert [each.id for each in made.organisations] == sorted(PEOPLE)
    assert set(made.endorsers) == {name for name in PEOPLE if "endorser" in PEOPLE[name][2]}
    signed = sign_constitution(made, [SIGNERS[name] for name in THREE])
    assert History.begin(signed, made.digest, NOW).constitution == made
    assert founding.check([signed], made.digest) == made
    assert founding.read(signed) == (made, THREE)


def test_the_next_one_follows_and_is_signed_by_the_quorum_of_the_one_before():
    first = founding.draft(rules(), NOW)
    later = NOW + timedelta(days=30)
    second = founding.draft(rules("list_days = 30"), later, first)
    assert (second.number, second.previous) == (2, first.digest)
    assert {key.valid_from for each in second.organisations for key in each.keys} == {first.valid_from}
    files = [sign_constitution(each, [SIGNERS[name] for name in THREE]) for each in (first, second)]
    assert founding.check(files, first.digest) == second
    with pytest.raises(OtherConstitution):
        founding.check(files[::-1], first.digest)
    with pytest.raises(TooFewEndorsements):
        founding.check([files[0], sign_constitution(second, [SIGNERS[THREE[0]]])], first.digest)
    forged = json.loads(files[0])
    forged["signatures"][0]["signature"] = "00" * 64
    with pytest.raises(ForgedSignature):
        founding.check([json.dumps(forged).encode()], first.digest)
    with pytest.raises(Malformed):
        founding.check([], first.digest)


@pytest.mark.parametrize("name", ["south-hotline", "east-hotline"])
def test_nobody_loses_a_place(name: str):
    first = founding.draft(rules(), NOW)
    gone = rules(
        "endorsers = ['north-hotline', 'rights-body', 'south-centre']\nquorum = 2\namendment_quorum = 2"
    )
    kept = gone.replace(organisation(name), "")
    with pytest.raises(BadRules, match=name):
        founding.draft(kept, NOW, first)
    changed = gone.replace(SIGNERS[name].public_key.hex(), "ab" * 32)
    with pytest.raises(BadRules, match=name):
        founding.draft(changed, NOW, first)


def test_a_key_has_times_of_its_own():
    key = SIGNERS["east-hotline"].public_key.hex()
    table = f'keys = [{{public_key = "{key}", valid_until = 2030-01-01T00:00:00Z}}]'
    made = founding.draft(rules().replace(f'keys = ["{key}"]', table), NOW)
    assert made.directory["east-hotline"].keys[0].valid_until.year == 2030
    assert made.directory["east-hotline"].keys[0].valid_from == NOW


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("quorum = ", BadRules, "not TOML"),
        ("quorum = 3", BadRules, "no \\[\\[organisation"),
        (rules("qorum = 3"), BadRules, "qorum"),
        (rules("number = 3"), BadRules, "number"),
        (rules("quorum = 2"), BadConstitution, "more than half of 5"),
        (rules("quorum = '3'"), BadRules, "numbers"),
        (rules("quorum = 4\namendment_quorum = 4"), BadConstitution, "3 of its 5 endorsers are unallied"),
        (rules("endorsers = ['south-hotline']"), BadConstitution, "south-hotline"),
        (rules("submitters = 1"), BadConstitution, "asks for less"),
        (rules("days = 2000"), BadConstitution, "asks for less"),
        (rules("days = 0"), BadRules, "days"),
        (rules("valid_from = 2026-01-01"), BadRules, "valid_until|written as"),
        (rules("valid_from = 9999-01-01T00:00:00Z"), BadRules, "calendars"),
        (rules("valid_from = 0001-01-01T00:00:00+01:00"), BadRules, "2199"),
        (rules("endorsers = [['a']]"), BadRules, "Endorsers"),
        (rules("endorsers = 'all'"), BadRules, "Endorsers"),
        (rules(f"quorum = {'9' * 5000}"), BadRules, "TOML"),
        (rules("categories = ['everything']"), BadConstitution, "asks for less"),
        (rules(**{"rights-body": {"jurisdiction": "Northland"}}), Malformed, "Organisation 3: .*two capital"),
        (rules(**{"rights-body": {"roles": ["king"]}}), Malformed, "Organisation 3"),
        (rules(**{"rights-body": {"roles": 1}}), BadRules, "Organisation 3"),
        (rules(**{"rights-body": {"keys": []}}), Malformed, "has a key"),
        (rules(**{"rights-body": {"keys": ["ab"]}}), Malformed, "64 lower-case"),
        (rules(**{"rights-body": {"keys": [1]}}), BadRules, "A key is"),
        (rules(**{"rights-body": {"motto": "x"}}), BadRules, "unknown"),
        (rules() + organisation("rights-body"), BadConstitution, "one's alone"),
    ],
)
def test_what_no_constitution_may_say_is_said(text: str, error: type[TutelaError], said: str):
    with pytest.raises(error, match=said):
        founding.draft(text, NOW)


@given(st.text(max_size=60) | st.sampled_from(rules().splitlines()), st.integers(0, 60))
def test_only_our_errors_escape(line: str, place: int):
    lines = rules().splitlines()
    lines.insert(min(place, len(lines)), line)
    for text in (line, "\n".join(lines)):
        try:
            founding.draft(text, NOW)
        except (BadRules, GovernanceError):
            continue


@given(
    st.binary(max_size=80)
    | st.sampled_from([b"{}", b"[]", b'{"signed":{}}', b'{"signed":1,"signatures":[]}'])
)
def test_whatever_is_shown_is_a_constitution(data: bytes):
    with pytest.raises(GovernanceError):
        founding.read(data)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Keys, rules, a document, three signatures one after the other, the digest, the check."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUTELA_KEY_PASSPHRASE", "a passphrase for tests")
    monkeypatch.setattr(keyfile.save, "__kwdefaults__", {"overwrite": False, "cost": 12})

    def call(*words: str) -> dict:
        done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0
        return dict(json.loads(done.stdout))

    text = rules()
    for name in PEOPLE:
        public = call("keygen", "--key-out", f"{name}.key")["public_key"]
        text = text.replace(SIGNERS[name].public_key.hex(), public)
    (tmp_path / "rules.toml").write_text(text)
    made = call("constitution", "new", "rules.toml", "--out", "c0")
    assert (made["unallied_endorsers"], made["signed_by"]) == (3, [])
    for turn, name in enumerate(THREE):
        done = call("sign", f"c{turn}", "--key", f"{name}.key", "--out", f"c{turn + 1}")
        assert done["digest"] == made["digest"]
    assert call("constitution", "show", "c2")["signed_by"] == list(THREE[:2])
    check = ("constitution", "check", "--anchor", made["digest"])
    with pytest.raises(TooFewEndorsements):
        call(*check, "c2")
    assert call(*check, "c3")["signed_by"] == list(THREE)
    shown = CliRunner().invoke(app, ["constitution", "show", "c3"]).stdout
    assert "north-police (North-Police): XN, endorser, police; allied by northern-pact" in shown
    (tmp_path / "rules.toml").write_text("list_days = 30\n" + text)
    assert call("constitution", "new", "rules.toml", "--out", "d0", "--previous", "c3")["number"] == 2
