"""The attacks, each as the one thing that is different from a world that a device accepts.

An attack names what is different (`differs`), compared with `base`; the tests compare the folders themselves, and
show that the same construction without it is accepted (`controls` in test_attacks.py).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.attacks.house import House

from tutela.demo.endorsing import ENDORSING
from tutela.hashlist.epoch import publishing
from tutela.hashlist.governance import Endorsements, sign
from tutela.oprf import group
from tutela.tlog import Leaf, Policy
from tutela.tlog.errors import NoQuorum
from tutela.tlog.log import Log

PROOFS = frozenset({"epoch.tlog-proof", "legal-basis-XX.tlog-proof", "log/checkpoint", "log/tile"})
#: of a whole new epoch, everything but who decides
EPOCH = PROOFS | {"manifest.json", "table.bin", "table.proof"}


@dataclass(frozen=True)
class Staged:
    """An attack that is ready to be met.

    Attributes:
        address: of the repository that the device asks.
        folder, base: what is served, and what it is compared with.
        before: what the device accepted earlier, if anything.
    """

    address: str
    folder: Path
    base: Path
    before: str = ""


@dataclass(frozen=True)
class Attack:
    name: str
    code: str
    differs: frozenset[str]
    stage: Callable[[House], Staged]


ATTACKS: list[Attack] = []


def attack(
    name: str, code: str, *differs: str
) -> Callable[[Callable[[House], Staged]], Callable[[House], Staged]]:
    def add(stage: Callable[[House], Staged]) -> Callable[[House], Staged]:
        ATTACKS.append(Attack(name, code, frozenset(differs), stage))
        return stage

    return add


def _note(house: House, text: str) -> bytes:
    return Leaf("statement", "", house.now, {"text": text}).to_bytes()


def _endorsements(house: House) -> dict[str, bytes]:
    found = house.everybody.history.endorsements()
    return {each.organisation: record.data for record, each in found if each.number == house.version.number}


def _with_endorsements(house: House, name: str, *signed: bytes) -> Staged:
    folder = house.copy(name)
    (folder / "endorsements.json").write_bytes(Endorsements.of(signed).to_bytes())
    return Staged(house.serve(name, folder), folder, house.honest)


def _by(house: House, who: str) -> bytes:
    """The endorsement of the honest list version by another organisation, under its own key."""
    honest = next(each for _, each in house.everybody.history.endorsements())
    return sign(replace(honest, organisation=who), house.everybody.signer(who))


# who decides


@attack(
    "one organisation lists a picture alone", "governance.too_few_endorsements",
    *EPOCH, "endorsements.json", "list.tlog-proof",
)  # fmt: skip
def single_source(house: House) -> Staged:
    folder = house.endorsed_alone("single-source", group.random_scalar(), ENDORSING[:1])
    return Staged(house.serve("single-source", folder), folder, house.honest)


@attack("a quorum of allied organisations", "governance.allied_only", "endorsements.json")
def allied_only(house: House) -> Staged:
    own = _endorsements(house)
    allied = (own["north-centre"], _by(house, "north-police"), own["east-hotline"])
    return _with_endorsements(house, "allied", *allied)


@attack("a forged endorsement", "governance.forged_signature", "endorsements.json")
def forged(house: House) -> Staged:
    own = _endorsements(house)
    said = json.loads(own["south-rights"])
    said["signatures"][0]["signature"] = json.loads(own["east-hotline"])["signatures"][0]["signature"]
    data = json.dumps(said).encode()
    return _with_endorsements(house, "forged", own["east-hotline"], own["north-centre"], data)


@attack("one organisation signs twice", "governance.duplicate_signer", "endorsements.json")
def duplicate(house: House) -> Staged:
    own = _endorsements(house)
    return _with_endorsements(house, "duplicate", *own.values(), own["east-hotline"])


# the log and its witnesses


def _seen(house: House, name: str) -> tuple[Path, str]:
    """The honest epoch under a newer checkpoint, whose last leaf is a statement."""
    folder = house.copy(f"{name}-before")
    house.everybody.log.append([_note(house, name)])
    house.everybody.refresh(folder)
    return folder, house.serve(f"{name}-before", folder)


def _other_branch(house: House, name: str, *more: str) -> Log:
    """The log as it is, but for its last leaf and what follows it."""
    return house.branch(
        name, house.everybody.log.size - 1, [_note(house, text) for text in ("another", *more)]
    )


@attack("a log that is forked", "tlog.fork", *PROOFS)
def forked(house: House) -> Staged:
    before, address = _seen(house, "forked")
    folder = house.copy("forked")
    with _other_branch(house, "forked", "and one more") as log:
        publishing.refresh_proof(folder, log, house.everybody.policy, house.colluding())
    return Staged(house.serve("forked", folder, "forked-before"), folder, before, address)


@attack("a log that is rolled back", "tlog.rolled-back", *PROOFS)
def rolled_back(house: House) -> Staged:
    before, address = _seen(house, "rolled-back")
    return Staged(
        house.serve("rolled-back", house.honest, "rolled-back-before"), house.honest, before, address
    )


@attack("a log whose hashes are cut off", "tlog.consistency-missing", "log/tile")
def truncated(house: House) -> Staged:
    folder = house.copy("truncated")
    shutil.rmtree(folder / "log" / "tile")
    return Staged(house.serve("truncated", folder), folder, house.honest)


@attack("another view of the log for one user", "tlog.too-few-witnesses", *PROOFS)
def split_view(house: House) -> Staged:
    """Honest witnesses, asked over HTTP, do not sign a second view; the log shows it with its own signature."""
    before, _ = _seen(house, "split")
    folder = house.copy("split")
    with _other_branch(house, "split", "and one more") as log:
        with pytest.raises(NoQuorum):
            publishing.refresh_proof(folder, log, house.everybody.policy)
        alone = Policy.parse(f"log {house.everybody.log._signer.key}\nquorum none\n".encode())
        publishing.refresh_proof(folder, log, alone)
    return Staged(house.serve("split", folder), folder, before)


@attack(
    "witnesses that signed long ago",
    "tlog.stale",
    "epoch.tlog-proof",
    "legal-basis-XX.tlog-proof",
    "log/checkpoint",
)
def stale(house: House) -> Staged:
    before, _ = _seen(house, "stale")
    return cosigned(house, "stale", before, hours=25)


def cosigned(house: House, name: str, base: Path, hours: float) -> Staged:
    """The honest epoch under a checkpoint that witnesses signed some hours ago."""
    folder, log = house.copy(name), house.everybody.log
    with house.branch(name, log.size, ()) as same:
        old = house.colluding(house.now - timedelta(hours=hours))
        publishing.refresh_proof(folder, same, house.everybody.policy, old)
    return Staged(house.serve(name, folder), folder, base)


@attack("witnesses that sign two histories", "tlog.equivocation", *PROOFS)
def equivocating(house: House) -> Staged:
    before, address = _seen(house, "equivocating")
    folder = house.copy("equivocating")
    with _other_branch(house, "equivocating") as log:
        publishing.refresh_proof(folder, log, house.everybody.policy, house.colluding())
    return Staged(house.serve("equivocating", folder, "equivocating-before"), folder, before, address)


# the epoch


@attack("a list whose time is over", "epoch.expired", *PROOFS, "manifest.json")
def expired(house: House) -> Staged:
    folder = house.copy("expired")
    start, end = (house.now - timedelta(days=days) for days in (3, 1))
    house.resign(folder, valid_from=start, valid_until=end)
    return Staged(house.serve("expired", folder), folder, house.honest)


@attack("a list for another purpose", "epoch.other_category", *PROOFS, "manifest.json")
def other_category(house: House) -> Staged:
    folder = house.copy("other-category")
    house.resign_as(folder, "political-speech")
    return Staged(house.serve("other-category", folder), folder, house.honest)


@attack("a table that is not the audited one", "voucher.table", "table.bin")
def other_table(house: House) -> Staged:
    folder = house.copy("other-table")
    data = bytearray((folder / "table.bin").read_bytes())
    data[-32:], data[-64:-32] = data[-64:-32], data[-32:]  # two slots change places: all are group elements
    (folder / "table.bin").write_bytes(bytes(data))
    return Staged(house.serve("other-table", folder), folder, house.honest)


@attack("two tables under one key", "epoch.same_table_key", *EPOCH)
def same_key(house: House) -> Staged:
    folder = house.second("same-key", house.key)
    return Staged(house.serve("same-key", folder), folder, house.honest, house.control)


# the repository


@attack("parts of two states of the repository", "distribution.mix_and_match", "metadata/snapshot.json")
def mix_and_match(house: House) -> Staged:
    """A server without any key puts the snapshot of yesterday under today's name."""
    folder = Path(house.repository("mixed").folder)
    address = house.serve("mixed", house.honest)
    base = Path(shutil.copytree(folder, house.folder / "mixed-base"))
    newest, older = sorted(
        (folder / "metadata").glob("*.snapshot.json"), key=lambda path: -int(path.name.split(".")[0])
    )[:2]
    shutil.copy(older, newest)
    return Staged(address, folder, base)


@attack("a repository that is frozen", "distribution.frozen", "metadata/timestamp.json")
def frozen(house: House) -> Staged:
    """A server goes on showing a timestamp that ran out an hour ago."""
    repository = house.repository("frozen")
    repository.refresh_timestamp(house.keys.timestamp, house.now - timedelta(hours=25))
    return Staged(f"{house.web.url}/frozen", repository.folder, house.folder / "web" / "control")
