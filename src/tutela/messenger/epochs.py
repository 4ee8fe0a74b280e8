"""Fetch a provider's current epoch into a folder of the device.

Nothing is believed here: `Guard.load_epoch` verifies everything afterwards. The folder is replaced as a
whole, so that a broken download leaves the last one. Plain http is for loopback addresses only.
"""

from __future__ import annotations

import http.client
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tutela.errors import UsageError
from tutela.hashlist.epoch import MANIFEST_FILE, TABLE_FILE
from tutela.hashlist.legal_basis import file_name
from tutela.messenger.errors import HomeserverUnreachable

TIMEOUT_SECONDS: Final = 60
MAX_SMALL: Final = 1 << 20
MAX_TABLE: Final = 1 << 32
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def fetch(provider_url: str, jurisdiction: str, folder: Path) -> Path:
    """Download manifest, table and, where there is one, the legal basis; return the folder.

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
        _download(base + MANIFEST_FILE, fresh / MANIFEST_FILE, MAX_SMALL)
        _download(base + TABLE_FILE, fresh / TABLE_FILE, MAX_TABLE)
        _download(base + file_name(jurisdiction), fresh / file_name(jurisdiction), MAX_SMALL, optional=True)
        _replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


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
