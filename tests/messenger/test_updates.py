"""A device follows a repository: what it fetches, what it keeps, and what ends all comparing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from guard_samples import START, TRUST, WORLD, Clock, build, guard, pattern, publish_as_of
from tests.distribution.house import House

from tutela.distribution.errors import NoTrustedRoot, Unreachable
from tutela.messenger.updates import EpochWatch


@dataclass
class Scene:
    """An epoch, the repository that carries it, and a device's look at it."""

    epoch: Path
    house: House
    clock: Clock
    watch: EpochWatch

    def publish(self) -> None:
        signers = (*self.house.builder, *self.house.online)
        self.house.repository.publish_epoch(self.epoch, signers, self.clock.now)

    def day(self) -> None:
        """A day passes, and the witnesses and the publisher do their work."""
        self.clock.forward(hours=25)
        publish_as_of(self.epoch, self.clock.now)
        self.publish()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    house, clock = House(tmp_path / "repository").open(START), Clock()
    epoch, _ = build(tmp_path / "epoch", [pattern(1)])
    publish_as_of(epoch, START)
    watch = EpochWatch(house.folder, tmp_path / "device", root=house.first, clock=clock)
    made = Scene(epoch, house, clock, watch)
    made.publish()
    return made


def test_an_epoch_is_fetched_loaded_and_followed(scene: Scene) -> None:
    device = guard(clock=scene.clock)
    assert scene.watch.update(device, TRUST).alerts
    scene.day()
    assert device.mode().code == "tlog.stale"
    assert scene.watch.update(device, TRUST).alerts


def test_only_the_hashes_that_the_device_needs_are_fetched(scene: Scene) -> None:
    device = guard(clock=scene.clock)
    assert scene.watch.update(device, TRUST).alerts
    WORLD.endorsing.log.append([b"entry %d" % number for number in range(1500)])
    scene.day()
    assert scene.watch.update(device, TRUST).alerts  # it continues what was seen
    there = {path.relative_to(scene.epoch) for path in scene.epoch.glob("log/tile/0/*") if path.is_file()}
    here = {
        path.relative_to(scene.watch.folder)
        for path in scene.watch.folder.glob("log/tile/0/*")
        if path.is_file()
    }
    assert len(there) >= 5
    assert len(here) <= 2
    assert here < there


def _old_timestamp(scene: Scene) -> None:
    timestamp = scene.house.folder / "metadata" / "timestamp.json"
    old = timestamp.read_bytes()
    scene.publish()
    device = guard(clock=scene.clock)
    assert scene.watch.update(device, TRUST).alerts
    timestamp.write_bytes(old)


def _unpublish(scene: Scene, name: str) -> None:
    signers = (*scene.house.builder, *scene.house.online)
    scene.house.repository.withdraw("builder", [f"epochs/1/{name}"], signers, scene.clock.now)


def _spoil_table(scene: Scene) -> None:
    """Another table is signed, and another one again is served."""
    shutil.rmtree(scene.house.folder / "targets/epochs/1")
    table = scene.epoch / "table.bin"
    honest = table.read_bytes()
    table.write_bytes(honest[:-1] + bytes([honest[-1] ^ 1]))
    scene.publish()
    table.write_bytes(honest)
    (stored,) = (scene.house.folder / "targets/epochs/1").glob("*.table.bin")
    stored.write_bytes(honest)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda scene: scene.clock.forward(hours=25), "distribution.frozen"),
        (_old_timestamp, "distribution.rollback"),
        (lambda scene: _unpublish(scene, "endorsements.json"), "distribution.not_listed"),
        (_spoil_table, "distribution.wrong_hash"),
    ],
)
def test_a_refusal_ends_all_comparing_until_the_repository_is_believed(
    scene: Scene, spoil: Callable[[Scene], None], code: str
) -> None:
    device = guard(clock=scene.clock)
    assert scene.watch.update(device, TRUST).alerts
    kept = shutil.copytree(scene.house.folder, scene.house.folder.parent / "kept")
    spoil(scene)
    mode = scene.watch.update(device, TRUST)
    assert (mode.alerts, mode.code) == (False, code)
    assert device.mode().code == code
    shutil.rmtree(scene.house.folder)
    kept.rename(scene.house.folder)
    publish_as_of(scene.epoch, scene.clock.now)
    for _ in range(3):  # above every version that was seen
        scene.publish()
    assert scene.watch.update(device, TRUST).alerts


def test_without_a_connection_the_last_epoch_is_used_for_a_day(scene: Scene) -> None:
    assert scene.watch.update(guard(clock=scene.clock), TRUST).alerts
    shutil.rmtree(scene.house.folder)
    device = guard(clock=scene.clock)  # the app was started again
    assert scene.watch.update(device, TRUST).alerts
    scene.clock.forward(hours=25)
    assert not device.mode().alerts
    assert scene.watch.update(device, TRUST).code == "distribution.frozen"


def test_a_device_that_never_had_a_connection_says_so(scene: Scene) -> None:
    shutil.rmtree(scene.house.folder)
    device = guard(clock=scene.clock)
    assert scene.watch.update(device, TRUST).code == Unreachable.code


def test_a_download_that_fails_changes_nothing(scene: Scene) -> None:
    device = guard(clock=scene.clock)
    assert scene.watch.update(device, TRUST).alerts
    before = (scene.watch.folder / "epoch.tlog-proof").read_bytes()
    scene.clock.forward(hours=1)
    publish_as_of(scene.epoch, scene.clock.now)
    scene.publish()
    for stored in (scene.house.folder / "targets/epochs/1").glob("*.epoch.tlog-proof"):
        stored.unlink()
    assert scene.watch.update(device, TRUST).alerts
    assert (scene.watch.folder / "epoch.tlog-proof").read_bytes() == before


def test_the_root_comes_with_the_app(scene: Scene, tmp_path: Path) -> None:
    other = House(tmp_path / "other").open(START - timedelta(days=1))
    watch = EpochWatch(scene.house.folder, tmp_path / "another", root=other.first, clock=scene.clock)
    assert watch.update(guard(clock=scene.clock), TRUST).code == "distribution.threshold"
    with pytest.raises(NoTrustedRoot):
        EpochWatch(scene.house.folder, tmp_path / "none", root=None, clock=scene.clock).fetch()  # type: ignore[arg-type]
