from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import governance_samples as samples
import pytest
from governance_samples import FIRST, FIRST_DATA, SIGNERS, STRANGER, hours, signed

from tutela.hashlist import PURPOSE, Entry, Provenance
from tutela.hashlist.governance import (
    Answer,
    Constitution,
    Decision,
    Endorsements,
    Expiry,
    History,
    Vote,
    VoteRule,
    Withdrawal,
    commit,
    errors,
    list_root,
    opening,
    read_constitution,
    sign,
    sign_constitution,
    votes_to_submission,
)  # fmt: skip
from tutela.hashlist.governance.signing import message
from tutela.hashlist.trust import Signer

GOLDEN = Path(__file__).parent / "golden" / "signed.json"
ROOT = list_root([samples.name(1)])
VERSION = replace(samples.endorsement(samples.begin(), "east-hotline", hours(1)), root=ROOT)


def endorsed(*who: str, **changes: object) -> Endorsements:
    said = [replace(VERSION, organisation=each, **changes) for each in who]
    return Endorsements.of(signed(each) for each in said)


def check(endorsements: Endorsements, at: float = 2, constitution: Constitution = FIRST) -> list[str]:
    found = Endorsements.parse(endorsements.to_bytes()).verify(ROOT, PURPOSE, hours(at), constitution)
    return [each.id for each in found]


def test_a_device_takes_a_quorum() -> None:
    assert check(endorsed("rights-body", "east-hotline", "south-centre")) == [
        "east-hotline", "rights-body", "south-centre",
    ]  # fmt: skip


THREE = samples.THREE


@pytest.mark.parametrize(
    ("endorsements", "at", "error"),
    [
        (endorsed("east-hotline", "rights-body"), 2, errors.TooFewEndorsements),
        (endorsed("east-hotline", "north-hotline", "south-centre", "north-police"), 2, errors.AlliedOnly),
        (endorsed("east-hotline", "rights-body", "rights-body"), 2, errors.DuplicateSigner),
        (endorsed("east-hotline", "rights-body", "west-centre"), 2, errors.WrongRole),
        (endorsed(*THREE, category="other"), 2, errors.OtherCategory),
        (endorsed(*THREE, root=bytes(32)), 2, errors.OtherRoot),
        (endorsed(*THREE, constitution=bytes(32)), 2, errors.OtherConstitution),
        (endorsed(*THREE, valid_until=hours(24 * 100)), 2, errors.Malformed),
        (endorsed(*THREE), 0.5, errors.NotYetValid),
        (endorsed(*THREE), 1 + 24 * 30, errors.Expired),
        (Endorsements.of([sign(replace(VERSION, organisation=each), STRANGER) for each in THREE]), 2,
         errors.UnknownOrganisation),
        (Endorsements.of([signed(samples.submission(1, "east-hotline", hours(1)))]), 2, errors.Malformed),
        (Endorsements.of([signed(VERSION), signed(replace(VERSION, organisation="rights-body", size=2))]), 2,
         errors.ConflictingStatement),
        (Endorsements(()), 2, errors.TooFewEndorsements),
    ],
)  # fmt: skip
def test_a_device_refuses_by_name(endorsements: Endorsements, at: float, error: type[Exception]) -> None:
    with pytest.raises(error):
        check(endorsements, at)


def test_every_changed_field_breaks_the_signature() -> None:
    data = endorsed(*THREE).to_bytes()
    for name in ("number", "size"):
        forged = data.replace(b'"%s":1' % name.encode(), b'"%s":2' % name.encode())
        assert forged != data
        with pytest.raises(errors.ForgedSignature):
            Endorsements.parse(forged).verify(ROOT, PURPOSE, hours(2), FIRST)


def test_a_constitution_changes_only_by_its_own_quorum() -> None:
    history = History.begin(FIRST_DATA, FIRST.digest, hours(0))
    following = replace(FIRST, number=2, previous=FIRST.digest, source_share=50)
    signers = [SIGNERS[name] for name in THREE]
    for wrong, error in (
        (sign_constitution(following, signers[:2]), errors.TooFewEndorsements),
        (sign_constitution(following, [*signers[:2], SIGNERS["south-centre"]]), errors.AlliedOnly),
        (sign_constitution(following, [*signers, SIGNERS["west-centre"]]), errors.WrongRole),
        (sign_constitution(following, [*signers, STRANGER]), errors.UnknownOrganisation),
        (sign_constitution(replace(following, number=3), signers), errors.OtherConstitution),
        (sign_constitution(replace(following, previous=b"x" * 32), signers), errors.OtherConstitution),
        (sign_constitution(following, signers).replace(b'"source_share":50', b'"source_share":51'),
         errors.ForgedSignature),
    ):  # fmt: skip
        with pytest.raises(error):
            history.amend(wrong, hours(1))
        assert (len(history), history.constitution) == (1, FIRST)
    history.amend(sign_constitution(following, signers), hours(1))
    assert history.constitution == following
    with pytest.raises(errors.OtherConstitution):
        read_constitution(FIRST_DATA, following)


