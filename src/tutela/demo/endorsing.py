"""The demonstration's organisations, log and witnesses: invented, with keys made on the spot, in one folder.

Five organisations in four jurisdictions, two of them allied; three of them endorse a list. In earnest each of
them, the log and each witness is somebody else's, on a machine of its own. Everything else is the real thing:
the same statements, rules, log, witnesses and proofs.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from tutela.hashlist import HashList
from tutela.hashlist.epoch import artefacts, publishing
from tutela.hashlist.epoch.artefacts import Artefact
from tutela.hashlist.governance import (
    Constitution,
    Endorsement,
    History,
    Key,
    ListVersion,
    Organisation,
    Submission,
    commit,
    publish,
    sign,
    sign_constitution,
    state_at,
)
from tutela.hashlist.governance.commitments import classification_of
from tutela.hashlist.governance.constitution import MAX_LIST_DAYS
from tutela.hashlist.governance.publication import HISTORY_FILE, replay
from tutela.hashlist.trust import Signer, Trust, TrustedKey
from tutela.sealed.files import replacing
from tutela.tlog import COSIGNATURE_ED25519, Ed25519Signer, Policy, SignedCheckpoint, VerifierKey
from tutela.tlog.log import Log
from tutela.tlog.policy import WitnessLine
from tutela.tlog.witness import Answer, Witness
from tutela.tlog.witness_store import WitnessStore

ORIGIN: Final = "log.example.org/demonstration"
#: id -> name, jurisdiction (user-assigned codes: no country), roles, alliances
ORGANISATIONS: Final = {
    "east-hotline": ("Hotline of the East (invented)", "XE", ("endorser", "submitter"), ()),
    "north-centre": ("Centre of the North (invented)", "XN", ("endorser", "submitter"), ("north-pact",)),
    "north-police": ("Police of the North (invented)", "XN", ("endorser", "police"), ("north-pact",)),
    "south-rights": ("Rights Body of the South (invented)", "XS", ("adjudicator", "endorser"), ()),
    "west-centre": ("Centre of the West (invented)", "XW", ("endorser", "submitter"), ()),
}
ENDORSING: Final = ("east-hotline", "north-centre", "south-rights")
SUBMITTING: Final = ("east-hotline", "west-centre")
WITNESSES: Final = ("university", "newspaper", "rights-group")
LIST_DAYS: Final = 90
_YEARS: Final = timedelta(days=3 * 365)
_SEED: Final = "seed"
_LOG: Final = "log"

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


class Endorsing:
    """All of them. `create` founds them in an empty folder, `open` finds them again.

    Args:
        folder: holds their seed (mode 0600), the log, the witnesses' files and the history.
        seed: what all keys are derived from, 32 bytes.
        log: opened to write.
        history: reads that of the register, when it is needed first: every signature in it is checked.
        clock: the time, of everybody.
    """

    def __init__(
        self, folder: Path, seed: bytes, log: Log, history: Callable[[], History], clock: Clock
    ) -> None:
        self._folder, self._seed, self._clock = folder, seed, clock
        self.log, self._read_history = log, history
        self._witnesses = {
            name: Witness(
                _cosigner(seed, name),
                {ORIGIN: (_log_signer(seed).key,)},
                WitnessStore(folder / f"{name}.sqlite3"),
                lambda: int(clock().timestamp()),
            )
            for name in WITNESSES
        }

    @classmethod
    def create(cls, folder: Path, clock: Clock = _now, *, seed: bytes | None = None) -> Endorsing:
        """Found everybody in a folder; raises `LogExists` where they are."""
        seed, now = seed or secrets.token_bytes(32), _whole(clock())
        log = Log.create(folder / _LOG, _log_signer(seed))
        with replacing(folder / _SEED) as file:
            file.write(seed)
        first = _constitution(seed, now)
        signed = sign_constitution(first, [_signer(seed, name) for name in ENDORSING])
        history = History.begin(signed, first.digest, now)
        return cls(folder, seed, log, lambda: history, clock)

    @classmethod
    def open(cls, folder: Path, anchor: bytes, clock: Clock = _now) -> Endorsing:
        """Find them again after a list version was endorsed; `anchor` is the digest of the constitution."""
        seed = (folder / _SEED).read_bytes()
        log = Log.open(folder / _LOG, _log_signer(seed))
        return cls(folder, seed, log, lambda: replay((folder / HISTORY_FILE).read_bytes(), anchor), clock)

    @cached_property
    def history(self) -> History:
        """The history of the register."""
        return self._read_history()

    def close(self) -> None:
        """Close the log and the witnesses' files."""
        self.log.close()
        for witness in self._witnesses.values():
            if isinstance(witness.state, WitnessStore):
                witness.state.close()

    @property
    def policy(self) -> Policy:
        """Two of the three witnesses."""
        lines = [f"log {_log_signer(self._seed).key}"]
        lines += [f"witness {name} {one.signer.key}" for name, one in self._witnesses.items()]
        lines += [f"group witnesses 2 {' '.join(WITNESSES)}", "quorum witnesses", ""]
        return Policy.parse("\n".join(lines).encode())

    def signer(self, name: str) -> Signer:
        """Return the key of an organisation."""
        return _signer(self._seed, name)

    @property
    def log_key(self) -> VerifierKey:
        """Public key of the log."""
        return _log_signer(self._seed).key

    def cosigner(self, name: str) -> Ed25519Signer:
        """Return the key of a witness."""
        return _cosigner(self._seed, name)

    def trust(self, keys: Sequence[TrustedKey], quorum: int = 1) -> Trust:
        """Return a complete trust file for these builders."""
        first = self.history.constitution_at(1)
        return Trust(tuple(keys), quorum, first.digest, self.policy.to_bytes().decode())

    def submit(self, hash_list: HashList, secret: bytes) -> None:
        """Let two organisations submit every entry of a list; each is the first to submit every other one."""
        named = [(commit(entry, secret), classification_of(entry)) for entry in hash_list.entries]
        for place, (commitment, classification) in enumerate(dict(named).items()):
            for who in SUBMITTING if place % 2 else reversed(SUBMITTING):
                at = _whole(self._clock())
                said = Submission(
                    organisation=who, at=at, commitment=commitment, classification=classification
                )
                self.history.append(sign(said, self.signer(who)), at)

    def endorse(self, who: Iterable[str] = ENDORSING, days: int = LIST_DAYS) -> ListVersion:
        """Draw the list from the history now, and let organisations endorse it for some days."""
        drawn, current = _whole(self._clock()), self.history.constitution
        size = self.history.size_at(drawn)
        root = self.history.draw(current, size, drawn).root
        number = 1 + max((each.number for _, each in self.history.endorsements()), default=0)
        for name in who:
            said = Endorsement(
                organisation=name,
                at=drawn,
                number=number,
                root=root,
                size=size,
                drawn=drawn,
                valid_from=drawn,
                valid_until=drawn + timedelta(days=days),
                constitution=current.digest,
            )
            self.history.append(sign(said, self.signer(name)), drawn)
        version = publish(self.history, state_at(self.history, current, drawn))
        with replacing(self._folder / HISTORY_FILE) as file:
            file.write(version.files[HISTORY_FILE])
        return version

    def log_artefacts(self, used: Iterable[Artefact], signer: str) -> None:
        """Put the first version of each policy and model that is used into the log, signed."""
        now = self._clock()
        self.log.append([artefacts.sign(each, 1, now, self.signer(signer)).to_bytes() for each in used])

    def log_version(self, version: ListVersion) -> SignedCheckpoint:
        """Put a list version into the log; see `publishing.log_version`."""
        return publishing.log_version(self.history, version, self.log, self.policy, self.ask)

    def publish(self, folder: Path, version: ListVersion, listed: SignedCheckpoint) -> SignedCheckpoint:
        """Publish a built epoch; see `publishing.publish`."""
        return publishing.publish(folder, self.history, version, self.log, self.policy, listed, self.ask)

    def refresh(self, folder: Path) -> SignedCheckpoint:
        """Renew an epoch's proofs; see `publishing.refresh_proof`."""
        return publishing.refresh_proof(folder, self.log, self.policy, self.ask)

    def ask(self, line: WitnessLine, body: bytes) -> Answer:
        """Answer as the witness of this name does."""
        return self._witnesses[line.name].handle(body)


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _secret(seed: bytes, name: str) -> bytes:
    return hashlib.blake2b(name.encode(), key=seed, digest_size=32).digest()


def _signer(seed: bytes, name: str) -> Signer:
    return Signer(_secret(seed, name))


def _log_signer(seed: bytes) -> Ed25519Signer:
    return Ed25519Signer(ORIGIN, _secret(seed, "log"))


def _cosigner(seed: bytes, name: str) -> Ed25519Signer:
    return Ed25519Signer(f"{name}.example.org", _secret(seed, f"witness {name}"), COSIGNATURE_ED25519)


def _constitution(seed: bytes, now: datetime) -> Constitution:
    until = now + _YEARS
    people = tuple(
        Organisation(each, name, place, roles, (Key(_signer(seed, each).public_key, now, until),), alliances)
        for each, (name, place, roles, alliances) in sorted(ORGANISATIONS.items())
    )
    return Constitution(
        number=1,
        previous=bytes(32),
        valid_from=now,
        valid_until=until,
        endorsers=tuple(sorted(ORGANISATIONS)),
        organisations=people,
        list_days=MAX_LIST_DAYS,
    )
