from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.distribution.house import DAY, HOUR, NOW, House, fresh

from tutela.distribution import Lifetimes, Organisation, RoleKeys, repository
from tutela.distribution.errors import (
    BadPath,
    Busy,
    CannotPublish,
    Expired,
    Frozen,
    NoRepository,
    NotEnoughKeys,
    NotListed,
    Rollback,
)
from tutela.distribution.storage import alone


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "repository").open()


def test_what_is_published_is_found_and_fetched(house: House, tmp_path: Path) -> None:
    house.put("epochs/7/manifest.json", b"seven")
    house.put("epochs/12/manifest.json", b"twelve")
    house.put("lists/centre/list.csv", b"list", role="centre")
    reader = house.reader(tmp_path / "state")
    status = reader.refresh(NOW)
    assert status.online
    assert status.valid_until == NOW + DAY
    assert reader.paths() == ("epochs/12/manifest.json", "epochs/7/manifest.json", "lists/centre/list.csv")
    assert reader.latest_epoch() == 12
    fetched = reader.fetch("lists/centre/list.csv", tmp_path / "out" / "list.csv")
    assert (tmp_path / "out" / "list.csv").read_bytes() == b"list"
    assert (fetched.received, fetched.resumed) == (4, 0)


def test_a_folder_is_replaced_as_a_whole_and_what_is_there_is_not_fetched_again(
    house: House, tmp_path: Path
) -> None:
    house.put("epochs/7/manifest.json", b"seven")
    house.put("epochs/7/table.bin", b"table" * 1000)
    house.put("epochs/7/legal-basis-ZZ.json", b"seven")  # the same bytes as another file
    reader = house.reader(tmp_path / "state")
    reader.refresh(NOW)
    out = tmp_path / "epoch"
    assert reader.fetch_folder("epochs/7", out).received == 5005  # equal files travel once
    house.put("epochs/7/manifest.json", b"7")
    reader.refresh(NOW)
    again = reader.fetch_folder("epochs/7", out)
    assert (again.received, again.resumed) == (1, 5005)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {
        "manifest.json": b"7",
        "table.bin": b"table" * 1000,
        "legal-basis-ZZ.json": b"seven",
    }
    assert not list((tmp_path / "state" / "parts").iterdir())


def test_an_unpublished_path_is_named(house: House, tmp_path: Path) -> None:
    reader = house.reader(tmp_path / "state")
    reader.refresh(NOW)
    with pytest.raises(NotListed):
        reader.find("epochs/1/manifest.json")
    with pytest.raises(NotListed):
        reader.latest_epoch()
    with pytest.raises(BadPath):
        reader.find("epochs/../manifest.json")


def test_an_organisation_cannot_publish_anothers_path(house: House) -> None:
    with pytest.raises(CannotPublish):
        house.put("lists/centre/x", b"x", role="builder")
    with pytest.raises(BadPath):
        house.put("epochs/../x", b"x")


