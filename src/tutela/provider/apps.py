"""The Django application of the provider."""

from __future__ import annotations

from django.apps import AppConfig


class ProviderConfig(AppConfig):
    """Label `provider`; nothing happens at import."""

    name = "tutela.provider"
    label = "provider"
    verbose_name = "Provider"
    default_auto_field = "django.db.models.BigAutoField"
    navigation = (
        ("Cases", "provider:cases", "case.list"),
        ("Appeals", "provider:appeals", "case.decide"),
        ("Service", "provider:service", "status.read"),
    )
