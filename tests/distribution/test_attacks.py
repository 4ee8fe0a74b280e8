"""What a hostile or broken server can do, with a real server process."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.distribution.conftest import Server
from tests.distribution.house import DAY, HOUR, NOW, House, fresh
from tuf.api.metadata import Metadata, TargetFile, Targets

from tutela.distribution import Patience, Updater
from tutela.distribution.errors import (
    BadAddress,
    CutShort,
    DistributionFailed,
    EndlessData,
    Frozen,
    Malformed,
    MixAndMatch,
    NoTrustedRoot,
    NotThere,
    OtherPath,
    Rollback,
    Slow,
    Threshold,
    Unreachable,
    WrongHash,
)
from tutela.distribution.state import State, metafile, sign, to_bytes

QUICK = Patience(silence=2, answer=0.6, window=0.5, least=1000)
TABLE = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def reader(house: House, server: Server, tmp_path: Path) -> Updater:
    return Updater(server.url, tmp_path / "state", root=house.first, patience=QUICK)


def _keep(house: House, tmp_path: Path) -> Path:
    shutil.copytree(house.folder / "metadata", tmp_path / "kept")
    return tmp_path / "kept"


def test_rollback_of_the_timestamp(house: House, reader: Updater, tmp_path: Path) -> None:
    old = _keep(house, tmp_path) / "timestamp.json"
    house.put("epochs/1/manifest.json", b"one")
    reader.refresh(NOW)
    shutil.copy(old, house.folder / "metadata" / "timestamp.json")
    with pytest.raises(Rollback):
        reader.refresh(NOW)


def test_rollback_of_a_role_by_who_holds_only_the_online_keys(house: House, reader: Updater) -> None:
    house.put("epochs/1/manifest.json", b"one")
    reader.refresh(NOW)
    state = State.load(house.folder)
    assert state.snapshot is not None
    meta = state.snapshot.signed.meta["builder.json"]
    older = (house.folder / "metadata" / "1.builder.json").read_bytes()
    assert meta.version == 2
    _resign(house, {"builder.json": metafile(1, older)})
    with pytest.raises(Rollback):
        reader.refresh(NOW)


def test_a_role_that_vanishes_from_the_snapshot(house: House, reader: Updater) -> None:
    reader.refresh(NOW)
    _resign(house, {"centre.json": None})
    with pytest.raises(Rollback):
        reader.refresh(NOW)


def _resign(house: House, changed: dict[str, Any]) -> None:
    """Use stolen snapshot and timestamp keys."""
    state = State.load(house.folder)
    assert state.snapshot is not None
    assert state.timestamp is not None
    snapshot = state.snapshot
    snapshot.signed.version += 1
    for name, meta in changed.items():
        if meta is None:
            del snapshot.signed.meta[name]
        else:
            snapshot.signed.meta[name] = meta
    sign(snapshot, "snapshot", [state.root.signed], house.snapshot)
    data = to_bytes(snapshot)
    timestamp = state.next_timestamp(state.timestamp.signed.expires)
    timestamp.signed.snapshot_meta = metafile(snapshot.signed.version, data)
    sign(timestamp, "timestamp", [state.root.signed], house.timestamp)
    (house.folder / "metadata" / f"{snapshot.signed.version}.snapshot.json").write_bytes(data)
    (house.folder / "metadata" / "timestamp.json").write_bytes(to_bytes(timestamp))


def test_freeze(house: House, reader: Updater, tmp_path: Path) -> None:
    assert reader.refresh(NOW).online
    with pytest.raises(Frozen):  # the server goes on answering with the old timestamp
        reader.refresh(NOW + DAY + HOUR)
    house.beat(NOW + DAY)
    assert reader.refresh(NOW + DAY + HOUR).online


def test_mix_and_match_of_a_snapshot(house: House, reader: Updater, tmp_path: Path) -> None:
    kept = _keep(house, tmp_path)
    house.put("epochs/1/manifest.json", b"one")
    shutil.copy(kept / "1.snapshot.json", house.folder / "metadata" / "2.snapshot.json")
    with pytest.raises(MixAndMatch):
        reader.refresh(NOW)


def test_mix_and_match_of_an_organisations_word_costs_only_that_organisation(
    house: House, reader: Updater, tmp_path: Path
) -> None:
    kept = _keep(house, tmp_path)
    house.put("lists/centre/a", b"a", role="centre")
    house.put("epochs/1/manifest.json", b"one")
    shutil.copy(kept / "1.builder.json", house.folder / "metadata" / "2.builder.json")
    assert reader.refresh(NOW).refused == {"builder": "distribution.mix_and_match"}
    assert reader.paths() == ("lists/centre/a",)
    with pytest.raises(MixAndMatch):
        reader.find("epochs/1/manifest.json")


def test_one_key_below_the_threshold(house: House, reader: Updater) -> None:
    """An organisation's two keys must sign; a thief with one of them and all online keys gets nowhere."""
    state = State.load(house.folder)
    forged = Metadata(Targets(version=2, expires=NOW + DAY))
    forged.sign(house.builder[0], append=True)
    forged.sign(fresh()[0], append=True)
    data = to_bytes(forged)
    assert state.snapshot is not None
    (house.folder / "metadata" / "2.builder.json").write_bytes(data)
    _resign(house, {"builder.json": metafile(2, data)})
    assert reader.refresh(NOW).refused == {"builder": "distribution.threshold"}
    with pytest.raises(Threshold):
        reader.find("epochs/1/manifest.json")


