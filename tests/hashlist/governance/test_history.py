from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import governance_samples as samples
import pytest
from governance_samples import FIRST, FIRST_DATA, SIGNERS, STRANGER, admit, begin, endorse, hours, submission

from tutela.hashlist.governance import (
    Answer,
    Decision,
    Expiry,
    GovernanceError,
    History,
    Withdrawal,
    errors,
    publish,
    sign,
    sign_constitution,
    state_at,
    verify_list,
)  # fmt: skip


def listed(history: History | None = None) -> History:
    history = history or begin()
    admit(history, submission(1, "east-hotline", hours(1)))
    admit(history, submission(1, "north-hotline", hours(2)))
    endorse(history, hours(3))
    return history


def codes(history: History, at: float, number: int = 1) -> list[str]:
    state = state_at(history, FIRST, hours(at))
    return [reason.code.removeprefix("governance.") for reason in state.explain(samples.name(number))]


def test_two_unallied_jurisdictions_and_a_quorum_make_an_entry_live() -> None:
    history = begin()
    admit(history, submission(1, "east-hotline", hours(1)))
    assert codes(history, 1) == ["single_source", "not_endorsed"]
    admit(history, submission(1, "north-hotline", hours(2)))
    assert codes(history, 2) == ["not_endorsed"]
    endorse(history, hours(3))
    assert codes(history, 4) == []
    assert state_at(history, FIRST, hours(4)).live == (samples.name(1),)
    assert codes(history, 2.5) == ["not_endorsed"]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (("south-hotline", "south-centre"), "single_source"),
        (("north-hotline", "south-centre"), "allied_only"),
        (("north-hotline", "north-hotline"), "single_source"),
        (("south-hotline", "north-hotline"), None),
    ],
)
def test_allies_and_neighbours_count_once(who: tuple[str, ...], code: str | None) -> None:
    history = begin()
    for place, each in enumerate(who, 1):
        admit(history, submission(1, each, hours(place)))
    assert codes(history, 3) == ([code] if code else []) + ["not_endorsed"]


def test_a_quorum_of_allies_is_none() -> None:
    history = begin()
    admit(history, submission(1, "east-hotline", hours(1)))
    admit(history, submission(1, "north-hotline", hours(2)))
    endorse(history, hours(3), who=("east-hotline", "north-hotline", "north-police", "south-centre"))
    assert codes(history, 4) == ["not_endorsed"]
    admit(history, samples.endorsement(history, "rights-body", hours(3), at=hours(3.5)))
    assert codes(history, 4) == []


def test_own_request_alone_lists_nothing() -> None:
    history = begin()
    admit(history, submission(1, "east-hotline", hours(1), source="own-removal-request"))
    assert codes(history, 1)[0] == "only_requested"
    admit(history, submission(1, "west-centre", hours(2), source="own-removal-request"))
    assert codes(history, 2)[0] == "only_requested"
    admit(history, submission(1, "west-centre", hours(3), source="verified-own-request"))
    admit(history, submission(1, "east-hotline", hours(4), source="verified-own-request"))
    assert codes(history, 4) == ["not_endorsed"]


def test_withdrawn_entries_come_back_only_by_new_submissions_and_a_new_version() -> None:
    history = listed()
    said = {"organisation": "east-hotline", "commitment": samples.name(1)}
    admit(history, Withdrawal(**said, at=hours(5), reason="mistaken"))
    assert codes(history, 5) == ["withdrawn", "not_endorsed"]
    with pytest.raises(errors.ConflictingStatement):
        history.admit(
            samples.Verified(submission(1, "west-centre", hours(4)), FIRST.directory["west-centre"], b""),
            hours(6),
        )
    admit(history, submission(1, "north-hotline", hours(7)))
    admit(history, submission(1, "west-centre", hours(8)))
    assert codes(history, 8) == ["not_endorsed"]
    endorse(history, hours(9), 2)
    assert codes(history, 10) == []
    assert state_at(history, FIRST, hours(10)).tombstones[0].cause == "mistaken"


def test_the_clock_of_a_dispute() -> None:
    history = listed()
    opened = samples.dispute(1, hours(10))
    admit(history, opened)
    late = 10 + 24 * FIRST.answer_days
    assert codes(history, late - 1) == []
    assert codes(history, late) == ["dispute_overdue"]
    said = {"commitment": samples.name(1), "dispute": opened.digest}
    with pytest.raises(errors.WrongRole):
        admit(history, Answer(**said, organisation="south-hotline", at=hours(late), outcome="stands"))
    admit(history, Answer(**said, organisation="east-hotline", at=hours(late), outcome="stands"))
    assert codes(history, late + 1) == []
    admit(history, Decision(**said, organisation="rights-body", at=hours(late + 2), outcome="remove"))
    assert codes(history, late + 3)[:2] == ["removed", "withdrawn"]


