"""Ordinary photographs that installable packages ship, for the demonstration and the figures.

Sources: Debian's wallpaper packages, `tuxpaint-stamps-default` (cut-out photographs, put on white) and the
samples inside scikit-image. Wallpapers are large, so distinct crops of them that do not overlap count as
photographs of their own; `Photograph.source` tells which file each came from, and figures that are given
for learned parameters split by source, never by crop. Drawn wallpapers are left out by name.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from PIL import Image

from tutela.bench.edits import jpeg
from tutela.errors import EnvironmentProblem

Kind = Literal["wallpaper", "stamp", "sample"]

PACKAGES: Final = (
    "plasma-workspace-wallpapers",
    "mate-backgrounds",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "tuxpaint-stamps-default",
)
_SHARE: Final = Path("/usr/share")
# Plasma ships each wallpaper in many sizes: the largest one is taken. Renderings are left out.
_PLASMA: Final = (
    *("Autumn", "BytheWater", "ColdRipple", "ColorfulCups", "EveningGlow", "FallenLeaf", "Grey", "Kite"),
    *("OneStandsOut", "Path", "summer_1am"),
)
_MATE: Final = (
    *("Aqua", "Blinds", "Dune", "FreshFlower", "Garden", "GreenMeadow", "LadyBird", "RainDrops", "Storm"),
    *("TwoWings", "Wood", "YellowFlower"),
)
_LOMIRI: Final = (
    *("Bridge", "Dragonfly", "Picture_0B", "Picture_1A", "Wine", "aitzgorri", "free", "friends"),
    *("greentock", "life", "picosdeeuropa", "seeding", "sunset", "Kleiber"),
)
_SAMPLES: Final = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png"),
    *("gravel.png", "hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "rocket.jpg"),
)
_STAMPS: Final = (
    *("animals", "food", "plants", "vehicles", "sports", "hobbies", "household", "space"),
    "town/monuments",
)
_DRAWN: Final = ("cartoon", "_mirror", "_flip", "dessert", "plastic", "toys", "dishes/utensils")
_TILE_PX: Final = 640  # a crop's shorter side is at least this long before it is scaled down
_STAMP_PX: Final = 100  # smaller stamps are icons
_STORED_QUALITY: Final = 92


class TooFewPhotographs(EnvironmentProblem):
    """The packages that ship photographs are not installed."""

    code = "bench.too_few_photographs"


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph: a whole file or one crop of it.

    Attributes:
        name: stable and unique, for example "EveningGlow-2-1".
        source: the file that it comes from.
        kind: what sort of package ships it.
        box: left, top, right, bottom in the source, in pixels.
    """

    name: str
    source: Path
    kind: Kind
    box: tuple[int, int, int, int]

    def image(self, long_side: int | None = None) -> Image.Image:
        """Return the pixels as RGB, scaled down to `long_side` pixels where they are larger."""
        return fitted(_decoded(self.source).crop(self.box), long_side)

    def data(self, long_side: int | None = None) -> bytes:
        """Return the photograph as JPEG bytes, as a camera or a messenger would store it."""
        return jpeg(self.image(long_side), _STORED_QUALITY)


@lru_cache(maxsize=1)  # the crops of one wallpaper follow each other where they are read in bulk
def _decoded(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        if opened.mode == "RGB":
            return opened.copy()
        picture = opened.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def fitted(image: Image.Image, long_side: int | None) -> Image.Image:
    """Return `image` scaled so that its longer side has `long_side` pixels, never enlarged."""
    if long_side is None or max(image.size) <= long_side:
        return image
    factor = long_side / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def side_for(name: str) -> int:
    """Return a long side of 300 to 1000 pixels that is fixed by the name, as shared pictures have."""
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())
    return 300 + number % 701


def _pixels(path: Path) -> tuple[int, str]:
    width, height = _size(path)
    return width * height, path.name


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as opened:
        return opened.size


