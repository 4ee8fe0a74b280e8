"""The story from beginning to end: set up three organisations, play, wait, review, count.

Faults can be planted to prove that the count would show them (`plant`): they are for the tests, and a run
with one of them has to end with exit code 1.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tutela.demo import act_two, checker, epoch
from tutela.demo.cast import CAST, CONTROL
from tutela.demo.distributing import Distribution
from tutela.demo.epoch import JURISDICTION, Props
from tutela.demo.folders import Folders
from tutela.demo.people import Visitor
from tutela.demo.recorder import PORT_HEADER, Recorder
from tutela.demo.scenes import Played, Scenes
from tutela.demo.stage import Console, StageProblem
from tutela.errors import UsageError
from tutela.homeserver.lab import Lab, free_port

SERVER_NAME: Final = "demo.example.org"
FAULTS: Final = ("below-threshold", "plaintext", act_two.FAULT)
REVIEWERS: Final = ("rosa", "samir")
ANALYST: Final = "hana"
SUPERVISORS: Final = ("sofia", "sven")
ESP: Final = "messenger-ltd"
_DELIVERY: Final = 240.0
_PAUSE: Final = 0.3

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chose.

    Attributes:
        folder: of cache and state.
        photos: own photographs, or None for those of installed packages.
        entries: of the list.
        auto: take the reviewers' decisions.
        fresh: build the epoch again.
        plant: a fault of `FAULTS`, or empty.
    """

    folder: Path
    photos: Path | None = None
    entries: int = 10_000
    auto: bool = False
    fresh: bool = False
    plant: str = ""

    def __post_init__(self) -> None:
        """Refuse an unknown fault."""
        if self.plant and self.plant not in FAULTS:
            raise UsageError(f"A fault is one of {', '.join(FAULTS)}.")


@dataclass(slots=True)
class House:
    """The running house, as the caller shows it."""

    folders: Folders
    props: Props
    provider: Console
    hub: Console
    lab: Lab
    distribution: Distribution
    logins: list[tuple[str, str, str, str]]
    result: dict[str, Any] = field(default_factory=dict)


@contextmanager
def house(options: Options, step: Step, progress: epoch.Progress | None = None) -> Iterator[House]:
    """Play the story and keep the servers up until the context ends.

    Raises:
        EnvironmentProblem, RemoteError: a server, a page or a tool did not do what it has to.
    """
    began = time.monotonic()
    logging.getLogger("nio").setLevel(logging.ERROR)
    folders = Folders.prepare(options.folder, fresh=options.fresh)
    step("The list and its epoch: real photographs as stand-ins, near duplicates, random fillers")
    props = epoch.prepare(folders, options.photos, options.entries, progress)
    with ExitStack() as stack:
        built = _build(folders, props, stack, step)
        played = _play(built, stack, step)
        _wait_for_delivery(built, step)
        _wait_for_review(built, step)
        if options.auto:
            _review(built, step)
        trust = _act_two(built, played, options.plant, step, progress)
        _plant(built, options.plant, played)
        step("Counting in the stores and on the recorded network")
        built.result = _count(built, played, trust, reviewed=options.auto)
        built.result["seconds"] = round(time.monotonic() - began, 1)
        yield built


def _build(folders: Folders, props: Props, stack: ExitStack, step: Step) -> House:
    """Set the organisations up beside each other, then start their servers beside each other."""
    environment = epoch.environment(folders)
    hub = Console("hub", folders.run / "hub", environment, port=free_port())
    provider = Console("provider", folders.run / "provider", environment, port=free_port())
    distribution = Distribution(folders.run / "repository", f"http://127.0.0.1:{provider.port}/distribution/")
    distribution.publish(props.folder)
    step("A national centre and a provider: keys, rules, people")
    staff = {
        hub.role: _people((ANALYST, "analyst"), (SUPERVISORS[1], "supervisor")),
        provider.role: _people(*((name, "reviewer") for name in REVIEWERS), (SUPERVISORS[0], "supervisor")),
    }
    founding = [
        hub.found(staff[hub.role], (ESP, "report.submit")),
        provider.found(staff[provider.role], ("homeserver", "intake.write")),
    ]
    hub_password, service_token = (str(task.result()["token"]) for task in founding)
    step("Their servers, and a homeserver (Synapse) with the voucher module")
    stack.callback(hub.stop)
    hub.launch()
    lab = Lab(
        folders.run / "homeserver",
        f"http://127.0.0.1:{provider.port}",
        service_token,
        secrets.token_urlsafe(32),
        props.manifest.sizes.voucher,
        module={"client_port_header": PORT_HEADER, "rate_per_second": 50, "rate_burst": 500},
        server_name=SERVER_NAME,
        behind_proxy=True,
        port=free_port(),
    )
    _set_up_provider(provider, props, distribution, hub, hub_password, lab)
    stack.callback(provider.stop)
    provider.launch()
    stack.enter_context(lab)
    hub.wait()
    provider.wait()
    logins = [(role, name, group, password) for role in staff for name, group, password in staff[role]]
    return House(folders, props, provider, hub, lab, distribution, logins)


def _people(*people: tuple[str, str]) -> list[tuple[str, str, str]]:
    return [(name, role, secrets.token_urlsafe(12)) for name, role in people]


def _set_up_provider(
    provider: Console, props: Props, distribution: Distribution, hub: Console, hub_password: str, lab: Lab
) -> None:
    provider.environment = {
        **provider.environment,
        "TUTELA_HUB_PASSWORD": hub_password,
        "TUTELA_HOMESERVER_TOKEN": lab.media_token,
    }
    provider.tutela(
        "provider",
        "init",
        *("--epoch", str(props.folder)),
        *("--list", str(props.list_file)),
        *("--table-key", str(props.table_key)),
        *("--trust", str(props.trust_file)),
        *("--repository", str(distribution.folder)),
        *("--jurisdiction", JURISDICTION),
        *("--organisation", "Messenger Ltd (invented)"),
        *("--contact-email", "safety@messenger.example"),
        *("--hub", f"http://127.0.0.1:{hub.port}/ispws"),
        *("--hub-user", ESP),
        *("--homeserver", lab.base_url),
    ).result()


