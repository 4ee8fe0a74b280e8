"""Crashes at every point of a session, at the client or between: one finished report, whole, always."""

from __future__ import annotations

import io
import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cybertip.loopback import Loopback
from tests.cybertip.samples import plain_report

from tutela.cybertip import documents as d
from tutela.cybertip import remote, server
from tutela.cybertip.client import Backoff, Client
from tutela.cybertip.codes import Code
from tutela.cybertip.session import (
    Do,
    InvalidState,
    Outcome,
    PlannedFile,
    ReportSession,
    SessionState,
    Step,
    after_asking,
    must_ask,
    next_step,
)
from tutela.cybertip.storage import State

FILES = (b"first bytes", b"second bytes")
DETAILS = d.FileDetails(report_id=1, file_id="x", file_viewed_by_esp=False)


class Killed(BaseException):
    """The process is gone."""


class Bench:
    """A hub, a disk with one stored state, and processes that may be killed at a numbered point."""

    def __init__(self, *, forgetful: bool = False) -> None:
        self.hub = Loopback()
        self.disk = json.dumps(SessionState(key="k").to_dict())
        self.points = 0
        self.kill_at: set[int] = set()
        if forgetful:  # a system that knows no repetitions: each submission and upload is a new one
            self.hub.storage.open_report = lambda *_: None
        self.hub.spoil = self.spoil

    def point(self) -> None:
        self.points += 1
        if self.points in self.kill_at:
            raise Killed

    def spoil(self, path: str, answer):
        self.point()

    def save(self, state: SessionState) -> None:
        self.point()
        self.disk = json.dumps(state.to_dict())
        self.point()

    def process(self) -> SessionState:
        client = Client(
            "https://hub.example.org/ispws",
            "esp",
            "correct horse",
            self.hub.http(),
            backoff=Backoff(attempts=1),
        )
        files = [
            PlannedFile("one.webp", lambda: io.BytesIO(FILES[0]), DETAILS),
            PlannedFile("two.webp", lambda: io.BytesIO(FILES[1])),
        ]
        state = SessionState.from_dict(json.loads(self.disk))
        return ReportSession(client, plain_report(), files, state, self.save).run()

    def run(self) -> SessionState:
        while True:
            try:
                return self.process()
            except Killed:
                continue

    def check(self, state: SessionState) -> None:
        (report,) = self.hub.storage.reports(State.FINISHED)
        assert report.report_id == state.report_id
        files = self.hub.storage.files(report.report_id)
        assert [file.size for file in files] == [len(data) for data in FILES]
        assert [file.file_id for file in files] == list(state.file_ids)
        assert [file.details_sha256 is not None for file in files] == [True, False]
        assert self.process() == state
        assert len(self.hub.storage.reports(State.FINISHED)) == 1


def undisturbed_points() -> int:
    bench = Bench()
    bench.run()
    return bench.points


POINTS = undisturbed_points()


@pytest.mark.parametrize("forgetful", [False, True])
@pytest.mark.parametrize("point", range(1, POINTS + 1))
def test_killed_once_anywhere(point, forgetful):
    bench = Bench(forgetful=forgetful)
    bench.kill_at = {point}
    bench.check(bench.run())


@settings(max_examples=150, deadline=None)
@given(st.sets(st.integers(1, 4 * POINTS), max_size=8), st.booleans())
def test_killed_often(points, forgetful):
    bench = Bench(forgetful=forgetful)
    bench.kill_at = points
    bench.check(bench.run())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3 * POINTS), st.sampled_from([60, 3600, 90_000])), max_size=4))
def test_killed_and_late(stops):
    bench = Bench()
    for point, seconds in stops:
        bench.kill_at = {bench.points + point}
        try:
            bench.process()
        except Killed:
            bench.hub.now = bench.hub.now.fromtimestamp(
                bench.hub.now.timestamp() + seconds, bench.hub.now.tzinfo
            )
    bench.kill_at = set()
    bench.check(bench.run())


@pytest.mark.parametrize("path", ["submit", "upload", "fileinfo", "finish", "retract"])
@pytest.mark.parametrize("after", [False, True])
def test_lost_answers_in_a_living_process(path, after):
    bench = Bench()
    left = [1]

    def spoil(called, answer):
        if called == path and (answer is not None) == after and left[0]:
            left[0] = 0
            raise httpx.ReadTimeout("lost")

    bench.hub.spoil = spoil
    if path == "retract":
        state = {
            **json.loads(bench.disk),
            "step": "open",
            "report_id": bench.hub.ispws.submit("esp", d.to_xml(plain_report())).report_id,
        }
        bench.disk = json.dumps(state)
    with pytest.raises(remote.Unreachable):
        bench.process()
    bench.check(bench.process())


def test_a_refused_document_stays_unsent_and_says_so():
    bench = Bench()
    bench.hub.spoil = lambda path, answer: server.answer(Code.VALIDATION_FAILED)
    with pytest.raises(remote.RequestRefused):
        bench.process()
    assert json.loads(bench.disk)["step"] == "submitting"
    assert bench.hub.storage.reports() == []


def test_abandoning_withdraws_an_open_report():
    bench = Bench()
    client = Client("https://hub.example.org/ispws", "esp", "correct horse", bench.hub.http())
    report_id = client.submit(plain_report())
    stored = SessionState(key="k", step=Step.OPEN, report_id=report_id)
    session = ReportSession(client, plain_report(), [], stored, bench.save)
    assert session.abandon() == SessionState(key="k", attempt=2)
    assert [report.state for report in bench.hub.storage.reports()] == [State.RETRACTED]


def test_the_oracles_answers():
    state = SessionState(key="k", attempt=3, step=Step.FINISHING, report_id=7, file_ids=("a",), described=1)
    assert after_asking(state, Outcome.FINISHED).step is Step.FINISHED
    for outcome in (Outcome.EXPIRED, Outcome.RETRACTED):
        assert after_asking(state, outcome) == SessionState(key="k", attempt=4)
    assert must_ask(state)
    assert not must_ask(SessionState(key="k", step=Step.SUBMITTING))
    assert next_step(SessionState(key="k"), 2) is Do.SUBMIT


@pytest.mark.parametrize(
    "change",
    [
        {"step": "unknown"}, {"key": ""}, {"key": 1}, {"attempt": "1"}, {"described": 5}, {"file_ids": [1]}, {"file_ids": None},
        {"report_id": 3}, {"step": "open"}, {"step": "open", "report_id": True}, {"step": "open", "report_id": 2**63}, {"more": 1},
    ],
)  # fmt: skip
def test_damaged_states_are_refused(change):
    with pytest.raises(InvalidState):
        SessionState.from_dict({**SessionState(key="k").to_dict(), **change})


@given(
    st.dictionaries(
        st.sampled_from(["key", "attempt", "step", "report_id", "file_ids", "described"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_reading_states_raises_our_error_only(stored):
    try:
        SessionState.from_dict(stored)
    except InvalidState:
        return
