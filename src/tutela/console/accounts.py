"""Make, change and disable accounts, each act with its audit row."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from tutela.errors import UsageError

from . import audit
from .models import MachineAccount, User
from .permissions import MACHINE_PERMISSIONS
from .roles import ROLES


class AccountProblem(UsageError):
    """An account cannot be made or changed as asked."""

    code = "console.account"


def add_user(actor: str, name: str, roles: Iterable[str], password: str) -> User:
    """Make a person's account with its roles.

    Raises:
        AccountProblem: the name is taken or unusable, a role is not one of this console, or the
            password is too weak.
    """
    wanted = sorted(set(roles))
    _check_roles(wanted)
    if User.objects.filter(username=name).exists():
        raise AccountProblem("There is an account of that name.", hint="Use `tutela user password`.")
    user = User(username=name)
    _check(user, password)
    user.set_password(password)
    with transaction.atomic():
        user.save()
        user.groups.set([Group.objects.get_or_create(name=role)[0] for role in wanted])
        audit.record(actor, "user.added", f"user/{name}", {"roles": " ".join(wanted)})
    return user


def set_password(actor: str, name: str, password: str) -> User:
    """Give a person a new password, enable the account, and end its sessions."""
    user = _user(name)
    _check(user, password)
    user.set_password(password)  # sessions carry a hash of the password, so the old ones end
    user.is_active = True
    with transaction.atomic():
        user.save()
        audit.record(actor, "user.password-set", f"user/{name}")
    return user


def disable_user(actor: str, name: str) -> User:
    """Stop a person from signing in; open sessions end with their next request."""
    user = _user(name)
    user.is_active = False
    with transaction.atomic():
        user.save()
        audit.record(actor, "user.disabled", f"user/{name}")
    return user


def issue_machine(actor: str, name: str, permissions: Iterable[str]) -> tuple[MachineAccount, str]:
    """Make a machine account, or give an existing one new permissions and a new token.

    Returns:
        The account, and its token, which cannot be read back later.

    Raises:
        AccountProblem: a permission is not one of this console's machine routes, or none was given.
    """
    wanted = sorted(set(permissions))
    known = [each for each, role in MACHINE_PERMISSIONS.items() if role == settings.TUTELA_ROLE]
    if not wanted or set(wanted) - set(known):
        raise AccountProblem("No such machine permission here.", hint=f"Use: {', '.join(known)}.")
    if not name or ":" in name or len(name) > 64:  # HTTP Basic ends the user name at the first colon
        raise AccountProblem("A machine's name has 1 to 64 characters and no colon.")
    with transaction.atomic():
        account, token = MachineAccount.issue(name, wanted)
        audit.record(actor, "machine.issued", f"machine/{name}", {"permissions": " ".join(wanted)})
    return account, token


def disable_machine(actor: str, name: str) -> MachineAccount:
    """Make a machine account's token worthless."""
    account = MachineAccount.objects.filter(name=name).first()
    if account is None:
        raise AccountProblem("There is no machine account of that name.")
    account.disabled_at = timezone.now()
    with transaction.atomic():
        account.save()
        audit.record(actor, "machine.disabled", f"machine/{name}")
    return account


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise AccountProblem("There is no account of that name.", hint="Use `tutela user add`.")
    return user


def _check_roles(wanted: list[str]) -> None:
    known = ROLES[settings.TUTELA_ROLE].groups
    if not wanted or set(wanted) - set(known):
        raise AccountProblem("No such role in this console.", hint=f"Use: {', '.join(known)}.")


def _check(user: User, password: str) -> None:
    try:
        User.username_validator(user.username)
        validate_password(password, user)
    except ValidationError as error:
        raise AccountProblem(" ".join(error.messages), hint="Choose another one.") from error
