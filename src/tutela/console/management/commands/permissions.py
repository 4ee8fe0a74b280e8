"""`python -m tutela.console permissions`: who may do what, for people to read and for the tests."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from tutela.console.permissions import matrix_text


class Command(BaseCommand):
    """Print the permission matrix of every console."""

    help = "Print the permission matrix of every console."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the text to stdout."""
        del args, options
        self.stdout.write(matrix_text(), ending="")
