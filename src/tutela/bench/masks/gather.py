"""The pictures that masks are learned from and tested on, reduced to bits and their reliability.

Photographs: whole wallpapers, their crops, stamps on white, samples. For learning only: views (crops at
random, which overlap each other) and scenes (cut-out stamps pasted on a wallpaper's crop), because
wallpapers are few, and softer than what people photograph. Drawn pages, cards and screens serve the false
rates only. Every source file belongs to one half for good, so that no file is both learned from and
tested on.
"""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tutela.bench import drawn
from tutela.bench.corpus import Photograph, available, fitted, wallpapers
from tutela.bench.edits import NAMES, edit, jpeg
from tutela.fingerprint.pdq import PDQ, compute

BITS = 256
STRENGTHS = 2  # each edit at its usual strength and once varied
MINIMUM_QUALITY = 50
_CAMERA_QUALITY = 92
#: long sides in pixels: the small ones are hard, the large ones nearly all alike
_SIDES = ((300, 440), (440, 900))
_SMALL = (300, 560)
_VIEWS = 36  # views of each wallpaper
_WHOLE = "-whole"
_SCENES = 3  # scenes with each stamp

Bits = npt.NDArray[np.bool_]
Ranks = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Pictures and, for those with copies, every copy of them.

    Attributes:
        names, sources, kinds: of each picture; shape (n,).
        sides: long side in pixels; (n,).
        halves: 0 learned from, 1 tested on; (n,).
        bits: the hash; (n, 256).
        copy_bits: hashes of the copies, in the order of `NAMES`, usual strength first; (n, 30, 256).
        copy_ranks: rank of each bit's reliability in its copy, 0 the least; (n, 30, 256).
        copy_quality: PDQ quality of each copy; (n, 30).
    """

    names: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]
    sides: npt.NDArray[np.int64]
    halves: npt.NDArray[np.int64]
    bits: Bits
    copy_bits: Bits
    copy_ranks: Ranks
    copy_quality: Ranks

    def select(self, chosen: npt.NDArray[np.bool_]) -> Samples:
        """Return the chosen pictures; `chosen` has shape (n,)."""
        return Samples(
            *(
                getattr(self, field)[chosen]
                for field in (
                    *("names", "sources", "kinds", "sides", "halves"),
                    *("bits", "copy_bits", "copy_ranks", "copy_quality"),
                )
            )
        )

    def once(self) -> npt.NDArray[np.bool_]:
        """Return which rows show a picture for the first time (each is there in several sizes)."""
        first = np.zeros(len(self.names), dtype=bool)
        first[np.unique(self.names, return_index=True)[1]] = True
        return first


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    source: str
    kind: str
    half: int
    side: int
    original: PDQ
    copies: tuple[PDQ, ...]


def _hashed(data: bytes) -> PDQ:
    with Image.open(io.BytesIO(data)) as opened:
        return compute(np.asarray(opened.convert("RGB")))


@dataclass(frozen=True, slots=True)
class _Source:
    path: str
    half: int


def _row(name: str, source: _Source, kind: str, image: Image.Image) -> _Row | None:
    stored = jpeg(image, _CAMERA_QUALITY)
    original = _hashed(stored)
    if original.quality < MINIMUM_QUALITY:
        return None
    with Image.open(io.BytesIO(stored)) as opened:
        picture = opened.convert("RGB")
    varied = 1 + zlib.crc32(f"{name} {max(image.size)}".encode())
    copies = tuple(
        _hashed(edit(edit_name, picture, seed=seed)) for edit_name in NAMES for seed in (0, varied)
    )
    return _Row(name, source.path, kind, source.half, max(image.size), original, copies)


def _sides(name: str, longest: int) -> Iterator[int]:
    choose = random.Random(name)  # noqa: S311 - sizes, not secrets
    fitting = sorted(side for side in (choose.randint(*span) for span in _SIDES) if side <= longest)
    yield from fitting or [longest]


def _photographs(source: _Source, photos: list[Photograph]) -> Iterator[_Row | None]:
    for photo in photos:
        image = photo.image()
        for side in _sides(photo.name, max(image.size)):
            yield _row(photo.name, source, photo.kind, fitted(image, side))


def _views(source: _Source, whole: Photograph) -> Iterator[_Row | None]:
    """Crop at random: a tenth to all of the picture's shorter side, in the usual shapes."""
    image = whole.image()
    for number in range(_VIEWS):
        choose = random.Random(f"{whole.name} {number}")  # noqa: S311 - a crop, not a secret
        shape = choose.choice((4 / 3, 3 / 4, 3 / 2, 16 / 9, 1.0))
        least = max(_SMALL[1], 0.1 * min(image.size))
        most = min(image.width, image.height * shape, image.width / shape, image.height)
        if most < least:
            return
        short = choose.uniform(least, most)
        size = (round(short * max(shape, 1)), round(short * max(1 / shape, 1)))
        left = choose.randint(0, max(0, image.width - size[0]))
        top = choose.randint(0, max(0, image.height - size[1]))
        view = image.crop((left, top, min(left + size[0], image.width), min(top + size[1], image.height)))
        yield _row(f"{whole.name}-view-{number}", source, "view", fitted(view, choose.randint(*_SMALL)))


