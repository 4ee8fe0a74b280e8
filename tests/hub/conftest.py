"""A hub that is set up, a provider's programs, and neutral documents to send."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from tutela import sealed
from tutela.cybertip import documents as d
from tutela.cybertip.vocabulary import EventName, IncidentType

PASSPHRASE = "a passphrase for tests"
AT = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def report_xml(
    *, address="192.0.2.10", note="A neutral sample report.", escalate=None, port=40123, **parts
) -> bytes:
    """Return a report of invented people."""
    event = d.IpCaptureEvent(ip_address=address, event_name=EventName.UPLOAD, date_time=AT, port=port)
    reported = d.PersonOrUserReported(
        person=d.Person(first_name="Sam", last_name="Sample", email=(d.Email(value="sam@example.org"),)),
        esp_identifier="@sam:example.org",
        esp_service="Example Messenger",
        screen_name="sam",
        ip_capture_event=(event,),
    )
    return d.to_xml(
        d.Report(
            incident_summary=d.IncidentSummary(
                incident_type=IncidentType.CHILD_PORNOGRAPHY,
                platform="Example Messenger",
                escalate_to_high_priority=escalate,
                incident_date_time=AT,
            ),
            reporter=d.Reporter(reporting_person=d.Person(first_name="Robin", last_name="Reporter")),
            person_or_user_reported=(reported,),
            additional_info=note,
            **parts,
        )
    )


def details_xml(report_id: int, file_id: str, viewed: bool | None = True) -> bytes:
    """Return what a provider says about a file."""
    return d.to_xml(
        d.FileDetails(
            report_id=report_id,
            file_id=file_id,
            original_file_name="holiday.png",
            file_viewed_by_esp=viewed,
            original_file_hash=(d.FileHash(value="ab" * 32, hash_type="PDQ"),),
        )
    )


def picture() -> bytes:
    """Return a PNG of a plain pattern."""
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[0:240, 0:320]
    pixels = np.stack([(x * 3) % 256, (y * 5) % 256, (x + y) % 256], axis=-1).astype("uint8")
    target = BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


class Provider:
    """A provider's program over Django's test client: one method a call."""

    def __init__(self, client, name: str, token: str) -> None:
        self.client, self.name = client, name
        self.auth = {"Authorization": "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()}

    def get(self, call):
        return self.client.get(f"/ispws/{call}", headers=self.auth)

    def submit(self, xml: bytes, kind="text/xml; charset=utf-8", **headers):
        return self.client.post("/ispws/submit", xml, content_type=kind, headers=self.auth | headers)

    def upload(self, report_id, data: bytes, name="holiday.png"):
        file = BytesIO(data)
        file.name = name
        return self.client.post("/ispws/upload", {"id": str(report_id), "file": file}, headers=self.auth)

    def fileinfo(self, xml: bytes):
        return self.client.post(
            "/ispws/fileinfo", xml, content_type="text/plain;charset=UTF-8", headers=self.auth
        )

    def form(self, call, report_id, kind="application/x-www-form-urlencoded"):
        if kind.startswith("multipart"):
            return self.client.post(f"/ispws/{call}", {"id": str(report_id)}, headers=self.auth)
        return self.client.post(f"/ispws/{call}", f"id={report_id}", content_type=kind, headers=self.auth)

    def finish(self, report_id, **kind):
        return self.form("finish", report_id, **kind)

    def retract(self, report_id, **kind):
        return self.form("retract", report_id, **kind)

    def session(self, xml: bytes | None = None, data: bytes | None = None, viewed: bool | None = True) -> int:
        """Send a whole report and return its id."""
        report_id = int(field(self.submit(xml or report_xml()), "reportId"))
        if data is not None:
            file_id = field(self.upload(report_id, data), "fileId")
            assert code(self.fileinfo(details_xml(report_id, file_id, viewed))) == 0
        assert code(self.finish(report_id)) == 0
        return report_id


def field(response, name: str) -> str:
    """Return an element's text from an answer."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", response.content.decode())
    assert found, response.content
    return found.group(1)


def code(response) -> int:
    """Return the response code of an answer."""
    return int(field(response, "responseCode"))


@pytest.fixture
def hub_key(settings, monkeypatch) -> Path:
    """Set up the hub's folder; the key's cost is low, so that tests are quick."""
    from tutela.hub.storage import Store

    monkeypatch.setenv("TUTELA_KEY_PASSPHRASE", PASSPHRASE)
    store = Store(Path(settings.TUTELA_STATE))
    store.root.mkdir(parents=True)
    private, public = sealed.generate_keypair()
    sealed.keyfile.save(store.key_file, private, PASSPHRASE, cost=12)
    store.public_key_file.write_text(public.hex())
    return store.root


@pytest.fixture
def hub(db, hub_key):
    """A hub with rules and agencies."""
    from tutela.hub.setup import set_up
    from tutela.hub.storage import Store

    store = Store(hub_key)
    set_up(store, PASSPHRASE)
    return store


@pytest.fixture
def provider(hub, client, machine_token) -> Provider:
    """A provider that may submit."""
    return Provider(client, "example-esp", machine_token("report.submit", name="example-esp"))


@pytest.fixture
def other_provider(hub, client, machine_token) -> Provider:
    """Another provider that may submit."""
    return Provider(client, "other-esp", machine_token("report.submit", name="other-esp"))


@pytest.fixture
def make() -> SimpleNamespace:
    """Makers of documents and readers of answers."""
    return SimpleNamespace(
        report=report_xml, details=details_xml, picture=picture, field=field, code=code, at=AT
    )
