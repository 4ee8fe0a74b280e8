"""Fetch a provider's current epoch into a folder of the device.

Nothing is believed here: `Guard.load_epoch` and `Guard.refresh` verify everything afterwards. The folder is
replaced as a whole, so that a broken download leaves the last one. Of the log's hashes only those are fetched
that show that it continues what is named in `since`. Plain http is for loopback addresses only.
"""

from __future__ import annotations

import http.client
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tutela.errors import InputError, UsageError, VerificationError
from tutela.hashlist.epoch import MANIFEST_FILE, TABLE_FILE
from tutela.hashlist.epoch.folder import (
    EPOCH_PROOF_FILE,
    LIST_PROOF_FILE,
    LOG_FOLDER,
    MAX_SMALL,
    SMALL_FILES,
    basis_proof_name,
    continuation,
)
from tutela.hashlist.legal_basis import file_name
from tutela.messenger.errors import HomeserverUnreachable
from tutela.tlog import Proof, SignedCheckpoint
from tutela.tlog.errors import Absent

TIMEOUT_SECONDS: Final = 60
MAX_TABLE: Final = 1 << 32
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def fetch(provider_url: str, jurisdiction: str, folder: Path, since: Iterable[SignedCheckpoint] = ()) -> Path:
    """Download the epoch with its papers and, where there is one, the legal basis; return the folder.

    The table is fetched only if the manifest is another one than the folder's.

    Args:
        provider_url: of the provider; its epoch lies under /epoch/.
        jurisdiction: of the device.
        folder: replaced.
        since: checkpoints that this device saw (`Guard.seen`).

    Raises:
        UsageError: the address is neither https nor on this machine.
        HomeserverUnreachable: the provider does not answer, or not with an epoch.
    """
    parts = urlsplit(provider_url)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
        raise UsageError("An epoch is fetched over https.", hint="Plain http is for this machine only.")
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        base = provider_url.rstrip("/") + "/epoch/"
        for name in SMALL_FILES:
            _download(base + name, fresh / name, MAX_SMALL)
        for name in (file_name(jurisdiction), basis_proof_name(jurisdiction)):
            _download(base + name, fresh / name, MAX_SMALL, optional=True)
        _table(base, fresh, folder)
        _log(base, fresh, since)
        _replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _table(base: str, fresh: Path, folder: Path) -> None:
    known, table = folder / MANIFEST_FILE, folder / TABLE_FILE
    if table.is_file() and known.is_file() and known.read_bytes() == (fresh / MANIFEST_FILE).read_bytes():
        shutil.copyfile(table, fresh / TABLE_FILE)
    else:
        _download(base + TABLE_FILE, fresh / TABLE_FILE, MAX_TABLE)


def _log(base: str, fresh: Path, since: Iterable[SignedCheckpoint]) -> None:
    source = _Keeping(f"{base}{LOG_FOLDER}/", fresh / LOG_FOLDER)
    try:
        now, listed = (
            Proof.parse((fresh / name).read_bytes()).checkpoint
            for name in (EPOCH_PROOF_FILE, LIST_PROOF_FILE)
        )
        for before in (listed, *since):
            if before.checkpoint.origin == now.checkpoint.origin:
                continuation(source, before, now)
    except (InputError, VerificationError):
        return  # the guard refuses what came, by name


@dataclass(frozen=True, slots=True)
class _Keeping:
    """The provider's copy of the log's hashes (`tutela.tlog.client.Source`); what was read is kept."""

    base: str
    folder: Path

    def read(self, path: str, limit: int) -> bytes:
        """Return a file of the log."""
        kept = self.folder / path
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            _download(self.base + path, kept, limit, optional=True)
        if not kept.is_file():
            raise Absent(f"The provider's copy of the log has no {path}.")
        return kept.read_bytes()


def _download(url: str, path: Path, limit: int, *, optional: bool = False) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as file:  # noqa: S310 - the scheme was checked
            left = limit
            while part := answer.read(1 << 16):
                left -= len(part)
                if left < 0:
                    raise HomeserverUnreachable("The provider's epoch is larger than one can be.")
                file.write(part)
    except urllib.error.HTTPError as error:
        if not (optional and error.code == 404):
            raise HomeserverUnreachable(f"The provider has no epoch to give (HTTP {error.code}).") from error
    except (OSError, http.client.HTTPException) as error:
        raise HomeserverUnreachable("The provider does not answer.") from error


def _replace(fresh: Path, folder: Path) -> None:
    old = fresh.with_name(fresh.name + ".old")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
