"""The list of act two: a few entries more, endorsed and logged, its table drawn; only its publication waits.

It is kept in the cache, because a table of thousands of entries takes longer than the act.
"""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from tutela.demo.endorsing import Endorsing
from tutela.demo.epoch import BUILDER, JURISDICTION, Props
from tutela.hashlist import HashList, Labels, Provenance, clustered
from tutela.hashlist.epoch import Plan, build_epoch
from tutela.hashlist.epoch.leaves import checkpoint_digest
from tutela.hashlist.governance import ListVersion, publish, state_at
from tutela.hashlist.legal_basis import file_name
from tutela.hashlist.trust import Trust
from tutela.oprf import group
from tutela.tlog import SignedCheckpoint
from tutela.voucher import everyday
from tutela.voucher.table import Progress

NUMBER: Final = 2
MORE: Final = 5
_LISTED: Final = "listed.checkpoint"


@dataclass(frozen=True)
class NextList:
    """An epoch that nobody published yet, and the organisations as they were when it was drawn.

    Attributes:
        world: folder of the organisations, the log and the witnesses; a copy, for one run.
        folder: of the epoch: manifest, table and legal basis; a copy too.
        endorsing: opened; whoever asks for this closes it.
        listed: the checkpoint under which that version was logged.
        secret: of the register, from which entries are committed to.
    """

    world: Path
    folder: Path
    endorsing: Endorsing
    listed: SignedCheckpoint
    secret: bytes

    @cached_property
    def version(self) -> ListVersion:
        """The list version, by the rules from the history; reading that takes seconds."""
        history = self.endorsing.history
        return publish(history, state_at(history, history.constitution, datetime.now(UTC)))


def prepare(props: Props, run: Path, progress: Progress | None = None) -> NextList:
    """Return the next list in a folder of this run, from the cache or made now."""
    kept = props.folder.parent / f"next-{props.manifest.digest().hex()[:16]}"
    anchor = Trust.load(props.trust_file).constitution
    if not (kept / "ready").exists():
        shutil.rmtree(kept, ignore_errors=True)
        _make(props, kept, anchor, progress)
        (kept / "ready").touch()
    shutil.copytree(kept, run)
    return NextList(
        world=run / "world",
        folder=run / "epoch",
        endorsing=Endorsing.open(run / "world", anchor),
        listed=SignedCheckpoint.parse((run / _LISTED).read_bytes()),
        secret=HashList.load(props.list_file).salt,
    )


def _make(props: Props, folder: Path, anchor: bytes, progress: Progress | None) -> None:
    shutil.copytree(props.world, folder / "world")
    before = HashList.load(props.list_file)
    random, numbers = np.random.default_rng(2), itertools.count(1)
    origin = Provenance(source="demonstration", added=datetime.now(UTC), note="filler", path="unknown")
    labels = Labels("tutela-demo", "A", origin, lambda: f"later-{next(numbers):06d}")
    more = [labels.entry(pdq=random.bytes(32), quality=100) for _ in range(MORE)]
    endorsing = Endorsing.open(folder / "world", anchor)
    try:
        endorsing.submit(HashList(clustered(more), before.salt), before.salt)
        version = endorsing.endorse()
        listed = endorsing.log_version(version)
    finally:
        endorsing.close()
    (folder / _LISTED).write_bytes(listed.to_bytes())
    build_epoch(
        HashList(clustered([*before.entries, *more]), before.salt),
        everyday(),
        Plan(
            NUMBER,
            datetime.now(UTC),
            props.manifest.valid_until,
            list_root=version.root,
            checkpoint=checkpoint_digest(listed),
        ),
        key=group.random_scalar(),
        signers=[endorsing.signer(BUILDER)],
        out_dir=folder / "epoch",
        progress=progress,
    )
    shutil.copy(props.folder / file_name(JURISDICTION), folder / "epoch")
