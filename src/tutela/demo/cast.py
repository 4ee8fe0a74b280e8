"""Who plays in the demonstration, and what each sends. All invented; documentation addresses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from tutela.bench import edits
from tutela.demo.epoch import Props

EDITS: Final = 30
#: copies of different entries that the last player sends beyond the threshold
BEYOND: Final = 3
CONTROL: Final = "This line is sent in the clear on purpose: whoever searches must find it."


@dataclass(frozen=True, slots=True)
class Player:
    """An account, where it connects from, and what should become of it."""

    name: str
    address: str
    expected: str
    part: str


CAST: Final = (
    Player("amina", "198.51.100.21", "closed", "sends ordinary photographs"),
    Player("bruno", "198.51.100.22", "closed", "sends ordinary photographs and a file"),
    Player("chloe", "203.0.113.23", "closed", "sends ordinary photographs and a file"),
    Player("dario", "203.0.113.24", "closed", f"sends {EDITS} edits of one listed stand-in"),
    Player("edda", "192.0.2.25", "opened", "sends copies of different listed stand-ins"),
)


@dataclass(frozen=True, slots=True)
class Sending:
    """One file on its way."""

    name: str
    data: bytes
    content_type: str


def texts(player: Player) -> tuple[str, ...]:
    """Return what a player writes: lines that the checker can recognise anywhere."""
    return (
        f"{player.name}: shall we meet at the station at {len(player.name)} tomorrow?",
        f"{player.name}: the library closes early on Thursday, bring the blue folder.",
    )


def files(player: Player, props: Props) -> Iterator[Sending]:
    """Return what a player sends."""
    if player.name == "dario":
        for number, data in enumerate(edits.copies(_image(props.listed[0]), EDITS, seed=4)):
            yield Sending(f"edit-{number:02d}.jpg", data, "image/jpeg")
    elif player.name == "edda":
        wanted = props.manifest.threshold + BEYOND
        for number, data in enumerate(props.listed[1 : 1 + wanted]):
            yield Sending(f"copy-{number:02d}.jpg", edits.edit("jpeg_50", _image(data)), "image/jpeg")
        yield Sending("holiday.jpg", props.ordinary[-1], "image/jpeg")
    else:
        place = [each.name for each in CAST].index(player.name)
        share = (len(props.ordinary) - 1) // 3
        for number, data in enumerate(props.ordinary[place * share : (place + 1) * share]):
            yield Sending(f"photo-{number:02d}.jpg", data, "image/jpeg")
        if place:
            noise = np.random.default_rng(place).bytes(20_000)
            yield Sending("notes.bin", noise, "application/octet-stream")


def _image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")
