"""An epoch is fetched as a whole or not at all."""

from __future__ import annotations

import socketserver
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from guard_samples import TRUST, WORLD, Clock, build, guard, pattern, publish_as_of

from tutela.errors import UsageError
from tutela.messenger import epochs
from tutela.messenger.errors import HomeserverUnreachable


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def provider(tmp_path):
    root = tmp_path / "provider"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield root, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_fetched_epochs_are_loaded_and_replaced(provider, tmp_path):
    root, url = provider
    build(root / "epoch", [pattern(1)])
    folder = tmp_path / "device" / "epoch"
    assert guard().load_epoch(epochs.fetch(url, "XX", folder), TRUST).alerts
    assert guard().load_epoch(epochs.fetch(url, "YY", folder), TRUST).code == "legal_basis.missing"
    assert [path.name for path in folder.parent.iterdir()] == ["epoch"]


def test_the_table_is_fetched_once_and_the_log_from_where_the_device_stood(provider, tmp_path):
    root, url = provider
    build(root / "epoch", [pattern(1)])
    folder, device = tmp_path / "device" / "epoch", guard(clock=(clock := Clock()))
    assert device.load_epoch(epochs.fetch(url, "XX", folder), TRUST).alerts
    clock.forward(hours=25)
    assert device.mode().code == "tlog.stale"
    (root / "epoch" / "table.bin").unlink()
    publish_as_of(root / "epoch", clock.now)
    assert device.refresh(epochs.fetch(url, "XX", folder, device.seen())).alerts
    WORLD.endorsing.log.append([b"another entry"])
    clock.forward(hours=25)
    publish_as_of(root / "epoch", clock.now)
    without = epochs.fetch(url, "XX", folder)
    for path in (without / "log").rglob("*"):
        if path.is_file():
            path.unlink()
    assert device.refresh(without).code == "tlog.stale"
    assert device.status()["refused_epoch"]["code"] == "tlog.consistency-missing"
    assert device.refresh(epochs.fetch(url, "XX", folder, device.seen())).alerts


def test_a_broken_download_leaves_the_last_one(provider, tmp_path, monkeypatch):
    root, url = provider
    build(root / "epoch", [pattern(1)])
    folder = epochs.fetch(url, "XX", tmp_path / "epoch")
    before = (folder / "manifest.json").read_bytes()
    (root / "epoch" / "endorsements.json").unlink()
    with pytest.raises(HomeserverUnreachable):
        epochs.fetch(url, "XX", folder)
    monkeypatch.setattr(epochs, "MAX_SMALL", 10)
    with pytest.raises(HomeserverUnreachable):
        epochs.fetch(url, "XX", folder)
    with pytest.raises(HomeserverUnreachable):
        epochs.fetch("http://127.0.0.1:1", "XX", folder)
    assert (folder / "manifest.json").read_bytes() == before
    assert list(tmp_path.glob(".epoch*")) == []


@pytest.mark.parametrize("url", ["http://example.org", "file:///etc", "ftp://127.0.0.1"])
def test_only_https_or_this_machine(url, tmp_path):
    with pytest.raises(UsageError):
        epochs.fetch(url, "XX", tmp_path / "epoch")


@pytest.mark.parametrize(
    "answer",
    [
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\ncut short",
        b"HTTP/1.1 200 OK\r\n" + b"X" * 70_000 + b": y\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_is_no_answer_is_an_unreachable_provider(answer, tmp_path):
    class Garbage(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Garbage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(HomeserverUnreachable):
            epochs.fetch(f"http://127.0.0.1:{server.server_address[1]}", "XX", tmp_path / "epoch")
        server.shutdown()
    assert list(tmp_path.iterdir()) == []