def test_a_root_below_the_threshold(house: House, reader: Updater) -> None:
    root = State.load(house.folder).root
    root.signed.version = 2
    root.signatures.clear()
    root.sign(house.root[0], append=True)
    (house.folder / "metadata" / "2.root.json").write_bytes(to_bytes(root))
    with pytest.raises(Threshold):
        reader.refresh(NOW)


def test_an_organisation_signs_anothers_path(house: House, reader: Updater, tmp_path: Path) -> None:
    """Its keys are its own and it uses them: the client takes nothing outside of its paths."""
    evil = Metadata(Targets(version=2, expires=NOW + DAY))
    for path in ("epochs/9/manifest.json", "lists/other/x", "lists/centre/../../x"):
        evil.signed.targets[path] = TargetFile(1, {"sha256": "00" * 32}, path)
    sign(evil, "centre", [State.load(house.folder).role("targets")], house.centre)
    data = to_bytes(evil)
    (house.folder / "metadata" / "2.centre.json").write_bytes(data)
    _resign(house, {"centre.json": metafile(2, data)})
    assert reader.refresh(NOW).refused == {}
    assert reader.paths() == ()
    for path in ("epochs/9/manifest.json", "lists/other/x"):
        with pytest.raises(OtherPath):
            reader.fetch(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_changed_target(house: House, server: Server, reader: Updater, tmp_path: Path) -> None:
    house.put("epochs/1/table.bin", TABLE)
    (stored,) = (house.folder / "targets/epochs/1").iterdir()
    stored.write_bytes(TABLE[:-1] + b"\0")
    reader.refresh(NOW)
    with pytest.raises(WrongHash):
        reader.fetch("epochs/1/table.bin", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "state/parts").iterdir())


def test_a_truncated_target(house: House, reader: Updater, tmp_path: Path) -> None:
    house.put("epochs/1/table.bin", TABLE)
    (stored,) = (house.folder / "targets/epochs/1").iterdir()
    stored.write_bytes(TABLE[:-1])
    reader.refresh(NOW)
    with pytest.raises(WrongHash, match="shorter"):
        reader.fetch("epochs/1/table.bin", tmp_path / "out")


