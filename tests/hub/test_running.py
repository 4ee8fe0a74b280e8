"""The hub as a real process: clients that we did not write, large uploads, and kill -9 in the worst moments."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from tests.cybertip.test_outside_client import NAME, OlderSyntax
from tests.hub.conftest import code, details_xml, field, report_xml
from tests.hub.running import raw, running_hub

pytestmark = pytest.mark.e2e
MIB = 1 << 20
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


def submit(hub, note: str) -> int:
    answer = hub.http.post("/submit", content=report_xml(note=note), headers={"Content-Type": "text/xml"})
    assert code(answer) == 0
    return int(field(answer, "reportId"))


def upload(hub, report_id: int, data, name="a.bin"):
    return hub.http.post("/upload", data={"id": str(report_id)}, files={"file": (name, data)})


def form(hub, call: str, report_id: int) -> httpx.Response:
    return hub.http.post(f"/{call}", data={"id": str(report_id)})


def the_report(hub, report_id: int) -> dict:
    (found,) = [report for report in hub.reports() if report["id"] == report_id]
    return found


def test_the_python_client_completes_a_session(hub, monkeypatch):
    if importlib.util.find_spec(NAME) is None:
        pytest.skip("the outside client ncmec-cybertip is not installed")
    monkeypatch.setattr(sys, "meta_path", [OlderSyntax(), *sys.meta_path])
    outside = importlib.import_module(NAME)
    common, report = (importlib.import_module(f"{NAME}.{name}") for name in ("common", "report"))
    at = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    document = outside.Report(
        incident_summary=outside.IncidentSummary(
            incident_type=outside.IncidentType("Misleading Domain Name"), incident_date_time=at
        ),
        reporter=outside.Reporter(reporting_person=outside.Person(first_name="Robin")),
        person_or_user_reported=report.PersonOrUserReported(
            esp_identifier="user-17",
            ip_capture_event=[common.IpCaptureEvent(ip_address="203.0.113.7", date_time=at, port=40001)],
        ),
    )
    data = os.urandom(300_000)

    async def session():
        name, token = hub.auth
        async with outside.CyberTiplineClient(
            username=name, password=token, base_url=f"{hub.url}/ispws"
        ) as client:
            await client.status()
            assert "IncidentSummary" in await client.get_xsd()
            report_id = (await client.submit(document)).report_id
            sent = await client.upload(report_id, data, filename="one.webp")
            assert sent.hash == hashlib.md5(data).hexdigest()
            await client.file_info(
                outside.FileDetails(report_id=report_id, file_id=sent.file_id, file_viewed_by_esp=False)
            )
            assert (await client.finish(report_id)).file_ids == [sent.file_id]
            for again in (client.finish, client.retract):
                with pytest.raises(outside.ApiError) as caught:
                    await again(report_id)
                assert caught.value.response_code == 5102
            second = (await client.submit(document)).report_id
            await client.retract(second)
        async with outside.CyberTiplineClient(
            username=name, password="wrong", base_url=f"{hub.url}/ispws"
        ) as client:
            with pytest.raises((outside.CyberTiplineError, httpx.HTTPStatusError)):
                await client.status()
        return report_id

    found = the_report(hub, asyncio.run(session()))
    assert (found["state"], found["agency"], found["files"]) == ("new", "international-desk", 1)


def test_our_own_client_completes_a_session(hub):
    from io import BytesIO

    from tutela.cybertip import documents
    from tutela.cybertip.client import Client
    from tutela.cybertip.remote import AlreadyFinished

    data = os.urandom(300_000)
    with httpx.Client(timeout=60) as http:
        client = Client(f"{hub.url}/ispws", *hub.auth, http=http)
        client.status()
        report_id = client.submit(report_xml(note="Our own."), idempotency_key="case-7")
        assert client.submit(report_xml(note="Our own."), idempotency_key="case-7") == report_id
        sent = client.upload(report_id, "one.webp", BytesIO(data))
        assert sent.md5 == hashlib.md5(data).hexdigest()
        client.fileinfo(
            documents.FileDetails(report_id=report_id, file_id=sent.file_id, file_viewed_by_esp=True)
        )
        assert client.finish(report_id).file_ids == (sent.file_id,)
        assert client.finish(report_id).already
        with pytest.raises(AlreadyFinished):
            client.retract(report_id)
    assert the_report(hub, report_id)["agency"] == "northland-police"


def test_the_node_client_completes_a_session(hub):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    folders = [os.environ.get("CYBERTIPLINE_NODE_MODULES"), str(HERE.parents[1] / "node_modules")]
    packages = next((f for f in folders if f and (Path(f) / "cybertipline-tools").is_dir()), None)
    if packages is None:
        pytest.skip("the outside client cybertipline-tools is not installed: run `make setup-test`")
    done = subprocess.run(
        [node, str(HERE / "node_session.mjs"), packages, hub.url, *hub.auth],
        capture_output=True, check=False, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout)
    data = b"ordinary bytes from node " * 4000
    assert outcome["hash"] == hashlib.md5(data).hexdigest()
    assert outcome["requestId"]
    assert (outcome["again"], outcome["retract"], outcome["wrongPassword"]) == ("accepted", 5102, "refused")
    found = the_report(hub, outcome["reportId"])
    assert (found["agency"], found["files"]) == ("southmark-police", 1)


def test_a_large_upload_takes_constant_memory(hub):
    report_id = submit(hub, "Large.")
    upload(hub, report_id, b"warm up", "small.bin")
    before = hub.peak_memory()
    block, digest = os.urandom(MIB), hashlib.md5()
    for _ in range(50):
        digest.update(block)
    path = hub.folder / "large.bin"
    with path.open("wb") as file:
        for _ in range(50):
            file.write(block)
    started = time.monotonic()
    with path.open("rb") as file:
        answer = upload(hub, report_id, file, "large.bin")
    seconds = time.monotonic() - started
    path.unlink()
    assert field(answer, "hash") == digest.hexdigest()
    grown = hub.peak_memory() - before
    print(
        f"50 MiB in {seconds:.1f} s, peak grew by {grown / MIB:.1f} MiB to {hub.peak_memory() / MIB:.0f} MiB"
    )
    assert grown < 25 * MIB
    assert code(form(hub, "retract", report_id)) == 0


def test_a_request_that_is_too_large_is_refused_before_it_is_read(hub):
    with raw(hub) as line:
        line.sendall(head(hub, "upload", 2 << 40, "multipart/form-data; boundary=b"))
        assert b" 413 " in line.recv(4096).split(b"\r\n")[0]


def test_kill_between_chunks_of_an_upload(tmp_path):
    with running_hub(tmp_path) as hub:
        report_id = submit(hub, "Cut off.")
        data = os.urandom(3 * MIB)
        body = multipart(report_id, data)
        line = raw(hub)
        line.sendall(head(hub, "upload", len(body), "multipart/form-data; boundary=b"))
        line.sendall(body[: 2 * MIB])
        wait_for(lambda: any(path.stat().st_size > MIB for path in hub.sealed_files()))
        hub.kill()
        line.close()
        left = hub.sealed_files()
        assert len(left) == 1  # the part of a file, sealed
        hub.start()
        assert field(upload(hub, report_id, data), "hash") == hashlib.md5(data).hexdigest()
        assert code(form(hub, "finish", report_id)) == 0
        assert the_report(hub, report_id)["files"] == 1
        hub.stop()
        old = time.time() - 7200
        os.utime(left[0], (old, old))
        hub.start()  # its worker sweeps at once
        wait_for(lambda: len(hub.sealed_files()) == 1)
        assert hub.call("hub", "verify-audit")["ok"]


def test_kill_at_finish(tmp_path):
    with running_hub(tmp_path) as hub:
        for number, delay in enumerate((0.0, 0.008, 0.03), start=1):
            report_id = submit(hub, f"Finish {number}.")
            file_id = field(upload(hub, report_id, b"ordinary bytes"), "fileId")
            assert code(hub.http.post("/fileinfo", content=details_xml(report_id, file_id))) == 0
            body = f"id={report_id}".encode()
            with raw(hub) as line:
                line.sendall(head(hub, "finish", len(body), "application/x-www-form-urlencoded") + body)
                time.sleep(delay)
                hub.kill()
            hub.start()
            again = form(hub, "finish", report_id)
            assert code(again) in {0, 5102}
            assert field(again, "fileId") == file_id
            assert rows(hub, "report.finished") == number
        found = [(report["state"], report["agency"], report["files"]) for report in hub.reports()]
        assert found == [("new", "northland-police", 1)] * 3
        assert len(hub.sealed_files()) == 3
        assert hub.call("hub", "verify-audit")["ok"]


def test_kill_while_submitting_and_uploading_neither_loses_nor_doubles(tmp_path):
    with running_hub(tmp_path) as hub:
        xml, data = report_xml(note="Again and again."), os.urandom(200_000)
        for delay in (0.0, 0.02):
            with raw(hub) as line:
                line.sendall(head(hub, "submit", len(xml), "text/xml") + xml)
                time.sleep(delay)
                hub.kill()
            hub.start()
        report_id = submit(hub, "Again and again.")
        body = multipart(report_id, data)
        for delay in (0.01, 0.04):
            with raw(hub) as line:
                line.sendall(head(hub, "upload", len(body), "multipart/form-data; boundary=b") + body)
                time.sleep(delay)
                hub.kill()
            hub.start()
        file_id = field(upload(hub, report_id, data, "x.bin"), "fileId")
        done = form(hub, "finish", report_id)
        assert field(done, "fileId") == file_id
        assert rows(hub, "report.opened") == 1
        assert the_report(hub, report_id)["files"] == 1
        assert hub.call("hub", "verify-audit")["ok"]


def test_postgresql_runs_the_same_session(tmp_path, postgresql):
    with running_hub(tmp_path, postgresql) as hub:
        report_id = submit(hub, "On PostgreSQL.")
        assert submit(hub, "On PostgreSQL.") == report_id
        sent = upload(hub, report_id, b"ordinary bytes")
        assert field(upload(hub, report_id, b"ordinary bytes"), "fileId") == field(sent, "fileId")
        assert code(hub.http.post("/fileinfo", content=details_xml(report_id, field(sent, "fileId")))) == 0
        assert code(form(hub, "finish", report_id)) == 0
        again = form(hub, "finish", report_id)
        assert (code(again), field(again, "fileId")) == (5102, field(sent, "fileId"))
        assert code(form(hub, "retract", report_id)) == 5102
        retracted = submit(hub, "To be withdrawn.")
        upload(hub, retracted, b"more")
        assert code(form(hub, "retract", retracted)) == 0
        found = the_report(hub, report_id)
        assert (found["state"], found["agency"], found["confidence"]) == ("new", "northland-police", 0.85)
        assert len(hub.sealed_files()) == 1
        assert hub.call("hub", "verify-audit")["rows"] == 8  # with the machine account's


def test_many_at_once_neither_lose_nor_double(hub):
    from concurrent.futures import ThreadPoolExecutor

    def same(_: int) -> int:
        return submit(hub, "All at once.")

    def whole(number: int) -> int:
        report_id = submit(hub, f"Session {number}.")
        upload(hub, report_id, os.urandom(10_000))
        assert code(form(hub, "finish", report_id)) == 0
        return report_id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(same, range(16)))) == 1
        ids = list(pool.map(whole, range(16)))
    assert len(set(ids)) == 16
    assert hub.call("hub", "verify-audit")["ok"]


def head(hub, call: str, length: int, kind: str) -> bytes:
    login = base64.b64encode(":".join(hub.auth).encode()).decode()
    return (
        f"POST /ispws/{call} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {login}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def multipart(report_id: int, data: bytes) -> bytes:
    return (
        f'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n{report_id}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\n'
    ).encode() + data + b"\r\n--b--\r\n"  # fmt: skip


def rows(hub, action: str) -> int:
    import sqlite3

    with sqlite3.connect(hub.folder / "hub.sqlite3") as database:
        return database.execute(
            "SELECT count(*) FROM console_auditrow WHERE action = ?", [action]
        ).fetchone()[0]


def wait_for(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
