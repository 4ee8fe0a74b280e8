"""The demonstration's list and epoch: photographs that stand in for listed ones, near duplicates, fillers."""

from __future__ import annotations

import hashlib
import io
import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from tutela.bench import corpus, edits
from tutela.demo.endorsing import Endorsing
from tutela.demo.folders import Folders
from tutela.errors import EnvironmentProblem, TutelaError
from tutela.fingerprint import FingerprintError, fingerprint
from tutela.hashlist import Entry, HashList, Labels, Provenance, clustered
from tutela.hashlist import legal_basis as basis
from tutela.hashlist.epoch import Manifest, Model, Plan, Trust, TrustedKey, artefacts, build_with_new_key
from tutela.hashlist.epoch.admission import admit
from tutela.hashlist.epoch.building import write_public
from tutela.hashlist.epoch.leaves import checkpoint_digest
from tutela.hashlist.epoch.verification import check_time
from tutela.sealed import keyfile
from tutela.tlog import Leaf
from tutela.voucher import everyday

JURISDICTION: Final = "ZZ"  # a user-assigned code: no country
LISTED: Final = 60
NEAR_DUPLICATES: Final = 20
ORDINARY: Final = 24
LEAST: Final = 60  # fewer cannot play all parts
LEAST_QUALITY: Final = 80
MARGIN: Final = 60  # bits that an ordinary picture keeps from every entry
BUILDER: Final = "register"  # whose key signs epochs; it is none of the organisations'
_SIDE: Final = 1000
_DAYS: Final = 90

Progress = Callable[[int, int], None]


class TooFewPictures(EnvironmentProblem):
    """The folder of photographs is too small to play all parts."""

    code = "demo.too_few_pictures"


@dataclass(frozen=True, slots=True)
class Props:
    """What the players need.

    Attributes:
        folder: the epoch's public folder.
        list_file, table_key, trust_file: what the provider needs beside it.
        world: folder of the organisations, the log and its witnesses.
        manifest: as verified.
        listed: photographs in the list, JPEG bytes; ordinary: photographs that are not near any entry.
        source: where the photographs came from, in a few words.
    """

    folder: Path
    list_file: Path
    table_key: Path
    trust_file: Path
    world: Path
    manifest: Manifest
    listed: tuple[bytes, ...]
    ordinary: tuple[bytes, ...]
    source: str


def prepare(folders: Folders, photos: Path | None, entries: int, progress: Progress | None = None) -> Props:
    """Return the epoch in the cache if it still fits, else build it.

    Raises:
        EnvironmentProblem: there are too few photographs.
    """
    folder = folders.cache / _name(photos, entries)
    if not (folder / "ready").exists():
        _build(folder, _photographs(photos), entries, folders.passphrase(), progress)
    try:
        manifest = _renewed(folder)
    except (TutelaError, OSError):  # it ran out, or is of an earlier version: build another one
        (folder / "ready").unlink()
        return prepare(folders, photos, entries, progress)
    return Props(
        folder=folder / "epoch",
        list_file=folder / "list.jsonl",
        table_key=folder / "table.key",
        trust_file=folder / "trust.json",
        world=folder / "world",
        manifest=manifest,
        listed=_stored(folder / "listed"),
        ordinary=_stored(folder / "ordinary"),
        source="photographs of installed packages" if photos is None else f"photographs of {photos}",
    )


def _renewed(folder: Path) -> Manifest:
    """Renew the proofs of the epoch in the cache, and return its manifest if it still holds tomorrow."""
    trust, now = Trust.load(folder / "trust.json"), datetime.now(UTC)
    endorsing = Endorsing.open(folder / "world", trust.anchors()[0])
    try:
        _check_published(endorsing, folder, trust)
        endorsing.refresh(folder / "epoch")
    finally:
        endorsing.close()
    found = admit(folder / "epoch", trust, JURISDICTION, now)
    check_time(found.manifest, now + timedelta(days=1))
    if found.why_no_basis:
        raise found.why_no_basis
    return found.manifest


def _check_published(endorsing: Endorsing, folder: Path, trust: Trust) -> None:
    """Check that every policy and model in use is in the log: a program of another version uses others."""
    used = artefacts.in_use(trust, (folder / "trust.json").read_bytes())
    first = [Leaf.parse(endorsing.log.entry(at)) for at in range(len(used))]
    artefacts.require(artefacts.published(first, trust), used, trust)


def _name(photos: Path | None, entries: int) -> str:
    """Return a name that changes with whatever the epoch is made from."""
    marks = [str(entries), str(everyday()), str(Model())]
    for path in sorted(photos.rglob("*")) if photos else ():
        about = path.stat()
        marks.append(f"{path.name} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16]


def _photographs(folder: Path | None) -> list[bytes]:
    """Return photographs as JPEG bytes, or as they are in `folder`."""
    if folder is None:
        found = corpus.photographs(LISTED + ORDINARY, at_least_px=300)
        return [one.data(_SIDE) for one in found[: 2 * (LISTED + ORDINARY)]]
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return [path.read_bytes() for path in paths]


def _stored(folder: Path) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(folder.iterdir()))


