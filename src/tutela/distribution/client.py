"""The reader's side: what is current, and its files, from a server or a folder, verified.

    <state>/metadata/   python-tuf's cache: the newest statements that were verified, against rollback
    <state>/complete/   the last state that was verified as a whole, for use without a connection
    <state>/parts/      unfinished downloads by their SHA-256

A refusal never changes what was fetched before. Without a connection the last complete state is used until
it runs out, and `Status` says so. Not protected: a device whose clock is set back believes old states.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tuf.api.metadata import TargetFile

from tutela.distribution import paths
from tutela.distribution.download import SUFFIX, Progress, Tally, Wanted, download, is_here
from tutela.distribution.errors import (
    BadPath,
    DistributionFailed,
    EndlessData,
    Expired,
    Frozen,
    Malformed,
    NotListed,
    NoTrustedRoot,
    NotThere,
    OtherPath,
    Unreachable,
)
from tutela.distribution.session import Session
from tutela.distribution.source import Body, Patience, Source, source_of
from tutela.distribution.storage import alone, fresh_folder, place, storage_errors

MAX_TARGET: Final = 1 << 32
MAX_FILES: Final = 1000


@dataclass(frozen=True, slots=True)
class Status:
    """What is believed, and until when.

    Attributes:
        online: whether the repository confirmed it now.
        valid_until: when the first of its statements runs out.
        versions: of every statement.
        refused: organisations whose word was refused, each with the error's code.
    """

    online: bool
    valid_until: datetime
    versions: dict[str, int]
    refused: dict[str, str]

    @property
    def sentence(self) -> str:
        """The state, for the reader."""
        until = f"{self.valid_until:%Y-%m-%d %H:%M} UTC"
        if self.online:
            return f"The repository confirmed this state; it is valid until {until}."
        return f"The repository cannot be reached; what was fetched before is used until {until}."

    def to_dict(self) -> dict[str, Any]:
        """Return the status for `--json`."""
        return {
            "online": self.online,
            "valid_until": self.valid_until.isoformat(),
            "versions": self.versions,
            "refused": self.refused,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files that were brought, bytes that came over the line, and bytes that were here already."""

    files: tuple[str, ...]
    received: int
    resumed: int


