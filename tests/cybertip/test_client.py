from __future__ import annotations

import dataclasses
import io

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cybertip.loopback import Loopback
from tests.cybertip.samples import plain_report

from tutela.cybertip import documents as d
from tutela.cybertip import remote, server
from tutela.cybertip.client import Backoff, Client
from tutela.cybertip.codes import Code
from tutela.cybertip.storage import State
from tutela.errors import UsageError

URL = "https://hub.example.org/ispws"


@pytest.fixture
def hub() -> Loopback:
    return Loopback()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(hub, pauses) -> Client:
    return Client(URL, "esp", "correct horse", hub.http(), sleep=pauses.append, chance=lambda: 1.0)


def fail(
    times: int,
    answer,
    paths=("submit", "upload", "fileinfo", "finish", "retract", "status"),
    *,
    after: bool = False,
):
    """Spoil the first answers: before the call reached the server, or after it."""
    left = [times]

    def spoil(path: str, real):
        if path in paths and (real is not None) == after and left[0]:
            left[0] -= 1
            if isinstance(answer, Exception):
                raise answer
            return answer
        return None

    return spoil


def test_a_whole_session(client, hub):
    client.status()
    assert b"IncidentSummary" in client.xsd()
    report_id = client.submit(plain_report())
    uploaded = client.upload(report_id, "pi\u00e7ture one.webp", io.BytesIO(b"x" * 200_000))
    client.fileinfo(d.FileDetails(report_id=report_id, file_id=uploaded.file_id, file_viewed_by_esp=False))
    done = client.finish(report_id)
    assert (done.file_ids, done.already) == ((uploaded.file_id,), False)
    again = client.finish(report_id)
    assert (again.file_ids, again.already) == ((uploaded.file_id,), True)
    with pytest.raises(remote.AlreadyFinished) as caught:
        client.retract(report_id)
    assert caught.value.response == 5102
    assert caught.value.report_id == report_id
    assert caught.value.request_id == f"request-{len(hub.calls)}"
    (file,) = hub.storage.files(report_id)
    assert (file.size, file.name) == (200_000, "pi\u00e7ture one.webp")
    assert hub.storage.documents[report_id] == plain_report()


def test_a_retracted_report_may_be_retracted_again_but_not_finished(client):
    report_id = client.submit(plain_report())
    client.retract(report_id)
    client.retract(report_id)
    with pytest.raises(remote.AlreadyRetracted):
        client.finish(report_id)
    with pytest.raises(remote.NoSuchReport):
        client.retract(99)


def test_a_bad_login_is_not_repeated(hub, pauses):
    client = Client(URL, "esp", "wrong", hub.http(), sleep=pauses.append)
    with pytest.raises(remote.LoginRefused):
        client.status()
    assert (hub.calls, pauses) == (["status"], [])


