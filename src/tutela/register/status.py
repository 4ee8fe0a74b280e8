"""What the operator asks: how much there is, what is in force, what waits, and what is published."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tutela.hashlist.entries import format_time
from tutela.hashlist.governance import publish
from tutela.register import logbook
from tutela.register.book import Book, present
from tutela.sealed.files import replacing

ENDORSEMENTS_FILE = "endorsements.json"


def collect(book: Book, now: datetime | None = None) -> dict[str, Any]:
    """Return the register's state: counts, names and times."""
    moment = present(now)
    with book.lock:
        history, state = book.history(), book.state(moment)
    version, constitution = state.version, state.constitution
    return {
        "records": len(history),
        "entries": len(state.entries),
        "live": len(state.live),
        "waiting": len(state.entries) - len(state.live),
        "version": version.number if version else None,
        "valid_until": format_time(version.statement.valid_until) if version else None,
        "endorsers": [each.id for each in version.endorsers] if version else [],
        "constitution": constitution.number,
        "constitution_until": format_time(constitution.valid_until),
        "open_disputes": sum(len(history.folded(name).open) for name in history.entries),
        "overdue_disputes": _overdue(book, moment),
        "log": _log(book),
    }


def export(book: Book, folder: Path, now: datetime | None = None) -> dict[str, Any]:
    """Write the public bundle of the version in force: four files, and the endorsements for devices.

    Raises:
        NotEndorsed: no version is in force.
    """
    with book.lock:
        version = publish(book.history(), book.state(now))
    folder.mkdir(parents=True, exist_ok=True)
    files = {**version.files, ENDORSEMENTS_FILE: version.endorsements.to_bytes()}
    for name, data in files.items():
        with replacing(folder / name) as file:
            file.write(data)
        (folder / name).chmod(0o644)  # public, unlike whatever else a role writes
    return {
        "folder": str(folder),
        "number": version.number,
        "root": version.root.hex(),
        "files": sorted(files),
    }


def _overdue(book: Book, now: datetime) -> int:
    with book.lock:
        history = book.history()
        due = timedelta(days=history.constitution.answer_days)
        return sum(
            now >= arrived + due for name in history.entries for arrived in history.folded(name).open.values()
        )


def _log(book: Book) -> dict[str, Any]:
    with logbook.reading(book.store) as log:
        published = log.published()
        return {
            "size": log.size,
            "published": published.checkpoint.size if published else None,
            "witnesses": {
                name: format_time(at)
                for name, at in (logbook.witnesses(book.store, published) if published else {}).items()
            },
        }
