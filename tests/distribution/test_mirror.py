from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.distribution.conftest import Server
from tests.distribution.house import DAY, HOUR, NOW, House

from tutela.distribution import Updater, mirror
from tutela.distribution.errors import CutShort, Frozen, Rollback, Unreachable, WrongHash

TABLE = b"table" * 100_000


def test_a_mirror_is_a_repository_and_mirrors_again(house: House, server: Server, tmp_path: Path) -> None:
    house.put("epochs/1/table.bin", TABLE)
    made = mirror(server.url, tmp_path / "mirror", root=house.first, now=NOW)
    assert (made.files, made.received) == (1, len(TABLE))
    second = mirror(tmp_path / "mirror", tmp_path / "stick", root=house.first, now=NOW)
    assert second.received == len(TABLE)
    server.stop()
    reader = Updater(tmp_path / "stick", tmp_path / "state", root=house.first)
    assert reader.refresh(NOW).online
    reader.fetch("epochs/1/table.bin", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == TABLE
    with pytest.raises(Frozen):
        reader.refresh(NOW + DAY + HOUR)


def test_a_mirror_is_brought_up_to_date(house: House, server: Server, tmp_path: Path) -> None:
    house.put("epochs/1/table.bin", TABLE)
    mirror(server.url, tmp_path / "mirror", root=house.first, now=NOW)
    shutil.copytree(tmp_path / "mirror", tmp_path / "older")
    house.put("epochs/2/table.bin", b"2")
    again = mirror(server.url, tmp_path / "mirror", now=NOW)  # its root is known by now
    assert (again.files, again.received) == (2, 1)
    reader = Updater(tmp_path / "mirror", tmp_path / "state", root=house.first)
    reader.refresh(NOW)
    assert reader.paths() == ("epochs/1/table.bin", "epochs/2/table.bin")
    with pytest.raises(Rollback):
        Updater(tmp_path / "older", tmp_path / "state").refresh(NOW)


def test_an_interrupted_copy_leaves_the_mirror_as_it_was(
    house: House, server: Server, tmp_path: Path
) -> None:
    house.put("epochs/1/table.bin", b"one")
    folder = tmp_path / "mirror"
    mirror(server.url, folder, root=house.first, now=NOW)
    house.put("epochs/2/table.bin", TABLE)
    server.fault(**{"targets/epochs/2": {"cut": 1000}})
    with pytest.raises(CutShort):
        mirror(server.url, folder, now=NOW)
    reader = Updater(folder, tmp_path / "state", root=house.first)
    reader.refresh(NOW)
    assert reader.paths() == ("epochs/1/table.bin",)
    server.fault()
    made = mirror(server.url, folder, now=NOW)
    assert (made.received, made.resumed) == (len(TABLE) - 1000, 1000 + 3)


def test_a_mirror_that_was_changed_is_noticed(house: House, tmp_path: Path) -> None:
    house.put("epochs/1/table.bin", TABLE)
    mirror(house.folder, tmp_path / "mirror", root=house.first, now=NOW)
    (stored,) = (tmp_path / "mirror/targets/epochs/1").iterdir()
    stored.write_bytes(TABLE[::-1])
    reader = Updater(tmp_path / "mirror", tmp_path / "state", root=house.first)
    reader.refresh(NOW)
    with pytest.raises(WrongHash):
        reader.fetch("epochs/1/table.bin", tmp_path / "out")
    mirror(house.folder, tmp_path / "mirror", now=NOW)  # and mended by the next copy
    reader.fetch("epochs/1/table.bin", tmp_path / "out")


def test_a_mirror_is_made_of_what_answers(house: House, tmp_path: Path) -> None:
    mirror(house.folder, tmp_path / "mirror", root=house.first, now=NOW)
    with pytest.raises(Unreachable):
        mirror(tmp_path / "nowhere", tmp_path / "mirror", now=NOW)
