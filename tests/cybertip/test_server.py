from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from tests.cybertip.samples import plain_xml, public_path

from tutela.cybertip import documents as d
from tutela.cybertip import server
from tutela.cybertip.codes import Code
from tutela.cybertip.memory import MemoryStorage
from tutela.cybertip.server import Ispws
from tutela.cybertip.storage import Received, State


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def ispws(storage, clock) -> Ispws:
    return Ispws(storage, clock=clock, random=random.Random(7).randbytes)


def received(data: bytes = b"bytes", name: str = "picture.webp") -> Received:
    return Received(
        name=name,
        size=len(data),
        md5=hashlib.md5(data, usedforsecurity=False).digest(),
        sha256=hashlib.sha256(data).digest(),
        handle="somewhere",
    )


def info(report_id: int, file_id: str, **more: object) -> bytes:
    return d.to_xml(d.FileDetails(report_id=report_id, file_id=file_id, **more))


def opened(ispws: Ispws, provider: str = "esp", **changes: object) -> str:
    return str(ispws.submit(provider, plain_xml(**changes)).report_id)


def test_a_whole_session_in_bytes_that_the_public_schema_takes(ispws):
    schema = etree.XMLSchema(etree.parse(public_path()))
    report = ispws.submit("esp", plain_xml())
    upload = ispws.upload("esp", str(report.report_id), received())
    answers = [
        ispws.status(), report, upload, ispws.file_info("esp", info(report.report_id, upload.file_id)),
        ispws.finish("esp", str(report.report_id)), ispws.finish("esp", str(report.report_id)),
        ispws.retract("esp", str(report.report_id)), ispws.submit("esp", b"<a"),
    ]  # fmt: skip
    for answer in answers:
        schema.assertValid(etree.fromstring(answer.body))
        assert answer.headers["Content-Type"] == "application/xml"
    assert [(a.code, a.status) for a in answers] == [
        (0, 200), (0, 200), (0, 200), (0, 200), (0, 200), (5102, 200), (5102, 200), (4110, 400)
    ]  # fmt: skip
    status = d.parse_response(answers[0].body)
    assert status.report_id is None
    assert d.parse_response(upload.body).hash == hashlib.md5(b"bytes", usedforsecurity=False).hexdigest()
    for finish in answers[4:6]:
        done = d.parse_response(finish.body)
        assert isinstance(done, d.ReportDoneResponse)
        assert done.file_ids == (upload.file_id,)
    assert isinstance(d.parse_response(answers[6].body), d.ReportResponse)
    assert etree.XMLSchema(etree.fromstring(ispws.xsd().body)) is not None


def test_a_bad_login_is_an_empty_401():
    answer = server.unauthenticated()
    assert (answer.status, answer.body) == (401, b"")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert server.answer(Code.NO_SUBMISSION_RIGHT).status == 403


def test_a_repeated_submission_finds_the_open_report_only(ispws, clock, storage):
    first = opened(ispws)
    repeated = ispws.submit("esp", plain_xml().replace(b"><", b">\n<"))
    assert (str(repeated.report_id), repeated.repeat) == (first, True)
    assert opened(ispws, "other") != first
    assert opened(ispws, additional_info="else") != first
    assert str(ispws.submit("esp", plain_xml(), idempotency_key="k").report_id) != first
    ispws.finish("esp", first)
    second = opened(ispws)
    assert second != first
    ispws.retract("esp", second)
    third = opened(ispws)
    assert third not in {first, second}
    clock.forward(hours=24)
    fourth = opened(ispws)
    assert fourth not in {first, second, third}
    assert storage.report(int(first)).state is State.FINISHED


def test_idempotency_keys_are_bounded(ispws):
    for key in ("", "k" * 256):
        assert ispws.submit("esp", plain_xml(), idempotency_key=key).code == 4000


def test_expiry_is_the_later_of_both(ispws, clock):
    report = opened(ispws)
    clock.forward(hours=23, minutes=59)
    assert ispws.upload("esp", report, received()).accepted
    clock.forward(minutes=59)
    assert ispws.upload("esp", report, received(b"two")).accepted
    clock.forward(minutes=59, seconds=59)
    assert ispws.refuse_upload("esp", report) is None
    clock.forward(seconds=1)
    for answer in (
        ispws.finish("esp", report),
        ispws.retract("esp", report),
        ispws.refuse_upload("esp", report),
    ):
        assert (answer.code, answer.status) == (5001, 404)