SERVER_FAILURES = [
    httpx.ConnectError("no route"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut"),
    server.answer(Code.SERVER_ERROR),
    server.answer(Code.SAVE_FAILED),
    server.Answer(status=503, body=b"<html>busy</html>", code=0),
    server.Answer(status=429, body=b"", code=0),
    server.Answer(status=200, body=b"<html>proxy</html>", code=0),
    server.Answer(status=200, body=b"", code=0),
]


@pytest.mark.parametrize("answer", SERVER_FAILURES, ids=repr)
@pytest.mark.parametrize("after", [False, True])
def test_failures_are_repeated_with_growing_pauses_and_open_one_report(client, hub, pauses, answer, after):
    hub.spoil = fail(3, answer, ("submit",), after=after)
    report_id = client.submit(plain_report())
    assert pauses == [0.5, 1.0, 2.0]
    assert [report.report_id for report in hub.storage.reports()] == [report_id]
    hub.spoil = fail(2, answer, ("upload",), after=after)
    file_id = client.upload(report_id, "a", io.BytesIO(b"abc")).file_id
    assert [file.file_id for file in hub.storage.files(report_id)] == [file_id]
    hub.spoil = fail(2, answer, ("finish",), after=after)
    assert client.finish(report_id).file_ids == (file_id,)
    assert hub.storage.report(report_id).state is State.FINISHED


def test_patience_ends(client, hub, pauses):
    hub.spoil = fail(99, httpx.ConnectError("no route"))
    with pytest.raises(remote.Unreachable) as caught:
        client.submit(plain_report())
    assert len(hub.calls) == 5
    assert pauses == [0.5, 1.0, 2.0, 4.0]
    assert caught.value.diagnostics()["code"] == "cybertip.unreachable"
    assert "horse" not in str(caught.value)


REFUSALS = [
    (server.answer(Code.NOT_AUTHORISED), remote.NotPermitted),
    (server.answer(Code.VALIDATION_FAILED, "Element 'x': bad"), remote.RequestRefused),
    (server.answer(Code.RESOURCE_NOT_FOUND), remote.RequestRefused),
    (server.answer(Code.NO_SUCH_FILE), remote.NoSuchFile),
    (server.answer(Code.AUTHENTICATION_REQUIRED), remote.LoginRefused),
    (server.Answer(status=403, body=b"", code=0), remote.NotPermitted),
    (
        server.Answer(status=302, body=b"", code=0, headers={"Location": "https://elsewhere.example.org/"}),
        remote.RequestRefused,
    ),
    (server.Answer(status=413, body=b"too large", code=0), remote.RequestRefused),
    (dataclasses.replace(server.answer(Code.SUCCESS), status=400), remote.RequestRefused),
]


@pytest.mark.parametrize(("answer", "kind"), REFUSALS, ids=lambda value: getattr(value, "__name__", "answer"))
def test_refusals_are_typed_and_not_repeated(client, hub, pauses, answer, kind):
    hub.spoil = fail(99, answer)
    with pytest.raises(kind) as caught:
        client.submit(plain_report())
    assert type(caught.value) is kind
    assert len(hub.calls) == 1
    assert pauses == []


def test_damaged_bytes_are_noticed(client, hub):
    report_id = client.submit(plain_report())
    hub.spoil = fail(1, server.answer(Code.SUCCESS, file_id="a" * 32, md5=bytes(16)))
    with pytest.raises(remote.TransferDamaged):
        client.upload(report_id, "a", io.BytesIO(b"abc"))


def test_streams_begin_where_they_stand_and_are_rewound(client, hub):
    report_id = client.submit(plain_report())
    stream = io.BytesIO(b"skipped,sent")
    stream.seek(8)
    hub.spoil = fail(1, httpx.ReadTimeout("slow"), after=True)
    client.upload(report_id, "a", stream)
    assert [file.size for file in hub.storage.files(report_id)] == [4]


class Weighing(httpx.BaseTransport):
    """Takes an upload apart while it arrives, and remembers the largest piece."""

    largest = 0
    total = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for chunk in request.stream:
            self.largest = max(self.largest, len(chunk))
            self.total += len(chunk)
        return httpx.Response(200, content=server.answer(Code.SUCCESS, report_id=1, file_id="a" * 32).body)


def test_files_are_streamed_in_small_pieces():
    scales = Weighing()
    client = Client(URL, "esp", "correct horse", httpx.Client(transport=scales))
    assert client.upload(1, "a", io.BytesIO(bytes(4 << 20))).file_id == "a" * 32
    assert scales.total > 4 << 20
    assert scales.largest <= 1 << 16


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_a_pipe_is_sent_once(client, hub):
    report_id = client.submit(plain_report())
    client.upload(report_id, "a", Pipe(b"abc"))
    assert hub.storage.files(report_id)[0].size == 3
    hub.spoil = fail(1, httpx.ReadTimeout("slow"))
    with pytest.raises(remote.Unreachable):
        client.upload(report_id, "b", Pipe(b"abc"))


def test_an_endless_answer_is_cut_off(client, hub):
    hub.spoil = fail(99, server.Answer(status=200, body=b" " * (5 << 20), code=0))
    with pytest.raises(remote.UnreadableAnswer):
        client.status()


@pytest.mark.parametrize(
    "url", ["http://hub.example.org/ispws", "ftp://hub.example.org", "hub", "https://", "http://[::1", ""]
)
def test_reports_travel_over_https(url):
    with pytest.raises(UsageError):
        Client(url, "esp", "x")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/ispws/", "http://localhost/ispws", "http://[::1]:80/ispws", URL]
)
def test_plain_http_works_to_this_machine(url):
    with Client(url, "esp", "x"):
        pass
    Client("http://hub.example.org/ispws", "esp", "x", allow_plain=True).close()


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_pauses_stay_within_bounds(failures, chance):
    backoff = Backoff()
    pause = backoff.pause(failures, chance)
    assert 0.25 <= pause <= backoff.longest