def test_expiry() -> None:
    history = listed()
    admit(
        history, Expiry(organisation="east-hotline", commitment=samples.name(1), at=hours(5), ends=hours(20))
    )
    assert codes(history, 19) == []
    assert codes(history, 20) == ["single_source"]
    assert "not_endorsed" in codes(history, 3 + 24 * 30)
    assert codes(history, 24 * 367 + 2)[0] == "expired"


def test_the_excess_of_one_source_is_held_back_and_named() -> None:
    history = begin()
    for number in range(12):
        admit(history, submission(number, "east-hotline" if number < 9 else "west-centre", hours(number + 1)))
        admit(history, submission(number, "north-hotline", hours(number + 1)))
    state = state_at(history, FIRST, hours(20))
    held = [number for number in range(12) if samples.name(number) not in state.eligible]
    assert held == [4, 5, 6, 7, 8]
    assert state.explain(samples.name(8))[0].to_dict() == {
        "code": "governance.held_back",
        "message": "The entry is held back: its source has its full share of the list.",
        "facts": {"percent": 60, "source": "east-hotline"},
    }


def test_signatures_roles_and_times_are_checked() -> None:
    history = History.begin(FIRST_DATA, FIRST.digest, hours(0))
    good = submission(1, "east-hotline", hours(1))
    cases = [
        (sign(good, STRANGER), errors.UnknownOrganisation),
        (sign(good, SIGNERS["west-centre"]), errors.WrongRole),
        (sign(good, SIGNERS["east-hotline"]).replace(b"tutela-demo:A", b"tutela-demo:B"), errors.ForgedSignature),
        (samples.signed(submission(1, "rights-body", hours(1))), errors.WrongRole),
        (samples.signed(submission(1, "east-hotline", hours(1), source="police-votes")), errors.WrongRole),
        (samples.signed(submission(1, "east-hotline", hours(1), category="other")), errors.OtherCategory),
        (samples.signed(submission(1, "east-hotline", hours(1), classification="x:Y")), errors.OtherCategory),
        (samples.signed(samples.dispute(1, hours(1))), errors.UnknownEntry),
        (samples.signed(submission(1, "east-hotline", hours(3))), errors.OutOfOrder),
        (b"{}", errors.Malformed),
    ]  # fmt: skip
    for data, error in cases:
        with pytest.raises(error):
            history.append(data, hours(2))
        assert len(history) == 1
    history.append(samples.signed(good), hours(2))
    with pytest.raises(errors.Repeated):
        history.append(samples.signed(good), hours(2))
    with pytest.raises(errors.ConflictingStatement):
        history.append(
            samples.signed(submission(1, "north-hotline", hours(2), classification="tutela-demo:B")), hours(2)
        )


def test_an_endorser_signs_one_list_of_a_number() -> None:
    history = listed()
    first = samples.endorsement(history, "south-centre", hours(3))
    again = replace(first, at=hours(4))
    admit(history, again)
    with pytest.raises(errors.DuplicateSigner):
        admit(history, replace(first, at=hours(5)))
    with pytest.raises(errors.ConflictingStatement):
        admit(history, replace(first, at=hours(5), valid_until=first.valid_until + timedelta(days=1)))
    with pytest.raises(errors.OtherRoot):
        admit(history, samples.endorsement(history, "south-centre", hours(6), 2, root=bytes(32)))
    with pytest.raises(errors.OutOfOrder):
        admit(history, samples.endorsement(history, "south-centre", hours(6), 2, size=2))
    with pytest.raises(errors.OtherConstitution):
        admit(history, samples.endorsement(history, "south-centre", hours(6), 2, constitution=bytes(32)))
    with pytest.raises(errors.WrongRole):
        admit(history, samples.endorsement(history, "west-centre", hours(6), 2))


def published() -> dict[str, bytes]:
    history = History.begin(FIRST_DATA, FIRST.digest, hours(0))
    for place, who in enumerate(("east-hotline", "north-hotline"), 1):
        history.append(samples.signed(submission(1, who, hours(place))), hours(place))
    drawn = samples.endorsement(history, "east-hotline", hours(3))
    for place, who in enumerate(samples.THREE, 1):
        at = hours(3) + timedelta(seconds=place)
        history.append(samples.signed(replace(drawn, organisation=who, at=at)), at)
    return dict(publish(history, state_at(history, FIRST, hours(4))).files)


