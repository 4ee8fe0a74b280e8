"""What a manifest must be by itself, and beside the ones before it; `admission` is the whole order.

- Enough trusted builders signed exactly these words (`UnknownSigner`, `Tampered`).
- They are a manifest of a version that is known here (`UnknownVersion`), for the one purpose
  (`OtherCategory`), complete and without contradiction (`Tampered`), valid for a year at most (`TooLong`),
  with a threshold whose inputs are careful enough (`WeakThreshold`).
- Now is within its validity (`NotYetValid`, `Expired`).
- It is not older than the last one used (`Older`), nor another one of the same number (`Equivocation`).
- Its table key never served another table (`SameTableKey`).
- Its slot seed follows from list and checkpoint (`OtherSeed`), and every slot of the table from its root.

Time is given. Nothing here says that an epoch may be used: that is what `admission` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tutela.hashlist import envelope, strict_json
from tutela.hashlist.categories import PURPOSE
from tutela.hashlist.epoch.errors import (
    CannotBuild,
    Equivocation,
    Expired,
    NotYetValid,
    Older,
    OtherCategory,
    OtherSeed,
    SameTableKey,
    Tampered,
    TooLong,
    UnknownSigner,
    UnknownVersion,
    WeakThreshold,
)
from tutela.hashlist.epoch.manifest import MAX_DAYS, TYPE, VERSION, Manifest, slot_seed
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.trust import EPOCH, Trust, read_small
from tutela.voucher.table import Progress, Table, slot_seeds

MANIFEST_FILE: Final = "manifest.json"
TABLE_FILE: Final = "table.bin"
PROOF_FILE: Final = "table.proof"
_NOTHING: Final[Mapping[bytes, bytes]] = {}


def verify(
    data: bytes,
    trust: Trust,
    now: datetime,
    previous: Manifest | None = None,
    *,
    seen: Mapping[bytes, bytes] = _NOTHING,
) -> Manifest:
    """Return the manifest in `data`, if a device may use it now.

    Args:
        data: bytes of manifest.json.
        trust: keys and quorum.
        now: the time, with its zone.
        previous: the last manifest that was used, if any.
        seen: table keys of earlier manifests, each with its table id.

    Raises:
        EpochRefused: one of its subclasses, whose `sentence` is for the user.
    """
    manifest = read(data, trust)
    check_time(manifest, now)
    check_succession(manifest, previous, seen)
    return manifest


def check_time(manifest: Manifest, now: datetime) -> None:
    """Raise `NotYetValid` or `Expired` unless now is within its validity."""
    if now < manifest.valid_from:
        raise NotYetValid
    if now >= manifest.valid_until:
        raise Expired


def check_succession(
    manifest: Manifest, previous: Manifest | None, seen: Mapping[bytes, bytes] = _NOTHING
) -> None:
    """Raise `Older`, `Equivocation` or `SameTableKey` unless it may follow what was used before."""
    if previous is not None:
        _check_succession(manifest, previous)
    known = {**seen, **({previous.public_key: previous.table_id} if previous else {})}
    if known.get(manifest.public_key, manifest.table_id) != manifest.table_id:
        raise SameTableKey


def read(data: bytes, trust: Trust) -> Manifest:
    """Return a manifest that trusted keys signed, whatever its time: rules 1 and 2.

    Raises:
        EpochRefused: as `verify`.
    """
    try:
        verified = envelope.verify(data, trust, EPOCH)
    except envelope.UnknownSigners as error:
        raise UnknownSigner(error.message) from error
    except envelope.BrokenStatement as error:
        raise Tampered(error.message) from error
    statement = verified.statement
    if statement.get("type") != TYPE:
        raise Tampered("It is a statement of another kind.")
    if statement.get("version") != VERSION:
        raise UnknownVersion
    if statement.get("category") != PURPOSE:
        raise OtherCategory
    try:
        manifest = Manifest.from_statement(statement, verified.signers)
    except CannotBuild as error:
        raise Tampered(error.message) from error
    if manifest.valid_until - manifest.valid_from > timedelta(days=MAX_DAYS):
        raise TooLong
    if weak := manifest.model.careless:
        raise WeakThreshold(f"Inputs out of bounds: {', '.join(weak)}.")
    return manifest


def number_of(directory: Path) -> int:
    """Return the number that an epoch's manifest claims, without verifying anything: for its own builder.

    Raises:
        Tampered: there is no number.
        BadFile: there is no manifest.
    """
    try:
        number = strict_json.read(read_small(directory / MANIFEST_FILE))["signed"]["number"]
    except (BadJSON, KeyError, TypeError) as error:
        raise Tampered from error
    if type(number) is not int:
        raise Tampered
    return number


def open_table(directory: Path, manifest: Manifest, progress: Progress | None = None) -> Table:
    """Open an epoch's table and check every slot of it against the manifest.

    Raises:
        OtherSeed: its layout does not follow from the list and the checkpoint.
        TableError: it is not the one of the manifest, or holds something that is no group element.
    """
    if manifest.header.seed not in slot_seeds(slot_seed(manifest.list_commitment, manifest.checkpoint)):
        raise OtherSeed
    table = Table.open(directory / TABLE_FILE, manifest.header)
    table.check(progress)
    return table


def _check_succession(manifest: Manifest, previous: Manifest) -> None:
    place, before = (manifest.number, manifest.build), (previous.number, previous.build)
    if place < before:
        raise Older(f"Number {manifest.number}, build {manifest.build}.")
    if place == before and manifest.digest() != previous.digest():
        raise Equivocation
