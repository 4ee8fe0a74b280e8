from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from provider_world import NOW, Device, Hub, Media, World, build_world, http_to


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(tmp_path_factory.mktemp("world"))


@dataclass
class Service:
    """The provider under test, with everything around it."""

    world: World
    media: Media = field(default_factory=Media)
    hub: Hub = field(default_factory=Hub)
    now: datetime = NOW

    def device(self, account: str = "@ole:example.org", name: str = "DEVICE1") -> Device:
        return Device(self.world, self.media, account, name)

    def enrol(self, device: Device) -> None:
        from tutela.provider import intake, runtime

        intake.enrol(runtime.alerts(self.now), device.account, device.enrolment(), self.now, actor="test")

    def take(self, device: Device, voucher: bytes, *, account: str = ""):
        from tutela.provider import intake, runtime

        delivery = intake.Delivery(account or device.account, voucher, "192.0.2.7", 40_001, self.now)
        return intake.take(runtime.alerts(self.now), delivery, self.now)

    def work(self) -> int:
        from tutela.provider import tasks

        return tasks.run_due(self.now, http_to(self.hub, self.media))

    def work_until_idle(self, step: timedelta = timedelta(0)) -> None:
        for _ in range(30):
            if not self.work():
                return
            self.now += step

    def case(self, *, pictures: int = 3, device: Device | None = None, lie: bytes | None = None):
        """Let a device send listed pictures, and return the case."""
        from tutela.provider.models import Case

        device = device or self.device()
        self.enrol(device)
        for index in range(pictures):
            last = lie if index == pictures - 1 else None
            self.take(device, device.send(self.world.pictures[index], lie=last))
        self.work()
        return Case.objects.get(device__account=device.account)

    def step(self, actor="test"):
        from tutela.provider.workflow import Step

        return Step(actor, self.now, self.world.config())

    def decide(self, case, user, *, agree: bool = True):
        from tutela.provider import decisions
        from tutela.provider.models import Decision

        verdict = Decision.Verdict.AGREE if agree else Decision.Verdict.DISAGREE
        return decisions.decide(case.reference, user, verdict, "Compared with the entry.", self.step(user))


@pytest.fixture
def service(world: World, db: None, _console_role: None) -> Iterator[Service]:
    from django.conf import settings

    world.install(settings.TUTELA_STATE)
    key = world.folder / "table.key"
    sealed = key.read_bytes()
    yield Service(world)
    if not key.exists():  # destroyed, because the test's time went beyond the epoch
        key.write_bytes(sealed)


@pytest.fixture
def confirm(service: Service, person: Callable) -> Callable:
    """Return a function that lets two people agree on a case."""
    people = [person("reviewer", name="ada"), person("reviewer", name="berit")]

    def agree(case):
        for user in people:
            service.decide(case, user)
        case.refresh_from_db()
        return case

    return agree
