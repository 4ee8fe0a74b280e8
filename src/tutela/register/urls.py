"""URLs of the register: pages for people, one route for machines, the public log."""

from __future__ import annotations

from django.urls import path

from tutela.register.views import acts, entries, log, machine, organisations, version

app_name = "register"

urlpatterns = [
    path("", entries.home, name="home"),
    path("entries", entries.entries, name="entries"),
    path("entries/<slug:commitment>", entries.entry, name="entry"),
    path("version", version.version, name="version"),
    path("version/draw", version.draw, name="draw"),
    path("version/to-sign", version.to_sign, name="to-sign"),
    path("hand-in", acts.hand_in, name="hand-in"),
    path("disputes", entries.disputes, name="disputes"),
    path("organisations", organisations.organisations, name="organisations"),
    path("leaves", log.leaves, name="leaves"),
    path("leaves/<int:index>", log.leaf, name="leaf"),
    path("leaves/<int:index>/proof", log.proof, name="proof"),
    path("register/statements", machine.statements, name="statements"),
    path("log/<path:name>", log.log_file, name="log-file"),
]