def _play(built: House, stack: ExitStack, step: Step) -> Played:
    passwords = {player.name: secrets.token_urlsafe(12) for player in CAST}
    for player in CAST:
        built.lab.register(player.name, passwords[player.name])
    addresses = {player.name: player.address for player in CAST}
    recorder = stack.enter_context(Recorder(built.lab.port, addresses, built.folders.network))
    played = Scenes(built.folders, built.props, built.distribution, recorder.url, passwords, step).play()
    if played.unequal:
        raise StageProblem(f"{played.unequal} files did not arrive as they were sent.")
    step(f"{CAST[0].name} received and decrypted {played.received} files, each equal to what was sent")
    return played


def _wait(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _DELIVERY
    while not condition():
        if time.monotonic() > until:
            raise StageProblem(f"{what} did not happen in time.", hint="See the logs in the run folder.")
        time.sleep(_PAUSE)


def _wait_for_delivery(built: House, step: Step) -> None:
    step("The homeserver delivers the sealed sets to the provider")
    query = "SELECT count(*) FROM tutela_queue WHERE state = 'queued'"
    _wait(lambda: checker.rows(built.lab.database, query)[0][0] == 0, "Delivery")


def _database(console: Console) -> Path:
    return console.data / f"{console.role}.sqlite3"


def _wait_for_review(built: House, step: Step) -> None:
    step("The provider opens what crossed the threshold, and nothing else")
    query = "SELECT count(*) FROM provider_case WHERE state = 'review'"
    _wait(lambda: checker.rows(_database(built.provider), query)[0][0] > 0, "A case for review")


def _review(built: House, step: Step) -> None:
    passwords = {name: password for _, name, _, password in built.logins}
    for name in REVIEWERS:
        step(f"{name} signs in, looks at the blurred pictures and agrees")
        with Visitor(built.provider.url) as person:
            person.sign_in(name, passwords[name])
            for case in person.links("/", "/cases/"):
                reason = "The grey pictures agree with the entries that they are beside."
                person.fill(case, {"verdict": "agree", "reason": reason})
    step("The original is fetched, decrypted, fingerprinted again, and reported to the centre")
    query = "SELECT count(*) FROM provider_case WHERE state != 'reported'"
    _wait(lambda: checker.rows(_database(built.provider), query)[0][0] == 0, "The report")


def _act_two(
    built: House, played: Played, plant: str, step: Step, progress: epoch.Progress | None
) -> dict[str, Any]:
    run = built.folders.run / "trust"
    run.mkdir()
    environment = epoch.environment(built.folders)
    devices = built.folders.devices
    stores = {name: devices / name / "guard" / "guard.db" for name in played.guards}
    distribution, guards, watches = built.distribution, played.guards, played.watches
    setting = act_two.Setting(built.props, distribution, guards, watches, stores, run, environment, plant)
    return act_two.play(setting, step, progress)


def _plant(built: House, fault: str, played: Played) -> None:
    """Do what must never happen, where it would happen, so that the count has to show it."""
    if fault == "below-threshold":
        _open_one(_database(built.provider))
    elif fault == "plaintext":
        leaked = Path(played.pictures[0]["file"]).read_bytes()
        (built.lab.media / "leaked").write_bytes(leaked[: len(leaked) // 2 + 100])


def _open_one(database: Path) -> None:
    """Give the account that must stay closed a case with one picture: opened below the threshold."""
    connection = sqlite3.connect(database, timeout=30)
    connection.row_factory = sqlite3.Row
    with connection:
        device = connection.execute("SELECT id FROM provider_device WHERE account LIKE '@dario:%'").fetchone()
        case = dict(connection.execute("SELECT * FROM provider_case").fetchone())
        image = dict(connection.execute("SELECT * FROM provider_caseimage").fetchone())
        case |= {
            "id": case["id"] + 1000,
            "reference": "PLANTED",
            "device_id": device["id"],
            "state": "review",
        }
        image |= {"id": image["id"] + 1000, "case_id": case["id"]}
        for name, row in (("provider_case", case), ("provider_caseimage", image)):
            marks = ", ".join("?" * len(row))
            statement = f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608  our own names
            connection.execute(statement, tuple(row.values()))
    connection.close()


def _count(built: House, played: Played, trust: dict[str, Any] | None, *, reviewed: bool) -> dict[str, Any]:
    """Run the checker as a program of its own; `trust` is what act two says happened, if it was played."""
    facts = {
        "homeserver": {
            "database": str(built.lab.database),
            "media": str(built.lab.media),
            "network": str(built.folders.network),
        },
        "provider": {"database": str(_database(built.provider))},
        "hub": {"database": str(_database(built.hub))},
        "threshold": built.props.manifest.threshold,
        "texts": list(played.texts),
        "control": CONTROL,
        "pictures": [dict(picture) for picture in played.pictures],
        "accounts": {
            player.name: {"matrix": f"@{player.name}:{SERVER_NAME}", "expected": player.expected}
            for player in CAST
        },
        "reports_expected": 1 if reviewed else 0,
        **({} if trust is None else {"trust": trust}),
    }
    path = built.folders.run / "facts.json"
    path.write_text(json.dumps(facts))
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-I", checker.__file__, str(path)], capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise StageProblem(f"The checker failed: {done.stderr.strip()[-400:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result
