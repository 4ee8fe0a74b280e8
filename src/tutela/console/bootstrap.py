"""Start Django for one role from a command: environment first, then the database.

bootstrap.configure("hub", data=Path("var"), database="")
bootstrap.migrate()
"""

from __future__ import annotations

import os
from pathlib import Path

import django

from tutela.errors import EnvironmentProblem, UsageError

from .environment import UnknownRole, data_directory
from .roles import ROLES


class AlreadyConfigured(UsageError):
    """This process already runs Django for another role."""

    code = "console.already-configured"


class DatabaseProblem(EnvironmentProblem):
    """The database cannot be reached or brought up to date."""

    code = "console.database"


def configure(role: str, *, data: Path | None = None, database: str = "", port: int | None = None) -> None:
    """Write the role into the environment (child processes inherit it) and start Django.

    Args:
        role: a name of `roles.ROLES`.
        data: folder of all state; None keeps `TUTELA_DATA` or the platform's folder.
        database: URL; "" keeps `TUTELA_DATABASE_URL` or the SQLite file of the role.
        port: port that the server will take, if this is a server.

    Raises:
        UnknownRole, AlreadyConfigured
    """
    if role not in ROLES:
        raise UnknownRole(f"There is no console for the role {role!r}.", hint=f"Use {' or '.join(ROLES)}.")
    from django.conf import settings

    if settings.configured and role != settings.TUTELA_ROLE:
        raise AlreadyConfigured("This process already runs Django for another role.")
    os.environ["DJANGO_SETTINGS_MODULE"] = "tutela.console.settings"
    os.environ["TUTELA_ROLE"] = role
    os.environ["TUTELA_DATA"] = str((data or data_directory()).absolute())
    if database:
        os.environ["TUTELA_DATABASE_URL"] = database
    if port is not None:
        os.environ["TUTELA_PORT"] = str(port)
    django.setup()


def migrate() -> None:
    """Bring the database up to date, with one group for each role of this console.

    Raises:
        DatabaseProblem: it cannot be reached or changed; the message leaves out its address.
    """
    from django.conf import settings
    from django.contrib.auth.models import Group
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import call_command
    from django.db import DatabaseError, transaction

    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("clearsessions")
        with transaction.atomic():
            for name in ROLES[settings.TUTELA_ROLE].groups:
                Group.objects.get_or_create(name=name)
    except (DatabaseError, ImproperlyConfigured) as error:  # the latter: no driver for this database
        raise DatabaseProblem(
            f"The database could not be brought up to date ({type(error).__name__}).",
            hint="Check --database, that its server runs, and that the folder of --data can be written.",
        ) from error
