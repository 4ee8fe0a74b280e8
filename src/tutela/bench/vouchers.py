"""Recall, false openings, cost and size of private matching, through the real protocol.

Half of the photographs are listed (with random fillers, so that the table has a realistic size), the others
are the unlisted ones. Every listed photograph is edited in fifteen ways; each copy is fingerprinted, sealed
by `Sealer` and tried by `Opener.arrive`, and counts as found when its voucher opens. Beyond `MOST_VOUCHERS`
copies, an evenly spread part of the photographs goes through vouchers and the rest is compared token by
token, which says the same (`tests/bench/test_vouchers.py` proves it); the result states both numbers.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from tutela.bench import corpus
from tutela.bench.edits import NAMES, edit
from tutela.bench.machine import machine, versions
from tutela.cli.output import stdout
from tutela.fingerprint import Fingerprint, FingerprintError, derivative, fingerprint, hamming
from tutela.fingerprint.pictures import read
from tutela.oprf import group, sodium
from tutela.voucher.building import build_table
from tutela.voucher.opening import Opener
from tutela.voucher.parameters import BODY_BYTES, Parameters, everyday
from tutela.voucher.sealing import DeviceSecrets, Picture, Sealer
from tutela.voucher.table import Table, TableHeader
from tutela.voucher.tokens import Token, device_tokens, entry_tokens
from tutela.voucher.wire import Attachment, Enrolment

Progress = Callable[[int, int], None]

FEWEST: Final = 20
PACKAGE_PHOTOGRAPHS: Final = 250  # as many as are taken from installed packages where no folder is given
TABLE_ENTRIES: Final = 10_000
MOST_VOUCHERS: Final = 20_000
CLEAR_DISTANCE: Final = 31
TIMED: Final = 30
_ACCOUNT, _DEVICE = "@bench:example.org", "BENCH"
_TABLE_ID, _SLOT_SEED = b"tutela bench vouchers, one table", bytes(32)
_ATTACHMENT: Final = Attachment(bytes(32), bytes(16), bytes(32))
_SLOTS: Final = 16  # voucher slots for each photograph: itself and its fifteen copies


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph of the benchmark: a file, or a photograph of an installed package."""

    source: Path | corpus.Photograph

    def data(self) -> bytes:
        """Return the encoded photograph."""
        if isinstance(self.source, Path):
            return read(self.source)
        return self.source.data(corpus.side_for(self.source.name))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photograph with its fingerprint."""

    photograph: Photograph
    pdq: bytes
    quality: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The photographs that are measured, and those that could not be.

    Attributes:
        listed: entries of the list; quality at least the profile's minimum.
        unlisted: the others; none within distance 31 of an earlier photograph.
        left_out: counts by reason.
    """

    listed: list[Prepared]
    unlisted: list[Prepared]
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a worker needs to be a device and a provider."""

    parameters: Parameters
    header: TableHeader
    path: Path
    key: bytes
    secrets: DeviceSecrets

    def sides(self) -> tuple[Sealer, Opener, Enrolment]:
        """Return the device's side, the provider's side, and the enrolment between them."""
        table = Table.open(self.path, self.header)
        sealer = Sealer(table, self.parameters, _ACCOUNT, _DEVICE, self.secrets, os.urandom)
        opener = Opener(self.header, self.parameters, self.key)
        return sealer, opener, Enrolment.parse(sealer.enrolment())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one copy: found by the protocol or by its tokens, near in the clear."""

    name: str
    found: bool
    clear: bool


def run(
    photos: Path | None = None,
    progress: Progress | None = None,
    *,
    entries: int = TABLE_ENTRIES,
    vouchers: int = MOST_VOUCHERS,
    workers: int | None = None,
) -> dict[str, Any]:
    """Measure, and return the object that `tutela bench vouchers --json` prints.

    Args:
        photos: folder of photographs; default: those of installed packages.
        progress: called with photographs done and their number.
        entries: size of the list, filled up with random hashes.
        vouchers: most copies that go through whole vouchers.
        workers: processes; default: one for each core.

    Raises:
        TooFewPhotographs: there are fewer than 20 photographs.
    """
    parameters = everyday()
    workers = workers or os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="tutela-bench-") as folder, ProcessPoolExecutor(workers) as pool:
        sample = _sample(_found(photos), parameters, pool)
        scene, table = _build(sample, parameters, Path(folder) / "table.bin", entries)
        times = _times(sample, scene)
        outcomes, real = _copies(sample, scene, pool, vouchers, progress or (lambda _done, _of: None))
        opened = sum(pool.map(_opens, _in_batches(scene, sample.unlisted)))
    return {
        "photos": len(sample.listed) + len(sample.unlisted),
        "source": "installed packages" if photos is None else "a folder that was given",
        # the masks were learned from those packages' photographs
        "held_out": photos is not None,
        "profile": parameters.profile,
        "tokens": parameters.tokens,
        "hits": parameters.hits,
        "token_bytes": parameters.token_section_bytes,
        "body_bytes": BODY_BYTES,
        "voucher_bytes": parameters.voucher_bytes,
        **times,
        **table,
        "unlisted_opened": opened,
        "recall": {name: _share(row.found for row in outcomes if row.name == name) for name in NAMES},
        "clear_recall": {name: _share(row.clear for row in outcomes if row.name == name) for name in NAMES},
        "samples": {
            "listed": len(sample.listed),
            "unlisted": len(sample.unlisted),
            "left_out": sample.left_out,
            "copies": len(outcomes),
            "copies_through_vouchers": real,
            "copies_by_tokens": len(outcomes) - real,
            "unlisted_through_vouchers": len(sample.unlisted),
            "timed_pictures": min(TIMED, len(sample.listed)),
            "workers": workers,
        },
        "machine": machine(),
        "versions": {**versions(["numpy", "pillow", "cryptography"]), "libsodium": sodium.version()},
    }


