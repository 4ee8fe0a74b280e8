from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from epoch_samples import NOW, SIGNER, STRANGER, TRUST
from hypothesis import given
from hypothesis import strategies as st

from tutela.hashlist import legal_basis
from tutela.hashlist.conflicts import SOON, Conflict, conflicts, read_folders, touching
from tutela.hashlist.errors import BadFile
from tutela.hashlist.legal_basis import ACTS, ALERT, LegalBasis, LegalBasisTampered

XX = LegalBasis("XX", "Example Act, section 1", NOW, NOW + timedelta(days=365), b"d" * 32)
YY = replace(XX, jurisdiction="YY", statute="Other Act, section 9", impact_assessment_sha256=b"e" * 32)
PLACES = ("XX", "YY", "ZZ")

BASES = st.builds(
    LegalBasis,
    st.sampled_from(PLACES),
    st.sampled_from(["Example Act, section 1", "Example Act, section 2"]),
    st.integers(-20, 20).map(lambda days: NOW + timedelta(days=days)),
    st.integers(21, 60).map(lambda days: NOW + timedelta(days=days)),
    st.just(b"d" * 32),
    acts=st.sampled_from([(ALERT,), ACTS]),
    keep_days=st.sampled_from([0, 90, 366]),
    scales=st.sampled_from([("ncmec",), ("tutela-demo",), ("ncmec", "tutela-demo")]),
)
MOMENTS = st.integers(-25, 65).map(lambda days: NOW + timedelta(days=days))


def kinds(found: list[Conflict]) -> list[str]:
    return [conflict.kind for conflict in found]


def views(conflict: Conflict) -> list[tuple[str, str]]:
    return [(view.jurisdiction, view.says) for view in conflict.views]


def test_places_that_permit_the_same_do_not_conflict() -> None:
    assert conflicts([XX, YY], NOW) == []
    assert conflicts([], NOW) == conflicts([], NOW, ("XX", "YY")) == []  # permitted nowhere


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (None, "there is no legal basis"),
        (replace(YY, valid_from=NOW - timedelta(9), valid_until=NOW), "the legal basis ended on 2026-"),
        (replace(YY, valid_from=NOW + timedelta(9)), "the legal basis begins on 2026-"),
    ],
)
def test_one_place_permits_and_the_other_does_not(other: LegalBasis | None, says: str) -> None:
    (found,) = conflicts([XX] if other is None else [XX, other], NOW, {"XX", "YY"})
    assert (found.kind, found.sentence) == ("permits", "Alerts are permitted in XX, and not in YY.")
    assert views(found)[0][1].startswith("alerts are permitted until 2027-")
    assert views(found)[1][0] == "YY"
    assert views(found)[1][1].startswith(says)


@pytest.mark.parametrize(
    ("other", "kind", "says"),
    [
        (replace(YY, acts=(ALERT,)), "reports", ("a report may follow", "no report may follow")),
        (
            replace(YY, keep_days=0),
            "keeping",
            ("content may be kept for 366 days after a report", "no content may be kept"),
        ),
        (
            replace(YY, scales=("ncmec",)),
            "scales",
            ("classified by ncmec, tutela-demo", "classified by ncmec"),
        ),
    ],
)
def test_both_permit_but_not_the_same(other: LegalBasis, kind: str, says: tuple[str, str]) -> None:
    (found,) = conflicts([XX, other], NOW)
    assert (found.kind, views(found)) == (kind, [("XX", says[0]), ("YY", says[1])])
    assert all(each in found.sentence for each in says)


@pytest.mark.parametrize(
    "change",
    [
        {"statute": "Example Act, section 2"},
        {"valid_until": NOW + timedelta(days=300)},
        {"acts": (ALERT,)},
        {"impact_assessment_sha256": b"z" * 32},
    ],
)
def test_two_statements_for_one_place(change: dict[str, Any]) -> None:
    (found,) = conflicts([XX, replace(XX, **change), XX], NOW)
    assert (found.kind, found.places) == ("statements", frozenset({"XX"}))
    assert len(set(views(found))) == 2


def test_of_two_statements_only_what_both_permit_counts() -> None:
    narrower = replace(XX, acts=(ALERT,), keep_days=9)
    assert kinds(conflicts([XX, narrower, YY], NOW)) == ["reports", "keeping", "statements"]


