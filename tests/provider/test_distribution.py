"""The repository below /distribution/: its files and nothing else, whole or in parts, as a device reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.distribution.house import NOW, House

from tutela.distribution import Updater

TABLE = bytes(range(256)) * 64


@pytest.fixture
def house(service, tmp_path: Path) -> House:
    from django.conf import settings

    house = House(tmp_path / "repository").open()
    house.put("epochs/1/manifest.json", b"one")
    house.put("epochs/1/table.bin", TABLE)
    service.world.install(settings.TUTELA_STATE, repository=str(house.folder))
    return house


def content(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def table_of(house: House) -> str:
    (found,) = (house.folder / "targets/epochs/1").glob("*.table.bin")
    return f"/distribution/{found.relative_to(house.folder)}"


def test_a_device_fetches_over_the_network(house, live_server, tmp_path) -> None:
    updater = Updater(f"{live_server.url}/distribution", tmp_path / "state", root=house.first)
    assert updater.refresh(NOW).online
    updater.fetch_folder("epochs/1", tmp_path / "epoch")
    assert (tmp_path / "epoch/table.bin").read_bytes() == TABLE


def test_every_file_of_the_repository_is_public_and_cacheable(house, client) -> None:
    names = [
        path.relative_to(house.folder).as_posix() for kind in ("metadata", "targets") for path in (house.folder / kind).rglob("*")
        if path.is_file()
    ]  # fmt: skip
    assert len(names) > 6
    for name in names:
        answer = client.get(f"/distribution/{name}")
        assert content(answer) == (house.folder / name).read_bytes()
        assert answer["Content-Length"] == str((house.folder / name).stat().st_size)
        again = client.get(f"/distribution/{name}", headers={"If-None-Match": answer["ETag"]})
        assert again.status_code == 304
    assert client.post(f"/distribution/{names[0]}").status_code in {403, 405}


def test_nothing_else_is_served(house, client) -> None:
    (house.folder / "private.json").write_bytes(b"private")
    (house.folder / "metadata" / ".hidden.json").write_bytes(b"private")
    (house.folder / "metadata" / "key").write_bytes(b"private")
    (house.folder.parent / "outside.json").write_bytes(b"private")
    (house.folder / "metadata" / "link.json").symlink_to(house.folder.parent / "outside.json")
    (house.folder / "targets/epochs/1/link").symlink_to(house.folder.parent)
    for name in (
        "", "metadata", "metadata/", "targets", "targets/epochs/1", "targets/epochs/1/", "private.json", ".lock",
        "metadata/.hidden.json", "metadata/key", "metadata/link.json", "targets/epochs/1/link/outside.json",
        "metadata/../private.json", "metadata/../../outside.json", "metadata/%2e%2e/private.json", "/etc/passwd",
        "metadata//timestamp.json", "metadata/timestamp.json/", "metadata/timestamp.json%0a", "metadata/timestamp.json%00",
        "targets/epochs/1/..", "metadata\\timestamp.json", "metadata/" + "a" * 300 + ".json",
    ):  # fmt: skip
        answer = client.get(f"/distribution/{name}")
        assert answer.status_code in {301, 404}, name
        assert b"private" not in content(answer), name
    assert client.get("/distribution/metadata/timestamp.json").status_code == 200  # the form itself is served


def test_without_a_repository_there_is_none(service, client) -> None:
    assert client.get("/distribution/metadata/timestamp.json").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "bounds"),
    [
        ("bytes=0-15", (0, 16)),
        ("bytes=16-", (16, None)),
        ("bytes=-32", (-32, None)),
        ("bytes=8-99999999", (8, None)),
    ],
)
def test_a_range_of_a_file(house, client, wanted, bounds) -> None:
    answer = client.get(table_of(house), headers={"Range": wanted})
    assert answer.status_code == 206
    assert content(answer) == TABLE[bounds[0] : bounds[1]]
    assert answer["Content-Length"] == str(len(TABLE[bounds[0] : bounds[1]]))


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("bytes=99999999-", 416),
        ("bytes=5-2", 416),
        ("bytes=-0", 416),
        ("bytes=-", 416),
        ("lines=1-2", 200),
        ("bytes=0-1,4-5", 200),
    ],
)
def test_other_ranges(house, client, wanted, status) -> None:
    assert client.get(table_of(house), headers={"Range": wanted}).status_code == status
