"""The hub's folder: its key, its rule files, and the sealed files of reports.

    TUTELA_DATA/hub/
      hub.pub             the X25519 public key, 64 hex digits
      hub.key             the private key under a passphrase (`tutela.sealed.keyfile`)
      routing.toml        the rule table; ip-country.csv: address ranges
      incoming/           uploads under way; a file here that nobody writes is an orphan
      files/<2>/<id>      one sealed file a fileId; one without a row in the database is an orphan

An upload is sealed while it arrives, so that its clear bytes never touch the disk; it takes its place by
one rename before the row is committed. Whatever a killed process leaves behind is removed by `sweep`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from tutela import sealed
from tutela.hub.errors import HubNotReady, TooLargeError
from tutela.hub.multipart import Reader

ORPHAN_SECONDS: Final = 3600
_INIT: Final = "Run `tutela hub init --data DIR`."


@dataclass(frozen=True, slots=True)
class Received:
    """An upload that has arrived whole and sealed, not yet at its place.

    Attributes:
        path: the sealed file under `incoming/`.
        size: of the clear bytes; md5 and sha256: of them, in hex.
    """

    path: Path
    size: int
    md5: str
    sha256: str


class _Hashing:
    """A reader that hashes what passes through it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.md5 = hashlib.md5(usedforsecurity=False)  # the wire protocol's receipt, not a protection
        self.sha256 = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self._reader.read(size)
        self.md5.update(data)
        self.sha256.update(data)
        return data


class _Bounded:
    """A writer into memory that stops at a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.data = BytesIO()

    def write(self, data: bytes, /) -> None:
        if self.data.tell() + len(data) > self._limit:
            raise TooLargeError("The file is too large to be shown here.")
        self.data.write(data)


@dataclass(frozen=True, slots=True)
class Store:
    """The hub's folder."""

    root: Path

    @classmethod
    def of_this_server(cls) -> Store:
        """Return the folder that the settings name."""
        from django.conf import settings

        return cls(Path(settings.TUTELA_STATE))

    @property
    def rules(self) -> Path:
        """The rule table."""
        return self.root / "routing.toml"

    @property
    def ranges(self) -> Path:
        """The address ranges."""
        return self.root / "ip-country.csv"

    @property
    def key_file(self) -> Path:
        """The private key under its passphrase."""
        return self.root / "hub.key"

    @property
    def public_key_file(self) -> Path:
        """The public key."""
        return self.root / "hub.pub"

    @property
    def incoming(self) -> Path:
        """Uploads under way."""
        return self.root / "incoming"

    def public_key(self) -> bytes:
        """Return the key that files are sealed to.

        Raises:
            HubNotReady: there is none, or it is damaged.
        """
        try:
            key = bytes.fromhex(self.public_key_file.read_text("ascii"))
        except (OSError, ValueError) as error:
            raise HubNotReady("The hub has no public key.", hint=_INIT) from error
        if len(key) != 32:
            raise HubNotReady("The hub's public key is damaged.", hint="Restore hub.pub from a backup.")
        return key

    def private_key(self) -> bytes:
        """Return the key that opens files; its passphrase comes from the environment.

        Raises:
            TutelaError: of `tutela.sealed`: no key file, no passphrase, or another one.
        """
        return sealed.keyfile.load(self.key_file, sealed.keyfile.passphrase_from_environment())

    def place(self, file_id: str) -> Path:
        """Return where the sealed file of a fileId lies."""
        return self.root / "files" / file_id[:2] / file_id

    def receive(self, reader: Reader) -> Received:
        """Seal and hash a stream into `incoming/`, in constant memory.

        Raises:
            HubNotReady: the hub has no key.
            Whatever the reader raises; nothing stays behind then.
        """
        key = self.public_key()
        self.incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.incoming)
        path, source = Path(name), _Hashing(reader)
        try:
            with os.fdopen(descriptor, "wb") as file:
                size = sealed.seal_stream(source, file, key)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Received(path, size, source.md5.hexdigest(), source.sha256.hexdigest())

    def keep(self, received: Received, file_id: str) -> None:
        """Move an upload to its place, durably."""
        place = self.place(file_id)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        received.path.replace(place)
        descriptor = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def drop(self, file_id: str) -> None:
        """Remove a file; it may be gone already."""
        self.place(file_id).unlink(missing_ok=True)

    def read(self, file_id: str, private_key: bytes, limit: int) -> bytes:
        """Return a file's clear bytes.

        Raises:
            TooLargeError: it is longer than `limit` bytes.
            SealedError: it is damaged or sealed to another key.
            HubNotReady: it is not at its place.
        """
        target = _Bounded(limit)
        try:
            with self.place(file_id).open("rb") as file:
                sealed.open_stream(file, target, private_key)
        except FileNotFoundError as error:
            raise HubNotReady(
                "The file is not in the hub's folder.", hint="Restore it from a backup."
            ) from error
        return target.data.getvalue()

    def sweep(self, now: float, known: Callable[[list[str]], set[str]]) -> int:
        """Remove what no process writes and no row names; return how many files that was.

        Args:
            now: seconds since the epoch; only what is older than an hour is touched, because a younger
                file may belong to an upload that is about to be committed.
            known: returns which of the given fileIds have a row.
        """
        old = [path for path in _files(self.incoming) if _age(path, now) > ORPHAN_SECONDS]
        for folder in _folders(self.root / "files"):
            aged = {path.name: path for path in _files(folder) if _age(path, now) > ORPHAN_SECONDS}
            named = known(list(aged)) if aged else set()
            old += [path for name, path in aged.items() if name not in named]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else iter(())


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else iter(())


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:  # its writer finished in the meantime
        return 0.0