def _plasma() -> Iterator[tuple[str, Path]]:
    for name in _PLASMA:
        folder = _SHARE / "wallpapers" / name / "contents" / "images"
        files = [path for path in folder.glob("*x*.*") if path.suffix in {".jpg", ".png"}]
        if files:
            yield name, max(files, key=_pixels)


def _backgrounds() -> Iterator[tuple[str, Path]]:
    for name in _MATE:
        path = _SHARE / "backgrounds" / "mate" / "nature" / f"{name}.jpg"
        if path.is_file():
            yield name, path
    for name in _LOMIRI:
        for path in sorted((_SHARE / "backgrounds").glob(f"{name}_by_*.jpg"))[:1]:
            yield name, path


def _stamps() -> Iterator[tuple[str, Path]]:
    root = _SHARE / "tuxpaint" / "stamps"
    for folder in _STAMPS:
        for path in sorted((root / folder).rglob("*.png")):
            if not any(word in str(path) for word in _DRAWN):
                yield "-".join(path.relative_to(root).with_suffix("").parts), path


def _samples() -> Iterator[tuple[str, Path]]:
    found = importlib.util.find_spec("skimage")  # not imported: only its data files are read
    if found is None or found.origin is None:
        return
    for file in _SAMPLES:
        path = Path(found.origin).parent / "data" / file
        if path.is_file():
            yield path.stem, path


def _whole(name: str, path: Path, kind: Kind) -> Photograph:
    width, height = _size(path)
    return Photograph(name, path, kind, (0, 0, width, height))


def _tiles(name: str, path: Path) -> list[Photograph]:
    """Cut a wallpaper into at most 4 x 3 crops; one that is too small for two stays whole."""
    width, height = _size(path)
    columns, rows = max(1, min(4, width // _TILE_PX)), max(1, min(4, height // _TILE_PX))
    return [
        Photograph(
            f"{name}-{column}-{row}" if columns * rows > 1 else name,
            path,
            "wallpaper",
            (
                width * column // columns,
                height * row // rows,
                width * (column + 1) // columns,
                height * (row + 1) // rows,
            ),
        )
        for row in range(rows)
        for column in range(columns)
    ]


def wallpapers() -> list[Photograph]:
    """Return every installed photographic wallpaper, whole."""
    return [_whole(name, path, "wallpaper") for name, path in (*_plasma(), *_backgrounds())]


def available(*, at_least_px: int = 0) -> list[Photograph]:
    """Return all photographs of this machine's packages, crops of wallpapers first, in a stable order.

    The order takes one crop of each wallpaper, then a second one of each, so that a short prefix is varied.
    """
    tiled = [_tiles(name, path) for name, path in (*_plasma(), *_backgrounds())]
    longest = max((len(tiles) for tiles in tiled), default=0)
    crops = [tiles[index] for index in range(longest) for tiles in tiled if index < len(tiles)]
    samples = [_whole(name, path, "sample") for name, path in _samples()]
    stamps = [_whole(name, path, "stamp") for name, path in _stamps()]
    stamps = [stamp for stamp in stamps if min(_size(stamp.source)) >= _STAMP_PX]
    found = [*samples, *crops, *stamps]
    return [one for one in found if max(one.box[2] - one.box[0], one.box[3] - one.box[1]) >= at_least_px]


def photographs(minimum: int, *, at_least_px: int = 0) -> list[Photograph]:
    """Return at least `minimum` distinct photographs whose longer side has `at_least_px` pixels or more.

    Raises:
        TooFewPhotographs: the installed packages have fewer.
    """
    found = available(at_least_px=at_least_px)
    if len(found) < minimum:
        raise TooFewPhotographs(
            f"{minimum} photographs are needed and the installed packages have {len(found)}.",
            hint=f"Install them: apt-get install {' '.join(PACKAGES)}; or give a folder of your own.",
        )
    return found
