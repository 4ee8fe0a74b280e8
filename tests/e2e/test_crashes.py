"""kill -9 of provider, homeserver and hub in the middle of the demonstration: nothing is lost, nothing doubled.

One story with all servers real. Signals end whole servers, in the moments that the tests wait for; the
provider's crash points (`tutela.provider.crashpoints`) end one of its processes between two exact steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.houses import ENTRIES

from tutela.demo import epoch, story
from tutela.demo.cast import BEYOND, CAST
from tutela.demo.checker import rows
from tutela.demo.folders import Folders
from tutela.demo.scenes import Played
from tutela.demo.stage import Console
from tutela.demo.story import House
from tutela.provider import crashpoints

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
WITHIN = 300.0
VOUCHERS = "SELECT count(*) FROM tutela_queue WHERE kind = 'voucher' AND state = ?"
ARRIVALS = "SELECT count(*) FROM provider_arrival"


@dataclass
class Disaster:
    """The house after all that befell it."""

    built: House
    played: Played
    points: dict[str, Path]
    result: dict[str, Any]

    def provider(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(story._database(self.built.provider), query, *values)

    def hub(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(story._database(self.built.hub), query, *values)

    def homeserver(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(self.built.lab.database, query, *values)

    def sent(self) -> dict[str, int]:
        """Return how many files the homeserver holds of each account that sent any."""
        query = "SELECT user_id, count(*) FROM local_media_repository GROUP BY user_id"
        return dict(self.homeserver(query))


def until(condition: Callable[[], object], what: str, during: Future[Any] | None = None) -> None:
    """Wait for a moment; a failure of what goes on meanwhile is raised at once."""
    end = time.monotonic() + WITHIN
    while not condition():
        if during is not None and during.done() and during.exception():
            during.result()
        assert time.monotonic() < end, f"it did not come to this: {what}"
        time.sleep(0.02)


def count(database: Path, query: str, *values: object) -> int:
    return int(rows(database, query, *values)[0][0])


@contextmanager
def crashing(console: Console, point: str, marker: Path) -> Iterator[None]:
    """Start a console whose process ends at a point, once; wait until it did."""
    plain = console.environment
    console.environment = {**plain, crashpoints.VARIABLE: f"{point}:{marker}"}
    console.start()
    console.environment = plain
    yield
    until(marker.exists, point)


@pytest.fixture(scope="module")
def disaster(new_folder: Callable[[str], Path]) -> Iterator[Disaster]:
    """Play the story, and kill everybody in turn."""
    folders = Folders.prepare(new_folder("crashes"), fresh=False)
    props = epoch.prepare(folders, None, ENTRIES)
    names = ("after-arrival-before-commit", "after-commit-before-answer", "after-upload", "after-finish")
    points = {name: folders.root / name for name in names}
    with ThreadPoolExecutor(1) as aside, ExitStack() as stack:
        built = story._build(folders, props, stack, lambda _: None)
        playing = aside.submit(story._play, built, stack, lambda _: None)
        played = deliver(built, playing, points)
        story._wait_for_review(built, lambda _: None)
        report(built, points)
        result = story._count(built, played, None, reviewed=True)
        yield Disaster(built, played, points, result)


def deliver(built: House, playing: Future[Played], points: dict[str, Path]) -> Played:
    """People send; the provider dies three times, the homeserver once; then everything is delivered."""
    provider, lab = built.provider, built.lab
    arrivals = story._database(provider)
    until(lambda: count(arrivals, ARRIVALS) >= 3, "the first sets are delivered", playing)
    provider.kill()
    played = playing.result(WITHIN * 2)  # files go on being sent while there is no provider
    waiting = count(lab.database, VOUCHERS, "queued")
    assert waiting > 10
    lab.kill()
    lab.start()
    assert count(lab.database, VOUCHERS, "queued") == waiting
    with crashing(provider, "after-arrival-before-commit", points["after-arrival-before-commit"]):
        pass
    provider.kill()
    with crashing(provider, "after-commit-before-answer", points["after-commit-before-answer"]):
        pass
    delivered = count(lab.database, VOUCHERS, "delivered")
    until(lambda: count(lab.database, VOUCHERS, "delivered") > delivered + 3, "delivery goes on")
    lab.kill()
    lab.start()
    until(lambda: count(lab.database, VOUCHERS, "queued") == 0, "everything is delivered")
    return played


def report(built: House, points: dict[str, Path]) -> None:
    """Two people agree; the provider's worker dies in the middle of the report, and the hub, and the provider."""
    provider, hub = built.provider, built.hub
    at_hub = story._database(hub)
    provider.kill()
    with ThreadPoolExecutor(1) as aside:
        with crashing(provider, "after-upload", points["after-upload"]):
            reviewing = aside.submit(story._review, built, lambda _: None)
        files = "SELECT count(*) FROM hub_reportfile"
        until(lambda: count(at_hub, files) >= 3, "some files are uploaded", reviewing)
        hub.kill()
        assert count(at_hub, "SELECT count(*) FROM hub_report WHERE intake = 'finished'") == 0
        provider.kill()
        with crashing(provider, "after-finish", points["after-finish"]):
            hub.start()
        reviewing.result(WITHIN)


