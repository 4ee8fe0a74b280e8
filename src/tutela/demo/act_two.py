"""Act two: a new list that enough organisations and witnesses stand behind, and what one alone achieves.

Two of the three witnesses have to vouch for the log: one may lie, or be down, and devices still update. While
one lies and another is down they do not, and keep the list that they have. Then a single organisation tries
to get a lawful photograph onto the list that devices compare with. Every device of act one is offered every
attempt, and at the end seals the photograph once more.

Not shown: a builder that signs and logs another table than that of the list in force. No device can tell, for
none sees entries; the epoch is in the log for good, and whoever holds the list can build its table again.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tutela.demo import next_list
from tutela.demo.attempts import ALONE, Attempt, Attempts
from tutela.demo.distributing import Distribution
from tutela.demo.endorsing import ORGANISATIONS
from tutela.demo.epoch import Props
from tutela.demo.next_list import NextList
from tutela.demo.stage import StageProblem
from tutela.demo.witnesses import HONEST, KILLED, LIAR, Witnesses
from tutela.fingerprint import fingerprint
from tutela.guard.core import Guard
from tutela.hashlist import Entry, HashList, Labels, Provenance
from tutela.hashlist.epoch import publishing
from tutela.hashlist.epoch.folder import EPOCH_PROOF_FILE
from tutela.hashlist.trust import Trust
from tutela.messenger.updates import EpochWatch
from tutela.tlog import Policy, Proof
from tutela.tlog.client import post
from tutela.tlog.errors import NoQuorum
from tutela.tlog.note import Signature
from tutela.tlog.policy import WitnessLine
from tutela.tlog.witness import AddCheckpoint
from tutela.voucher.table import Progress
from tutela.voucher.wire import Attachment

#: entries of the list that the attempts hide the photograph among
OTHERS: Final = 40
#: whose device believes in whoever asks, where that fault is planted
WEAK: Final = "bruno"
FAULT: Final = "single-source"

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices of act one, each with the guard that its person used there.

    Attributes:
        guards: by the person's name.
        watches: of each, what keeps its epoch current.
        trust: of each.
    """

    guards: Mapping[str, Guard]
    watches: Mapping[str, EpochWatch]
    trust: Mapping[str, Trust]

    def update(self) -> dict[str, dict[str, str]]:
        """Let every device ask the repository; return what each says, and the table that it uses then."""
        for name, guard in self.guards.items():
            self.watches[name].update(guard, self.trust[name])
        return {name: _answer(guard) for name, guard in self.guards.items()}

    def offer(self, folder: Path) -> dict[str, dict[str, str]]:
        """Offer an epoch to every device past the repository, as if that let everything through."""
        for name, guard in self.guards.items():
            guard.load_epoch(folder, self.trust[name])
        return {name: _answer(guard) for name, guard in self.guards.items()}


def _answer(guard: Guard) -> dict[str, str]:
    status = guard.status()
    used = status["epoch"]["table_id"] if status["epoch"] else ""
    refused = status["refused_epoch"]
    if refused is None:
        return {"code": "accepted", "sentence": f"Uses list {status['epoch']['number']}.", "table": used}
    return {"code": refused["code"], "sentence": refused["message"], "table": used}


@dataclass(frozen=True, slots=True)
class Setting:
    """What act two is played with.

    Attributes:
        props: of act one.
        distribution: the repository that the devices ask.
        guards: of act one's players.
        watches: of these guards, what keeps their epochs current.
        stores: the databases of these guards.
        run: an empty folder.
        environment: opens key files.
        plant: a fault, or "".
    """

    props: Props
    distribution: Distribution
    guards: Mapping[str, Guard]
    watches: Mapping[str, EpochWatch]
    stores: Mapping[str, Path]
    run: Path
    environment: Mapping[str, str]
    plant: str = ""


def play(setting: Setting, step: Step, progress: Progress | None = None) -> dict[str, Any]:
    """Play the act; return the facts for the checker.

    Raises:
        StageProblem, EnvironmentProblem: the stage failed; no refusal of a device raises.
    """
    step("Act two: the next list. Three of five organisations endorse it, and witnesses start over HTTP")
    trust = Trust.load(setting.props.trust_file)
    devices = Devices(setting.guards, setting.watches, dict.fromkeys(setting.guards, trust))
    with ExitStack() as stack:
        following = next_list.prepare(setting.props, setting.run / "next", progress)
        stack.callback(following.endorsing.close)
        witnesses = Witnesses(
            following.endorsing, following.world, setting.run / "witnesses", setting.environment
        )
        stack.callback(witnesses.stop)
        witnesses.launch()
        sides = _sides(following, following.endorsing.policy)  # the history is read while they start
        witnesses.wait()
        updates = list(_update(following, witnesses, devices, setting, step))
        attempts, reasons = _prepare_attempts(setting, following, witnesses)
        if setting.plant == FAULT:
            weak = replace(trust, constitution=attempts.rules.constitution.digest)
            devices = Devices(setting.guards, setting.watches, {**devices.trust, WEAK: weak})
        name = ORGANISATIONS[ALONE][0]
        step(f"{name}, alone, tries to have a lawful photograph compared with")
        rows = [_tried(attempt, devices.offer(attempt.folder)) for attempt in attempts.make()]
    return {
        **sides,
        "updates": updates,
        "register": reasons,
        "attempts": rows,
        "tables": {"before": setting.props.manifest.table_id.hex(), "now": _table(following)},
        "devices": dict(_seal(setting)),
    }


