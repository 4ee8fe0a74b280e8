"""Django for the parsers that stand beside models; nothing is opened or written."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutela.console.settings")
django.setup()
READY = True
