"""Drawn pictures that are no photographs: pages of text, captioned cards, screens of applications.

They are what perceptual hashes confuse most: two pages, or two cards of one template, can have nearly equal
hashes while they say different things. False rates are therefore given for each of these classes too.
Everything is generated from a seed; the words are invented.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

_WORDS: Final = (
    *("river", "window", "market", "paper", "garden", "letter", "signal", "morning", "winter", "number"),
    *("bridge", "station", "harbour", "coffee", "ticket", "meeting", "summer", "engine", "village"),
    *("border", "music", "student", "forest", "kitchen", "library", "doctor"),
)
_INK: Final[Colour] = (30, 30, 34)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def _phrase(choose: random.Random, words: int) -> str:
    return " ".join(choose.choice(_WORDS) for _ in range(words)).capitalize()


def _colour(choose: random.Random, low: int, high: int) -> Colour:
    return choose.randint(low, high), choose.randint(low, high), choose.randint(low, high)


def document(seed: int) -> Image.Image:
    """Return a page of text: a heading, paragraphs, sometimes a table or a letterhead."""
    choose = random.Random(seed)  # noqa: S311 - a drawing, not a secret
    width = choose.randint(420, 800)
    page = Image.new("RGB", (width, round(width * 1.414)), _colour(choose, 244, 255))
    pen = ImageDraw.Draw(page)
    margin, size = round(width * choose.uniform(0.06, 0.13)), round(width * choose.uniform(0.018, 0.03))
    y = margin
    if choose.random() < 0.5:
        pen.text((margin, y), _phrase(choose, 3), _INK, _font(size * 2))
        y += size * 3
    while y < page.height - margin:
        for _ in range(choose.randint(3, 12)):
            if y > page.height - margin:
                break
            pen.text((margin, y), _line(choose, (width - 2 * margin) / (size * 0.52)), _INK, _font(size))
            y += round(size * 1.4)
        y += size
        if choose.random() < 0.2:
            y = _table(choose, pen, (margin, y, width - margin, min(y + size * 8, page.height - margin)))
    return page


def _line(choose: random.Random, letters: float) -> str:
    text = _phrase(choose, 2)
    limit = letters if choose.random() < 0.85 else letters * choose.uniform(0.2, 0.9)
    while len(text) < limit:
        text += " " + choose.choice(_WORDS)
    return text[: max(4, int(limit))]


def _table(choose: random.Random, pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> int:
    left, top, right, bottom = box
    if bottom - top < 20:
        return bottom
    for row in range(5):
        y = top + (bottom - top) * row // 4
        pen.line((left, y, right, y), _INK)
    columns = choose.randint(2, 5)
    for column in range(columns + 1):
        x = left + (right - left) * column // columns
        pen.line((x, top, x, bottom), _INK)
    return bottom + 12


def card(seed: int) -> Image.Image:
    """Return a flat captioned card: one ground, a large caption, sometimes a shape or a frame."""
    choose = random.Random(seed)  # noqa: S311 - a drawing, not a secret
    side = choose.randint(360, 700)
    ground = _colour(choose, 0, 255)
    ink: Colour = (255, 255, 255) if sum(ground) < 380 else _INK
    picture = Image.new("RGB", (side, choose.choice((side, side, round(side * 0.6)))), ground)
    pen = ImageDraw.Draw(picture)
    if choose.random() < 0.4:
        pen.rectangle((12, 12, picture.width - 13, picture.height - 13), outline=ink, width=4)
    if choose.random() < 0.4:
        x, y = choose.uniform(0.2, 0.8) * picture.width, choose.uniform(0.2, 0.45) * picture.height
        radius = choose.uniform(0.06, 0.16) * side
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(choose, 0, 255))
    size = side / choose.uniform(8, 14)
    for row in range(choose.randint(1, 4)):
        place = (picture.width / 2, picture.height * choose.choice((0.3, 0.5, 0.6)) + row * size * 1.2)
        pen.text(place, _phrase(choose, choose.randint(1, 3)), ink, _font(size), anchor="mm")
    return picture


def screen(seed: int) -> Image.Image:
    """Return a screen of an application: bars above and below, a list or a conversation between."""
    choose = random.Random(seed)  # noqa: S311 - a drawing, not a secret
    width, dark = choose.randint(320, 480), choose.random() < 0.3
    ground, ink = ((24, 26, 30), (230, 230, 230)) if dark else (_colour(choose, 235, 255), _INK)
    picture = Image.new("RGB", (width, round(width * choose.uniform(1.7, 2.2))), ground)
    pen = ImageDraw.Draw(picture)
    bar = round(width * choose.uniform(0.12, 0.2))
    accent = _colour(choose, 20, 220)
    pen.rectangle((0, 0, width, bar), fill=accent)
    pen.text((bar, bar / 2), _phrase(choose, 2), (255, 255, 255), _font(bar * 0.35), anchor="lm")
    draw = choose.choice((_rows, _bubbles))
    draw(choose, pen, (width, picture.height - bar), bar, (ink, accent))
    pen.rectangle((0, picture.height - bar, width, picture.height), fill=_colour(choose, 200, 250))
    return picture


def _rows(
    choose: random.Random,
    pen: ImageDraw.ImageDraw,
    end: tuple[int, int],
    top: int,
    colours: tuple[Colour, Colour],
) -> None:
    height = round(end[0] * choose.uniform(0.13, 0.22))
    for y in range(top + 6, end[1] - height, height):
        pen.ellipse((10, y + 4, height - 2, y + height - 8), fill=_colour(choose, 60, 220))
        pen.text((height + 10, y + 6), _phrase(choose, 2), colours[0], _font(height * 0.28))
        pen.text((height + 10, y + height * 0.5), _phrase(choose, 4), (130, 130, 130), _font(height * 0.2))


def _bubbles(
    choose: random.Random,
    pen: ImageDraw.ImageDraw,
    end: tuple[int, int],
    top: int,
    colours: tuple[Colour, Colour],
) -> None:
    y = top + 10
    while y < end[1] - 60:
        wide, tall = round(end[0] * choose.uniform(0.3, 0.7)), choose.randint(26, 90)
        mine = choose.random() < 0.5
        left = end[0] - wide - 10 if mine else 10
        fill = colours[1] if mine else (205, 205, 210)
        pen.rounded_rectangle((left, y, left + wide, min(y + tall, end[1] - 8)), 10, fill=fill)
        pen.text((left + 8, y + 6), _phrase(choose, 3), (255, 255, 255) if mine else _INK, _font(13))
        y += tall + 10


CLASSES: Final[Mapping[str, Callable[[int], Image.Image]]] = MappingProxyType(
    {"document": document, "card": card, "screen": screen}
)
