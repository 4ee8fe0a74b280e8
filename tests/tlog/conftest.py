"""A log, witnesses and a policy of invented parties, all in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tutela.tlog import COSIGNATURE_ED25519, Ed25519Signer, Policy, SignedCheckpoint, cosignature
from tutela.tlog import checkpoint as checkpoints
from tutela.tlog.checkpoint import Checkpoint
from tutela.tlog.client import collect
from tutela.tlog.log import Log
from tutela.tlog.policy import WitnessLine
from tutela.tlog.tree import Tree
from tutela.tlog.witness import Answer, Seen, Witness

ORIGIN = "example.org/log"
LOG = Ed25519Signer(ORIGIN, b"\1" * 32)
NOW = 1_790_000_000
MOMENT = datetime.fromtimestamp(NOW, UTC)


def witness_signer(name: str) -> Ed25519Signer:
    return Ed25519Signer(f"example.org/{name}", name.encode().ljust(32, b"\2"), COSIGNATURE_ED25519)


def policy_of(*names: str, quorum: str = "all") -> Policy:
    lines = [f"log {LOG.key}", *(f"witness {name} {witness_signer(name).key}" for name in names)]
    return Policy.parse("\n".join([*lines, f"group q {quorum} {' '.join(names)}", "quorum q", ""]).encode())


def signed_by(tree: Tree, *names: str, at: int = NOW, size: int | None = None) -> SignedCheckpoint:
    size = len(tree) if size is None else size
    signed = checkpoints.sign(Checkpoint(ORIGIN, size, tree.root(size)), LOG)
    return signed.signed(cosignature.cosign(signed.note.text, witness_signer(name), at) for name in names)


class MemoryState:
    """The witness's state in a dictionary."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.conflicts: list[bytes] = []

    def advance(self, origin: str, decide: Callable[[Seen], Seen]) -> None:
        self.seen[origin] = decide(self.seen.get(origin, Seen()))

    def keep_conflict(self, origin: str, signed: bytes) -> None:
        self.conflicts.append(signed)


@dataclass
class World:
    folder: Path
    log: Log
    witnesses: dict[str, Witness]
    policy: Policy
    down: set[str] = field(default_factory=set)

    def ask(self, line: WitnessLine, body: bytes) -> Answer:
        return Answer(503, b"down\n") if line.name in self.down else self.witnesses[line.name].handle(body)

    def add(self, *entries: bytes) -> SignedCheckpoint:
        self.log.append(entries)
        signed = collect(self.log, self.policy, self.ask)
        self.log.publish(signed)
        return signed


def make_witness(name: str) -> Witness:
    return Witness(witness_signer(name), {ORIGIN: (LOG.key,)}, MemoryState(), lambda: NOW)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    names = ("a", "b", "c")
    with Log.create(tmp_path / "log", LOG) as log:
        yield World(tmp_path / "log", log, {n: make_witness(n) for n in names}, policy_of(*names, quorum="2"))
