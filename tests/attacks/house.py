"""The whole chain in real processes: a log, three witnesses and a web server, each answering over HTTP.

The organisations are those of `tutela.demo.endorsing`; the log and the witnesses run as `tutela log serve` and
`tutela witness serve`, and devices read repositories from a server process of their own. Whoever attacks may hold
every key that the attack needs; what is not in its hands (honest witnesses, the web's other end) is the real thing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.distribution.conftest import Server
from tests.distribution.house import fresh
from tests.tlog.conftest import MemoryState

from trust_world import SECRET, few_entries
from tutela.demo.endorsing import Endorsing
from tutela.distribution import Lifetimes, Organisation, Repository, RoleKeys
from tutela.distribution.paths import EPOCH_PATTERNS, PROOF_PATTERNS
from tutela.fingerprint import fingerprint
from tutela.hashlist import Entry, HashList, Provenance, clustered, envelope
from tutela.hashlist.epoch import Plan, Signer, TrustedKey, build_epoch, publishing
from tutela.hashlist.epoch.leaves import checkpoint_digest, list_leaf
from tutela.hashlist.epoch.manifest import table_id
from tutela.hashlist.governance import Endorsement, Endorsements, ListVersion, sign
from tutela.hashlist.legal_basis import LegalBasis, file_name, make
from tutela.oprf import group
from tutela.sealed import keyfile
from tutela.tlog import Policy, SignedCheckpoint, files
from tutela.tlog.client import Ask
from tutela.tlog.log import Log
from tutela.tlog.witness import Witness
from tutela.voucher import everyday

ROOT = Path(__file__).parents[2]
PASSPHRASE = "three ordinary words"
BUILDER = Signer(b"\5" * 32)
JURISDICTION = "XX"
LISTED = 6


def pattern(seed: int) -> bytes:
    """A generated pattern: as rich in structure as a photograph, and of nothing."""
    noise = np.random.default_rng(seed).integers(0, 255, (14, 18, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((400, 300), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def hash_list(pictures: Iterable[bytes]) -> HashList:
    origin = Provenance("example.org", datetime(2026, 1, 1, tzinfo=UTC), path="exact")
    entries = [
        Entry(id=f"e{at}", scale="tutela-demo", category="A", pdq=fingerprint(data).pdq, quality=90, provenance=origin)
        for at, data in enumerate(pictures)
    ]  # fmt: skip
    return HashList(clustered(entries), b"s" * 32)


@contextmanager
def serving(*words: object) -> Iterator[Callable[[], str]]:
    """A server command in a process of its own; its address once it answers."""
    command = [sys.executable, "-m", "tutela.cli.main", *map(str, words), "--port", "0", "--json"]
    environment = {**os.environ, "TUTELA_KEY_PASSPHRASE": PASSPHRASE, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    line = process.stdout.readline
    try:
        yield lambda: str(json.loads(line())["url"])
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


class Real(Endorsing):
    """Everybody, with witnesses that are asked over HTTP."""

    urls: dict[str, str]
    ask = None  # type: ignore[assignment]

    @property
    def witnesses(self) -> dict[str, Witness]:
        """Their keys, for witnesses that take part in an attack."""
        return self._witnesses

    @property
    def policy(self) -> Policy:
        lines = super().policy.to_bytes().decode()
        for name, one in self._witnesses.items():
            lines = lines.replace(str(one.signer.key), f"{one.signer.key} {self.urls[name]}")
        return Policy.parse(lines.encode())


@dataclass
class Keys:
    """Of the repository."""

    root: tuple[Any, ...]
    targets: tuple[Any, ...]
    snapshot: tuple[Any, ...]
    timestamp: tuple[Any, ...]
    builder: tuple[Any, ...]
    log: tuple[Any, ...]

    @property
    def publishing(self) -> tuple[Any, ...]:
        return (*self.builder, *self.log, *self.snapshot, *self.timestamp)


class House:
    """The untouched world, and ways to make a copy of it in which one thing is different."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.made: list[
            tuple[Path, bytes]
        ] = []  # every epoch with its table's key: what a provider could open
        self.everybody = Real.create(folder / "world", lambda: self.now, seed=b"w" * 32)
        stack.callback(self.everybody.close)
        self._start(stack)
        self.pictures = [pattern(100 + at) for at in range(LISTED)]
        self.everybody.submit(few_entries(), SECRET)
        self.version = self.everybody.endorse()
        self.listed = self.everybody.log_version(self.version)
        trusted = TrustedKey("Example Register", BUILDER.public_key)
        self.trust = self.everybody.trust([trusted])
        self.key = group.random_scalar()
        self.honest = folder / "honest"
        self.build(self.honest, self.key, number=1)
        self.everybody.publish(self.honest, self.version, self.listed)
        self.keys = Keys(fresh(3), fresh(), fresh(), fresh(), fresh(), fresh())
        self.root = self._found_repository()
        self.control = self.serve("control", self.honest)

    def _start(self, stack: ExitStack) -> None:
        log = self.folder / "world" / "log"
        files.write_all(log, {"log.vkey": f"{self.everybody.log._signer.key}\n".encode()})
        commands: dict[str, tuple[object, ...]] = {}
        for name, witness in self.everybody.witnesses.items():
            home = self.folder / "witnesses" / name
            home.mkdir(parents=True)
            keyfile.save(home / "witness.key", witness.signer.private, PASSPHRASE, cost=12)
            rules = f"log {self.everybody.log._signer.key}\nquorum none\n".encode()
            files.write_all(home, {"logs.policy": rules, "witness.vkey": f"{witness.signer.key}\n".encode()})
            commands[name] = ("witness", "serve", home)
        started = {name: stack.enter_context(serving(*words)) for name, words in commands.items()}
        self.everybody.log.publish(self.everybody.log.head)
        serving_log = stack.enter_context(serving("log", "serve", log))
        (self.folder / "web").mkdir()
        self.web = Server(self.folder / "web")
        stack.callback(self.web.stop)
        self.everybody.urls = {name: address() for name, address in started.items()}
        self.log_url = serving_log()

    def build(
        self,
        folder: Path,
        key: bytes,
        *,
        number: int,
        pictures: Sequence[bytes] | None = None,
        root: bytes | None = None,
        listed: SignedCheckpoint | None = None,
    ) -> None:
        """An epoch of the listed patterns, with its legal basis."""
        start, end = self.now - timedelta(hours=1), self.now + timedelta(days=60)
        plan = Plan(
            number, start, end,
            list_root=root or self.version.root, checkpoint=checkpoint_digest(listed or self.listed),
        )  # fmt: skip
        entries = hash_list(self.pictures if pictures is None else pictures)
        build_epoch(entries, everyday(), plan, key=key, signers=[BUILDER], out_dir=folder)
        self.made.append((folder, key))
        law = LegalBasis(JURISDICTION, "Example Act, section 1", start, end, b"p" * 32)
        (folder / file_name(JURISDICTION)).write_bytes(make(law, BUILDER))

    def _found_repository(self) -> bytes:
        keys = self.keys
        roles = {
            "root": RoleKeys.of(keys.root, 2),
            **{name: RoleKeys.of(getattr(keys, name)) for name in ("targets", "snapshot", "timestamp")},
        }
        by = (
            Organisation("log", RoleKeys.of(keys.log), PROOF_PATTERNS),
            Organisation("builder", RoleKeys.of(keys.builder), EPOCH_PATTERNS),
        )
        signers = (*keys.root, *keys.targets, *keys.publishing)
        return Repository(self.folder / "empty").create(roles, by, signers, self.now)

    # copies in which something is different

    def copy(self, name: str) -> Path:
        """A copy of the honest epoch's folder."""
        return Path(shutil.copytree(self.honest, self.folder / "epochs" / name))

    def repository(self, name: str, of: str = "control") -> Repository:
        """The repository of a name, begun as a copy of another one: what a device saw there, it sees continued."""
        folder = self.folder / "web" / name
        if not folder.exists():
            before = self.folder / "web" / of
            shutil.copytree(before if before.exists() else self.folder / "empty", folder)
        return Repository(folder, Lifetimes())

    def serve(self, name: str, epoch: Path, of: str = "control") -> str:
        """Publish an epoch's folder in the repository of a name; return its address."""
        self.repository(name, of).publish_epoch(epoch, self.keys.publishing, self.now)
        return f"{self.web.url}/{name}"

    def resign(self, folder: Path, **changes: Any) -> None:
        """Let the builder sign another manifest, and log it: only what it says is different."""
        manifest = replace(publishing.claimed(folder), **changes)
        (folder / "manifest.json").write_bytes(envelope.sign(manifest.to_statement(), [BUILDER]))
        self.everybody.publish(folder, self.version, self.listed)

    def resign_as(self, folder: Path, category: str) -> None:
        """As `resign`, with all that follows from another category."""
        honest = publishing.claimed(folder)
        name = table_id(honest.number, honest.build, category, honest.list_commitment)
        self.resign(folder, category=category, header=replace(honest.header, table_id=name))

    def second(self, name: str, key: bytes) -> Path:
        """The next epoch, of another list, published as it should be."""
        folder = self.folder / "epochs" / name
        self.build(folder, key, number=2, pictures=self.pictures[:-1])
        self.everybody.publish(folder, self.version, self.listed)
        return folder

    def endorsed_alone(self, name: str, key: bytes, who: tuple[str, ...]) -> Path:
        """An epoch of a list version that `who` endorse, with a picture of their own in it."""
        root = hashlib.sha256(b"a list version with one more entry" + name.encode()).digest()
        number = self.version.number + 1
        honest = next(each for _, each in self.everybody.history.endorsements())
        statements = [
            Endorsement(
                organisation=each, at=self.now, number=number, root=root, size=honest.size, drawn=self.now,
                valid_from=self.now, valid_until=self.now + timedelta(days=30), constitution=honest.constitution,
            )
            for each in who
        ]  # fmt: skip
        signed = [sign(each, self.everybody.signer(each.organisation)) for each in statements]
        version = ListVersion(number, root, {}, Endorsements.of(signed))
        history = _Claimed(self.everybody.history, statements[0])
        log, policy = self.everybody.log, self.everybody.policy
        log.append([list_leaf(statements[0]).to_bytes()])
        listed = publishing._published(log, policy, None)
        folder = self.folder / "epochs" / name
        more = [*self.pictures, pattern(999)]
        self.build(folder, key, number=2, pictures=more, root=root, listed=listed)
        publishing.publish(folder, history, version, log, policy, listed)  # type: ignore[arg-type]
        return folder

    def branch(self, name: str, shared: int, more: Sequence[bytes]) -> Log:
        """Another log under the same key: the first entries of the real one, then others."""
        log = Log.create(self.folder / "branches" / name, self.everybody.log._signer)
        log.append([*(self.everybody.log.entry(at) for at in range(shared)), *more])
        return log

    def colluding(self, at: datetime | None = None) -> Ask:
        """Witnesses with the real ones' keys that sign whatever they are shown, at a time."""
        moment = int((at or self.now).timestamp())
        states = {
            name: Witness(one.signer, one.logs, MemoryState(), lambda: moment)
            for name, one in self.everybody.witnesses.items()
        }
        return lambda line, body: states[line.name].handle(body)


@dataclass
class _Claimed:
    """A history as its holder tells it: the real records, and one endorsement that stands for a version."""

    real: Any
    endorsement: Endorsement

    def records(self) -> Any:
        return self.real.records()

    def endorsements(self) -> Any:
        return [(None, self.endorsement)]


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def different(one: Path, other: Path) -> set[str]:
    """Names of the files that are not the same in two folders; a log's tiles count as one name."""
    a, b = files_of(one), files_of(other)
    return {
        "log/tile" if name.startswith("log/tile") else name for name in a.keys() | b.keys() if a.get(name) != b.get(name)
    }  # fmt: skip