@pytest.mark.parametrize(
    "changes",
    [
        {"quorum": 2}, {"quorum": 6, "amendment_quorum": 6}, {"amendment_quorum": 2}, {"submitters": 1},
        {"jurisdictions": 1}, {"jurisdictions": 3}, {"categories": ("other",)}, {"categories": ()},
        {"classifications": ("other:A",)}, {"entry_days": 367}, {"list_days": 0}, {"source_share": 101},
        {"valid_until": samples.BEGIN + timedelta(days=2000)}, {"previous": b"x" * 32},
        {"endorsers": ("east-hotline", "north-hotline", "rights-body", "west-centre")},
        {"endorsers": ("north-hotline", "north-police", "rights-body", "south-centre")},
    ],
)  # fmt: skip
def test_no_constitution_asks_for_less(changes: dict[str, object]) -> None:
    with pytest.raises(errors.BadConstitution):
        samples.constitution(**changes)


ENTRY = Entry(
    id="a", scale="tutela-demo", category="A", pdq=b"\5" * 32, sha256=b"\6" * 32,
    provenance=Provenance("east", samples.BEGIN),
)  # fmt: skip


def test_the_same_entry_gives_the_same_commitment_only_under_the_secret() -> None:
    secret = b"s" * 32
    same = replace(ENTRY, id="b", quality=7, provenance=Provenance("west", samples.END))
    assert commit(ENTRY, secret) == commit(same, secret)
    others = (replace(ENTRY, pdq=b"\4" * 32), replace(ENTRY, category="B"), replace(ENTRY, sha256=None))
    assert len({commit(each, secret) for each in (ENTRY, *others)} | {commit(ENTRY, b"t" * 32)}) == 5
    opening(ENTRY, secret).check(commit(ENTRY, secret))
    for wrong in (opening(others[0], secret), replace(opening(ENTRY, secret), salt=bytes(32))):
        with pytest.raises(errors.OtherRoot):
            wrong.check(commit(ENTRY, secret))


def votes(*said: str) -> list[Vote]:
    return [Vote(f"force-{place}", each, hours(place)) for place, each in enumerate(said)]


def test_votes_that_agree_become_a_submission() -> None:
    a, b = "tutela-demo:A", "tutela-demo:B"
    said = {"organisation": "north-police", "commitment": samples.name(1), "at": hours(9)}
    made = votes_to_submission(votes(a, a, a), VoteRule(), **said)
    assert (made.source, made.classification) == ("police-votes", a)
    history = History.begin(FIRST_DATA, FIRST.digest, hours(0))
    history.append(signed(made), hours(9))
    for some in (
        votes(),
        votes(a, a),
        votes(a, a, a, b),
        votes(*["not-listed"] * 4),
        votes(a, a, a, "not-listed"),
    ):
        with pytest.raises(errors.NotAgreed):
            votes_to_submission(some, VoteRule(), **said)
    assert votes_to_submission(votes(a, a, a, b), VoteRule(dissent=1), **said).evidence != made.evidence
    with pytest.raises(errors.DuplicateSigner):
        votes_to_submission(votes(a, a, a) * 2, VoteRule(), **said)


def golden() -> dict[str, dict[str, str]]:
    """Each kind of document: what is signed, byte for byte, and the signature of a fixed key."""
    entry = {"organisation": "east-hotline", "at": hours(1), "commitment": samples.name(1)}
    opened = samples.dispute(1, hours(1))
    about = {**entry, "dispute": opened.digest}
    said = [
        samples.submission(1, "east-hotline", hours(1)), Withdrawal(**entry, reason="mistaken"),
        Expiry(**entry, ends=hours(9)), opened, Answer(**about, outcome="stands"),
        Decision(**about, outcome="keep"), VERSION, FIRST,
    ]  # fmt: skip
    found = {}
    for each in said:
        whole = message(each.to_dict())
        signature = Signer(b"\1" * 32).sign(whole).hex()
        found[each.to_dict()["type"]] = {
            "message": whole.hex(), "signature": signature, "digest": each.digest.hex(),
        }  # fmt: skip
    secret = b"s" * 32
    found["commitment"] = {
        "salt": opening(ENTRY, secret).salt.hex(),
        "commitment": commit(ENTRY, secret).hex(),
    }
    found["roots"] = {str(n): list_root(samples.name(i) for i in range(n)).hex() for n in range(6)}
    return found


def test_the_signed_bytes_stay() -> None:
    assert golden() == json.loads(GOLDEN.read_text())