def test_every_crash_took_place(disaster: Disaster) -> None:
    assert all(marker.exists() for marker in disaster.points.values())


def test_every_file_reached_everybody_while_the_provider_was_away(disaster: Disaster) -> None:
    assert disaster.played.unequal == 0
    others = [name for name in disaster.sent() if not name.startswith(f"@{CAST[0].name}:")]
    assert disaster.played.received == sum(disaster.sent()[name] for name in others)


def test_every_set_was_delivered_once(disaster: Disaster) -> None:
    query = "SELECT account, state, count(*) FROM tutela_queue WHERE kind = 'voucher' GROUP BY account, state"
    ledger = {account: (state, number) for account, state, number in disaster.homeserver(query)}
    assert ledger == {account: ("delivered", number) for account, number in disaster.sent().items()}
    arrived = disaster.provider(
        "SELECT d.account, count(*), count(DISTINCT a.slot), count(DISTINCT a.digest) FROM provider_arrival a"
        " JOIN provider_device d ON d.id = a.device_id GROUP BY d.account"
    )
    assert {account: numbers for account, *numbers in arrived} == {
        account: [number] * 3 for account, number in disaster.sent().items()
    }
    (bodies,) = disaster.homeserver("SELECT count(*) FROM tutela_queue WHERE body IS NOT NULL")
    assert bodies == (0,)  # what was delivered is kept by nobody


def test_there_is_one_case_and_one_report_with_all_files(disaster: Disaster) -> None:
    ((state, account),) = disaster.provider(
        "SELECT c.state, d.account FROM provider_case c JOIN provider_device d ON d.id = c.device_id"
    )
    assert (state, account) == ("reported", f"@edda:{story.SERVER_NAME}")
    ((pictures,),) = disaster.provider("SELECT count(*) FROM provider_caseimage")
    assert pictures >= disaster.built.props.manifest.threshold + BEYOND - 1
    ((kind, job, number),) = disaster.provider("SELECT kind, state, report_id FROM provider_reportjob")
    assert (kind, job) == ("report", "finished")
    reports = disaster.hub("SELECT id, intake FROM hub_report")
    assert (number, "finished") in reports
    # whoever died between an upload and its note takes the unfinished report back, and begins a new one
    assert {intake for other, intake in reports if other != number} == {"retracted"}
    files = disaster.hub(
        "SELECT count(*), count(DISTINCT sha256), count(DISTINCT report_id) FROM hub_reportfile"
    )
    assert files == [(pictures, pictures, 1)]
    ((stated,),) = disaster.hub("SELECT count(DISTINCT file_id) FROM hub_filestatement")
    assert stated == pictures


def test_the_stored_files_are_those_of_the_report(disaster: Disaster) -> None:
    folder = disaster.built.hub.data / "hub" / "files"
    ((known,),) = disaster.hub("SELECT count(*) FROM hub_reportfile")
    assert len([path for path in folder.rglob("*") if path.is_file()]) == known


def test_the_audit_chains_hold(disaster: Disaster) -> None:
    for console in (disaster.built.hub, disaster.built.provider):
        found = console.tutela(console.role, "verify-audit").result()
        assert found["ok"]
        assert found["rows"] > 10
    query = "SELECT count(*) FROM console_auditrow WHERE action = ?"
    for records in (disaster.hub, disaster.provider):
        assert records(query, "report.finished") == [(1,)]


def test_the_stranger_who_counts_has_no_complaint(disaster: Disaster) -> None:
    assert disaster.result["complaints"] == []
    assert disaster.result["ok"]
    listed = disaster.built.hub.tutela("hub", "report", "list").result()["reports"]
    assert [each["agency"] for each in listed] == ["northland-police"]


def test_everybody_still_answers(disaster: Disaster) -> None:
    for console in (disaster.built.hub, disaster.built.provider):
        assert httpx.get(f"{console.url}/healthz", timeout=60).status_code == httpx.codes.OK
    assert disaster.built.lab.healthy()
