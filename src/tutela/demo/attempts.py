"""What one organisation can try, to get a lawful photograph onto the list that devices compare with.

Each attempt but the first lacks one thing only. The rest is granted to it: the builder signs what it is asked
to, the log takes it in, and honest witnesses vouch for the log, for they do not judge what it holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tutela.demo.endorsing import Endorsing
from tutela.demo.epoch import BUILDER
from tutela.demo.next_list import NUMBER, NextList
from tutela.hashlist import Entry, HashList, clustered, envelope, strict_json
from tutela.hashlist.epoch import MANIFEST_FILE, PROOF_FILE, TABLE_FILE, Manifest, Plan, build_epoch
from tutela.hashlist.epoch.admission import Chain
from tutela.hashlist.epoch.folder import (
    CONSTITUTION_FILE,
    ENDORSEMENTS_FILE,
    EPOCH_PROOF_FILE,
    LIST_PROOF_FILE,
)
from tutela.hashlist.epoch.leaves import checkpoint_digest, epoch_leaf, list_leaf
from tutela.hashlist.governance import (
    Constitution,
    Endorsement,
    Endorsements,
    Key,
    Organisation,
    Submission,
    commit,
    list_root,
    sign,
    sign_constitution,
    state_at,
)
from tutela.hashlist.governance.commitments import classification_of
from tutela.hashlist.governance.errors import Reason
from tutela.hashlist.trust import Signer, key_id
from tutela.oprf import group
from tutela.tlog import Leaf, Policy, Proof, SignedCheckpoint
from tutela.tlog.client import collect
from tutela.tlog.proof import SUFFIX
from tutela.voucher import everyday

ALONE: Final = "north-centre"
ALLY: Final = "north-police"
WON_OVER: Final = "west-centre"
NOT_ASKED: Final = ("east-hotline", "south-rights")
PUPPETS: Final = ("north-one", "north-three", "north-two")
RULES: Final = "own rules"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to try it.

    Attributes:
        name: short, and the name of its folder.
        what: what was tried, in words.
        folder: of the epoch that every device is offered.
        table: id of its table, which holds the photograph.
    """

    name: str
    what: str
    folder: Path
    table: bytes


@dataclass(frozen=True, slots=True)
class Rules:
    """A constitution of the organisation's own, in which it holds every key."""

    constitution: Constitution
    signers: tuple[Signer, ...]

    def file(self) -> bytes:
        """Return constitution.json."""
        return Chain((sign_constitution(self.constitution, self.signers),)).to_bytes()


