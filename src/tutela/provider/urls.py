"""Routes of the provider's console, of the homeserver's module, and of devices."""

from __future__ import annotations

from django.urls import path

from tutela.provider.views import appeals, distribution, intake, review, supervision

app_name = "provider"
urlpatterns = [
    path("", review.queue, name="cases"),
    path("cases/<str:reference>", review.case, name="case"),
    path("cases/<str:reference>/decision", review.decide, name="decide"),
    path("cases/<str:reference>/pictures/<int:picture>", review.picture, name="picture"),
    path("cases/<str:reference>/pictures/<int:picture>/opened", review.opened, name="picture-opened"),
    path("cases/<str:reference>/history", supervision.history, name="history"),
    path("cases/<str:reference>/retry", supervision.retry, name="retry"),
    path("cases/<str:reference>/notified", supervision.notified, name="notified"),
    path("appeals", supervision.appeals, name="appeals"),
    path("appeals/<int:appeal>", supervision.appeal, name="appeal"),
    path("service", supervision.service, name="service"),
    path("appeal/<str:token>", appeals.statement, name="appeal-statement"),
    path("intake/devices", intake.devices, name="intake-devices"),
    path("intake/vouchers", intake.vouchers, name="intake-vouchers"),
    path("distribution/<path:name>", distribution.file, name="distribution"),
]
