"""URLs of the hub: the wire protocol for providers, the pages for analysts."""

from __future__ import annotations

from django.urls import path

from tutela.hub.views import ispws

app_name = "hub"

urlpatterns = [
    path("ispws/status", ispws.status, name="ispws-status"),
    path("ispws/xsd", ispws.xsd, name="ispws-xsd"),
    path("ispws/submit", ispws.submit, name="ispws-submit"),
    path("ispws/upload", ispws.upload, name="ispws-upload"),
    path("ispws/fileinfo", ispws.fileinfo, name="ispws-fileinfo"),
    path("ispws/finish", ispws.finish, name="ispws-finish"),
    path("ispws/retract", ispws.retract, name="ispws-retract"),
]