def test_an_untouched_report_expires_after_a_day(ispws, clock):
    report = opened(ispws)
    clock.forward(hours=23, minutes=59, seconds=59)
    assert ispws.sweep() == 0
    clock.forward(seconds=1)
    assert ispws.sweep() == 1
    assert ispws.sweep() == 0
    assert ispws.finish("esp", report).code == 5001


def test_a_repeated_upload_is_the_same_file_until_it_is_described(ispws):
    report = opened(ispws)
    first = ispws.upload("esp", report, received())
    again = ispws.upload("esp", report, received())
    assert (again.file_id, again.repeat, first.repeat) == (first.file_id, True, False)
    assert ispws.upload("esp", report, received(name="b")).file_id != first.file_id
    assert ispws.upload("esp", report, received(b"else")).file_id != first.file_id
    ispws.file_info("esp", info(int(report), first.file_id))
    assert ispws.upload("esp", report, received()).file_id != first.file_id
    other = opened(ispws, additional_info="else")
    assert not ispws.upload("esp", other, received()).repeat


def test_file_ids_do_not_look_like_numbers(ispws):
    report = opened(ispws)
    for number in range(200):
        file_id = ispws.upload("esp", report, received(b"%d" % number)).file_id
        assert len(file_id) == 32
        assert file_id[0] in "abcdef"
        int(file_id, 16)


def test_details_may_be_repeated_and_corrected(ispws, storage):
    report = int(opened(ispws))
    file_id = ispws.upload("esp", str(report), received()).file_id
    assert ispws.file_info("esp", info(report, file_id)).repeat is False
    assert ispws.file_info("esp", info(report, file_id)).repeat is True
    assert ispws.file_info("esp", info(report, file_id, file_viewed_by_esp=True)).repeat is False
    assert [details.file_viewed_by_esp for details in storage.details[file_id]] == [None, True]
    assert ispws.file_info("esp", info(report, "a" * 32)).code == 5002
    assert ispws.file_info("esp", info(report + 1, file_id)).code == 5001
    assert ispws.file_info("esp", b"<fileDetails/>").code == 4100


def test_another_providers_report_does_not_exist(ispws):
    report = opened(ispws)
    file_id = ispws.upload("esp", report, received()).file_id
    answers = [
        ispws.upload("other", report, received()),
        ispws.refuse_upload("other", report),
        ispws.file_info("other", info(int(report), file_id)),
        ispws.finish("other", report),
        ispws.retract("other", report),
    ]
    assert {answer.code for answer in answers} == {5001}
    absent = ispws.finish("other", "99")
    assert answers[3].body.replace(report.encode(), b"99") == absent.body
    assert ispws.finish("esp", report).accepted


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "9" * 30, "٣", "1e3", "0x1"])
def test_report_ids_are_digits(ispws, text):
    for answer in (
        ispws.finish("esp", text),
        ispws.retract("esp", text),
        ispws.upload("esp", text, received()),
    ):
        assert (answer.code, answer.status) == (4000, 400)


def test_after_retraction_nothing_is_added(ispws):
    report = opened(ispws)
    assert ispws.retract("esp", report).accepted
    for answer in (
        ispws.retract("esp", report),
        ispws.finish("esp", report),
        ispws.upload("esp", report, received()),
    ):
        assert (answer.code, answer.status) == (5101, 200)
        assert isinstance(d.parse_response(answer.body), d.ReportResponse)


def test_a_failing_store_leaves_nothing_half_done(ispws, storage, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    report = opened(ispws)
    monkeypatch.setattr(storage, "add_file", fail)
    with pytest.raises(OSError, match="disk full"):
        ispws.upload("esp", report, received())
    assert storage.files(int(report)) == ()


def test_refusals_say_where_and_never_what(ispws):
    answer = ispws.submit("esp", plain_xml().replace(b"Misleading Domain Name", b"Robin Secret"))
    text = d.parse_response(answer.body).response_description
    assert "incidentType" in text
    assert "line 2" in text
    assert "Secret" not in text