@pytest.mark.parametrize("fault", [{"grow": 1}, {"endless": True}])
def test_an_oversized_or_endless_target(
    house: House, server: Server, reader: Updater, tmp_path: Path, fault: dict[str, Any]
) -> None:
    house.put("epochs/1/table.bin", TABLE)
    reader.refresh(NOW)
    server.fault(**{"table.bin": fault})
    with pytest.raises(EndlessData):
        reader.fetch("epochs/1/table.bin", tmp_path / "out")
    assert not list((tmp_path / "state/parts").iterdir())
    assert server.sent("table.bin") < 8 * len(TABLE)  # what fits into the sockets' buffers at most


def test_endless_metadata(server: Server, reader: Updater) -> None:
    server.fault(**{"timestamp.json": {"endless": True}})
    with pytest.raises(EndlessData):
        reader.refresh(NOW)


def test_chunks_are_not_taken(server: Server, reader: Updater) -> None:
    server.fault(**{"timestamp.json": {"chunked": True}})
    with pytest.raises(Unreachable):
        reader.refresh(NOW)


@pytest.mark.parametrize("fault", [{"drip": 0.05}, {"head": 0.05}])
def test_slow_data(
    house: House, server: Server, reader: Updater, tmp_path: Path, fault: dict[str, Any]
) -> None:
    house.put("epochs/1/table.bin", TABLE)
    reader.refresh(NOW)
    server.fault(**{"table.bin": fault})
    began = time.monotonic()
    with pytest.raises(Slow):
        reader.fetch("epochs/1/table.bin", tmp_path / "out")
    assert time.monotonic() - began < 10


def test_silence(server: Server, house: House, tmp_path: Path) -> None:
    server.fault(**{"root.json": {"drip": 30}})
    patience = Patience(silence=0.3, answer=5, window=5, least=1)
    (house.folder / "metadata" / "2.root.json").write_bytes(b"xx")
    with pytest.raises(Slow):
        Updater(server.url, tmp_path / "state", root=house.first, patience=patience).refresh(NOW)


@pytest.mark.parametrize("cut", [1, 65_536, 700_001])
def test_a_cut_download_goes_on_where_it_ended(
    house: House, server: Server, reader: Updater, tmp_path: Path, cut: int
) -> None:
    house.put("epochs/1/table.bin", TABLE)
    reader.refresh(NOW)
    server.fault(**{"table.bin": {"cut": cut}})
    with pytest.raises(CutShort):
        reader.fetch("epochs/1/table.bin", tmp_path / "out")
    server.fault()
    fetched = reader.fetch("epochs/1/table.bin", tmp_path / "out")
    assert (fetched.received, fetched.resumed) == (len(TABLE) - cut, cut)
    assert server.sent("table.bin") == len(TABLE)
    assert (tmp_path / "out").read_bytes() == TABLE


def test_a_server_without_ranges_begins_anew(
    house: House, server: Server, reader: Updater, tmp_path: Path
) -> None:
    house.put("epochs/1/table.bin", TABLE)
    reader.refresh(NOW)
    server.fault(**{"table.bin": {"cut": 1000, "ranges": False}})
    with pytest.raises(CutShort):
        reader.fetch("epochs/1/table.bin", tmp_path / "out")
    server.fault(**{"table.bin": {"ranges": False}})
    fetched = reader.fetch("epochs/1/table.bin", tmp_path / "out")
    assert (fetched.received, fetched.resumed) == (len(TABLE), 0)
    assert (tmp_path / "out").read_bytes() == TABLE


