"""The real server ends by SIGKILL at each named point, and is started again: nothing lost, nothing doubled."""

from __future__ import annotations

import base64
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import real_servers
from provider_world import Device, Hub, Media, build_world
from real_servers import Server, command, until

from tutela.provider.crashpoints import POINTS

pytestmark = pytest.mark.e2e
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Make a world of today, and a data folder with its accounts, once."""
    now = datetime.now(UTC)
    folder = tmp_path_factory.mktemp("kill")
    (folder / "world").mkdir()
    world = build_world(
        folder / "world", start=now - timedelta(days=1), end=now + timedelta(days=30), now=now
    )
    return world, folder / "data", accounts(folder / "data")


def accounts(data: Path, *options: str) -> str:
    """Make two reviewers and the homeserver's account; return its token."""
    for name in ("ada", "berit"):
        words = ("user", "add", name, "--role", "reviewer", "--password-stdin", *options)
        command(data, *words, stdin=PASSWORD + "\n")
    return command(data, "user", "machine", "homeserver", "--permission", "intake.write", *options)["token"]


class Everything:
    """A world, its data folder, the outside, and the provider's server."""

    def __init__(self, prepared, tmp_path: Path, crash_at: str = "", database: str = "") -> None:
        self.world, template, self.token = prepared
        data = tmp_path / "data"
        shutil.copytree(template, data)
        self.hub, self.media = Hub(now=datetime.now(UTC)), Media()
        address, self.outside = real_servers.outside(self.hub, self.media)
        self.world.install(data / "provider", hub=f"{address}/ispws", homeserver=address)
        self.server = Server(data, crash_at, database)
        self.device = Device(self.world, self.media)

    def post(self, route: str, **body: object) -> None:
        body = {name: base64.b64encode(v).decode() if isinstance(v, bytes) else v for name, v in body.items()}
        answer = real_servers.post(self.server, self.token, route, {"account": self.device.account, **body})
        assert answer.status_code in {200, 201, 202}, answer.text

    def send(self) -> None:
        self.post("/intake/devices", enrolment=self.device.enrolment())
        for picture in (*self.world.pictures[:3], None):
            voucher = self.device.send(picture)
            sent = datetime.now(UTC).isoformat()
            self.post("/intake/vouchers", voucher=voucher, ip="192.0.2.7", port=4, sent_at=sent)

    def review(self) -> None:
        until(lambda: self.server.query("SELECT 1 FROM provider_case"), "the case")
        reference = self.server.query("SELECT reference FROM provider_case")[0][0]
        for name in ("ada", "berit"):
            real_servers.decide(self.server, name, PASSWORD, reference)

    def check(self) -> None:
        """One case, one finished report with three files; every voucher arrived once; the chain holds."""
        until(lambda: self.state() == "reported", "the report")
        assert len(self.hub.finished()) == 1
        (report_id,) = self.hub.finished()
        assert len(self.hub.storage.files(report_id)) == 3
        query = self.server.query
        assert query("SELECT count(*) FROM provider_arrival") == [(4,)]
        assert query("SELECT count(*) FROM provider_voucher") == [(3,)]
        assert query("SELECT count(*) FROM provider_reportjob") == [(1,)]
        assert query("SELECT state, report_id FROM provider_reportjob") == [("finished", report_id)]
        assert query("SELECT count(*) FROM provider_decision") == [(2,)]

    def state(self) -> str:
        return self.server.query("SELECT state FROM provider_case")[0][0]

    def close(self) -> None:
        self.server.kill()
        self.outside.shutdown()
        self.outside.server_close()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point: str, prepared, tmp_path: Path) -> None:
    marker = tmp_path / "reached"
    every = Everything(prepared, tmp_path, f"{point}:{marker}")
    try:
        every.server.start()
        restarted = threading.Event()

        def restart_when_reached() -> None:
            until(marker.exists, point)
            every.server.kill()
            every.server.start()
            restarted.set()

        keeper = threading.Thread(target=restart_when_reached, daemon=True)
        keeper.start()
        every.send()
        if POINTS.index(point) < POINTS.index("after-submit"):
            assert restarted.wait(60)
        every.review()
        assert restarted.wait(60)
        every.check()
    finally:
        every.close()


def test_the_same_on_postgresql(prepared, tmp_path: Path, postgresql: str) -> None:
    world, _, _ = prepared
    data = tmp_path / "template"
    token = accounts(data, "--database", postgresql)
    every = Everything((world, data, token), tmp_path, database=postgresql)
    try:
        every.server.start()
        every.send()
        every.review()
        every.check()
    finally:
        every.close()
