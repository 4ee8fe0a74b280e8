"""A log's folder: batches, proofs from tiles, and a folder that is not what it was."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tutela.tlog import SignedCheckpoint, VerifierKey, files, tiles, tree, verify_offline
from tutela.tlog.client import FolderSource, LogReader, collect, cosigned
from tutela.tlog.errors import (
    Absent,
    BadLogSignature,
    Equivocation,
    Fork,
    LogBusy,
    LogExists,
    LogMissing,
    Malformed,
    NoQuorum,
    NotIncluded,
    StoreDamaged,
    StoreRolledBack,
    StoreTruncated,
    StoreUnwritable,
    Unsupported,
    WitnessRefused,
)
from tutela.tlog.log import CHECKPOINT, HEAD, Log
from tutela.tlog.tree import Tree

from .conftest import LOG, MOMENT, World

SIZES = (1, 254, 255, 256, 257, 511, 1000)


def entries(count: int, first: int = 0) -> list[bytes]:
    return [b"entry %d" % index for index in range(first, first + count)]


def copied(world: World, to: str) -> Path:
    return Path(shutil.copytree(world.folder, world.folder.with_name(to)))


def test_every_batch_gives_the_tree_of_all_entries(world: World) -> None:
    whole = Tree()
    for count in (1, 2, 252, 1, 1, 255, 300, 700, 1, 90):
        first = len(whole)
        batch = entries(count, first)
        for entry in batch:
            whole.append(entry)
        signed = world.add(*batch)
        assert (signed.checkpoint.size, signed.checkpoint.root) == (len(whole), whole.root())
        for index in {0, first, first + count - 1}:
            assert world.log.proof(index).hashes == whole.inclusion_proof(index)
            assert world.log.entry(index) == b"entry %d" % index
        assert world.log.consistency(first) == whole.consistency_proof(first)
        leaf = world.log.entry(first)
        verify_offline(world.log.proof(first).to_bytes(), leaf, world.policy, MOMENT)
    world.log.check()


def test_a_tree_with_two_full_levels(world: World) -> None:
    count = 256 * 256 + 300
    world.log.append(entries(count))
    world.log.close()
    with Log.open(world.folder, LOG) as log:
        whole = Tree(map(tree.leaf_hash, entries(count)))
        assert log.head.checkpoint.root == whole.root()
        log.append([b"one more"])
        whole.append(b"one more")
        for index in (0, 65535, 65536, count):
            assert log.proof(index, log.head).hashes == whole.inclusion_proof(index)
        assert log.consistency(256 * 256) == whole.consistency_proof(256 * 256)
        log.check()


def test_a_batch_of_a_thousand_is_durable_within_a_tenth_of_a_second(world: World) -> None:
    took = []
    for turn in range(5):
        began = time.perf_counter()
        world.log.append(entries(1000, turn * 1000))
        took.append(time.perf_counter() - began)
    assert min(took) < 0.1


def test_nothing_is_lost_by_opening_again(world: World) -> None:
    for size in SIZES:
        world.log.append(entries(size - world.log.size, world.log.size))
        head = world.log.head
        world.log.close()
        world.log = Log.open(world.folder, LOG, at_least=head)
        assert world.log.head == head
    world.log.check()


def test_an_entry_that_is_too_long_adds_nothing(world: World) -> None:
    world.add(b"a")
    with pytest.raises(Malformed):
        world.log.append([b"b", b"x" * 65536])
    assert world.log.size == 1
    assert world.log.append([]) == world.log.head
    world.log.append([b"x" * 65535, b""])
    world.log.check()
    with pytest.raises(Malformed):
        world.log.entry(3)


def test_one_process_writes(world: World) -> None:
    with pytest.raises(LogBusy):
        Log.open(world.folder, LOG)
    with pytest.raises(LogBusy):
        Log.create(world.folder, LOG)
    world.log.close()
    with pytest.raises(LogExists):
        Log.create(world.folder, LOG)
    with pytest.raises(Unsupported):
        Log.read(world.folder, (LOG.key,)).append([b"x"])
    with pytest.raises(LogMissing):
        Log.open(world.folder.with_name("none"), LOG)
    with pytest.raises(LogMissing):
        Log.read(world.folder.parent, (LOG.key,))
    with pytest.raises(BadLogSignature):
        Log.read(world.folder, (VerifierKey(LOG.name, 1, b"\7" * 32),))


def test_a_full_disk_adds_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(*entries(10))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tutela.tlog.files.os.fsync", full)
        with pytest.raises(StoreUnwritable):
            world.log.append(entries(300, 10))
    assert world.log.size == 10
    world.log.append(entries(5, 10))
    world.log.check()


def test_an_old_copy_is_noticed(world: World) -> None:
    world.add(*entries(3))
    old = copied(world, "old")
    newest = world.add(*entries(300, 3))
    with pytest.raises(StoreRolledBack):
        Log.open(old, LOG, at_least=newest)
    # a head alone that went back
    shutil.copy(old / HEAD, world.folder / HEAD)
    with pytest.raises(StoreRolledBack):
        Log.read(world.folder, (LOG.key,))
    # nobody here knows better, but the witnesses do
    with Log.open(old, LOG) as log:
        log.append([b"another history"])
        with pytest.raises(StoreRolledBack):
            collect(log, world.policy, world.ask)


def test_another_history_is_noticed(world: World) -> None:
    world.add(*entries(3))
    old = copied(world, "old")
    newest = world.add(*entries(2, 3))
    with Log.open(old, LOG) as log:
        log.append([b"other", b"entries"])
        with pytest.raises(Equivocation) as caught:
            log.check_not_before(newest)
        caught.value.evidence.check((LOG.key,))
        log.append([b"more"])
        with pytest.raises(StoreDamaged):
            log.check_not_before(newest)
        with pytest.raises(NoQuorum):
            collect(log, world.policy, world.ask)
    assert all(witness.state.conflicts for witness in list(world.witnesses.values())[:2])  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44", HEAD])
@pytest.mark.parametrize("how", ["gone", "empty", "half"])
def test_a_truncated_folder_is_noticed(world: World, name: str, how: str) -> None:
    world.add(*entries(300))
    path = world.folder / name
    data = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes(data[: len(data) // 2 if how == "half" else 0])
    with pytest.raises((StoreTruncated, LogMissing)):
        Log.read(world.folder, (LOG.key,))


@pytest.mark.parametrize("name", ["tile/0/000", "tile/entries/000"])
def test_a_full_check_finds_what_opening_does_not_read(world: World, name: str) -> None:
    world.add(*entries(300))
    path = world.folder / name
    data = path.read_bytes()
    path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    log = Log.read(world.folder, (LOG.key,))
    with pytest.raises(StoreDamaged):
        log.check()
    path.write_bytes(data[:-40])
    with pytest.raises(StoreTruncated):
        Log.read(world.folder, (LOG.key,)).check()


def test_changed_edges_are_noticed(world: World) -> None:
    world.add(*entries(300))
    for name in ("tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"):
        path = world.folder / name
        data = path.read_bytes()
        path.write_bytes(data[:5] + bytes([data[5] ^ 1]) + data[6:])
        with pytest.raises(StoreDamaged):
            Log.read(world.folder, (LOG.key,))
        path.write_bytes(data)


def test_publishing_goes_forward_only(world: World) -> None:
    first = world.add(*entries(3))
    world.add(*entries(3, 3))
    with pytest.raises(StoreRolledBack):
        world.log.publish(first)
    other = Log.create(world.folder.with_name("other"), LOG)
    with other:
        forked = other.append(entries(6, 100))
    with pytest.raises(StoreDamaged):
        world.log.publish(forked)


def test_partial_tiles_go_once_the_full_one_is_published(world: World) -> None:
    for size in (100, 200, 300):
        world.add(*entries(size - world.log.size, world.log.size))
    found = {
        str(path.relative_to(world.folder)) for path in world.folder.rglob("tile/**/*") if path.is_file()
    }
    assert found == {
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    }
    world.log.check()


KILLED = """
import os, sys
from pathlib import Path
from tests.tlog.conftest import LOG
from tutela.tlog import files
from tutela.tlog.log import Log
log = Log.open(Path(sys.argv[1]), LOG)
left = int(sys.argv[2])
real = Path.replace
def replace(self, target):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)
    return real(self, target)