def _scenes(source: _Source, grounds: list[Photograph], stamps: list[Photograph]) -> Iterator[_Row | None]:
    for number, stamp in enumerate(stamps):
        choose = random.Random(f"{source.path} {number}")  # noqa: S311 - a collage, not a secret
        image = fitted(choose.choice(grounds).image(), choose.randint(*_SMALL)).copy()
        with Image.open(stamp.source) as opened:
            figure = opened.convert("RGBA")
        factor = choose.uniform(0.5, 0.95) * min(image.width / figure.width, image.height / figure.height)
        size = (max(8, round(figure.width * factor)), max(8, round(figure.height * factor)))
        figure = figure.resize(size, Image.Resampling.LANCZOS)
        left = round(choose.uniform(-0.1, 1.1) * (image.width - figure.width))
        top = round(choose.uniform(0.2, 1.1) * (image.height - figure.height))
        image.paste(figure, (left, top), figure)
        yield _row(f"scene-{stamp.name}-{source.path}-{number}", source, "scene", image)


def _drawings(kind: str, seeds: range) -> Iterator[_Row | None]:
    for seed in seeds:
        name = f"{kind}-{seed}"
        yield _row(name, _Source(name, seed % 2), kind, drawn.CLASSES[kind](seed))


Job = tuple[Callable[..., Iterator[_Row | None]], tuple[object, ...]]


def _jobs(drawings: int) -> Iterator[Job]:
    photos = [*available(), *(_named_whole(photo) for photo in wallpapers())]
    photos.sort(key=lambda photo: (str(photo.source), photo.name))
    groups = [(path, list(group)) for path, group in groupby(photos, key=lambda photo: photo.source)]
    # alternating by name within each kind, so that both halves have as many of each
    groups.sort(key=lambda group: (group[1][0].kind, str(group[0])))
    sources = {str(path): _Source(str(path), index % 2) for index, (path, _) in enumerate(groups)}
    for path, group in groups:
        yield _photographs, (sources[str(path)], group)
    for half in (0, 1):
        mine = [(path, group) for path, group in groups if sources[str(path)].half == half]
        stamps = [photo for _, group in mine for photo in group if photo.kind == "stamp"]
        random.Random(half).shuffle(stamps)  # noqa: S311 - an order, not a secret
        grounds = [(path, group) for path, group in mine if group[0].kind == "wallpaper"]
        for index, (path, group) in enumerate(grounds):
            pasted = (stamps * _SCENES)[index :: len(grounds)]
            yield _scenes, (sources[str(path)], group, pasted)
            whole = next(photo for photo in group if photo.name.endswith(_WHOLE))
            yield _views, (sources[str(path)], whole)
    for kind in drawn.CLASSES:
        for first in range(0, drawings, 25):
            yield _drawings, (kind, range(first, min(first + 25, drawings)))


def _named_whole(photo: Photograph) -> Photograph:
    return Photograph(f"{photo.name}{_WHOLE}", photo.source, photo.kind, photo.box)


def _run(job: Job) -> list[_Row]:
    function, arguments = job
    return [row for row in function(*arguments) if row is not None]


def gather(*, drawings: int = 300, workers: int = 2, progress: Callable[[str], None] = print) -> Samples:
    """Hash every picture of the corpus and all its copies (minutes; memory about 8 kB a copy)."""
    rows: list[_Row] = []
    jobs = sorted(_jobs(drawings), key=lambda job: job[0] in {_photographs, _drawings})  # the long ones first
    with ProcessPoolExecutor(workers) as pool:
        for done, result in enumerate(pool.map(_run, jobs), 1):
            rows += result
            if done % 20 == 0 or done == len(jobs):
                progress(f"{done} of {len(jobs)} sources, {len(rows)} pictures")
    rows.sort(key=lambda row: (row.kind, row.name, row.side))
    return _samples(rows)


def _samples(rows: list[_Row]) -> Samples:
    def unpacked(hashes: Iterable[PDQ]) -> Bits:
        data = np.frombuffer(b"".join(one.bits for one in hashes), np.uint8)
        return np.unpackbits(data.reshape(-1, BITS // 8), axis=1).astype(bool)

    copies = len(NAMES) * STRENGTHS
    ranks = np.empty((len(rows), copies, BITS), dtype=np.uint8)
    for index, row in enumerate(rows):
        values = np.stack([copy.reliability for copy in row.copies])
        order = np.argsort(values, axis=1, kind="stable")
        np.put_along_axis(ranks[index], order, np.arange(BITS, dtype=np.uint8)[None], axis=1)
    return Samples(
        names=np.array([row.name for row in rows]),
        sources=np.array([row.source for row in rows]),
        kinds=np.array([row.kind for row in rows]),
        sides=np.array([row.side for row in rows]),
        halves=np.array([row.half for row in rows]),
        bits=unpacked(row.original for row in rows),
        copy_bits=unpacked(copy for row in rows for copy in row.copies).reshape(-1, copies, BITS),
        copy_ranks=ranks,
        copy_quality=np.array([[copy.quality for copy in row.copies] for row in rows], dtype=np.uint8),
    )


def save(samples: Samples, path: Path) -> None:
    """Write samples to an .npz file, so that the search can be repeated without hashing again."""
    fields = {name: getattr(samples, name) for name in Samples.__dataclass_fields__}
    np.savez_compressed(path, allow_pickle=False, **fields)


def load(path: Path) -> Samples:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as data:
        return Samples(**{name: data[name] for name in Samples.__dataclass_fields__})
