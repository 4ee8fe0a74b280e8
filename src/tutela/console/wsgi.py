"""The WSGI application. Importing it is what a server process does first, so it ties its life here."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from .processes import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutela.console.settings")
if os.environ.get("TUTELA_SUPERVISED") == "1":
    die_with_parent()
application = get_wsgi_application()
