"""From a list to an epoch: a folder with manifest.json and table.bin, and a table key elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tutela.hashlist import absence, envelope
from tutela.hashlist.categories import PURPOSE
from tutela.hashlist.clusters import clustered, clusters
from tutela.hashlist.epoch.errors import CannotBuild, EpochExists
from tutela.hashlist.epoch.manifest import HASH_BYTES, MAX_DAYS, Manifest, slot_seed, table_id
from tutela.hashlist.epoch.selection import Selection, select
from tutela.hashlist.epoch.threshold import Model, choose
from tutela.hashlist.epoch.verification import MANIFEST_FILE, PROOF_FILE, TABLE_FILE
from tutela.hashlist.errors import BadFile
from tutela.hashlist.hash_list import HashList
from tutela.hashlist.trust import Signer
from tutela.oprf import group
from tutela.oprf.dleq import Random
from tutela.sealed import keyfile
from tutela.sealed.files import replacing
from tutela.voucher.audit import prove_table
from tutela.voucher.building import build_table
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import Progress
from tutela.voucher.tokens import Token


@dataclass(frozen=True, slots=True)
class Plan:
    """What the builder of an epoch decides.

    Attributes:
        number: of the epoch, above that of the last one.
        valid_from: UTC; whole seconds count.
        valid_until: at most 366 days later.
        build: counter of builds of the same epoch.
        model: inputs of the threshold.
        common: tokens of a public benign corpus, left out.
        list_root: of the endorsed list version, 32 bytes.
        checkpoint: digest of the checkpoint under which that version was logged (`leaves.checkpoint_digest`).
        lawful_set: digest of the lawful reference set, fixed before the list, or empty.
    """

    number: int
    valid_from: datetime
    valid_until: datetime
    build: int = 1
    model: Model = field(default_factory=Model)
    common: Collection[Token] = frozenset()
    lawful_set: bytes = b""
    list_root: bytes = field(kw_only=True)
    checkpoint: bytes = field(kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a period that no device accepts."""
        if self.valid_from.tzinfo is None or self.valid_until.tzinfo is None:
            raise CannotBuild("The times of an epoch need a time zone.")
        if not timedelta(0) < self.valid_until - self.valid_from <= timedelta(days=MAX_DAYS):
            raise CannotBuild(f"An epoch is valid for at most {MAX_DAYS} days, and for some time.")
        if {len(self.list_root), len(self.checkpoint)} != {HASH_BYTES}:
            raise CannotBuild(
                "An epoch is built from an endorsed and logged list version.",
                hint="`tutela epoch log-list` logs one, and says its root and checkpoint.",
            )
        object.__setattr__(self, "valid_from", self.valid_from.replace(microsecond=0))
        object.__setattr__(self, "valid_until", self.valid_until.replace(microsecond=0))


def build_epoch(
    hash_list: HashList,
    parameters: Parameters,
    plan: Plan,
    *,
    key: bytes,
    signers: Sequence[Signer],
    out_dir: Path,
    progress: Progress | None = None,
    random: Random = os.urandom,
) -> Manifest:
    """Build the table of a list, prove it, and write both with the signed manifest.

    Args:
        hash_list: clustered (`tutela.hashlist.clustered`).
        parameters: a profile; its threshold is replaced by the computed one.
        plan: number, time, model.
        key: a fresh scalar; never used for another table.
        signers: at least one; others can endorse the manifest later.
        out_dir: made if it is not there; must not hold a manifest.
        progress: called with (tokens done, tokens in all).
        random: hedges the nonce of the table's proof.

    Raises:
        CannotBuild: nothing to list, entries not clustered, or no threshold.
        EpochExists: the folder holds an epoch already.
        TableError: no layout of the table was found.
    """
    if not signers:
        raise CannotBuild("An epoch needs a signer.")
    selection = selected_tokens(hash_list, parameters, plan.common)
    chosen = parameters.with_threshold(
        choose(plan.model, listed=selection.fullest, masks=len(parameters.masks))
    )
    commitment = hash_list.commitment()
    _prepare(out_dir)
    header = build_table(
        selection.tokens,
        key=key,
        table_id=table_id(plan.number, plan.build, PURPOSE, commitment),
        seed=slot_seed(commitment, plan.checkpoint),
        path=out_dir / TABLE_FILE,
        progress=progress,
    )
    manifest = Manifest(
        number=plan.number,
        build=plan.build,
        category=PURPOSE,
        parameters=chosen,
        header=header,
        valid_from=plan.valid_from,
        valid_until=plan.valid_until,
        list_commitment=commitment,
        list_root=plan.list_root,
        checkpoint=plan.checkpoint,
        counts=selection.counts,
        model=plan.model,
        lawful_set=plan.lawful_set,
        absence=absence.commitment_of(hash_list),
    )
    proof = prove_table(header, selection.tokens, key=key, random=random)
    write_public(out_dir / PROOF_FILE, proof.to_bytes())
    (out_dir / TABLE_FILE).chmod(0o644)
    write_public(out_dir / MANIFEST_FILE, envelope.sign(manifest.to_statement(), signers))
    return manifest


def build_with_new_key(
    hash_list: HashList,
    parameters: Parameters,
    plan: Plan,
    *,
    key_path: Path,
    passphrase: str,
    signers: Sequence[Signer],
    out_dir: Path,
    progress: Progress | None = None,
    draw_key: Callable[[], bytes] = group.random_scalar,
) -> Manifest:
    """Draw a fresh table key, keep it in a key file, and build the epoch; no key is left if that fails.

    Raises:
        KeyFileExists: a key file of this name is there; a table key never serves two tables.
        CannotBuild, EpochExists, TableError: as `build_epoch`.
    """
    key = draw_key()
    keyfile.save(key_path, key, passphrase)
    try:
        return build_epoch(
            hash_list, parameters, plan, key=key, signers=signers, out_dir=out_dir, progress=progress
        )
    except BaseException:
        key_path.unlink(missing_ok=True)
        raise


def write_public(path: Path, data: bytes) -> None:
    """Write a file that everyone may read, whole or not at all; raises `BadFile`."""
    try:
        with replacing(path) as file:
            file.write(data)
        path.chmod(0o644)
    except OSError as error:
        raise BadFile(f"The file {path.name} cannot be written.") from error


def selected_tokens(
    hash_list: HashList, parameters: Parameters, common: Collection[Token] = frozenset()
) -> Selection:
    """Return the tokens that the table of a clustered list holds; raises `CannotBuild`."""
    if len(clusters(clustered(hash_list.entries))) != len(hash_list.clusters()):
        raise CannotBuild(
            "Near duplicates of the list are not in one cluster.",
            hint="Import the list again: that clusters it.",
        )
    selection = select(hash_list, parameters, common)
    if not selection.tokens:
        raise CannotBuild(
            "No entry of the list gives a token.", hint="Entries need PDQ hashes of sufficient quality."
        )
    return selection


def _prepare(out_dir: Path) -> None:
    if (out_dir / MANIFEST_FILE).exists():
        raise EpochExists("The folder holds an epoch already.", hint="Give each epoch a folder of its own.")
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadFile(f"The folder {out_dir.name} cannot be made.") from error
