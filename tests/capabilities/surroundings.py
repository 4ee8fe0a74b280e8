"""What the commands of docs/capabilities.md find around them, made when the first command asks for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest
from tests.register.conftest import SIGNERS, THREE, constitution, signed_constitution, submission

from tutela.bench import corpus
from tutela.console.processes import PARENT
from tutela.errors import EnvironmentProblem
from tutela.guard import open_guard
from tutela.guard.core import Policy
from tutela.hashlist import HashList
from tutela.hashlist.governance import Endorsement, History, ListVersion, Submission, publish, sign, state_at
from tutela.hashlist.governance.commitments import classification_of, commit
from tutela.hashlist.trust import Trust
from tutela.voucher.wire import Attachment

ROOT = Path(__file__).parents[2]
PASSPHRASE = "a passphrase for this test only"
PHOTOGRAPHS, LAWFUL = 24, 3
SUBMITTING = ("east-hotline", "south-hotline")


def photographs(place: Path) -> None:
    """Write 24 photographs into photos/, three others into lawful/, and a broken one."""
    try:
        found = corpus.photographs(PHOTOGRAPHS + LAWFUL)
    except EnvironmentProblem as error:
        pytest.skip(error.message)
    for folder, chosen in (("photos", found[:PHOTOGRAPHS]), ("lawful", found[PHOTOGRAPHS:][:LAWFUL])):
        (place / folder).mkdir()
        for number, photograph in enumerate(chosen):
            (place / folder / f"{number:02d}.jpg").write_bytes(photograph.data(600))
    shutil.copy(place / "photos" / "00.jpg", place / "photo.jpg")
    (place / "broken.jpg").write_bytes((place / "photo.jpg").read_bytes()[:900])


@dataclass
class Surroundings:
    """One folder, and what the names in capital letters stand for in it."""

    folder: Path
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        photographs(self.folder)
        said = constitution(datetime.now(UTC).replace(microsecond=0))
        (self.folder / "constitution.json").write_text(json.dumps(said.to_dict()))
        (self.folder / "constitution.signed").write_bytes(signed_constitution(said))
        (self.folder / "submission.signed").write_bytes(
            submission(1, SUBMITTING[0], datetime.now(UTC).replace(microsecond=0))
        )
        self.constitution = said
        clone = ["git", "clone", "--quiet", str(ROOT), str(self.folder / "source")]
        subprocess.run(clone, check=(ROOT / ".git").exists(), capture_output=True, timeout=120)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"TUTELA_KEY_PASSPHRASE": PASSPHRASE, PARENT: str(os.getpid())}

    def words(self, command: str) -> str:
        """Return a command with every name in capital letters replaced."""
        names = {
            "VECTORS": lambda: ROOT / "vectors",
            "TESTS": lambda: ROOT / "tests",
            "ANCHOR": self.constitution.digest.hex,
            "PORT": lambda: self.port,
            "LOGKEY": lambda: self._line("log/log.vkey"),
            "POLICY": lambda: self.policy,
            "BUNDLE": lambda: self.bundle,
            "LISTROOT": lambda: self.root,
            "DEVICE": lambda: self.device,
        }
        return re.sub(rf"\b({'|'.join(names)})\b", lambda match: str(names[match[1]]()), command)

    def _line(self, name: str) -> str:
        return (self.folder / name).read_text().strip()

    @cached_property
    def port(self) -> int:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            return int(found.getsockname()[1])

    @cached_property
    def policy(self) -> str:
        """The log that the page founds, and its witness, which must vouch."""
        lines = (
            f"log {self._line('log/log.vkey')}",
            f"witness one {self._line('witness/witness.vkey')} http://127.0.0.1:{self.port}/",
            "quorum one",
        )
        (self.folder / "policy").write_text("".join(f"{line}\n" for line in lines))
        return "policy"

    @cached_property
    def bundle(self) -> str:
        """The files of the list version of `list.jsonl`."""
        (self.folder / "bundle").mkdir()
        for name, data in self.version.files.items():
            (self.folder / "bundle" / name).write_bytes(data)
        return "bundle"

    @property
    def root(self) -> str:
        return self.version.root.hex()

    @cached_property
    def version(self) -> ListVersion:
        """Each entry submitted by two organisations, the list endorsed by three."""
        at = datetime.now(UTC).replace(microsecond=0)
        files = self.folder / "constitution.signed"
        history = History.begin(files.read_bytes(), self.constitution.digest, at)
        listed = HashList.load(self.folder / "list.jsonl")
        named = {commit(entry, listed.salt): classification_of(entry) for entry in listed.entries}
        for place, (commitment, classification) in enumerate(named.items()):
            for who in SUBMITTING if place % 2 else reversed(SUBMITTING):
                said = Submission(
                    organisation=who, at=at, commitment=commitment, classification=classification
                )
                history.append(sign(said, SIGNERS[who]), at)
        size = history.size_at(at)
        for who in THREE:
            endorsed = Endorsement(
                organisation=who,
                at=at,
                number=1,
                root=history.draw(self.constitution, size, at).root,
                size=size,
                drawn=at,
                valid_from=at,
                valid_until=at + timedelta(days=60),
                constitution=self.constitution.digest,
            )
            history.append(sign(endorsed, SIGNERS[who]), at)
        return publish(history, state_at(history, self.constitution, at))

    @cached_property
    def device(self) -> str:
        """The guard's folder of a device that uses the page's epoch and sent one photograph."""
        policy = Policy("ZZ", provider_alerts=True)
        guard = open_guard(self.folder / "device", "@ann:example.org", "PHONE", policy, PASSPHRASE)
        mode = guard.load_epoch(self.folder / "epoch", Trust.load(self.folder / "trust.json"))
        assert mode.alerts, mode.sentence
        photograph = (self.folder / "lawful" / "00.jpg").read_bytes()
        guard.protect(photograph, Attachment(b"k" * 32, b"v" * 16, b"h" * 32))
        return "device"

    def serve(self, words: list[str]) -> None:
        """Start a server, and go on once it says that it is ready."""
        server = subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self.servers.append(server)
        assert server.stdout
        assert json.loads(server.stdout.readline())["url"]

    def close(self) -> None:
        """End the servers as an operator does; each has to end with 0."""
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
        assert [server.wait(30) for server in self.servers] == [0] * len(self.servers)


def program(words: list[str]) -> list[str]:
    """Return the words with which this interpreter runs a command of the page."""
    if words[0] == "tutela":
        return [sys.executable, "-m", "tutela.cli.main", *words[1:]]
    return [sys.executable, *words[1:]] if words[0] == "python" else words
