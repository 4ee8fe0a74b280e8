"""The provider's configuration: two files in its state folder, and secrets that the environment may bring.

config.json    paths, addresses, limits; no secret in it
secrets.json   mode 0600: key for sealing at rest, password at the centre, token of the homeserver's module

TUTELA_HUB_PASSWORD, TUTELA_HOMESERVER_TOKEN    take the place of what secrets.json says
TUTELA_KEY_PASSPHRASE or TUTELA_KEY_PASSPHRASE_FILE    opens the table key's file
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tutela.provider.atrest import KEY_BYTES
from tutela.provider.errors import NotConfigured
from tutela.sealed.files import replacing

VERSION: Final = 1
CONFIG: Final = "config.json"
SECRETS: Final = "secrets.json"
_MAX_BYTES: Final = 64 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_RUN_INIT: Final = "Run `tutela provider init`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of one epoch; see `Config`."""

    epoch: str
    hash_list: str
    table_key: str
    trust: str
    passphrase_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is not secret.

    Attributes:
        jurisdiction: two letters; a valid legal-basis object for it must stand in the epoch folder.
        organisation: the provider's name, as it reports.
        contact_email: of the person who reports.
        epoch: folder with manifest.json, table.bin and legal-basis-XX.json.
        hash_list: the list in the clear, for the check after the threshold.
        table_key: key file of the table's secret scalar.
        trust: file with the public keys that sign manifests and legal bases.
        repository: folder of the repository, or of a mirror of it, that devices read below /distribution/;
            empty where another server gives it to them.
        passphrase_file: names the file that opens `table_key`, where the environment does not.
        earlier: epochs that were in use before; late vouchers for their tables count until they end.
        hub: base URL of the centre's reporting service; `hub_user` is the account there.
        homeserver: base URL of the homeserver.
        vouchers_per_day, enrolments_per_day: for one device; more is refused until the day has passed.
        renew_days: who did not renew its key by itself is asked to, after this and up to a quarter more.
        renew_hours: how long a device may go on after it was asked to renew its key: it may be away.
        notice_days: after which the holder of a dismissed case is told.
        forget_days: an ended case is deleted so long after its holder was told, with its last traces.
        preserve_days: for which a reported case stays sealed.
        fetch_hours: for which an original that the homeserver does not have is asked for again.
        media_bytes: the largest original.
    """

    jurisdiction: str
    organisation: str
    contact_email: str
    epoch: str
    hash_list: str
    table_key: str
    trust: str
    hub: str
    hub_user: str
    homeserver: str
    repository: str = ""
    passphrase_file: str = ""
    earlier: tuple[Source, ...] = ()
    vouchers_per_day: int = 5000
    enrolments_per_day: int = 20
    renew_days: int = 28
    renew_hours: int = 14 * 24
    notice_days: int = 30
    forget_days: int = 90
    preserve_days: int = 365
    fetch_hours: int = 72
    media_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse to let the media token travel in the clear: plain http is for this machine."""
        if not _protected(self.homeserver):
            raise NotConfigured(
                "The homeserver's address is not one of https.", hint="Plain http works to this machine only."
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form; raises `NotConfigured` on any defect."""
        kinds = {field.name: str(field.type) for field in fields(cls)}
        values = {name: value for name, value in data.items() if name not in {"version", "earlier"}}
        if data.get("version") != VERSION or not set(values) <= set(kinds):
            raise NotConfigured("config.json is of another version.", hint=_RUN_INIT)
        for name, value in values.items():
            sound = isinstance(value, str) if kinds[name] == "str" else type(value) is int and value > 0
            if not sound:
                raise NotConfigured(f"config.json: {name} is of the wrong kind.", hint=_RUN_INIT)
        try:
            return cls(**values, earlier=_sources(data.get("earlier", [])))
        except TypeError as error:
            raise NotConfigured("config.json lacks a field.", hint=_RUN_INIT) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"version": VERSION, **asdict(self)}

    @property
    def limits(self) -> dict[str, Any]:
        """The numbers: no answer of `tutela provider init` sets them, operators change them in the file."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.type == "int"}

    @property
    def source(self) -> Source:
        """The files of the epoch in use."""
        return Source(**{field.name: getattr(self, field.name) for field in fields(Source)})


def _sources(value: object) -> tuple[Source, ...]:
    """Return the epochs of a JSON list; raises `NotConfigured`, or `TypeError` where one lacks a file."""
    items: list[Any] = list(value) if isinstance(value, list | tuple) else [None]
    known = {field.name for field in fields(Source)}
    for item in items:
        sound = isinstance(item, dict) and set(item) <= known
        if not sound or not all(isinstance(name, str) for name in item.values()):
            raise NotConfigured("config.json: earlier is of the wrong kind.", hint=_RUN_INIT)
    return tuple(Source(**item) for item in items)


def _protected(address: str) -> bool:
    try:
        url = urlsplit(address)
    except ValueError:
        return False
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What stands in secrets.json.

    Attributes:
        at_rest: 32 bytes.
        hub_password: of `Config.hub_user`.
        homeserver_token: with which the media route is asked.
    """

    at_rest: bytes
    hub_password: str
    homeserver_token: str

    def __repr__(self) -> str:
        return "Secrets(...)"


def save(state: Path, config: Config, secrets: Secrets) -> None:
    """Write both files, each whole or not at all."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = {
        "version": VERSION,
        "at_rest": secrets.at_rest.hex(),
        "hub_password": secrets.hub_password,
        "homeserver_token": secrets.homeserver_token,
    }
    for name, content in ((SECRETS, secret), (CONFIG, config.to_dict())):
        with replacing(state / name) as file:
            file.write(json.dumps(content, indent=2).encode() + b"\n")


def load(state: Path, environ: Mapping[str, str] | None = None) -> tuple[Config, Secrets]:
    """Read both files.

    Raises:
        NotConfigured: a file is missing or cannot be used.
    """
    variables = os.environ if environ is None else environ
    config = Config.from_dict(_read(state / CONFIG))
    secrets = _secrets(_read(state / SECRETS))
    return config, replace(
        secrets,
        hub_password=variables.get("TUTELA_HUB_PASSWORD") or secrets.hub_password,
        homeserver_token=variables.get("TUTELA_HOMESERVER_TOKEN") or secrets.homeserver_token,
    )


def at_rest_key(state: Path) -> bytes | None:
    """Return the sealing key of an earlier set-up, which a new one must keep; None where there is none."""
    return _secrets(_read(state / SECRETS)).at_rest if (state / SECRETS).exists() else None


def _secrets(data: Mapping[str, Any]) -> Secrets:
    try:
        secrets = Secrets(bytes.fromhex(data["at_rest"]), data["hub_password"], data["homeserver_token"])
    except (KeyError, TypeError, ValueError) as error:
        raise NotConfigured("secrets.json cannot be used.", hint=_RUN_INIT) from error
    texts = (secrets.hub_password, secrets.homeserver_token)
    if len(secrets.at_rest) != KEY_BYTES or not all(isinstance(text, str) for text in texts):
        raise NotConfigured("secrets.json cannot be used.", hint=_RUN_INIT)
    return secrets


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_MAX_BYTES))
    except FileNotFoundError as error:
        raise NotConfigured(f"The provider is not set up: {path.name} is missing.", hint=_RUN_INIT) from error
    except (OSError, ValueError, RecursionError) as error:
        raise NotConfigured(f"{path.name} cannot be read.", hint=_RUN_INIT) from error
    if not isinstance(data, dict):
        raise NotConfigured(f"{path.name} is not an object.", hint=_RUN_INIT)
    return data
