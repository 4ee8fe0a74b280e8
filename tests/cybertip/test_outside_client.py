"""A client that we did not write (ncmec-cybertip 0.1.1, MIT) completes whole sessions with our rules.

It asks for Python 3.13 for one line of syntax only; on older ones that line is rewritten while it is
imported. Where it is not installed the tests skip.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import importlib.abc
import importlib.util
import pathlib
import sys
from datetime import UTC, date, datetime

import httpx
import pytest
from tests.cybertip.loopback import Loopback

from tutela.cybertip import documents as d
from tutela.cybertip.storage import State

NAME = "ncmec_cybertip"
NEW_SYNTAX = "def _parse[T: ReportResponse | ReportDoneResponse]("


class OlderSyntax(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the one module that older Pythons cannot read."""

    def find_spec(self, name, path, target=None):
        if name != f"{NAME}.client":
            return None
        self.source = pathlib.Path(path[0]) / "client.py"
        return importlib.util.spec_from_loader(name, self, origin=str(self.source))

    def exec_module(self, module):
        text = self.source.read_text().replace(NEW_SYNTAX, "def _parse(")
        exec(compile(text, str(self.source), "exec"), module.__dict__)


@pytest.fixture(scope="module")
def outside():
    if importlib.util.find_spec(NAME) is None:
        pytest.skip("the outside client ncmec-cybertip is not installed")
    finder = OlderSyntax()
    if sys.version_info < (3, 13):
        sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module(NAME)
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


def full_report(outside, **annotations):
    from ncmec_cybertip import common, report

    person = common.Person(
        first_name="Alex", phone=[common.Phone(value="5550100", country_calling_code="+44", verified=True)],
        email=[common.Email(value="alex@example.org", type="Recovery")], date_of_birth=date(1990, 5, 1),
        address=[common.Address(city="Exampletown", country="GB", type="Home")],
    )  # fmt: skip
    event = common.IpCaptureEvent(
        ip_address="198.51.100.4",
        event_name="Upload",
        port=41000,
        date_time=datetime(2026, 11, 1, tzinfo=UTC),
    )
    return outside.Report(
        incident_summary=outside.IncidentSummary(
            incident_type=outside.IncidentType("Misleading Domain Name"),
            platform="Example", incident_date_time=datetime(2026, 11, 1, 9, 30, tzinfo=UTC),
            report_annotations=report.ReportAnnotations(**annotations) if annotations else None,
        ),
        internet_details=[report.InternetDetails(chat_im_incident=report.ChatImIncident(chat_client="Example", content="a <b> & c"))],
        reporter=outside.Reporter(reporting_person=outside.Person(first_name="Robin", email=[common.Email(value="robin@example.org")])),
        person_or_user_reported=report.PersonOrUserReported(person=person, esp_identifier="user-17", ip_capture_event=[event]),
        victim=[report.Victim(person=outside.Person(age=12), school_name="Example School")],
    )  # fmt: skip


def connect(outside, hub: Loopback, password: str = "correct horse"):
    http = httpx.AsyncClient(transport=httpx.MockTransport(hub), auth=("esp", password))
    return outside.CyberTiplineClient(
        username="esp", password=password, base_url="https://hub.example.org/ispws", client=http
    )


def test_whole_session(outside):
    hub = Loopback()

    async def session():
        client = connect(outside, hub)
        await client.status()
        assert "IncidentSummary" in await client.get_xsd()
        report_id = (await client.submit(full_report(outside, spam=True))).report_id
        uploaded = await client.upload(report_id, b"ordinary bytes", filename="one.webp")
        assert uploaded.hash == hashlib.md5(b"ordinary bytes", usedforsecurity=False).hexdigest()
        details = outside.FileDetails(report_id=report_id, file_id=uploaded.file_id, file_viewed_by_esp=False)
        await client.file_info(details)
        done = await client.finish(report_id)
        assert done.file_ids == [uploaded.file_id]
        for again in (client.finish, client.retract):
            with pytest.raises(outside.ApiError) as caught:
                await again(report_id)
            assert caught.value.response_code == 5102
        return report_id

    report_id = asyncio.run(session())
    assert hub.storage.report(report_id).state is State.FINISHED
    report = hub.storage.documents[report_id]
    assert report.warnings == ()
    assert report.internet_details == (d.ChatImIncident(chat_client="Example", content="a <b> & c"),)
    assert report.person_or_user_reported[0].ip_capture_event[0].port == 41000


def test_retraction_and_a_bad_login(outside):
    hub = Loopback()

    async def session():
        client = connect(outside, hub)
        report_id = (await client.submit(full_report(outside))).report_id
        await client.retract(report_id)
        with pytest.raises(outside.ApiError) as caught:
            await client.upload(report_id, b"x")
        assert caught.value.response_code == 5101
        with pytest.raises(outside.ApiError) as caught:
            await connect(outside, hub, "wrong").status()
        assert caught.value.response_code == 401
        assert caught.value.request_id

    asyncio.run(session())


def test_its_newer_parts_are_taken_with_warnings(outside):
    from ncmec_cybertip import report as parts

    hub = Loopback()
    report = full_report(outside, informational=True)
    report.reporter.reporting_person.age_assertion_discrepancy = True
    report.law_enforcement = parts.LawEnforcement(
        agency_name="Example", flea_country="FR", served_legal_process_international=True
    )
    report.person_or_user_reported.associated_account = [
        parts.AssociatedAccount(
            account_type="Linked", third_party_user=False, platform="Example", age_assertion_discrepancy=False
        )
    ]
    report_id = asyncio.run(connect(outside, hub).submit(report)).report_id
    taken = hub.storage.documents[report_id]
    assert len(taken.warnings) == 5
    assert taken.incident_summary.report_annotations.informational
    assert taken.law_enforcement.served_legal_process_international.flea_country == "FR"
