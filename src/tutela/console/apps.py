"""The console's app; a role's app may add `navigation` to its own config (see `NavigationItem`)."""

from __future__ import annotations

from typing import NamedTuple

from django.apps import AppConfig


class NavigationItem(NamedTuple):
    """One link of the service navigation.

    A role's AppConfig carries `navigation: tuple[NavigationItem, ...]`, in reading order. Plain
    3-tuples work as well.

    Attributes:
        label: what the link says.
        url_name: name to reverse, without arguments.
        permission: the link is shown to people who hold it.
    """

    label: str
    url_name: str
    permission: str


class ConsoleConfig(AppConfig):
    """Users, machine accounts, audit rows, pages and components."""

    name = "tutela.console"
    label = "console"
    verbose_name = "Console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from . import checks  # noqa: F401  (registers itself)