def _store(folder: Path, pictures: Sequence[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(pictures):
        (folder / f"{number:04d}").write_bytes(data)


def _good(pictures: Sequence[bytes]) -> list[bytes]:
    """Leave out what cannot be read, and what PDQ calls too poor to stand in for a listed picture."""
    good = []
    for data in pictures:
        try:
            if fingerprint(data).quality >= LEAST_QUALITY:
                good.append(data)
        except FingerprintError:
            continue
    if len(good) < LEAST:
        raise TooFewPictures(
            f"{len(good)} photographs can be used; the demonstration needs {LEAST}.",
            hint="Give a larger folder, or leave --photos out.",
        )
    return good


def _near(hash_list: HashList, data: bytes) -> bool:
    """A crop of the same wallpaper can be near a listed one: it cannot play an ordinary picture."""
    return hash_list.nearest(fingerprint(data, path="exact").pdq, MARGIN) is not None


def _build(
    folder: Path, pictures: Sequence[bytes], entries: int, passphrase: str, progress: Progress | None
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    good = _good(pictures)
    listed = good[: min(LISTED, len(good) // 2)]
    hash_list = HashList(_entries(listed, entries))
    hash_list.save(folder / "list.jsonl")
    _store(folder / "listed", listed)
    _store(
        folder / "ordinary", [data for data in good[len(listed) :] if not _near(hash_list, data)][:ORDINARY]
    )
    endorsing = _found(folder)
    signer = endorsing.signer(BUILDER)
    roles = frozenset(("epoch", "legal-basis"))
    trust = endorsing.trust([TrustedKey("Demonstration register", signer.public_key, roles)])
    trust.save(folder / "trust.json")
    endorsing.log_artefacts(artefacts.in_use(trust, (folder / "trust.json").read_bytes()), BUILDER)
    endorsing.submit(hash_list, hash_list.salt)
    version = endorsing.endorse()
    logged = endorsing.log_version(version)
    now = datetime.now(UTC).replace(microsecond=0)
    until = now + timedelta(days=_DAYS)
    plan = Plan(1, now, until, list_root=version.root, checkpoint=checkpoint_digest(logged))
    for old in (folder / "table.key", *(folder / "epoch").glob("*")):
        old.unlink(missing_ok=True)
    build_with_new_key(
        hash_list,
        everyday(),
        plan,
        key_path=folder / "table.key",
        passphrase=passphrase,
        signers=[signer],
        out_dir=folder / "epoch",
        progress=progress,
    )
    assessment = hashlib.sha256(b"The demonstration has no impact assessment.").digest()
    statement = basis.LegalBasis(
        JURISDICTION, "Demonstration Act, section 1 (invented)", now, until, assessment
    )
    write_public(folder / "epoch" / basis.file_name(JURISDICTION), basis.make(statement, signer))
    endorsing.publish(folder / "epoch", version, logged)
    endorsing.close()
    (folder / "ready").touch()


def _found(folder: Path) -> Endorsing:
    """Found the organisations anew; what an earlier epoch left goes."""
    (folder / "table.key").unlink(missing_ok=True)
    for old in ("epoch", "world"):
        shutil.rmtree(folder / old, ignore_errors=True)
    return Endorsing.create(folder / "world")


def _entries(listed: Sequence[bytes], count: int) -> tuple[Entry, ...]:
    """Return entries: the stand-ins, near duplicates of some, and random hashes up to `count`."""
    pictures = list(listed)
    for data in listed[:NEAR_DUPLICATES]:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        pictures += [edits.edit("jpeg_50", image), edits.edit("brightness", image)]
    labels = _labels("stand-in", "exact")
    entries = []
    for data in pictures:
        found = fingerprint(data, path="exact")
        entries.append(labels.entry(pdq=found.pdq, sha256=found.sha256, quality=found.quality))
    fillers, random = _labels("filler", "unknown"), np.random.default_rng(1)
    entries += [fillers.entry(pdq=random.bytes(32), quality=100) for _ in range(count - len(entries))]
    return clustered(entries)


def _labels(kind: str, path: str) -> Labels:
    numbers = itertools.count(1)
    origin = Provenance(source="demonstration", added=datetime.now(UTC), note=kind, path=path)
    return Labels("tutela-demo", "A", origin, lambda: f"{kind}-{next(numbers):06d}")


def environment(folders: Folders) -> dict[str, str]:
    """Return what the servers need to open key files."""
    return {keyfile.PASSPHRASE_VARIABLE: folders.passphrase()}
