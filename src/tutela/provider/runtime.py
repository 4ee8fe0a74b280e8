"""Everything that a provider's process works with: configuration, epoch, list, keys.

Loaded once and kept while the files stay the same. Time is looked at on every use: when the epoch or the
legal basis ends, `alerts` raises. Intake then takes what comes and discards it (`forbidden`); technical
trouble is a 503 instead, and the homeserver keeps what it has.

    alerts(now)    for intake and the threshold: needs a valid epoch and a valid legal basis
    .under(table)  the same for a voucher's table: of the epoch in use, or of an earlier one until that ends
    offline()      for what was decided already (unsealing, reporting, pages): needs the configuration only
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from django.conf import settings

from tutela.errors import TutelaError
from tutela.hashlist import Entry, HashList
from tutela.hashlist.conflicts import Conflict, conflicts, read_folders, touching
from tutela.hashlist.epoch import MANIFEST_FILE, TABLE_FILE, Expired, Manifest, read, verify
from tutela.hashlist.legal_basis import (
    ACTS,
    LegalBasis,
    LegalBasisMissing,
    LegalBasisTampered,
    check_folder,
    check_use,
)
from tutela.hashlist.matching import nearest_in
from tutela.hashlist.trust import Trust, read_small
from tutela.provider import config as configuration
from tutela.provider.atrest import AtRest
from tutela.provider.config import Config, Secrets, Source
from tutela.provider.errors import AlertsOff, NotConfigured
from tutela.sealed import keyfile
from tutela.voucher.opening import Listed, Opener
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import Table, TableHeader

#: how long after an epoch's end the worker still looks at what came before it; then its key is destroyed
GRACE: Final = timedelta(days=1)
log = logging.getLogger("tutela.provider")


@dataclass(frozen=True)
class Epoch:
    """An epoch with the key of its table and the list behind it."""

    directory: Path
    manifest: Manifest
    trust: Trust
    opener: Opener
    hash_list: HashList

    @property
    def number(self) -> int:
        """The epoch's number."""
        return self.manifest.number

    @property
    def header(self) -> TableHeader:
        """The table's header."""
        return self.manifest.header

    @property
    def parameters(self) -> Parameters:
        """The vouchers' parameters."""
        return self.manifest.parameters

    @property
    def valid_until(self) -> datetime:
        """The window's end."""
        return self.manifest.valid_until

    @cached_property
    def scales(self) -> frozenset[str]:
        """The scales by which its list classifies."""
        return frozenset(entry.scale for entry in self.hash_list.entries)

    @cached_property
    def table(self) -> Table:
        """The table, checked as a device checks it; raises `TableError`."""
        table = Table.open(self.directory / TABLE_FILE, self.header)
        table.check()
        return table


@dataclass(frozen=True)
class Runtime:
    """What a piece of work needs, given to it.

    Attributes:
        config: the provider's configuration.
        secrets: its secrets.
        at_rest: seals what is stored.
        epoch: of the list in use.
        withdrawn: ids of entries that no longer count.
        earlier: the same under each earlier epoch that has not ended.
    """

    config: Config
    secrets: Secrets
    at_rest: AtRest
    epoch: Epoch
    withdrawn: frozenset[str] = field(default_factory=frozenset)
    earlier: tuple[Runtime, ...] = ()

    def under(self, table_id: bytes) -> Runtime | None:
        """Return the runtime for a table, None for one that does not count (any more)."""
        known = (self, *self.earlier)
        return next((one for one in known if one.epoch.header.table_id == table_id), None)

    @cached_property
    def nearest(self) -> Callable[[bytes], Listed | None]:
        """The look-up of the clear check, without withdrawn entries."""
        entries = tuple(e for e in self.epoch.hash_list.entries if e.id not in self.withdrawn)
        return nearest_in(HashList(entries, self.epoch.hash_list.salt))

    def entry(self, entry_id: str) -> Entry:
        """Return an entry of the list."""
        found = self.epoch.hash_list.get(entry_id)
        if found is None:
            raise AlertsOff("An entry is missing from the list in use.", hint="Restore the epoch's list.")
        return found


