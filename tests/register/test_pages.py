"""The register's pages and its route for machines: who may what, and what they say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver
from tests.register.conftest import (
    SIGNERS,
    commitment,
    dispute,
    signed_constitution,
    submission,
)

from tutela.console import checks, permissions
from tutela.console.models import AuditRow
from tutela.hashlist.governance import Answer, Endorsement, Withdrawal, sign
from tutela.hashlist.governance.statements import from_dict
from tutela.hashlist.trust import Signer
from tutela.register import logbook
from tutela.register.models import Draft, StatementRow

PAGES = ("/entries", "/version", "/hand-in", "/disputes", "/organisations", "/leaves", "/leaves/0")


def post_file(client, data: bytes, **extra):
    return client.post("/hand-in", {"file": SimpleUploadedFile("statement.signed", data)}, **extra)


def text(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_every_route_is_walked_by_every_role(world, signed_in, client):
    """Which role gets which page is written down here a second time."""
    world.entries(1)
    world.publish()
    name = commitment(1).hex()
    everyone = {"curator", "endorser", "administrator"}
    may = {
        ("get", "/"): everyone,
        **{("get", page): everyone for page in (*PAGES, f"/entries/{name}", "/leaves/0/proof")},
        ("post", "/hand-in"): everyone,
        ("post", "/version/draw"): {"curator"},
        ("get", "/version/to-sign?organisation=rights-body"): {"endorser"},
    }
    walked = {re.sub(r"\?.*", "", path) for _, path in may}
    people = {role: signed_in(role, name=f"{role}-1") for role in everyone}
    for (method, path), allowed in may.items():
        for role, person in people.items():
            status = getattr(person, method)(path).status_code
            assert (status != 403) is (role in allowed), (method, path, role, status)
        stranger = getattr(client, method)(path)
        assert (stranger.status_code, stranger.url[:8]) == (302, "/sign-in"), path
    declared = {
        route: permissions.access_of(pattern.callback).kind
        for route, pattern in checks.routes(get_resolver())
        if pattern.callback.__module__.startswith("tutela.register")
    }
    assert {route for route, kind in declared.items() if kind == "public"} == {"log/<path:name>"}
    assert {route for route, kind in declared.items() if kind == "machine"} == {"register/statements"}
    fill = {"<slug:commitment>": name, "<int:index>": "0"}
    for route, kind in declared.items():
        path = (
            "/" + re.sub(r"<[^>]+>", lambda found: fill[found.group()], route) if kind == "requires" else "/"
        )
        assert path in walked, path


def test_waiting_entries_say_why_in_sentences(world, signed_in):
    at = world.now()
    world.hand_in(
        submission(1, "east-hotline", at),
        submission(2, "north-hotline", at),
        submission(2, "south-centre", at),
        submission(3, "east-hotline", at, source="own-removal-request"),
    )
    curator = signed_in("curator")
    page = text(curator.get("/entries"))
    assert "Waiting (3)" in page
    assert "1 organisation of 1 jurisdiction answer for it now. The constitution asks for 2" in page
    assert "allied with each other and count once" in page
    assert "Only a removal request of a person&#x27;s own stands for this entry" in page
    assert "No list version that 3 endorsers signed holds it yet." in page
    assert "<img" not in page
    entry = text(curator.get(f"/entries/{commitment(2).hex()}"))
    for words in ("North Hotline", "South Centre", "northern-pact", "Hotline", "Counts", "tutela-demo:A"):
        assert words in entry, words
    assert "Not verified" in text(curator.get(f"/entries/{commitment(3).hex()}"))
    for unknown in (commitment(9).hex(), "x", "AB" * 32):
        assert curator.get(f"/entries/{unknown}").status_code == 404
    assert curator.get("/entries?state=nonsense&page=z").status_code == 200


def test_endorsers_bring_a_version_to_life(world, signed_in):
    world.entries(1, 2)
    curator, endorser = signed_in("curator"), signed_in("endorser")
    assert "No list version is in force" in text(curator.get("/version"))
    for days, words in (
        (0, "greater than or equal to 1"),
        (91, "Enter 90 days or fewer"),
        ("x", "whole number"),
    ):
        refused = curator.post("/version/draw", {"days": days})
        assert refused.status_code == 422
        assert words in text(refused), text(refused)
    assert curator.post("/version/draw", {"days": 30}).status_code == 302
    page = text(endorser.get("/version"))
    assert "Version 1 to endorse" in page
    assert "Added: 2 entries" in page
    for name in ("east-hotline", "north-hotline", "rights-body"):
        got = endorser.get(f"/version/to-sign?organisation={name}")
        assert "attachment" in got["Content-Disposition"]
        statement = from_dict(json.loads(got.content))
        answer = post_file(endorser, sign(statement, SIGNERS[name]), follow=True)
        assert "and logged." in text(answer)
    page = text(endorser.get("/version"))
    assert "Version 1 <strong" in page
    assert "2, of which 2 live now" in page
    assert "to endorse" not in page
    assert "Live (2)" in text(curator.get("/entries"))
    assert AuditRow.objects.filter(actor="user/endorser", action="statement.accepted").count() == 3
    assert endorser.get("/version/to-sign?organisation=south-hotline").status_code == 404


def refusals(world):
    """Each refusal of the governance that a person can meet, and the file that meets it."""
    at = world.now()
    draft = Draft.objects.get()
    said = Endorsement(
        organisation="south-centre", at=at, number=draft.number, root=bytes.fromhex(draft.root), size=draft.size,
        drawn=draft.drawn, valid_from=draft.drawn, valid_until=draft.valid_until,
        constitution=world.constitution.digest,
    )  # fmt: skip
    south = SIGNERS["south-centre"]
    first = sign(replace(said, organisation="east-hotline"), SIGNERS["east-hotline"])
    world.hand_in(first)
    gone = Withdrawal(organisation="rights-body", at=at, commitment=commitment(1), reason="lawful")
    unknown = replace(gone, organisation="east-hotline", commitment=commitment(9))
    answer = Answer(
        organisation="east-hotline", at=at, commitment=commitment(1), dispute=bytes(32), outcome="stands"
    )
    endorser, curator = "endorser", "curator"
    second = replace(said, organisation="east-hotline", valid_until=said.valid_until - timedelta(days=1))
    again = replace(said, organisation="east-hotline", at=at - timedelta(seconds=1))
    return [
        (endorser, b"{}", "not a well-formed document"),
        (endorser, sign(replace(said, root=bytes(32)), south), "The root is not that of the list"),
        (endorser, sign(replace(said, constitution=bytes(32)), south), "another constitution"),
        (endorser, sign(said, Signer(b"\6" * 32)), "not in the directory"),
        (endorser, sign(said, SIGNERS["rights-body"]), "may not make this statement"),
        (endorser, sign(said, south).replace(b'"number":1', b'"number":2'), "signature does not fit"),
        (endorser, sign(second, SIGNERS["east-hotline"]), "contradicts an earlier one"),
        (endorser, sign(again, SIGNERS["east-hotline"]), "signed twice where each counts once"),
        (endorser, sign(replace(said, at=at - timedelta(hours=25)), south), "does not fit its place"),
        (curator, sign(gone, SIGNERS["rights-body"]), "It did not submit this entry"),
        (curator, sign(unknown, SIGNERS["east-hotline"]), "holds no submission of this entry"),
        (curator, sign(answer, SIGNERS["east-hotline"]), "holds no such dispute"),
        (curator, submission(7, "east-hotline", at, classification="other:Z"), "not one that this register"),
        (
            curator,
            submission(1, "south-hotline", at, classification="tutela-demo:B"),
            "another classification",
        ),
        (curator, first, "Your role does not hand in"),
        (endorser, submission(8, "east-hotline", at), "Your role does not hand in"),
    ]


def test_each_refusal_is_a_sentence_beside_the_form(world, signed_in):
    world.entries(1)
    people = {role: signed_in(role) for role in ("curator", "endorser")}
    people["curator"].post("/version/draw", {"days": 30})
    for role, file, words in refusals(world):
        before = StatementRow.objects.count()
        answer = post_file(people[role], file)
        assert answer.status_code == 422, words
        assert "There is a problem" in text(answer)
        assert words in text(answer), (words, text(answer))
        assert StatementRow.objects.count() == before
    for empty in (b"", None):
        data = {} if empty is None else {"file": SimpleUploadedFile("x", empty)}
        assert people["curator"].post("/hand-in", data).status_code == 422
    assert post_file(people["curator"], b"x" * (1 << 20)).status_code == 422


def test_an_administrator_hands_in_the_next_constitution(world, signed_in):
    said = replace(world.constitution, number=2, previous=world.constitution.digest, answer_days=7)
    assert "Your role" in text(post_file(signed_in("curator"), signed_constitution(said)))
    admin = signed_in("administrator")
    page = text(post_file(admin, signed_constitution(said), follow=True))
    assert "Number 2, until" in page
    assert "7 days" in page


def test_organisations_show_who_counts_once(world, signed_in):
    page = text(signed_in("curator").get("/organisations"))
    assert "Of the 5 endorsers, 3 can count at most." in page
    assert page.count("<line ") == 5  # lines of the picture: each membership of an alliance
    assert "northern-pact" in page


def test_disputes_have_clocks(world, signed_in, monkeypatch):
    world.entries(1, 2)
    opened = dispute(1, world.now())
    world.hand_in(opened, dispute(2, world.now()))
    name = next(each for each in world.book.history().disputes.values() if each.commitment == commitment(1))
    curator = signed_in("curator")
    assert re.search(r"1[34] days and \d+ hours left to answer", text(curator.get("/disputes")))
    answer = Answer(
        organisation="east-hotline",
        at=world.now(),
        commitment=commitment(1),
        dispute=name.digest,
        outcome="stands",
    )
    assert "and logged" in text(post_file(curator, sign(answer, SIGNERS["east-hotline"]), follow=True))
    assert "east-hotline answered: the entry stands." in text(curator.get("/disputes"))
    from tutela.register.views import entries

    later = world.now() + timedelta(days=20)
    monkeypatch.setattr(entries.book, "present", lambda now: later)
    assert "Overdue. The entry is not live" in text(curator.get("/disputes"))


def test_the_log_explorer_and_its_files(world, signed_in, client):
    world.entries(1)
    curator = signed_in("curator")
    assert "Nothing is published yet" in text(curator.get("/leaves"))
    assert "not published yet" in text(curator.get("/leaves/1"))
    assert curator.get("/leaves/1/proof").status_code == 404
    assert client.get("/log/checkpoint").status_code == 404
    world.publish()
    page = text(curator.get("/leaves"))
    assert "3 leaves, 3 published" in page
    assert "safety" in page
    assert "Submission" in page
    leaf = text(curator.get("/leaves/1"))
    assert "verify-proof.js" in leaf
    assert re.search(r"<script(?![^>]*\bsrc=)", leaf) is None
    assert curator.get("/leaves/1/proof").content.startswith(b"c2sp.org/tlog-proof@v1\nindex 1\n")
    assert curator.get("/leaves/3").status_code == 404
    signed = client.get("/log/checkpoint")
    assert (signed.status_code, signed["Cache-Control"]) == (200, "public, max-age=2")
    assert signed.content.startswith(b"register.example.org/log\n3\n")
    assert client.get("/log/tile/entries/000.p/3").status_code == 200
    for hidden in ("head", ".lock", "../register/log.key", "tile/../head", "tile/0/000"):
        assert client.get(f"/log/{hidden}").status_code == 404, hidden
    assert client.post("/log/checkpoint").status_code == 405


def test_a_register_that_is_not_set_up_says_so(signed_in):
    for page in PAGES[:2] + PAGES[3:]:
        answer = signed_in("curator", name=f"c{page.replace('/', '-')}").get(page)
        assert answer.status_code == 503, page
        assert "The register cannot be used now" in text(answer)


class TestMachines:
    def send(self, client, token, data, **headers):
        return client.post(
            "/register/statements", data, content_type="application/json",
            headers={"Authorization": f"Bearer {token}", **headers},
        )  # fmt: skip

    def test_an_organisations_program_hands_in(self, world, client, machine_token):
        token = machine_token("statement.submit", name="east")
        file = submission(1, "east-hotline", world.now())
        first, again = self.send(client, token, file), self.send(client, token, file)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert first.json()["position"] == 1
        assert AuditRow.objects.get(action="statement.accepted").actor == "machine/east"

    def test_what_is_refused_says_why(self, world, client, machine_token):
        token = machine_token("statement.submit")
        stranger = sign(
            from_dict(json.loads(submission(1, "east-hotline", world.now()))["signed"]), Signer(b"\6" * 32)
        )
        answer = self.send(client, token, stranger)
        assert (answer.status_code, answer.json()["code"]) == (422, "governance.unknown_organisation")
        assert answer.json()["hint"]
        assert self.send(client, token, b"x" * 9000).status_code == 413
        assert self.send(client, token, signed_constitution(world.constitution)).status_code == 413
        assert self.send(client, token, b"[" * 4000).status_code == 422
        assert self.send(client, "no token", b"{}").status_code == 401
        other = machine_token("intake.write", name="homeserver")
        assert self.send(client, other, b"{}").status_code == 403
        assert StatementRow.objects.count() == 1

    def test_what_could_not_be_logged_is_sent_again(self, world, client, machine_token, monkeypatch):
        from tutela.register import storage

        token, file = machine_token("statement.submit"), submission(1, "east-hotline", world.now())
        with monkeypatch.context() as without:
            without.setattr(storage, "_signers", {})
            without.delenv("TUTELA_KEY_PASSPHRASE")
            assert self.send(client, token, file).status_code == 503
        answer = self.send(client, token, file)
        assert (answer.status_code, answer.json()["position"]) == (200, 1)
        with logbook.reading(world.store) as log:
            assert log.size == 2

    def test_too_many_disputes_are_told_apart(self, world, client, machine_token, monkeypatch):
        from tutela.register import book

        world.entries(1)
        monkeypatch.setattr(book, "MOST_DISPUTES", 0)
        token = machine_token("statement.submit")
        assert self.send(client, token, dispute(1, world.now())).status_code == 429

    @pytest.mark.django_db
    def test_without_a_register_it_is_to_be_tried_again(self, client, machine_token):
        token = machine_token("statement.submit")
        now = datetime.now(UTC).replace(microsecond=0)
        assert self.send(client, token, dispute(1, now)).status_code == 503