class Attempts:
    """All of them.

    Args:
        following: the honest next list, published.
        policy: of the log, with witnesses that answer.
        photograph: the lawful one, as an entry.
        others: a few true entries, to hide it among.
        folder: gets a folder for each attempt.
    """

    def __init__(
        self, following: NextList, policy: Policy, photograph: Entry, others: Sequence[Entry], folder: Path
    ) -> None:
        self._following, self._policy, self._folder = following, policy, folder
        self._endorsing: Endorsing = following.endorsing
        self._list = HashList(clustered([*others, photograph]), following.secret)
        self._commitment = commit(photograph, following.secret)
        self._photograph = photograph
        self.rules = _rules(self._now())

    def submit(self) -> tuple[Reason, ...]:
        """Let it submit the photograph; return why the register does not take it into the list."""
        history, now = self._endorsing.history, self._now()
        said = Submission(
            organisation=ALONE,
            at=now,
            commitment=self._commitment,
            classification=classification_of(self._photograph),
        )
        history.append(sign(said, self._endorsing.signer(ALONE)), now)
        return state_at(history, history.constitution, now).explain(self._commitment)

    def make(self) -> list[Attempt]:
        """Build, sign, log and lay out every attempt."""
        said = self._endorsement()
        own = replace(said, constitution=self.rules.constitution.digest)
        listed, (place, own_place) = self._log([list_leaf(said), list_leaf(own)])
        table = self._build("table", said.root, listed)
        hidden = self._build("hidden table", self._following.version.root, self._following.listed)
        signed, (epoch, *_) = self._log([epoch_leaf(table)])
        log = self._endorsing.log
        proofs = {LIST_PROOF_FILE: log.proof(place, listed), EPOCH_PROOF_FILE: log.proof(epoch, signed)}
        for path in self._following.folder.glob(f"legal-basis-*{SUFFIX}"):
            proofs[path.name] = log.proof(Proof.parse(path.read_bytes()).index, signed)
        files = {name: proof.to_bytes() for name, proof in proofs.items()}
        own_files = {**files, LIST_PROOF_FILE: log.proof(own_place, listed).to_bytes()}
        return [
            self._lay(
                "own table", "submits it, and publishes a table that it signs itself", "table", table, files,
                builder=self._endorsing.signer(ALONE),
                endorsements=self._signed(said, ALONE),
            ),
            self._lay(
                "alone", "endorses a list with it, alone", "table", table, files,
                endorsements=self._signed(said, ALONE),
            ),
            self._lay(
                "ally", "endorses it with its ally", "table", table, files,
                endorsements=self._signed(said, ALONE, ALLY),
            ),
            self._lay(
                "won over", "endorses it with its ally and a third that it won over", "table", table, files,
                endorsements=self._signed(said, ALONE, ALLY, WON_OVER),
            ),
            self._lay(
                "forged", "forges the endorsements of two others", "table", table, files,
                endorsements=[*self._signed(said, ALONE), *(self._forged(said, name) for name in NOT_ASKED)],
            ),
            self._lay(
                "borrowed", "shows the endorsements of the list in force for its own", "table", table, files,
                endorsements=self._following.version.endorsements.endorsements,
            ),
            self._lay(
                "not logged", "puts its table under the list in force, and keeps it out of the log",
                "hidden table", hidden, {},
                endorsements=self._following.version.endorsements.endorsements,
            ),
            self._lay(
                RULES, "writes rules of its own, with endorsers that it invented", "table", table, own_files,
                endorsements=[
                    sign(replace(own, organisation=name), signer)
                    for name, signer in zip(PUPPETS, self.rules.signers, strict=True)
                ],
                constitution=self.rules.file(),
            ),
        ]  # fmt: skip

    def _now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    def _endorsement(self) -> Endorsement:
        """Return what it would have others endorse: the list that the rules give, and the photograph."""
        now, history = self._now(), self._endorsing.history
        size = history.size_at(now)
        drawn = history.draw(history.constitution, size, now).listed
        return Endorsement(
            organisation=ALONE,
            at=now,
            number=self._following.version.number + 1,
            root=list_root((*drawn, self._commitment)),
            size=size,
            drawn=now,
            valid_from=now,
            valid_until=now + timedelta(days=30),
            constitution=history.constitution.digest,
        )

    def _signed(self, said: Endorsement, *names: str) -> list[bytes]:
        return [sign(replace(said, organisation=name), self._endorsing.signer(name)) for name in names]

    def _forged(self, said: Endorsement, name: str) -> bytes:
        """Return an endorsement in another's name, of its own signing, with the other's key named beside."""
        found = strict_json.read(sign(replace(said, organisation=name), self._endorsing.signer(ALONE)))
        found["signatures"][0]["key_id"] = key_id(self._endorsing.signer(name).public_key)
        return strict_json.canonical(found) + b"\n"

    def _log(self, leaves: Iterable[Leaf]) -> tuple[SignedCheckpoint, list[int]]:
        log, entries = self._endorsing.log, [leaf.to_bytes() for leaf in leaves]
        first = log.size
        log.append(entries)
        signed = collect(log, self._policy)
        log.publish(signed)
        return signed, list(range(first, log.size))

    def _build(self, name: str, root: bytes, listed: SignedCheckpoint) -> Manifest:
        now = self._now()
        plan = Plan(
            NUMBER + 1,
            now,
            now + timedelta(days=30),
            list_root=root,
            checkpoint=checkpoint_digest(listed),
        )
        return build_epoch(
            self._list,
            everyday(),
            plan,
            key=group.random_scalar(),
            signers=[self._endorsing.signer(BUILDER)],
            out_dir=self._folder / name,
        )

    def _lay(
        self,
        name: str,
        what: str,
        built: str,
        manifest: Manifest,
        files: dict[str, bytes],
        *,
        endorsements: Sequence[bytes],
        builder: Signer | None = None,
        constitution: bytes = b"",
    ) -> Attempt:
        """Lay a folder out as a published epoch's; what is not given is that of the honest one."""
        folder = self._folder / name
        shutil.copytree(self._following.folder, folder)
        for each in (MANIFEST_FILE, TABLE_FILE, PROOF_FILE):
            shutil.copy(self._folder / built / each, folder / each)
        if files:
            shutil.copytree(self._endorsing.log.folder, folder / "log", dirs_exist_ok=True)
        given = {**files, ENDORSEMENTS_FILE: Endorsements.of(endorsements).to_bytes()}
        if builder is not None:
            given[MANIFEST_FILE] = envelope.sign(manifest.to_statement(), [builder])
        if constitution:
            given[CONSTITUTION_FILE] = constitution
        for each, data in given.items():
            (folder / each).write_bytes(data)
        return Attempt(name, what, folder, manifest.table_id)


def _rules(now: datetime) -> Rules:
    """Return rules that nobody else agreed to: three endorsers in three jurisdictions, all of one hand."""
    signers = tuple(Signer(group.random_scalar()) for _ in PUPPETS)
    until = now + timedelta(days=365)
    people = tuple(
        Organisation(
            name, f"{name} (invented twice)", place, ("endorser",), (Key(signer.public_key, now, until),)
        )
        for name, place, signer in zip(PUPPETS, ("XE", "XS", "XW"), signers, strict=True)
    )
    constitution = Constitution(
        number=1,
        previous=bytes(32),
        valid_from=now,
        valid_until=until,
        endorsers=PUPPETS,
        organisations=people,
    )
    return Rules(constitution, signers)
