"""`tutela list`: make, import, export and show lists of fingerprints."""

from __future__ import annotations

import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli.output import emit, stderr, stdout

if TYPE_CHECKING:
    from tutela.hashlist import Entry, HashList, Provenance
    from tutela.hashlist.making import Made

app = typer.Typer(no_args_is_help=True, help="Make, import and export lists of fingerprints.")

Scale = Annotated[str, typer.Option(help="Classification scale of all entries.")]
Value = Annotated[str, typer.Option(help="Classification code, of that scale.")]
Source = Annotated[str, typer.Option(help="The organisation or collection that the entries come from.")]
Note = Annotated[str, typer.Option(help="Administrative reference; never a description of content.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Format(StrEnum):
    """Formats of other tools."""

    PLAIN = "plain"
    CSV = "csv"


@app.command("make")
def make_command(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures, searched with its subfolders.")],
    *,
    out: Annotated[Path, typer.Option(help="The list file to write.")] = Path("list.jsonl"),
    scale: Scale = "tutela-demo",
    value: Value = "A",
    source: Source = "local",
    note: Note = "",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Write the rest if some files fail.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Fingerprint the pictures of a folder by the exact path. Exit code 4 if any file is unreadable."""
    from tutela.hashlist import HashList, Labels, making

    labels = Labels(scale, value, _provenance(source, note, path="exact"), new_id)
    with progress("Fingerprinting") as step:
        made = making.make(folder, labels, progress=step)
    if made.unreadable and not skip_bad:
        _refuse(made)
    made_list = HashList(made.entries, secrets.token_bytes(32))
    made_list.save(out)
    result = {
        "ok": not made.unreadable,
        "list": str(out),
        **_counts(made_list),
        "duplicates": made.duplicates,
        "unreadable": [{"name": bad.name, "code": bad.code} for bad in made.unreadable],
    }
    emit(result, lambda: _print_written(made_list, out, made.duplicates), as_json=as_json)
    _name_unreadable(made)
    if made.unreadable:
        raise typer.Exit(4)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="Plain `signal_type hash` lines, or CSV with a header.")],
    *,
    out: Annotated[Path, typer.Option(help="The list file to write.")],
    fmt: Annotated[Format | None, typer.Option("--format", help="Default: by the file's ending.")] = None,
    scale: Scale = "tutela-demo",
    value: Value = "A",
    source: Source = "imported",
    note: Note = "",
    as_json: AsJSON = False,
) -> None:
    """Import a list. A bad line refuses the whole file and is named; CSV carries its own classification."""
    from tutela.hashlist import HashList, Labels, clustered
    from tutela.hashlist.formats import plain, table

    chosen = fmt or (Format.CSV if file.suffix.lower() == ".csv" else Format.PLAIN)
    duplicates = 0
    if chosen is Format.CSV:
        entries = table.load(file)
    else:
        read = plain.load(file, Labels(scale, value, _provenance(source, note, path="unknown"), new_id))
        entries, duplicates = read.entries, read.duplicates
    imported = HashList(clustered(entries), secrets.token_bytes(32))
    imported.save(out)
    result = {"ok": True, "list": str(out), **_counts(imported), "duplicates": duplicates}
    emit(result, lambda: _print_written(imported, out, duplicates), as_json=as_json)


@app.command("export")
def export_command(
    list_file: Annotated[Path, typer.Argument(metavar="LIST", help="A list file.")],
    fmt: Annotated[Format, typer.Option("--format", help="plain: fingerprints only; csv: all fields.")],
    out: Annotated[Path | None, typer.Option(help="Default: the list's name with another ending.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Export a list to the format of other tools."""
    from tutela.hashlist import HashList
    from tutela.hashlist.formats import plain, table

    loaded = HashList.load(list_file)
    target = out or list_file.with_suffix(".csv" if fmt is Format.CSV else ".txt")
    if fmt is Format.CSV:
        table.save(target, loaded.entries)
        lines = len(loaded)
    else:
        lines = plain.save(target, loaded.entries)
    result = {"ok": True, "file": str(target), "format": fmt.value, "lines": lines}
    emit(result, lambda: say(f"{lines} lines in {target}"), as_json=as_json)


@app.command("show")
def show_command(
    list_file: Annotated[Path, typer.Argument(metavar="LIST", help="A list file.")],
    entries: Annotated[bool, typer.Option("--entries", help="Also every entry, without its hashes.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Show what a list holds: counts, its commitment, and on request its entries."""
    from tutela.hashlist import HashList

    loaded = HashList.load(list_file)
    rows = [_row(entry) for entry in loaded.entries] if entries else []
    result = {"ok": True, **_counts(loaded), "commitment": loaded.commitment().hex()}
    if entries:
        result["items"] = rows
    emit(result, lambda: _print_list(result, rows), as_json=as_json)


def new_id() -> str:
    """Return a fresh random id for an entry: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def say(text: str) -> None:
    """Print a line for people: as it is, however long, brackets included."""
    stdout.print(text, markup=False, soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress on stderr and yield the callback (done, in all) that moves it."""
    from rich.progress import Progress

    with Progress(console=stderr, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _provenance(source: str, note: str, *, path: str) -> Provenance:
    from tutela.hashlist import Provenance

    return Provenance(source=source, added=datetime.now(UTC), note=note, path=path)


def _counts(counted: HashList) -> dict[str, Any]:
    codes = Counter(f"{entry.scale} {entry.category}" for entry in counted.entries)
    with_pdq = [entry for entry in counted.entries if entry.pdq is not None]
    return {
        "entries": len(counted),
        "clusters": len(counted.clusters()),
        "with_pdq": len(with_pdq),
        "low_quality": sum(entry.quality is not None and entry.quality < 50 for entry in with_pdq),
        "categories": dict(sorted(codes.items())),
    }


def _row(entry: Entry) -> dict[str, Any]:
    hidden = ("pdq", "sha256", "md5")
    fields = entry.to_dict()
    shown = {name: value for name, value in fields.items() if name not in hidden}
    return {**shown, "fingerprints": [name for name in hidden if fields[name] is not None]}


def _refuse(made: Made) -> None:
    from tutela.hashlist import BadPictures

    _name_unreadable(made)
    raise BadPictures(
        f"{len(made.unreadable)} files could not be fingerprinted, so no list was written.",
        hint="Take them out of the folder, or give --skip-bad to list the rest.",
    )


def _name_unreadable(made: Made) -> None:
    for bad in made.unreadable:
        stderr.print(f"{bad.name}: {bad.message} ({bad.code})", markup=False, soft_wrap=True)


def _print_written(written: HashList, out: Path, duplicates: int) -> None:
    say(f"{len(written)} entries in {len(written.clusters())} clusters written to {out}")
    if duplicates:
        say(f"{duplicates} repeated fingerprints count once")


def _print_list(result: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    for name, value in result.items():
        if name not in {"ok", "items", "categories"}:
            say(f"{name:<12} {value}")
    for category, count in result["categories"].items():
        say(f"{category:<12} {count}")
    for row in rows:
        say(
            f"{row['id']}  {row['scale']} {row['category']}  {'+'.join(row['fingerprints'])}"
            f"  quality {row['quality']}  cluster {row['cluster']}  {row['source']} {row['added']}"
        )