def _update(
    following: NextList, witnesses: Witnesses, devices: Devices, setting: Setting, step: Step
) -> Iterator[dict[str, Any]]:
    """Publish the list while one witness lies and one is down, then again once that one is back."""
    step(f"Witness {LIAR} lies, and witness {KILLED} is killed (SIGKILL)")
    witnesses.servers[KILLED].kill()
    said = _refused_publication(following, witnesses.policy())
    hasty, lying = setting.run / "one witness", setting.run / "a lie"
    for folder in (hasty, lying):
        shutil.copytree(following.folder, folder)
        _publish(following, folder, witnesses.policy(HONEST))
    _add_lie(following, lying, witnesses.policy())
    step("Too few witnesses vouch for the log: every device keeps the list that it has")
    yield _row(
        "one witness",
        "publishes it all the same, with the one honest witness",
        _distributed(hasty, devices, setting),
        publisher=said,
    )
    yield _row(
        "a lie", "publishes it with the liar's signature beside", _distributed(lying, devices, setting)
    )
    step(f"Witness {KILLED} is back: two of three vouch, and the devices update")
    witnesses.servers[KILLED].start()
    _publish(following, following.folder, witnesses.policy())
    yield _row(
        "quorum", "publishes it with two of three witnesses", _distributed(following.folder, devices, setting)
    )


def _publish(following: NextList, folder: Path, policy: Policy) -> None:
    endorsing = following.endorsing
    publishing.publish(folder, endorsing.history, following.version, endorsing.log, policy, following.listed)


def _refused_publication(following: NextList, policy: Policy) -> dict[str, str]:
    """Return what whoever publishes by the rules is told."""
    try:
        _publish(following, following.folder, policy)
    except NoQuorum as error:
        return error.diagnostics()
    raise StageProblem("A quorum of witnesses was there that cannot have been.")


def _add_lie(following: NextList, folder: Path, policy: Policy) -> None:
    """Put what the liar answers beside the honest witness's signature."""
    path = folder / EPOCH_PROOF_FILE
    proof = Proof.parse(path.read_bytes())
    liar: WitnessLine = next(line for line in policy.witnesses if line.name == LIAR)
    answer = post(liar, AddCheckpoint(0, (), following.endorsing.log.head).to_bytes())
    lie = Signature.parse(answer.body.decode().rstrip("\n"))
    path.write_bytes(replace(proof, checkpoint=proof.checkpoint.signed([lie])).to_bytes())


def _distributed(folder: Path, devices: Devices, setting: Setting) -> dict[str, dict[str, str]]:
    """Publish an epoch in the repository, let the devices ask it, and return their answers."""
    setting.distribution.publish(folder)
    return devices.update()


def _row(name: str, what: str, answers: dict[str, dict[str, str]], **more: Any) -> dict[str, Any]:
    return {"name": name, "what": what, "answers": answers, **more}


def _prepare_attempts(
    setting: Setting, following: NextList, witnesses: Witnesses
) -> tuple[Attempts, list[dict[str, Any]]]:
    folder = setting.run / "attempts"
    folder.mkdir()
    others = HashList.load(setting.props.list_file).entries[:OTHERS]
    photograph = _entry(setting.props.ordinary[0])
    attempts = Attempts(following, witnesses.policy(), photograph, others, folder)
    return attempts, [dict(reason.to_dict()) for reason in attempts.submit()]


def _entry(picture: bytes) -> Entry:
    """Return what the organisation says of the photograph, which is an ordinary one that act one sent."""
    found = fingerprint(picture, path="exact")
    origin = Provenance(source=ALONE, added=datetime.now(UTC), note="", path="exact")
    labels = Labels("tutela-demo", "A", origin, lambda: "lawful-000001")
    return labels.entry(pdq=found.pdq, sha256=found.sha256, quality=found.quality)


def _tried(attempt: Attempt, answers: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {
        "name": attempt.name,
        "what": attempt.what,
        "table": attempt.table.hex(),
        "answers": answers,
    }


def _sides(following: NextList, policy: Policy) -> dict[str, Any]:
    return {
        "organisations": {
            name: {"name": title, "jurisdiction": place, "alliances": list(alliances)}
            for name, (title, place, _, alliances) in ORGANISATIONS.items()
        },
        "endorsers": following.version.leaf()["endorsers"],
        "endorsers_needed": following.endorsing.history.constitution.quorum,
        "witnesses": {HONEST: "honest", LIAR: "lies", KILLED: "killed, then started again"},
        "witnesses_needed": policy.groups[0].threshold,
        "alone": ALONE,
    }


def _table(following: NextList) -> str:
    return publishing.claimed(following.folder).table_id.hex()


def _seal(setting: Setting) -> Iterator[tuple[str, dict[str, str]]]:
    """Let every device seal the photograph as for sending; the checker looks at what would have left."""
    picture = setting.props.ordinary[0]
    digest = hashlib.sha256(picture).digest()
    for name, guard in setting.guards.items():
        attachment = Attachment(secrets.token_bytes(32), secrets.token_bytes(16), digest, "photograph")
        path = setting.run / f"{name}.sealed"
        path.write_bytes(guard.protect(picture, attachment).voucher)
        yield name, {"sealed": str(path), "database": str(setting.stores[name])}
