"""Everything that a provider's process works with: configuration, epoch, list, keys.

Loaded once and kept while the files stay the same. Time is looked at on every use: when the epoch or the
legal basis ends, `current` raises, so that intake answers 503 and the homeserver keeps what it has.

    alerts(now)    for intake and the threshold: needs a valid epoch and a valid legal basis
    offline()      for what was decided already (unsealing, reporting, pages): needs the configuration only
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from django.conf import settings

from tutela.hashlist import Entry, HashList
from tutela.hashlist.epoch import MANIFEST_FILE, TABLE_FILE, Manifest, read, verify
from tutela.hashlist.legal_basis import LegalBasis, check_folder
from tutela.hashlist.matching import nearest_in
from tutela.hashlist.trust import Trust, read_small
from tutela.provider import config as configuration
from tutela.provider.atrest import AtRest
from tutela.provider.config import Config, Secrets
from tutela.provider.errors import AlertsOff, NotConfigured
from tutela.sealed import keyfile
from tutela.voucher.opening import Listed, Opener
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import Table, TableHeader


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
    """

    config: Config
    secrets: Secrets
    at_rest: AtRest
    epoch: Epoch
    withdrawn: frozenset[str] = field(default_factory=frozenset)

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
    """One loaded epoch, kept while no file of it changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: object = None
        self._loaded: tuple[Config, Secrets, Epoch] | None = None

    def get(self, state: Path) -> tuple[Config, Secrets, Epoch]:
        """Return what the state folder names; raises `TutelaError`s of whatever is wrong."""
        with self._lock:
            config, secrets = configuration.load(state)
            stamp = (state, config, secrets, _stamp(config))
            if self._loaded is None or stamp != self._stamp:
                self._loaded = config, secrets, load(config)
                self._stamp = stamp
            return self._loaded


_CACHE: Final = _Cache()


def alerts(now: datetime, withdrawn: Collection[str] = ()) -> Runtime:
    """Return the runtime for intake and the threshold.

    Raises:
        NotConfigured, EpochRefused, LegalBasisMissing, AlertsOff, ListError, SealedError, TableError:
            provider alerts may not run now.
    """
    config, secrets, epoch = _CACHE.get(settings.TUTELA_STATE)
    verify(read_small(epoch.directory / MANIFEST_FILE), epoch.trust, now)
    check_folder(epoch.directory, config.jurisdiction, epoch.trust, now)
    return Runtime(config, secrets, _at_rest(secrets), epoch, frozenset(withdrawn))


def legal_basis(now: datetime) -> LegalBasis:
    """Return the legal basis in force; raises `LegalBasisMissing`."""
    config, _, epoch = _CACHE.get(settings.TUTELA_STATE)
    return check_folder(epoch.directory, config.jurisdiction, epoch.trust, now)


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


def _stamp(config: Config) -> tuple[tuple[str, int, int], ...]:
    files = (f"{config.epoch}/{MANIFEST_FILE}", config.hash_list, config.table_key, config.trust)
    try:
        paths = [Path(file) for file in files]
        return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    except OSError as error:
        raise NotConfigured(
            "A file that config.json names is missing.", hint="Run `tutela provider init` again."
        ) from error


def load(config: Config) -> Epoch:
    """Return the epoch that a configuration names, opened with its key; validity in time is not looked at."""
    directory = Path(config.epoch)
    trust = Trust.load(Path(config.trust))
    manifest = read(read_small(directory / MANIFEST_FILE), trust)
    hash_list = HashList.load(Path(config.hash_list))
    if hash_list.commitment() != manifest.list_commitment:
        raise AlertsOff(
            "The list is not the one that the epoch was built from.",
            hint="Keep each epoch's list as it was; withdraw entries with `tutela provider withdraw`.",
        )
    key = keyfile.load(Path(config.table_key), _passphrase(config))
    return Epoch(directory, manifest, trust, Opener(manifest.header, manifest.parameters, key), hash_list)


def _passphrase(config: Config) -> str:
    variables = dict(os.environ)
    if not any(variables.get(n) for n in (keyfile.PASSPHRASE_VARIABLE, keyfile.PASSPHRASE_FILE_VARIABLE)):
        variables[keyfile.PASSPHRASE_FILE_VARIABLE] = config.passphrase_file
    return keyfile.passphrase_from_environment(variables)