def show(result: dict[str, Any]) -> None:
    """Print a result for people."""
    samples = result["samples"]
    stdout.print(
        f"{result['photos']} photographs ({samples['listed']} listed, {samples['unlisted']} not): "
        f"{result['source']}; profile {result['profile']}, {result['tokens']} tokens"
    )
    if not result["held_out"]:
        stdout.print("The masks were learned from these photographs: give others with --photos for recall.")
    stdout.print(
        f"device {result['device_ms']:.1f} ms, provider {result['provider_ms']:.1f} ms a picture; "
        f"{result['token_bytes']} bytes of tokens, {result['body_bytes']} of body"
    )
    stdout.print(
        f"table {result['table_bytes_per_entry']:.0f} bytes an entry over {result['entries']} entries, "
        f"{result['build_us_per_token']:.0f} us of one core a token"
    )
    stdout.print(f"unlisted photographs that opened: {result['unlisted_opened']} of {samples['unlisted']}")
    stdout.print("copy          found   distance <= 31")
    for name in NAMES:
        stdout.print(f"{name:12s}  {result['recall'][name]:.3f}   {result['clear_recall'][name]:.3f}")


def _share(values: Iterator[bool]) -> float:
    rows = list(values)
    return round(sum(rows) / len(rows), 4) if rows else 0.0


def _found(photos: Path | None) -> list[Photograph]:
    if photos is None:
        return [Photograph(photo) for photo in corpus.photographs(FEWEST)[:PACKAGE_PHOTOGRAPHS]]
    files = sorted(path for path in photos.rglob("*") if path.is_file()) if photos.is_dir() else []
    return [Photograph(path) for path in files]


def _prepare(photograph: Photograph) -> Prepared | None:
    try:
        made = fingerprint(photograph.data())
    except FingerprintError:
        return None
    return Prepared(photograph, made.pdq, made.quality)


def _sample(found: Sequence[Photograph], parameters: Parameters, pool: ProcessPoolExecutor) -> Sample:
    """Fingerprint the photographs, leave out copies and what cannot be read, and deal them in two."""
    sample = Sample([], [], {"unreadable": 0, "near_another": 0, "poor": 0})
    kept: list[int] = []
    for prepared in pool.map(_prepare, found, chunksize=4):
        if prepared is None:
            sample.left_out["unreadable"] += 1
            continue
        number = int.from_bytes(prepared.pdq)
        if any((number ^ other).bit_count() <= CLEAR_DISTANCE for other in kept):
            sample.left_out["near_another"] += 1
        elif prepared.quality < parameters.minimum_quality:
            sample.left_out["poor"] += 1  # devices send random tokens for these
        else:
            kept.append(number)
            (sample.listed if len(kept) % 2 else sample.unlisted).append(prepared)
    if len(kept) < FEWEST:
        raise corpus.TooFewPhotographs(
            f"{FEWEST} differing photographs are needed and there are {len(kept)}.",
            hint=f"Give a folder with --photos, or apt-get install {' '.join(corpus.PACKAGES)}",
        )
    return sample


def _tokens(sample: Sample, parameters: Parameters, fillers: int) -> Iterator[Token]:
    for prepared in sample.listed:
        yield from entry_tokens(parameters, prepared.pdq)
    for _ in range(fillers):
        yield from entry_tokens(parameters, os.urandom(32))


