"""Set up a hub's folder and database: key, rule files, agencies. Everything that is there stays."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from typing import Final

from tutela import sealed
from tutela.hub.placing import follow_rules
from tutela.hub.routing import Ranges, Rules
from tutela.hub.storage import Store
from tutela.sealed.files import replacing

SAMPLES: Final = ("routing.toml", "ip-country.csv")


@dataclass(frozen=True, slots=True)
class SetUp:
    """What `set_up` did.

    Attributes:
        made: names of the files that were not there before.
        agencies: number of agencies of the rule table.
    """

    made: tuple[str, ...]
    agencies: int


def set_up(store: Store, passphrase: str) -> SetUp:
    """Create what the folder lacks, check the rule files, and store the agencies.

    Raises:
        RulesError, RangesError: a file that is there is unusable.
        TutelaError: of `tutela.sealed`, for the key file.
    """
    store.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [name for name in SAMPLES if _sample(store, name)]
    made += _key(store, passphrase)
    rules = Rules.load(store.rules)
    Ranges.load(store.ranges)
    follow_rules(rules)
    return SetUp(tuple(made), len(rules.agencies))


def _sample(store: Store, name: str) -> bool:
    path = store.root / name
    if path.exists():
        return False
    with replacing(path) as file:
        file.write((importlib.resources.files("tutela.hub") / "data" / name).read_bytes())
    return True


def _key(store: Store, passphrase: str) -> list[str]:
    """Make the key pair; a lost public key is written again from the private one."""
    made = []
    if not store.key_file.exists():
        sealed.keyfile.save(store.key_file, sealed.generate_keypair()[0], passphrase)
        made.append(store.key_file.name)
    private = sealed.keyfile.load(store.key_file, passphrase)
    if made or not store.public_key_file.exists():
        with replacing(store.public_key_file) as file:
            file.write(sealed.public_key(private).hex().encode("ascii") + b"\n")
        made.append(store.public_key_file.name)
    return made
