"""`tutela fingerprint`: digests and perceptual hashes of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import track
from rich.table import Table
from rich.text import Text

from tutela.cli.output import emit, stderr, stdout

if TYPE_CHECKING:
    from tutela.fingerprint import Fingerprint

app = typer.Typer(add_completion=False, help="Digests and perceptual hashes of pictures.")

#: from this many files on, progress is shown
MANY = 10

#: exit code when a file had no fingerprint; that of InputError
SOME_FAILED = 4


class Route(StrEnum):
    """How large JPEG pictures are decoded."""

    AUTO = "auto"
    EXACT = "exact"
    FAST = "fast"


@app.command()
def fingerprint(
    files: list[Path] = typer.Argument(..., help="Pictures: JPEG, PNG, WebP, GIF, HEIC or AVIF."),
    path: Route = typer.Option(Route.AUTO, "--path", help="exact decodes at full resolution."),
    recursive: bool = typer.Option(False, "--recursive", "-r", help="Walk folders."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Print SHA-256, MD5 and PDQ of pictures. Exit code 4 if any file has no fingerprint."""
    chosen = list(_expand(files, recursive=recursive))
    shown = track(
        chosen, "Fingerprints", console=stderr, transient=True, disable=len(chosen) < MANY or as_json
    )
    results = [_examine(file, path) for file in shown]
    emit({"files": results}, lambda: _show(results), as_json=as_json)
    if not all(result["ok"] for result in results):
        raise typer.Exit(SOME_FAILED)


def _expand(files: list[Path], *, recursive: bool) -> Iterator[Path]:
    for file in files:
        if recursive and file.is_dir():
            yield from sorted(inner for inner in file.rglob("*") if inner.is_file())
        else:
            yield file


def _examine(file: Path, path: Route) -> dict[str, Any]:
    from tutela.fingerprint import FingerprintError, UnreadableFile, fingerprint_file

    name = os.fsencode(file).decode("utf-8", "replace")
    try:
        if file.is_dir():
            raise UnreadableFile("This is a folder.", hint="Walk folders with --recursive.")
        return {"file": name, "ok": True, **_described(fingerprint_file(file, path=path.value))}
    except FingerprintError as error:
        return {"file": name, "ok": False, "error": error.diagnostics()}


def _described(found: Fingerprint) -> dict[str, Any]:
    return {
        "sha256": found.sha256.hex(),
        "md5": found.md5.hex(),
        "pdq": found.pdq.hex(),
        "quality": found.quality,
        "orientations": [turned.hex() for turned in found.orientations],
        "format": found.format,
        "width": found.width,
        "height": found.height,
        "path": found.path,
    }


def _show(results: list[dict[str, Any]]) -> None:
    for result in results:
        name = "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in result["file"]
        )
        stdout.print(Text(name, style="bold"), soft_wrap=True)
        if result["ok"]:
            stdout.print(_table(result))
        else:
            error = result["error"]
            stdout.print(
                Text(f"  no fingerprint: {error['message']} {error['hint']}".rstrip()), soft_wrap=True
            )
    failed = sum(not result["ok"] for result in results)
    if failed:
        stderr.print(f"{failed} of {len(results)} files have no fingerprint.")


def _table(result: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ignore")
    table.add_row("pdq", result["pdq"])
    table.add_row("quality", f"{result['quality']} of 100")
    table.add_row("sha256", result["sha256"])
    table.add_row("md5", result["md5"])
    table.add_row(
        "picture", f"{result['format']}, {result['width']} x {result['height']}, {result['path']} path"
    )
    return table