def test_too_few_keys_change_nothing(house: House, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    before = {path.name for path in (house.folder / "metadata").iterdir()}
    for signers in ((house.builder[0], *house.online), house.builder, (*house.builder, *house.snapshot)):
        with pytest.raises(NotEnoughKeys):
            house.repository.publish("builder", {"epochs/1/manifest.json": file}, signers, NOW)
    # one key twice is one key
    with pytest.raises(NotEnoughKeys):
        house.repository.publish(
            "builder",
            {"epochs/1/manifest.json": file},
            (house.builder[0], house.builder[0], *house.online),
            NOW,
        )
    assert {path.name for path in (house.folder / "metadata").iterdir()} == before


def test_a_timestamp_lasts_a_day_and_can_be_refreshed(house: House, tmp_path: Path) -> None:
    reader = house.reader(tmp_path / "state")
    with pytest.raises(Frozen):
        reader.refresh(NOW + DAY + HOUR)
    house.beat(NOW + DAY)
    assert reader.refresh(NOW + DAY + HOUR).valid_until == NOW + 2 * DAY


def test_other_words_that_ran_out_stop_the_timestamp_until_they_are_renewed(
    house: House, tmp_path: Path
) -> None:
    later = NOW + 121 * DAY
    with pytest.raises(CannotPublish, match="builder"):
        house.beat(later)
    house.repository.publish("centre", {}, (*house.centre, *house.online), later)
    reader = house.reader(tmp_path / "state")
    assert reader.refresh(later).refused == {"builder": "distribution.expired"}
    with pytest.raises(Expired):
        reader.find("epochs/1/manifest.json")
    house.repository.publish("builder", {}, (*house.builder, *house.online), later)
    assert reader.refresh(later).refused == {}


def test_the_root_rotates_and_old_clients_follow(house: House, tmp_path: Path) -> None:
    reader = house.reader(tmp_path / "state")
    reader.refresh(NOW)
    new_root, new_timestamp = fresh(3), fresh()
    keys = {"root": RoleKeys.of(new_root, 2), "timestamp": RoleKeys.of(new_timestamp)}
    with pytest.raises(NotEnoughKeys):
        house.repository.rotate(keys, (*new_root, *new_timestamp, *house.online), NOW)
    house.repository.rotate(keys, (*house.root, *new_root, *new_timestamp, *house.online), NOW)
    assert reader.refresh(NOW).versions["root"] == 2
    with pytest.raises(NotEnoughKeys):
        house.beat(NOW)
    house.timestamp = new_timestamp
    house.beat(NOW)
    assert house.reader(tmp_path / "another").refresh(NOW).versions["root"] == 2


def test_a_root_that_ran_out_is_renewed_and_clients_of_the_first_one_follow(
    house: House, tmp_path: Path
) -> None:
    """Offline for longer than a root lives: the chain of roots is followed, and its end must be in force."""
    late = NOW + 401 * DAY
    for role, keys in (("targets", house.targets), ("builder", house.builder), ("centre", house.centre)):
        house.repository.renew([role], (*keys, *house.online), late)
    with pytest.raises(Expired):
        house.reader(tmp_path / "state").refresh(late)
    with pytest.raises(NotEnoughKeys):
        house.repository.renew(["root"], house.root[:1], late)
    house.repository.renew(["root"], house.root[1:], late)
    house.repository.renew(["root"], house.root[:2], late + DAY)
    assert house.reader(tmp_path / "state").refresh(late).versions["root"] == 3
    assert house.repository.expiries()["root"] == late + DAY + Lifetimes().root


def test_only_what_is_there_is_renewed(house: House) -> None:
    for roles in ([], ["timestamp"], ["nobody"], ["root", "timestamp"]):
        with pytest.raises(CannotPublish):
            house.repository.renew(roles, house.all, NOW)
    assert house.repository.root() == house.first


@pytest.mark.parametrize("written", range(4))
def test_a_rotation_killed_anywhere_leaves_a_valid_state(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    others = {name: fresh() for name in ("targets", "snapshot", "timestamp")}
    keys = {name: RoleKeys.of(its) for name, its in others.items()}
    signers = (*house.all, *(each for its in others.values() for each in its))
    _stop_after(monkeypatch, written)
    with pytest.raises(KeyboardInterrupt):
        house.repository.rotate(keys, signers, NOW)
    monkeypatch.undo()
    assert house.reader(tmp_path / "state").refresh(NOW).online
    house.repository.rotate(keys, signers, NOW)
    assert house.reader(tmp_path / "state").refresh(NOW).versions["root"] == 2


@pytest.mark.parametrize("written", range(3))
def test_a_publisher_killed_anywhere_leaves_the_old_state(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    house.put("epochs/1/manifest.json", b"one")
    _stop_after(monkeypatch, written)
    with pytest.raises(KeyboardInterrupt):
        house.put("epochs/2/manifest.json", b"two")
    monkeypatch.undo()
    reader = house.reader(tmp_path / "state")
    reader.refresh(NOW)
    assert reader.latest_epoch() == 1
    house.put("epochs/3/manifest.json", b"three")
    reader.refresh(NOW)
    assert reader.paths() == ("epochs/1/manifest.json", "epochs/3/manifest.json")


def _stop_after(monkeypatch: pytest.MonkeyPatch, written: int) -> None:
    left = [written]
    original = repository.write

    def write(path: Path, data: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        original(path, data)

    monkeypatch.setattr(repository, "write", write)


def test_another_organisation_is_added_and_withdraws(house: House, tmp_path: Path) -> None:
    (own,) = fresh()
    house.repository.delegate(
        Organisation("register", RoleKeys.of([own]), ("lists/register/*",)),
        (own, *house.targets, *house.online),
        NOW,
    )
    file = tmp_path / "file"
    file.write_bytes(b"r")
    house.repository.publish("register", {"lists/register/a": file}, (own, *house.online), NOW)
    reader = house.reader(tmp_path / "state")
    reader.refresh(NOW)
    assert reader.paths() == ("lists/register/a",)
    house.repository.withdraw("register", ["lists/register/a"], (own, *house.online), NOW)
    reader.refresh(NOW)
    assert reader.paths() == ()


def test_a_reader_that_was_ahead_refuses_an_older_copy(house: House, tmp_path: Path) -> None:
    shutil.copytree(house.folder, tmp_path / "older")
    house.put("epochs/1/manifest.json", b"one")
    reader = house.reader(tmp_path / "state")
    reader.refresh(NOW)
    with pytest.raises(Rollback):
        house.reader(tmp_path / "state", tmp_path / "older").refresh(NOW)


def test_what_makes_no_repository_is_refused(house: House, tmp_path: Path) -> None:
    with pytest.raises(CannotPublish):
        house.open()
    with pytest.raises(NoRepository):
        House(tmp_path / "nowhere").beat(NOW)
    for name, path in (("root", "a/b"), ("Up", "a/b"), ("fine", "*/b"), ("fine", "b"), ("fine", "a/../b")):
        with pytest.raises(BadPath):
            Organisation(name, RoleKeys.of(fresh()), (path,))
    one = fresh()[0]
    with pytest.raises(CannotPublish):
        RoleKeys.of([one, one])
    with pytest.raises(CannotPublish):
        RoleKeys.of([one], 2)
    with alone(house.folder), pytest.raises(Busy):
        house.beat(NOW)