def test_a_reader_killed_in_the_middle_goes_on(
    house: House, server: Server, reader: Updater, tmp_path: Path
) -> None:
    house.put("epochs/1/table.bin", TABLE)
    (tmp_path / "root.json").write_bytes(house.first)
    script = (
        "import sys; from datetime import datetime; from pathlib import Path\n"
        "from tutela.distribution import Updater\n"
        "url, state, root, out, now = sys.argv[1:]\n"
        "updater = Updater(url, Path(state), root=Path(root).read_bytes())\n"
        "updater.refresh(datetime.fromisoformat(now))\n"
        "updater.fetch('epochs/1/table.bin', Path(out),\n"
        "    progress=lambda have, _: (sys.stdout.write('x'), sys.stdout.flush(),\n"
        "        have > 300_000 and sys.stdin.read()))\n"
    )
    places = (tmp_path / "state", tmp_path / "root.json", tmp_path / "out")
    arguments = [sys.executable, "-c", script, server.url, *map(str, places), NOW.isoformat()]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    part = tmp_path / "state" / "parts"
    deadline = time.monotonic() + 30
    while not (part.is_dir() and sum(file.stat().st_size for file in part.iterdir()) > 250_000):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    reader.refresh(NOW)
    fetched = reader.fetch("epochs/1/table.bin", tmp_path / "out")
    assert fetched.resumed > 250_000
    assert fetched.received + fetched.resumed == len(TABLE)
    assert (tmp_path / "out").read_bytes() == TABLE
    assert server.asked("table.bin") == 2


def test_offline_until_expiry(house: House, server: Server, reader: Updater, tmp_path: Path) -> None:
    house.put("epochs/1/manifest.json", b"one")
    reader.refresh(NOW)
    reader.fetch_folder("epochs/1", tmp_path / "epoch")
    server.stop()
    status = reader.refresh(NOW + HOUR)
    assert not status.online
    assert status.valid_until == NOW + DAY
    assert status.sentence.startswith("The repository cannot be reached; what was fetched before is used")
    assert reader.fetch_folder("epochs/1", tmp_path / "epoch").received == 0
    with pytest.raises(Frozen, match="cannot be reached"):
        reader.refresh(NOW + DAY + HOUR)


def test_a_refresh_that_is_cut_after_the_timestamp_leaves_the_last_complete_state(
    house: House, server: Server, reader: Updater, tmp_path: Path
) -> None:
    reader.refresh(NOW)
    old = _keep(house, tmp_path) / "timestamp.json"
    house.put("epochs/1/manifest.json", b"one")
    server.fault(**{"snapshot.json": {"cut": 10}})
    assert not reader.refresh(NOW).online
    assert reader.paths() == ()
    server.fault()
    # and the newer timestamp, seen once, still guards against the old one
    shutil.copy(old, house.folder / "metadata" / "timestamp.json")
    with pytest.raises(Rollback):
        reader.refresh(NOW)


def test_without_a_connection_at_first(house: House, server: Server, reader: Updater, tmp_path: Path) -> None:
    server.stop()
    with pytest.raises(Unreachable):
        reader.refresh(NOW)
    with pytest.raises(NoTrustedRoot):
        Updater(server.url, tmp_path / "other").refresh(NOW)
    with pytest.raises(Malformed):
        Updater(server.url, tmp_path / "other", root=b"{}").refresh(NOW)


@pytest.mark.parametrize("status", [302, 500])
def test_other_answers(server: Server, reader: Updater, status: int) -> None:
    server.fault(**{"timestamp.json": {"status": status}})
    with pytest.raises(Unreachable, match=str(status)):
        reader.refresh(NOW)


def test_no_repository_there(house: House, server: Server, reader: Updater) -> None:
    (house.folder / "metadata" / "timestamp.json").unlink()
    with pytest.raises(NotThere):
        reader.refresh(NOW)


@pytest.mark.parametrize(
    "location",
    [
        "http://example.org",
        "ftp://example.org",
        "https://",
        "https://u:p@example.org",
        "https://[",
        "https://a:x",
    ],
)
def test_other_addresses(location: str, tmp_path: Path) -> None:
    with pytest.raises(BadAddress):
        Updater(location, tmp_path)


def test_every_error_has_a_sentence_and_advice() -> None:
    from tutela.distribution import errors

    kinds = [each for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "sentence")]
    assert len(kinds) > 20
    for kind in kinds:
        error = kind()
        assert error.message.endswith(".")
        assert error.hint
    codes = [kind.code for kind in kinds if kind.code.startswith("distribution.")]
    assert len(set(codes)) == len(codes)
    assert json.dumps(DistributionFailed("x").diagnostics())
