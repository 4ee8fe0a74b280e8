"""The Django application of the register."""

from __future__ import annotations

from django.apps import AppConfig

from tutela.console.apps import NavigationItem


class RegisterConfig(AppConfig):
    """Label `register`; nothing happens at import."""

    name = "tutela.register"
    label = "register"
    verbose_name = "List register"
    default_auto_field = "django.db.models.BigAutoField"
    navigation = (
        NavigationItem("Entries", "register:entries", "entry.read"),
        NavigationItem("List version", "register:version", "entry.read"),
        NavigationItem("Disputes", "register:disputes", "entry.read"),
        NavigationItem("Organisations", "register:organisations", "entry.read"),
        NavigationItem("Hand in", "register:hand-in", "statement.hand-in"),
        NavigationItem("Log", "register:leaves", "entry.read"),
    )
