"""The end of table keys: whoever has one can enumerate its table's tokens, so none outlives its epoch.

A key file is overwritten and unlinked a day after its epoch's end, but not while vouchers of its table wait
to be looked at, and only if it opens to this very table's key.

What it does not protect: copies and backups, and what a snapshot or flash memory keeps of the old bytes. They
are useless without the passphrase.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import transaction

from tutela.audit import Scalar
from tutela.console import audit
from tutela.errors import TutelaError
from tutela.hashlist.epoch import Manifest
from tutela.hashlist.trust import key_id
from tutela.provider import runtime
from tutela.provider.config import Config, Source
from tutela.provider.errors import NotConfigured
from tutela.provider.models import Device
from tutela.provider.workflow import WORKER
from tutela.sealed import keyfile

log = logging.getLogger("tutela.provider")
#: files that this process could not destroy, with the times of their last change: opening one takes long
_REFUSED: Final[set[tuple[str, int]]] = set()


def destroy(now: datetime) -> int:
    """Destroy the table keys whose time is over; return how many."""
    try:
        config, _, _ = runtime.offline()
    except NotConfigured:
        return 0
    return sum(_destroy(source, manifest) for source, manifest in overdue(config, now))


def overdue(config: Config, now: datetime) -> Iterator[tuple[Source, Manifest]]:
    """Yield the epochs that ended a day ago and whose table keys are still there."""
    for source in (config.source, *config.earlier):
        if not Path(source.table_key).is_file():
            continue
        try:
            manifest, _ = runtime.manifest_of(source)
        except TutelaError:  # `alerts` and `provider status` say what is wrong with it
            continue
        if now >= manifest.valid_until + runtime.GRACE:
            yield source, manifest


def _destroy(source: Source, manifest: Manifest) -> bool:
    """Destroy one key, with a row of the audit; False where that has to wait or cannot be done."""
    if Device.objects.filter(table_id=manifest.table_id.hex(), evaluation_due=True).exists():
        return False
    path = Path(source.table_key)
    mark = (source.table_key, path.stat().st_mtime_ns)
    if mark in _REFUSED:
        return False
    detail: dict[str, Scalar] = {"epoch": manifest.number, "key": key_id(manifest.public_key)}
    try:
        runtime.opener(source, manifest)
        with transaction.atomic():
            audit.record(WORKER, "table-key.destroyed", f"epoch/{manifest.number}", detail)
            keyfile.destroy(path)
    except TutelaError as error:
        _REFUSED.add(mark)
        log.error("table-key-not-destroyed epoch=%s code=%s", manifest.number, error.code)  # noqa: TRY400
        return False
    return True