def _build(
    sample: Sample, parameters: Parameters, path: Path, entries: int
) -> tuple[Scene, dict[str, float | int]]:
    """Build the table and return it with its cost: core-microseconds, and wall time on all cores."""
    fillers = max(0, entries - len(sample.listed))
    tokens = list(_tokens(sample, parameters, fillers))
    key = group.random_scalar()
    wall, cores = time.perf_counter(), time.process_time()
    header = build_table(tokens, key=key, table_id=_TABLE_ID, seed=_SLOT_SEED, path=path)
    wall, cores = time.perf_counter() - wall, time.process_time() - cores
    scene = Scene(parameters, header, path, key, DeviceSecrets.generate(os.urandom))
    listed = len(sample.listed) + fillers
    return scene, {
        "entries": listed,
        "fillers": fillers,
        "table_bytes_per_entry": round(path.stat().st_size / listed, 1),
        "build_us_per_token": round(1e6 * cores / header.tokens, 1),
        "build_wall_us_per_token": round(1e6 * wall / header.tokens, 1),
    }


def _picture(made: Fingerprint, small: bytes = b"") -> Picture:
    return Picture(made.pdq, made.quality, made.reliability, small)


def _times(sample: Sample, scene: Scene) -> dict[str, float]:
    """Return median milliseconds: device (pairs and voucher), device with pairs at hand, provider."""
    sealer, opener, enrolment = scene.sides()
    pairs, seals, arrivals = [], [], []
    for index, prepared in enumerate(sample.listed[:TIMED]):
        data = prepared.photograph.data()
        picture = _picture(fingerprint(data), derivative(data))
        start = time.perf_counter()
        sealer.precompute(1)
        ready = time.perf_counter()
        voucher = sealer.seal(picture, _ATTACHMENT, index)
        sealed = time.perf_counter()
        opener.arrive(voucher, enrolment)
        arrived = time.perf_counter()
        pairs.append(sealed - start)
        seals.append(sealed - ready)
        arrivals.append(arrived - sealed)
    return {
        "device_ms": round(1000 * statistics.median(pairs), 2),
        "device_online_ms": round(1000 * statistics.median(seals), 2),
        "provider_ms": round(1000 * statistics.median(arrivals), 2),
    }


@dataclass(frozen=True, slots=True)
class Job:
    """One listed photograph and whether its copies go through vouchers."""

    scene: Scene
    prepared: Prepared
    index: int
    real: bool


def _copies(
    sample: Sample, scene: Scene, pool: ProcessPoolExecutor, vouchers: int, progress: Progress
) -> tuple[list[Outcome], int]:
    """Return the outcome of every copy, and how many of them went through vouchers."""
    stride = max(1, -(-len(sample.listed) * len(NAMES) // max(1, vouchers)))
    jobs = [Job(scene, one, index, index % stride == 0) for index, one in enumerate(sample.listed)]
    outcomes: list[Outcome] = []
    for done, rows in enumerate(pool.map(_measure, jobs), 1):
        outcomes += rows
        progress(done, len(jobs))
    return outcomes, sum(job.real for job in jobs) * len(NAMES)


def _measure(job: Job) -> list[Outcome]:
    """Make the fifteen copies of one photograph and try to find each."""
    with Image.open(io.BytesIO(job.prepared.photograph.data())) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    copies = {name: fingerprint(edit(name, image)) for name in NAMES}
    if job.real:
        found = _by_vouchers(job.scene, list(copies.values()), job.index * _SLOTS)
    else:
        found = [by_tokens(job.scene.parameters, job.prepared.pdq, copy) for copy in copies.values()]
    return [
        Outcome(name, hit, hamming(copy.pdq, job.prepared.pdq) <= CLEAR_DISTANCE)
        for (name, copy), hit in zip(copies.items(), found, strict=True)
    ]


def _by_vouchers(scene: Scene, copies: Sequence[Fingerprint], first_slot: int) -> list[bool]:
    sealer, opener, enrolment = scene.sides()
    return [
        opener.arrive(sealer.seal(_picture(copy), _ATTACHMENT, first_slot + slot), enrolment) is not None
        for slot, copy in enumerate(copies)
    ]


def by_tokens(parameters: Parameters, listed: bytes, copy: Fingerprint) -> bool:
    """Return whether a copy's tokens meet a list entry's in at least `hits` masks: what a voucher does."""
    if copy.quality < parameters.minimum_quality:
        return False
    shared = set(entry_tokens(parameters, listed)).intersection(
        device_tokens(parameters, copy.pdq, copy.reliability)
    )
    return len({token.mask for token in shared}) >= parameters.hits


def _in_batches(scene: Scene, unlisted: Sequence[Prepared]) -> Iterator[tuple[Scene, list[Photograph], int]]:
    for first in range(0, len(unlisted), _SLOTS):
        part = [one.photograph for one in unlisted[first : first + _SLOTS]]
        yield scene, part, (1 << 40) + first


def _opens(batch: tuple[Scene, list[Photograph], int]) -> int:
    scene, photographs, first_slot = batch
    return sum(_by_vouchers(scene, [fingerprint(one.data()) for one in photographs], first_slot))
