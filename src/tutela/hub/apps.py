"""The Django application of the hub."""

from __future__ import annotations

from django.apps import AppConfig

from tutela.console.apps import NavigationItem


class HubConfig(AppConfig):
    """Label `hub`; nothing happens at import."""

    name = "tutela.hub"
    label = "hub"
    verbose_name = "Referral hub"
    default_auto_field = "django.db.models.BigAutoField"
    navigation = (
        NavigationItem("Reports", "hub:queue", "report.list"),
        NavigationItem("Agencies", "hub:agencies", "report.list"),
        NavigationItem("Audit", "hub:audit", "audit.read"),
    )
