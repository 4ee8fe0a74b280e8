"""Django for the tests of all consoles, people who may sign in, PostgreSQL and the browser.

One test process holds all roles' apps (no `TUTELA_ROLE`). Which console a test sees is chosen by its
folder (`tests/provider`, `tests/hub`, `tests/register`) or by the mark `role("hub")`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from tutela.console.models import User

sys.path.insert(0, str(Path(__file__).parent))  # helper modules of this folder, whatever the import mode
_HOME = Path(tempfile.mkdtemp(prefix="tutela-tests-"))
for _name in [name for name in os.environ if name.startswith("TUTELA_") and name != "TUTELA_LIBSODIUM"]:
    del os.environ[_name]
os.environ["TUTELA_DATA"] = str(_HOME)
os.environ["TUTELA_DATABASE_URL"] = f"sqlite:///{_HOME}/unused.sqlite3"
os.environ["DJANGO_SETTINGS_MODULE"] = "tutela.console.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright's loop runs in the test's own thread

pytest_plugins = ["browser"]


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark, and put the test database into a file, so that a live server's threads share it."""
    config.addinivalue_line(
        "markers", "role(name): the console (provider, hub or register) that the test sees"
    )
    try:
        from django.conf import settings
    except ModuleNotFoundError:  # the device's side alone is installed
        return
    settings.DATABASES["default"]["TEST"] = {"NAME": str(_HOME / "test.sqlite3")}
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # quick; argon2 has its test


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder of the run."""
    del config
    shutil.rmtree(_HOME, ignore_errors=True)


def role_of(request: pytest.FixtureRequest) -> str:
    """Return the role that a test belongs to, or ""."""
    mark = request.node.get_closest_marker("role")
    if mark:
        return str(mark.args[0])
    room = Path(str(request.node.path)).relative_to(Path(__file__).parent).parts[0]
    return room if room in {"provider", "hub", "register"} else ""


@pytest.fixture(autouse=True)
def _console_role(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Show the test the console of its role, with a folder of its own for the role's files."""
    role = role_of(request)
    if not role:
        yield
        return
    from django.test import override_settings

    from django_roles import urlconf

    state = tmp_path_factory.mktemp("data")
    with override_settings(
        TUTELA_ROLE=role, ROOT_URLCONF=urlconf(role), TUTELA_DATA=state, TUTELA_STATE=state / role
    ):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Take the append-only triggers away: tests with real transactions empty their tables afterwards.

    The triggers have tests of their own, in databases of their own.
    """
    from django.db import connection

    from tutela.console import triggers

    with django_db_blocker.unblock():
        triggers.drop(connection)
        triggers.drop(connection, "register_statementrow")


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Return a maker of people: `person("reviewer", name="robin")`; the password is `django_roles.PASSWORD`."""
    del db
    from django.contrib.auth.models import Group

    from django_roles import PASSWORD
    from tutela.console.models import User

    def make(*roles: str, name: str = "") -> User:
        user = User.objects.create_user(name or "-".join(roles) or "nobody", password=PASSWORD)
        user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
        return user

    return make


@pytest.fixture
def signed_in(person: Callable[..., User]) -> Callable[..., Client]:
    """Return a maker of clients: `signed_in("supervisor", name="sam").get(url)`."""
    from django.test import Client

    def make(*roles: str, name: str = "") -> Client:
        client = Client()
        client.force_login(person(*roles, name=name), "django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def machine_token(db: None) -> Callable[..., str]:
    """Return a maker of machine tokens: `machine_token("intake.write", name="homeserver")`."""
    del db
    from tutela.console.models import MachineAccount

    def make(*permissions: str, name: str = "machine") -> str:
        return MachineAccount.issue(name, permissions)[1]

    return make


@pytest.fixture
def postgresql(postgresql_server: Callable[[], str]) -> str:
    """Return the URL of an empty database of this test's own."""
    return postgresql_server()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Callable[[], str]]:
    """Start a private PostgreSQL that only listens on a socket; return a maker of empty databases."""
    initdb = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if initdb is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    if os.geteuid() == 0 and not shutil.which("runuser"):
        pytest.skip("PostgreSQL refuses to run as root, and runuser is missing")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    prefix = []
    if os.geteuid() == 0:
        try:
            shutil.chown(folder, "postgres", "postgres")
        except LookupError:
            pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres")
        prefix = ["runuser", "-u", "postgres", "--"]
    folder.chmod(0o755)

    def call(program: str, *arguments: str) -> None:
        command = [*prefix, str(initdb.with_name(program)), *arguments]
        subprocess.run(
            command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120
        )

    data = str(folder / "data")
    call("initdb", "-D", data, "-U", "tutela", "--auth=trust", "--encoding=UTF8", "--no-sync", "--locale=C")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    call("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
    numbers = itertools.count(1)

    def make() -> str:
        name = f"tutela_{next(numbers)}"
        call("createdb", "-h", str(folder), "-U", "tutela", name)
        return f"postgres://tutela@/{name}?host={folder}"

    try:
        yield make
    finally:
        call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
