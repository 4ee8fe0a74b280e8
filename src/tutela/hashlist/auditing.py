"""What the holder of a list, or anyone, checks of an epoch that was published.

Two audits: `audit_table` (list holders: the table is exactly the list's) and `audit_lawful` (anyone, offline:
a published set of lawful pictures is not listed). Both begin with the manifest that trusted keys signed.

Not shown: that the endorsers did their work, and that devices were given this epoch.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from tutela.errors import VerificationError
from tutela.hashlist import absence
from tutela.hashlist.epoch.building import selected_tokens
from tutela.hashlist.epoch.manifest import Manifest, slot_seed
from tutela.hashlist.epoch.verification import MANIFEST_FILE, PROOF_FILE, TABLE_FILE, read
from tutela.hashlist.errors import BadFile
from tutela.hashlist.hash_list import HashList
from tutela.hashlist.trust import Trust, read_small
from tutela.oprf.dleq import Random
from tutela.voucher import audit, lawful
from tutela.voucher.errors import OtherLayout, OtherRoot, TableError
from tutela.voucher.lawful import LawfulProofs, LawfulSet
from tutela.voucher.table import Progress, Table, slot_seeds
from tutela.voucher.tokens import Token

LAWFUL_FILE: Final = "lawful.proof"
MAX_LAWFUL_BYTES: Final = 1 << 29


class OtherList(VerificationError):
    """The list is not the one that the manifest commits to."""

    code = "audit.other_list"


def audit_table(
    folder: Path,
    trust: Trust,
    hash_list: HashList,
    *,
    common: Collection[Token] = frozenset(),
    progress: Progress | None = None,
) -> Manifest:
    """Check that an epoch's table holds the list and nothing else; return its manifest.

    Args:
        folder: of the epoch, with its proof.
        trust: who may sign; the epoch's time does not matter.
        hash_list: that the manifest commits to.
        common: tokens of the public benign corpus that were left out.
        progress: called with (points done, points in all).

    Raises:
        OtherList: the commitments, or the counts, are those of another list or corpus.
        AuditFailed: one of its subclasses says what is wrong with the table.
        EpochRefused: the manifest is not one that trusted keys signed.
    """
    manifest, table = _open(folder, trust)
    _check_list(manifest, hash_list)
    selection = selected_tokens(hash_list, manifest.parameters, common)
    if selection.counts != manifest.counts:
        raise OtherList(
            "The list gives other counts than the manifest says.",
            hint="Give the public corpus whose tokens were left out, if there was one.",
        )
    if manifest.header.seed not in slot_seeds(slot_seed(manifest.list_commitment, manifest.checkpoint)):
        raise OtherLayout("The table's slot seed does not follow from the list.")
    proof = audit.TableProof.from_bytes(read_small(folder / PROOF_FILE))
    audit.verify_table(table, selection.tokens, proof, progress)
    return manifest


def audit_lawful(
    folder: Path, trust: Trust, reference: LawfulSet, progress: Progress | None = None
) -> Manifest:
    """Check that no picture of the committed lawful set is listed; needs neither list nor key.

    Raises:
        Uncommitted: it is another set than the manifest's.
        LawfulRefused: a proof does not hold.
        OtherRoot: the table is not the one of the manifest.
        EpochRefused: the manifest is not one that trusted keys signed.
    """
    manifest, table = _open(folder, trust)
    _check_root(table)
    proofs = LawfulProofs.from_bytes(read_bounded(folder / LAWFUL_FILE))
    lawful.verify(reference, manifest.lawful_set, table, manifest.parameters, proofs, progress)
    return manifest


def prove_lawful(
    folder: Path,
    trust: Trust,
    reference: LawfulSet,
    *,
    key: bytes,
    random: Random,
    progress: Progress | None = None,
) -> LawfulProofs:
    """Prove the set that a signed manifest committed to; raises as `tutela.voucher.lawful.prove`."""
    manifest, table = _open(folder, trust)
    _check_root(table)
    return lawful.prove(
        reference,
        manifest.lawful_set,
        table,
        manifest.parameters,
        key=key,
        random=random,
        progress=progress,
    )


def read_bounded(path: Path, most: int = MAX_LAWFUL_BYTES) -> bytes:
    """Return a file of at most `most` bytes; raises `BadFile`."""
    try:
        if path.stat().st_size > most:
            raise BadFile(f"The file {path.name} is larger than {most} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise BadFile(f"The file {path.name} cannot be read.") from error


def _open(folder: Path, trust: Trust) -> tuple[Manifest, Table]:
    manifest = read(read_small(folder / MANIFEST_FILE), trust)
    return manifest, Table.open(folder / TABLE_FILE, manifest.header)


def _check_list(manifest: Manifest, hash_list: HashList) -> None:
    if hash_list.commitment() != manifest.list_commitment:
        raise OtherList("The list is not the one that the manifest commits to.")
    if manifest.absence and absence.commitment_of(hash_list) != manifest.absence:
        raise OtherList("The manifest commits to other exact digests than the list has.")


def _check_root(table: Table) -> None:
    try:
        table.check_root()
    except TableError as error:
        raise OtherRoot(error.message) from error