def test_the_layout_of_a_file_does_not_matter() -> None:
    history = History.begin(FIRST_DATA, FIRST.digest, hours(0))
    data = samples.signed(submission(1, "east-hotline", hours(1)))
    loose = json.dumps(json.loads(data), indent=2).encode()
    record = history.append(loose, hours(1))
    assert record.data == data
    assert record.leaf() == {
        "type": "tutela-governance", "version": 1, "position": 1, "received": "2026-01-01T01:00:00Z",
        "digest": record.digest.hex(), "document": hashlib.sha256(data).hexdigest(), "kind": "tutela-submission",
        "category": "child-sexual-exploitation-and-abuse", "organisation": "east-hotline",
        "commitment": samples.name(1).hex(),
    }  # fmt: skip


def test_an_outsider_checks_a_list_offline() -> None:
    files = published()
    assert files == published()
    audit = verify_list(files, FIRST.digest, hours(5))
    assert (audit.number, audit.entries, audit.live) == (1, 1, 1)
    assert [each.id for each in audit.endorsers] == sorted(samples.THREE)
    with pytest.raises(errors.OtherConstitution):
        verify_list(files, bytes(32), hours(5))
    with pytest.raises(errors.NotEndorsed):
        verify_list(files, FIRST.digest, hours(5 + 24 * 30))


@pytest.mark.parametrize("line", range(6))
def test_a_history_that_lacks_a_record_is_refused(line: int) -> None:
    files = published()
    lines = files["history.jsonl"].splitlines(keepends=True)
    del lines[line]
    for place in range(line, len(lines)):
        lines[place] = lines[place].replace(b'"position":%d' % (place + 1), b'"position":%d' % place)
    with pytest.raises(GovernanceError):
        verify_list({**files, "history.jsonl": b"".join(lines)}, FIRST.digest, hours(5))


def test_files_that_do_not_follow_are_refused() -> None:
    files = published()
    for name, data in (
        ("commitments.txt", samples.name(2).hex().encode() + b"\n"),
        ("commitments.txt", b""),
        ("tombstones.jsonl", b"{}\n"),
        ("version.json", files["version.json"].replace(b'"entries":1', b'"entries":2')),
    ):
        with pytest.raises(errors.OtherPublication):
            verify_list({**files, name: data}, FIRST.digest, hours(5))


def test_each_removal_is_lifted_by_its_own_dispute_only_and_never_by_who_has_a_part() -> None:
    history = listed()
    opened = [samples.dispute(1, hours(at)) for at in (10, 11)]
    for each in opened:
        admit(history, each)
    for place, each in enumerate(opened):
        said = {"commitment": samples.name(1), "dispute": each.digest, "organisation": "rights-body"}
        admit(history, Decision(**said, at=hours(12 + place), outcome="remove"))
    for place, who in enumerate(("east-hotline", "west-centre")):
        admit(history, submission(1, who, hours(14 + place)))
    endorse(history, hours(16), 2)
    assert codes(history, 17)[0] == "removed"
    said = {"commitment": samples.name(1), "outcome": "keep"}
    with pytest.raises(errors.WrongRole):
        admit(history, Decision(**said, dispute=opened[0].digest, organisation="west-centre", at=hours(17)))
    with pytest.raises(errors.UnknownDispute):
        admit(history, Decision(**said, dispute=bytes(32), organisation="rights-body", at=hours(17)))
    admit(history, Decision(**said, dispute=opened[0].digest, organisation="rights-body", at=hours(17)))
    assert codes(history, 17)[0] == "removed"
    admit(history, Decision(**said, dispute=opened[1].digest, organisation="rights-body", at=hours(18)))
    endorse(history, hours(19), 3)
    assert codes(history, 20) == []


def test_an_amendment_ends_endorsements_and_lost_roles_end_submissions() -> None:
    history = History.begin(FIRST_DATA, FIRST.digest, hours(0))
    for place, who in enumerate(("east-hotline", "north-hotline"), 1):
        history.append(samples.signed(submission(1, who, hours(place))), hours(place))
    endorse(history, hours(3))
    people = [
        replace(each, roles=("endorser",)) if each.id == "north-hotline" else each
        for each in FIRST.organisations
    ]
    following = replace(FIRST, number=2, previous=FIRST.digest, organisations=tuple(people))
    signers = [SIGNERS[who] for who in samples.THREE]
    history.amend(sign_constitution(following, signers), hours(4))
    state = state_at(history, history.constitution, hours(5))
    assert [reason.code for reason in state.explain(samples.name(1))] == [
        "governance.single_source",
        "governance.not_endorsed",
    ]
    with pytest.raises(errors.SingleSource):
        state.require_live(samples.name(1))
    assert state_at(history, FIRST, hours(3.5)).live == (samples.name(1),)
    admit(history, submission(1, "west-centre", hours(6)))
    endorse(history, hours(7), 2)
    assert state_at(history, following, hours(8)).live == (samples.name(1),)
