"""The pages, and what tests look for in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if "_build" not in path.parts
)
#: words that stand for something of the reader's: FILE..., ROLE, <data>
_TAG = re.compile(r"tutela [a-z ]+ 1")  # names in hashes and signatures, not commands
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*(\.\.\.)?|<.*>|\.\.\.")


class Command(NamedTuple):
    page: str
    words: tuple[str, ...]


def commands() -> Iterator[Command]:
    """Yield every `tutela ...` of a shell block or of inline code, without what stands for something else."""
    for page in PAGES:
        text = page.read_text()
        blocks = "\n".join(re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL)).replace(
            "\\\n", " "
        )
        lines = [line.split("#")[0] for line in blocks.splitlines()]
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        lines += [words for words in re.findall(r"`(tutela [^`\n]+)`", prose) if not _TAG.fullmatch(words)]
        for line in lines:
            found = re.match(r"\s*(?:[A-Z_]+=\S+ )*tutela (.*)", line)
            if found and not found[1].startswith("|"):
                yield Command(page.name, tuple(shlex.split(found[1])))


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield (file, anchor) of every link that stays inside the repository."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make."""
    titles = re.findall(r"^#{1,6} (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).strip().replace(" ", "-") for title in titles
    }


def is_placeholder(word: str) -> bool:
    """Whether a word stands for something of the reader's."""
    return bool(_PLACEHOLDER.fullmatch(word))
