"""When a device uses an epoch: all rules in their order; the first that fails is the reason given.

1. Trusted builders signed the manifest; its purpose, form, threshold and time (`verification`).
2. The constitutions form a chain from the one that came with the program, through the newest that this
   device saw (`OtherConstitution`, governance.*).
3. Independent organisations endorsed exactly the manifest's list root, and do so now (governance.*).
4. The log kept all that this device saw of it, enough witnesses vouched for it within 24 hours, and this
   manifest is in it (tlog.*).
5. The list version was in that log before the table was drawn (`OtherCheckpoint`, tlog.*).
6. It is not older than the last one used, its key serves one table, its seed follows, and every slot is the
   signed one (`verification`).
7. The legal basis of the jurisdiction is signed, in force, and in the same log (legal_basis.*).

Rules 1 to 6 refuse the epoch. Without 7 it stays loaded, and no alert leaves. There is no argument, no
setting and no trust file that leaves a rule out.

Not protected: what a quorum of endorsers and the log's witnesses together want. They are named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from tutela.errors import TutelaError
from tutela.hashlist import legal_basis, strict_json
from tutela.hashlist.epoch.errors import OtherCheckpoint, OtherConstitution
from tutela.hashlist.epoch.folder import LOG_FOLDER, MAX_SMALL, Papers, continuation
from tutela.hashlist.epoch.leaves import basis_leaf, checkpoint_digest, epoch_leaf, list_leaf
from tutela.hashlist.epoch.manifest import Manifest
from tutela.hashlist.epoch.verification import check_succession, check_time, open_table, read
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.governance import (
    Constitution,
    Endorsement,
    Endorsements,
    Organisation,
    read_constitution,
)
from tutela.hashlist.governance.errors import Malformed
from tutela.hashlist.governance.signing import verify as verify_statement
from tutela.hashlist.legal_basis import LegalBasis, LegalBasisMissing, LegalBasisNotLogged
from tutela.hashlist.trust import Trust
from tutela.tlog import Policy, Proof, SignedCheckpoint, Verified, tree, verify_offline
from tutela.tlog import checkpoint as checkpoints
from tutela.tlog.client import FolderSource
from tutela.tlog.verification import MAX_AGE, check_continues
from tutela.voucher.table import Progress, Table

CONSTITUTIONS: Final = "tutela-constitutions"
CONSTITUTIONS_VERSION: Final = 1
MAX_AMENDMENTS: Final = 64
_NOTHING: Final[Mapping[bytes, bytes]] = {}


@dataclass(frozen=True, slots=True)
class Pins:
    """What a device keeps of what it saw, so that nobody can show it another past.

    Attributes:
        checkpoints: of each log, by its origin: the newest that held.
        constitutions: the digest of the newest constitution, by that of the first.
    """

    checkpoints: Mapping[str, SignedCheckpoint] = field(default_factory=dict)
    constitutions: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attested:
    """What holds of an epoch apart from its table and its place among others.

    Attributes:
        papers: what it was read from.
        manifest: signed by trusted builders.
        anchor: digest of the first constitution.
        constitution: in force.
        endorsers: organisations that endorse its list, in order of their ids.
        endorsed_until: first moment at which they no longer do.
        log: the checkpoint, and when each witness vouched for it.
        fresh_until: last moment at which a quorum of them did so lately enough.
    """

    papers: Papers
    manifest: Manifest
    anchor: bytes
    constitution: Constitution
    endorsers: tuple[Organisation, ...]
    endorsed_until: datetime
    log: Verified
    fresh_until: datetime

    def pinned(self, pins: Pins) -> Pins:
        """Return the pins after this."""
        origin = self.log.checkpoint.origin
        return Pins(
            {**pins.checkpoints, origin: self.log.signed},
            {**pins.constitutions, self.anchor: self.constitution.digest},
        )


@dataclass(frozen=True, slots=True)
class Admitted:
    """An epoch that may be used: its table was checked whole; alerts need its legal basis too."""

    attested: Attested
    table: Table
    basis: LegalBasis | None
    why_no_basis: LegalBasisMissing | None

    @property
    def manifest(self) -> Manifest:
        """The manifest."""
        return self.attested.manifest


def admit(
    folder: Path,
    trust: Trust,
    jurisdiction: str,
    now: datetime,
    *,
    pins: Pins | None = None,
    previous: Manifest | None = None,
    seen: Mapping[bytes, bytes] = _NOTHING,
    progress: Progress | None = None,
) -> Admitted:
    """Return the epoch in a folder, if every rule holds.

    Args:
        folder: as published; see `folder`.
        trust: what came with the program; complete.
        jurisdiction: of the device.
        now: the time, with its zone.
        pins: what was seen before.
        previous: the last manifest that was used.
        seen: table keys of earlier manifests, each with its table id.
        progress: called while the table is checked.

    Raises:
        TutelaError: the subclass that names the first rule that fails: `EpochRefused`, `GovernanceError`,
            the errors of `tutela.tlog`, `TableError`, `TrustIncomplete`, `BadFile`.
    """
    attested = attest_folder(folder, trust, jurisdiction, now, pins or Pins())
    return complete(
        attested, folder, trust, jurisdiction, now, previous=previous, seen=seen, progress=progress
    )


def attest_folder(folder: Path, trust: Trust, jurisdiction: str, now: datetime, pins: Pins) -> Attested:
    """Check what a folder says of its epoch beside the table (rules 1 to 5); raises as `admit`."""
    trust.anchors()
    papers = Papers.of(folder, jurisdiction)
    signed = Proof.parse(papers.epoch_proof).checkpoint
    before = pins.checkpoints.get(signed.checkpoint.origin)
    grown = continuation(FolderSource(folder / LOG_FOLDER), before, signed)
    return attest(papers, trust, now, pins, grown)


def attest(
    papers: Papers, trust: Trust, now: datetime, pins: Pins, grown: tuple[bytes, ...] = ()
) -> Attested:
    """Check an epoch's papers (rules 1 to 5).

    Args:
        papers: of the epoch.
        trust: complete.
        now: the time, with its zone.
        pins: what was seen before.
        grown: hashes that show that the log continues the pinned checkpoint.

    Raises:
        TutelaError: as `admit`.
    """
    anchor, policy = trust.anchors()
    manifest = read(papers.manifest, trust)
    check_time(manifest, now)
    constitution = read_chain(papers.constitution, anchor, pins.constitutions.get(anchor))
    endorsements = Endorsements.parse(papers.endorsements)
    endorsers = endorsements.verify(manifest.list_root, manifest.category, now, constitution)
    endorsement = _one_of(endorsements, constitution)
    found = _in_log(papers, manifest, policy, now, pins, grown)
    _check_list_logged(papers, manifest, endorsement, policy, found)
    return Attested(
        papers=papers,
        manifest=manifest,
        anchor=anchor,
        constitution=constitution,
        endorsers=endorsers,
        endorsed_until=min(endorsement.valid_until, constitution.valid_until),
        log=found,
        fresh_until=fresh_until(found, policy),
    )


def complete(
    attested: Attested,
    folder: Path,
    trust: Trust,
    jurisdiction: str,
    now: datetime,
    *,
    previous: Manifest | None = None,
    seen: Mapping[bytes, bytes] = _NOTHING,
    progress: Progress | None = None,
) -> Admitted:
    """Check an attested epoch's place among others, table and law (rules 6 and 7); raises as `admit`."""
    check_succession(attested.manifest, previous, seen)
    table = open_table(folder, attested.manifest, progress)
    try:
        return Admitted(attested, table, check_basis(attested, trust, jurisdiction, now), None)
    except LegalBasisMissing as error:
        return Admitted(attested, table, None, error)