def test_a_permission_that_ends_soon_while_another_goes_on() -> None:
    ending = replace(YY, valid_until=NOW + SOON)
    (found,) = conflicts([XX, ending], NOW)
    assert (found.kind, found.places) == ("ending", frozenset({"XX", "YY"}))
    assert "in YY, and goes on in XX" in found.sentence
    assert conflicts([XX, replace(ending, valid_until=NOW + SOON + timedelta(1))], NOW) == []
    assert conflicts([replace(XX, valid_until=ending.valid_until), ending], NOW) == []  # together


def test_a_successor_without_a_gap_goes_on() -> None:
    ending = replace(YY, valid_until=NOW + timedelta(5))
    successor = replace(YY, valid_from=ending.valid_until, valid_until=XX.valid_until)
    assert conflicts([XX, ending, successor], NOW) == []
    late = replace(successor, valid_from=ending.valid_until + timedelta(hours=1))
    assert kinds(conflicts([XX, ending, late], NOW)) == ["ending"]


@given(
    st.lists(BASES, max_size=6).flatmap(lambda bases: st.tuples(st.just(bases), st.permutations(bases))),
    MOMENTS,
)
def test_order_and_repetition_change_nothing(
    pair: tuple[list[LegalBasis], list[LegalBasis]], now: datetime
) -> None:
    bases, shuffled = pair
    assert conflicts(bases, now) == conflicts(shuffled + shuffled[:2], now)


@given(st.lists(BASES, max_size=6), st.permutations(PLACES), MOMENTS)
def test_no_place_is_treated_otherwise(bases: list[LegalBasis], names: list[str], now: datetime) -> None:
    """Exchanging the names of places exchanges them in what is found, and changes nothing else."""
    other = dict(zip(PLACES, names, strict=True))
    renamed = [replace(basis, jurisdiction=other[basis.jurisdiction]) for basis in bases]

    def said(found: list[Conflict], name: dict[str, str]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return {
            (one.kind, frozenset((name[view.jurisdiction], view.says) for view in one.views)) for one in found
        }

    same = {place: place for place in PLACES}
    assert said(conflicts(bases, now), other) == said(conflicts(renamed, now), same)


@given(BASES, st.sets(st.sampled_from(PLACES), min_size=1), MOMENTS)
def test_what_is_the_same_in_all_places_is_no_conflict(
    basis: LegalBasis, places: set[str], now: datetime
) -> None:
    assert conflicts([replace(basis, jurisdiction=place) for place in places], now) == []


@given(st.lists(BASES, max_size=6), MOMENTS)
def test_a_conflict_has_two_sides_and_touches_its_places(bases: list[LegalBasis], now: datetime) -> None:
    found = conflicts(bases, now, PLACES)
    for conflict in found:
        assert len(set(conflict.views)) >= 2
        assert conflict.places <= {*PLACES}
        assert all(place in conflict.sentence for place in conflict.places)
    for place in PLACES:
        assert touching(found, place) == [one for one in found if place in one.places]


@given(BASES, BASES, MOMENTS)
def test_no_conflict_means_that_both_permit_the_same(
    one: LegalBasis, other: LegalBasis, now: datetime
) -> None:
    """Judged by a rule that shares no code with the function."""
    other = replace(other, jurisdiction="YY" if one.jurisdiction == "XX" else "XX")
    if conflicts([one, other], now):
        return
    holds = [basis for basis in (one, other) if basis.valid_from <= now < basis.valid_until]
    assert len(holds) in {0, 2}
    assert len({(basis.acts, basis.keep_days, basis.scales) for basis in holds}) <= 1


def test_folders_give_what_is_signed_and_say_what_is_not(tmp_path: Path) -> None:
    files = {
        "one/legal-basis-XX.json": legal_basis.make(XX, SIGNER),
        "one/legal-basis-YY.json": legal_basis.make(YY, STRANGER),
        "one/legal-basis-ZZ.json": legal_basis.make(XX, SIGNER),
        "one/legal-basis-XX.tlog-proof": b"",
        "two/legal-basis-XX.json": legal_basis.make(replace(XX, acts=(ALERT,)), SIGNER),
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    bases, unusable = read_folders([tmp_path / "one", tmp_path / "two"], TRUST)
    assert bases == [XX, replace(XX, acts=(ALERT,))]
    assert {Path(name).name for name in unusable} == {"legal-basis-YY.json", "legal-basis-ZZ.json"}
    assert {type(error) for error in unusable.values()} == {LegalBasisTampered}
    with pytest.raises(BadFile):
        read_folders([tmp_path / "three"], TRUST)