class _Cache:
    """The loaded epochs, kept while no file of them changes; the one in use comes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: object = None
        self._loaded: tuple[Epoch, ...] = ()

    def get(self, config: Config) -> tuple[Epoch, ...]:
        """Return the epochs of a configuration; raises `TutelaError`s of whatever is wrong."""
        with self._lock:
            stamp = (config, _stamp(config.source), *map(_earlier_stamp, config.earlier))
            if not self._loaded or stamp != self._stamp:
                self._loaded = load(config.source), *_load_earlier(config)
                self._stamp = stamp
            return self._loaded


_CACHE: Final = _Cache()


def alerts(now: datetime, withdrawn: Collection[str] = (), *, overtime: timedelta = timedelta(0)) -> Runtime:
    """Return the runtime for intake and the threshold.

    Args:
        now: the time.
        withdrawn: ids of entries that no longer count.
        overtime: for how long after its end an epoch still serves; the legal basis must hold all the same.

    Raises:
        NotConfigured, EpochRefused, LegalBasisMissing, AlertsOff, ListError, SealedError, TableError:
            provider alerts may not run now.
    """
    config, secrets = configuration.load(settings.TUTELA_STATE)
    basis = _in_force(config, now, overtime)  # before the table key is asked for: it may be destroyed by now
    epoch, *before = _CACHE.get(config)
    check_use(basis, scales=epoch.scales)
    made = partial(Runtime, config, secrets, _at_rest(secrets), withdrawn=frozenset(withdrawn))
    return made(
        epoch=epoch,
        earlier=tuple(
            made(epoch=one)
            for one in before
            if now < one.valid_until + overtime and one.scales <= {*basis.scales}
        ),
    )


def legal_basis(now: datetime) -> LegalBasis:
    """Return the legal basis in force; raises `EpochRefused` or `LegalBasisMissing`."""
    return _in_force(configuration.load(settings.TUTELA_STATE)[0], now, timedelta(0))


def _in_force(config: Config, now: datetime, overtime: timedelta) -> LegalBasis:
    manifest, trust = manifest_of(config.source)
    last = manifest.valid_until - timedelta(microseconds=1)
    moment = last if last < now <= last + overtime else now
    verify(read_small(Path(config.epoch) / MANIFEST_FILE), trust, moment)
    basis = check_folder(Path(config.epoch), config.jurisdiction, trust, now)
    check_use(basis, acts=ACTS, keep_days=config.preserve_days)
    return basis


def laws(now: datetime) -> list[Conflict]:
    """Return where the law of the provider's place and others of its epoch differ; raises `TutelaError`."""
    config = configuration.load(settings.TUTELA_STATE)[0]
    bases, _ = read_folders([Path(config.epoch)], Trust.load(Path(config.trust)))
    return touching(conflicts(bases, now, {config.jurisdiction}), config.jurisdiction)


def manifest_of(source: Source) -> tuple[Manifest, Trust]:
    """Return the manifest of an epoch and who may sign it, whatever the time."""
    trust = Trust.load(Path(source.trust))
    return read(read_small(Path(source.epoch) / MANIFEST_FILE), trust), trust


def forbidden(error: Exception) -> bool:
    """Whether alerts are off because the law does not allow them now, and not for technical trouble.

    A legal basis that was altered counts as trouble: else a damaged file would make its vouchers vanish.
    """
    return isinstance(error, Expired | LegalBasisMissing) and not isinstance(error, LegalBasisTampered)


def offline() -> tuple[Config, Secrets, AtRest]:
    """Return what work on decided cases needs, whatever became of the epoch; raises `NotConfigured`."""
    config, secrets = configuration.load(settings.TUTELA_STATE)
    return config, secrets, _at_rest(secrets)


def repository() -> Path | None:
    """Return the folder of the repository that devices read here, if there is one; raises `NotConfigured`."""
    folder = configuration.load(settings.TUTELA_STATE)[0].repository
    return Path(folder) if folder else None


def _at_rest(secrets: Secrets) -> AtRest:
    return AtRest(secrets.at_rest, os.urandom)


def _earlier_stamp(source: Source) -> tuple[tuple[str, int, int], ...]:
    try:
        return _stamp(source)
    except NotConfigured:
        return ()


def _load_earlier(config: Config) -> Iterator[Epoch]:
    """Load the earlier epochs. One that cannot be used keeps nothing from the one in use."""
    for source in config.earlier:
        if not Path(source.table_key).exists():  # destroyed: its table counts no more
            continue
        try:
            yield load(source)
        except TutelaError as error:
            log.warning("earlier-epoch-unusable code=%s", error.code)


def _stamp(source: Source) -> tuple[tuple[str, int, int], ...]:
    files = (f"{source.epoch}/{MANIFEST_FILE}", source.hash_list, source.table_key, source.trust)
    try:
        paths = [Path(file) for file in files]
        return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    except OSError as error:
        raise NotConfigured(
            "A file that config.json names is missing.", hint="Run `tutela provider init` again."
        ) from error


def load(source: Source) -> Epoch:
    """Return an epoch, opened with its key; validity in time is not looked at."""
    manifest, trust = manifest_of(source)
    hash_list = HashList.load(Path(source.hash_list))
    if hash_list.commitment() != manifest.list_commitment:
        raise AlertsOff(
            "The list is not the one that the epoch was built from.",
            hint="Keep each epoch's list as it was; withdraw entries with `tutela provider withdraw`.",
        )
    return Epoch(Path(source.epoch), manifest, trust, opener(source, manifest), hash_list)


def opener(source: Source, manifest: Manifest) -> Opener:
    """Open an epoch's table key; raises `SealedError`, or `TableError` if it is another table's."""
    key = keyfile.load(Path(source.table_key), _passphrase(source))
    return Opener(manifest.header, manifest.parameters, key)


def _passphrase(source: Source) -> str:
    variables = dict(os.environ)
    if not any(variables.get(n) for n in (keyfile.PASSPHRASE_VARIABLE, keyfile.PASSPHRASE_FILE_VARIABLE)):
        variables[keyfile.PASSPHRASE_FILE_VARIABLE] = source.passphrase_file
    return keyfile.passphrase_from_environment(variables)