class Updater:
    """A reader of one repository.

    Args:
        location: an https address, http on this machine, or a folder.
        state: folder of its own, kept between runs.
        root: the trusted root that came with the program; None after the first run.
        patience: with a slow server.

    Raises:
        BadAddress: the location is of another kind.
    """

    def __init__(
        self,
        location: str | Path | Source,
        state: Path,
        *,
        root: bytes | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.source = source_of(location, patience) if isinstance(location, str | Path) else location
        self.state = state
        self.root = root
        self._session: Session | None = None

    def refresh(self, now: datetime) -> Status:
        """Learn what is current.

        Raises:
            DistributionRefused: the repository's word is not believed, or what is kept has run out.
            DistributionFailed: it does not answer, and nothing is kept.
            NoTrustedRoot, Busy, NoStorage.
        """
        with alone(self.state), storage_errors():
            self._session = None
            online = True
            try:
                session = Session(self.source, self._begin(), self.root, now)
                self._keep()
                self._tidy(session)
            except DistributionFailed as error:
                session, online = self._offline(now, error), False
            self._session = session
            return self._status(session, online=online)

    def paths(self) -> tuple[str, ...]:
        """Return every file that an organisation publishes under a path of its own, sorted."""
        session = self._current()
        return tuple(
            sorted(
                path
                for role in session.roles()
                for path in session.said(role)
                if session.responsible(path) == role and _sound(path)
            )
        )

    def latest_epoch(self) -> int:
        """Return the highest number of a published epoch.

        Raises:
            NotListed: there is none.
            DistributionRefused: the word of who publishes epochs was refused.
        """
        self._check_heard(f"{paths.epoch(1)}/{paths.MANIFEST}")
        numbers = paths.epoch_numbers(self.paths())
        if not numbers:
            raise NotListed("(There is no epoch.)")
        return numbers[-1]

    def find(self, path: str) -> Wanted:
        """Return what was signed of a file.

        Raises:
            NotListed, OtherPath, BadPath: nobody publishes it, or not who may.
            DistributionRefused: the word of its organisation was refused.
        """
        session = self._current()
        self._check_heard(path)
        found = session.look_up(path)
        if found is not None:
            return _wanted(found)
        if any(path in session.said(other) for other in session.roles()):
            raise OtherPath
        raise NotListed

    def _check_heard(self, path: str) -> None:
        """Raise what was wrong with the word of the organisation that may publish a path."""
        session = self._current()
        role = session.responsible(paths.check(path))
        if role in session.refused:
            raise session.refused[role]

    def fetch(self, path: str, to: Path, *, progress: Progress | None = None) -> Fetched:
        """Bring one file to its place; raises what `find` and `download` do."""
        wanted = self.find(path)
        with alone(self.state), storage_errors():
            tally = self._bring(path, wanted, to, progress)
            to.parent.mkdir(parents=True, exist_ok=True)
            place(self._part(wanted), to)
            self._part(wanted).unlink()
        return Fetched((path,), tally.received, tally.resumed)

    def fetch_folder(
        self,
        prefix: str,
        folder: Path,
        *,
        wants: Callable[[str], bool] = lambda _name: True,
        progress: Progress | None = None,
    ) -> Fetched:
        """Bring all files below a path; the folder is replaced as a whole once they are here.

        Files that the folder has already are taken from there. `wants` chooses by name.
        """
        below = f"{prefix}/"
        own = [path for path in self.paths() if path.startswith(below)]
        listed = [path for path in own if wants(path.removeprefix(below))]
        if not listed:
            raise NotListed
        if len(listed) > MAX_FILES:
            raise EndlessData("(Too many files.)")
        wanted = {path: self.find(path) for path in listed}
        sums = Tally()
        with alone(self.state), storage_errors():
            for path, its in wanted.items():
                tally = self._bring(path, its, folder / path.removeprefix(below), progress)
                sums.received += tally.received
                sums.resumed += tally.resumed
            with fresh_folder(folder) as fresh:
                for path, its in wanted.items():
                    to = fresh / path.removeprefix(below)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    place(self._part(its), to)
            for its in wanted.values():
                self._part(its).unlink(missing_ok=True)
        return Fetched(tuple(listed), sums.received, sums.resumed)

    def _bring(self, path: str, wanted: Wanted, known: Path, progress: Progress | None) -> Tally:
        """Have a file among the parts, from where it is now or from the repository."""
        part = self._part(wanted)
        if is_here(known, wanted):
            part.parent.mkdir(exist_ok=True)
            place(known, part)
            return Tally(resumed=wanted.length)
        return download(self.source, paths.stored(path, wanted.sha256), wanted, part, progress=progress)

    def _part(self, wanted: Wanted) -> Path:
        return self.state / "parts" / wanted.sha256.hex()

    def _current(self) -> Session:
        if self._session is None:
            raise Unreachable("(It was not asked yet.)")
        return self._session

    def _begin(self) -> Path:
        """Return the cache's folder; raises `NoTrustedRoot`."""
        folder = self.state / "metadata"
        if self.root is None and not (folder / "root.json").exists():
            raise NoTrustedRoot
        folder.mkdir(exist_ok=True)
        return folder

    def _keep(self) -> None:
        with fresh_folder(self.state / "complete") as fresh:
            shutil.copytree(self.state / "metadata", fresh, symlinks=True, dirs_exist_ok=True)

    def _tidy(self, session: Session) -> None:
        """Remove unfinished downloads of what nobody publishes any more."""
        signed = {
            info.hashes.get("sha256") for role in session.roles() for info in session.said(role).values()
        }
        for part in (self.state / "parts").glob("*"):
            if part.name.removesuffix(SUFFIX) not in signed:
                part.unlink()

    def _offline(self, now: datetime, cause: DistributionFailed) -> Session:
        """Use the last complete state while it is valid."""
        complete = self.state / "complete"
        if not complete.exists():
            raise cause
        try:
            return Session(_Kept(complete), complete, None, now)
        except (Frozen, Expired) as error:
            raise Frozen("The repository cannot be reached, and what is kept has run out.") from error

    def _status(self, session: Session, *, online: bool) -> Status:
        refused = {role: error.code for role, error in session.refused.items()}
        return Status(online, min(session.expiries().values()), session.versions(), refused)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The complete state as a source: python-tuf asks it for versions, and it has one of each."""

    folder: Path

    @contextmanager
    def open(self, name: str, start: int = 0) -> Iterator[Body]:
        """Open a statement; there is no newer root."""
        file = _name(name)
        number, _, rest = file.partition(".")
        try:
            data = (self.folder / (rest if number.isdigit() else file)).read_bytes()
        except FileNotFoundError as error:
            raise NotThere from error
        if rest == "root.json":
            raise NotThere
        yield Body(start, len(data), iter((data[start:],)))


def _sound(path: str) -> bool:
    try:
        paths.check(path)
    except BadPath:
        return False
    return True


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _wanted(found: TargetFile) -> Wanted:
    """Return the signed length and SHA-256; raises `Malformed`, `EndlessData`."""
    try:
        sha256 = bytes.fromhex(found.hashes["sha256"])
    except (KeyError, ValueError) as error:
        raise Malformed from error
    if len(sha256) != 32:
        raise Malformed
    if not 0 <= found.length <= MAX_TARGET:
        raise EndlessData
    return Wanted(found.length, sha256)
