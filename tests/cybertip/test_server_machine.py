"""The server's rules against a small model, in any order of calls and at any time."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from tests.cybertip.samples import plain_xml

from tutela.cybertip import documents as d
from tutela.cybertip.memory import MemoryStorage
from tutela.cybertip.server import Ispws
from tutela.cybertip.storage import Received

PROVIDERS = st.sampled_from(["esp-1", "esp-2"])
DOCUMENTS = [plain_xml(), plain_xml(additional_info="another")]
CONTENTS = st.sampled_from([b"one", b"two"])
NAMES = st.sampled_from(["a.webp", "b.webp"])
SPANS = st.sampled_from([1, 60, 1800, 3599, 3600, 7200, 80_000, 86_399, 86_400])


@dataclass
class Modelled:
    provider: str
    document: int
    opened: datetime
    changed: datetime
    state: str = "open"
    files: list[list] = field(default_factory=list)  # [id, content, name, details or None]


class Server(RuleBasedStateMachine):
    reports = Bundle("reports")

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 1, tzinfo=UTC)
        self.storage = MemoryStorage()
        self.ispws = Ispws(self.storage, clock=lambda: self.now, random=random.Random(1).randbytes)
        self.model: dict[int, Modelled] = {}
        self.finished: dict[int, tuple[str, ...]] = {}

    def standing(self, report_id: int, provider: str) -> int:
        """The code that the model refuses a change with, or 0."""
        report = self.model[report_id]
        over = self.now >= max(report.opened + timedelta(hours=24), report.changed + timedelta(hours=1))
        if report.state == "open" and over:
            report.state = "expired"
        if provider != report.provider:
            return 5001
        return {"open": 0, "expired": 5001, "retracted": 5101, "finished": 5102}[report.state]

    @rule(target=reports, provider=PROVIDERS, which=st.integers(0, 1))
    def submit(self, provider: str, which: int) -> int:
        open_ones = [
            number
            for number, report in self.model.items()
            if (report.provider, report.document) == (provider, which)
            and self.standing(number, provider) == 0
            and report.opened > self.now - timedelta(hours=24)
        ]
        answer = self.ispws.submit(provider, DOCUMENTS[which])
        assert answer.status == 200
        number = answer.report_id
        assert answer.repeat == bool(open_ones)
        if open_ones:
            assert number in open_ones
            self.model[number].changed = self.now
        else:
            assert number not in self.model
            self.model[number] = Modelled(provider, which, self.now, self.now)
        return number

    @rule(number=reports, provider=PROVIDERS, content=CONTENTS, name=NAMES)
    def upload(self, number: int, provider: str, content: bytes, name: str) -> None:
        expected = self.standing(number, provider)
        refusal = self.ispws.refuse_upload(provider, str(number))
        assert (refusal.code if refusal else 0) == expected
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        item = Received(name=name, size=3, md5=md5, sha256=hashlib.sha256(content).digest(), handle="")
        answer = self.ispws.upload(provider, str(number), item)
        assert answer.code == expected
        if expected:
            return
        report = self.model[number]
        same = [file for file in report.files if file[1:] == [content, name, None]]
        assert answer.repeat == bool(same)
        if same:
            assert answer.file_id == same[0][0]
        else:
            assert answer.file_id not in [file[0] for report in self.model.values() for file in report.files]
            report.files.append([answer.file_id, content, name, None])
        report.changed = self.now

    @rule(
        number=reports,
        provider=PROVIDERS,
        place=st.integers(0, 3),
        viewed=st.sampled_from([None, True, False]),
    )
    def describe(self, number: int, provider: str, place: int, viewed: bool | None) -> None:
        report = self.model[number]
        known = place < len(report.files)
        file_id = report.files[place][0] if known else "a" * 32
        expected = self.standing(number, provider) or (0 if known else 5002)
        body = d.to_xml(d.FileDetails(report_id=number, file_id=file_id, file_viewed_by_esp=viewed))
        answer = self.ispws.file_info(provider, body)
        assert answer.code == expected
        if not expected:
            assert answer.repeat == (report.files[place][3] == (viewed,))
            report.files[place][3] = (viewed,)
            report.changed = self.now

    @rule(number=reports, provider=PROVIDERS)
    def finish(self, number: int, provider: str) -> None:
        expected = self.standing(number, provider)
        answer = self.ispws.finish(provider, str(number))
        assert answer.code == expected
        if expected in {0, 5102}:
            report = self.model[number]
            ids = tuple(file[0] for file in report.files)
            assert d.parse_response(answer.body).file_ids == ids
            assert self.finished.setdefault(number, ids) == ids
            report.state = "finished"
        assert (answer.status == 200) == (expected in {0, 5101, 5102})

    @rule(number=reports, provider=PROVIDERS)
    def retract(self, number: int, provider: str) -> None:
        expected = self.standing(number, provider)
        assert self.ispws.retract(provider, str(number)).code == expected
        if not expected:
            self.model[number].state = "retracted"

    @rule(seconds=SPANS)
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        self.ispws.sweep()
        for number, report in self.model.items():
            self.standing(number, report.provider)
            assert self.storage.report(number).state.value == report.state

    @invariant()
    def finished_reports_never_change(self) -> None:
        for number, ids in self.finished.items():
            assert self.storage.report(number).state.value == "finished"
            assert tuple(file.file_id for file in self.storage.files(number)) == ids


TestServer = Server.TestCase
TestServer.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
