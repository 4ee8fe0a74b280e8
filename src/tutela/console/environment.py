"""What the console takes from its environment: role, data folder, database, secret key.

    TUTELA_ROLE           provider | hub | register (empty: tools only, such as type checking and tests)
    TUTELA_DATA           folder of all state; default: the platform's data folder
    TUTELA_DATABASE_URL   default: SQLite in TUTELA_DATA/<role>.sqlite3
    TUTELA_HOSTS          host names that the console answers to, comma separated
    TUTELA_HTTPS          1: behind TLS; turns on HSTS, secure cookies and redirects
    TUTELA_MAX_UPLOAD     largest request in bytes; default 1 GiB

Imported by the settings, so it knows nothing of Django.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dj_database_url
import platformdirs

from tutela.errors import EnvironmentProblem, UsageError

from .roles import ROLES

_LOCAL_HOSTS = "localhost,127.0.0.1,[::1]"


class UnusableSetting(UsageError):
    """An environment variable or option holds something that cannot be used."""

    code = "console.unusable-setting"


class UnusableFolder(EnvironmentProblem):
    """The folder of state cannot be made or written."""

    code = "console.unusable-folder"


class UnknownRole(UsageError):
    """`TUTELA_ROLE` names no role."""

    code = "console.unknown-role"


def role_name(environ: Mapping[str, str] = os.environ) -> str:
    """Return the chosen role, or "" when none is chosen; raise `UnknownRole` for any other word."""
    name = environ.get("TUTELA_ROLE", "")
    if name and name not in ROLES:
        raise UnknownRole(f"TUTELA_ROLE is {name!r}.", hint=f"Use one of: {', '.join(ROLES)}.")
    return name


def data_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that holds all state; it is not created here."""
    given = environ.get("TUTELA_DATA")
    return Path(given) if given else Path(platformdirs.user_data_dir("tutela", appauthor=False))


def hosts(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the host names that the console answers to."""
    names = environ.get("TUTELA_HOSTS") or _LOCAL_HOSTS
    return [name.strip() for name in names.split(",") if name.strip()]


def private_directory(path: Path) -> Path:
    """Create a folder that only its owner can read, and return it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableFolder(
            f"The folder {path} cannot be made ({error.strerror}).", hint="Choose another --data."
        ) from error
    return path


def whole_number(name: str, default: int, environ: Mapping[str, str] = os.environ) -> int:
    """Return a whole number from the environment, or the default while it is not set."""
    text = environ.get(name) or str(default)
    if not text.isdecimal() or len(text) > 18:
        raise UnusableSetting(f"{name} is not a whole number.")
    return int(text)


def secret_key(path: Path) -> str:
    """Return the secret key in `path`, made on first use with mode 0600.

    Two processes that start together agree: the key is written beside and linked into place once.
    """
    private_directory(path.parent)
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="ascii").strip()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(48) + "\n")
    with contextlib.suppress(FileExistsError):
        os.link(name, path)
    Path(name).unlink()
    return path.read_text(encoding="ascii").strip()


def database(url: str) -> dict[str, Any]:
    """Return Django's settings of one database.

    SQLite runs in WAL with full sync, waits for a lock and takes the write lock when a transaction
    begins, so that a read that turns into a write cannot fail half-way.
    """
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except ValueError:  # its text quotes the URL, which may hold a password
        raise UnusableSetting(
            "The database URL cannot be used.",
            hint="Use sqlite:////absolute/path.sqlite3 or postgres://name@host/database.",
        ) from None
    if parsed["ENGINE"].endswith("sqlite3"):
        parsed["OPTIONS"] = {
            **parsed.get("OPTIONS", {}),
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
        }
    return parsed


def has_module(name: str) -> bool:
    """Return whether a module can be imported, without importing the module itself."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None


def role_apps(role: str) -> list[str]:
    """Return the apps to install: the role's own, or every role's while no role is chosen."""
    chosen = [ROLES[role]] if role else list(ROLES.values())
    return [each.app for each in chosen if has_module(each.app)]