def check_basis(attested: Attested, trust: Trust, jurisdiction: str, now: datetime) -> LegalBasis:
    """Return the legal basis among an epoch's papers (rule 7).

    Raises:
        LegalBasisMissing: or its subclass that says why.
    """
    papers = attested.papers
    basis = legal_basis.check(papers.basis or None, jurisdiction, trust, now)
    try:
        proof, under = Proof.parse(papers.basis_proof), attested.log.checkpoint
        leaf = basis_leaf(basis, papers.basis).to_bytes()
        tree.verify_inclusion(tree.leaf_hash(leaf), proof.index, under.size, proof.hashes, under.root)
    except TutelaError as error:
        raise LegalBasisNotLogged from error
    return basis


def read_chain(data: bytes, anchor: bytes, pinned: bytes | None = None) -> Constitution:
    """Return the last of a chain of constitutions, each the lawful successor of the one before.

    Args:
        data: constitution.json.
        anchor: digest of the first.
        pinned: digest of one that the chain must hold: the newest that was seen.

    Raises:
        GovernanceError: one of them does not hold.
        OtherConstitution: the chain does not hold the pinned one.
    """
    known: bytes | Constitution = anchor
    digests = set()
    for file in Chain.parse(data).files:
        known = read_constitution(file, known)
        digests.add(known.digest)
    if isinstance(known, bytes) or (pinned is not None and pinned not in digests):
        raise OtherConstitution
    return known