Path.replace = replace
log.append([b"killed %d" % n for n in range(300)])
"""


@pytest.mark.parametrize("after", [0, 2, 4, 5, 6])
def test_a_kill_leaves_the_old_head_or_the_new_one(world: World, after: int) -> None:
    world.add(*entries(100))
    world.log.close()
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(world.folder), str(after)], cwd=root, check=False, timeout=60
    )
    with Log.open(world.folder, LOG) as log:
        assert (run.returncode, log.size) in {(-9, 100), (0, 400)}
        log.append(entries(300, 1000))
        log.check()
        assert log.entry(log.size - 300) == b"entry 1000"


def test_a_reader_verifies_what_it_reads(world: World) -> None:
    old = world.add(*entries(100))
    signed = world.add(*entries(600, 100))
    reader = LogReader(FolderSource(world.folder), (LOG.key,))
    assert reader.checkpoint() == signed
    assert reader.entries(signed) == entries(700)
    assert reader.entries(signed, 250, 520) == entries(270, 250)
    assert reader.proof(699, signed) == world.log.proof(699)
    assert reader.consistency(old, signed) == world.log.consistency(100)
    with pytest.raises(Absent):
        reader.source.read("tile/9/000", 9)


@pytest.mark.parametrize("name", ["tile/0/001", "tile/1/000.p/2", "tile/0/002.p/188"])
def test_a_reader_notices_changed_tiles(world: World, name: str) -> None:
    old = world.add(*entries(100))
    signed = world.add(*entries(600, 100))
    path = world.folder / name
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    reader = LogReader(FolderSource(world.folder), (LOG.key,))
    with pytest.raises((NotIncluded, Fork)):
        reader.entries(signed)
    if name != "tile/0/001":  # the one that this proof does not need
        with pytest.raises((NotIncluded, Fork)):
            reader.consistency(old, signed)


def test_a_reader_notices_changed_entries(world: World) -> None:
    signed = world.add(*entries(300))
    path = world.folder / "tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b"entry 17", b"entry 71"))
    with pytest.raises(NotIncluded):
        LogReader(FolderSource(world.folder), (LOG.key,)).entries(signed)


def test_witnesses_are_asked_until_the_quorum(world: World) -> None:
    assert len(world.add(b"x").note.signatures) == 3  # the log and two witnesses
    world.down = {"a"}
    world.add(b"y")  # c is told its known size, 0, and catches up
    world.down = {"b"}
    world.add(b"z")
    world.down = {"a", "b"}
    world.log.append([b"w"])
    with pytest.raises(NoQuorum) as caught:
        collect(world.log, world.policy, world.ask)
    assert "a: " in caught.value.hint
    published = world.log.published()
    assert published is not None
    assert (published.checkpoint.size, world.log.size) == (3, 4)  # what no quorum saw is not published


def test_a_witness_that_answers_nonsense_is_refused(world: World) -> None:
    from tutela.tlog.witness import SIZE, Answer

    world.log.append([b"x"])
    line = world.policy.witnesses[0]
    for answer in (Answer(200, b"hello\n"), Answer(409, b"-1\n", SIZE), Answer(409, b"", SIZE)):
        with pytest.raises(Malformed):
            cosigned(world.log, line, lambda _line, _body, answer=answer: answer)
    with pytest.raises(StoreRolledBack):
        cosigned(world.log, line, lambda _line, _body: Answer(409, b"9\n", SIZE))
    with pytest.raises(WitnessRefused):
        cosigned(world.log, line, lambda _line, _body: Answer(409, b"0\n", SIZE))
    other = world.witnesses["b"]
    with pytest.raises(WitnessRefused):
        cosigned(world.log, line, lambda _line, body: other.handle(body))


def test_files_are_bounded(world: World) -> None:
    (world.folder / CHECKPOINT).write_bytes(b"x" * 100_000)
    with pytest.raises((StoreTruncated, Malformed)):
        Log.read(world.folder, (LOG.key,))
    assert files.read(world.folder, HEAD, 9999).__len__() < tiles.MAX_BUNDLE_BYTES
    assert SignedCheckpoint.parse(files.read(world.folder, HEAD, 9999)) == world.log.head