@dataclass(frozen=True, slots=True)
class Chain:
    """constitution.json: signed files of constitutions, from the first to the one in force, unverified."""

    files: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the file."""
        listed = [strict_json.read(file) for file in self.files]
        said = {"type": CONSTITUTIONS, "version": CONSTITUTIONS_VERSION, "constitutions": listed}
        return strict_json.canonical(said) + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the file; raises `Malformed`."""
        try:
            found = strict_json.read(data, max_bytes=MAX_SMALL)
            listed = found["constitutions"]
            known = found["type"] == CONSTITUTIONS and found["version"] == CONSTITUTIONS_VERSION
            if not known or len(found) != 3 or not isinstance(listed, list) or len(listed) > MAX_AMENDMENTS:
                raise Malformed("It is no chain of constitutions of a version that is known here.")
            return cls(tuple(strict_json.canonical(each) + b"\n" for each in listed))
        except (BadJSON, KeyError, TypeError) as error:
            raise Malformed("The chain of constitutions cannot be read.") from error


def fresh_until(found: Verified, policy: Policy) -> datetime:
    """Return the last moment at which a quorum of the witnesses vouched for this lately enough."""
    latest = sorted(found.witnesses.items(), key=lambda one: one[1], reverse=True)
    met: set[str] = set()
    for name, time in latest:
        met.add(name)
        if policy.quorum_met(met):
            return time + MAX_AGE
    return datetime.min.replace(tzinfo=UTC)


def _one_of(endorsements: Endorsements, constitution: Constitution) -> Endorsement:
    """Return one of the verified endorsements; all of them name the same list version."""
    statement = verify_statement(endorsements.endorsements[0], constitution.directory).statement
    if not isinstance(statement, Endorsement):
        raise Malformed("A statement among the endorsements is none.")
    return statement


def _in_log(
    papers: Papers, manifest: Manifest, policy: Policy, now: datetime, pins: Pins, grown: tuple[bytes, ...]
) -> Verified:
    origin = Proof.parse(papers.epoch_proof).checkpoint.checkpoint.origin
    return verify_offline(
        papers.epoch_proof,
        epoch_leaf(manifest).to_bytes(),
        policy,
        now,
        previous=pins.checkpoints.get(origin),
        consistency=grown,
    )


def _check_list_logged(
    papers: Papers, manifest: Manifest, endorsement: Endorsement, policy: Policy, found: Verified
) -> None:
    proof = Proof.parse(papers.list_proof)
    if checkpoint_digest(proof.checkpoint) != manifest.checkpoint:
        raise OtherCheckpoint
    checkpoints.verify(proof.checkpoint, policy.log_keys())
    under, leaf = proof.checkpoint.checkpoint, list_leaf(endorsement).to_bytes()
    tree.verify_inclusion(tree.leaf_hash(leaf), proof.index, under.size, proof.hashes, under.root)
    check_continues(proof.checkpoint, found.signed, papers.since_list)
