"""The worker process of a role: calls `tutela.<role>.tasks.run_due()` for as long as its parent lives."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

import django

from .processes import die_with_parent

_IDLE_SECONDS = 0.5
_AFTER_ERROR_SECONDS = 5.0
log = logging.getLogger("tutela.worker")


def run(run_due: Callable[[], int], stop: threading.Event) -> None:
    """Call `run_due` until `stop` is set; wait only when it found nothing to do.

    An error is logged without its message and does not end the worker: what was due is tried again.
    """
    from django.db import close_old_connections

    while not stop.is_set():
        close_old_connections()
        try:
            pause = 0.0 if run_due() else _IDLE_SECONDS
        except Exception:
            log.exception("run-due-failed")
            pause = _AFTER_ERROR_SECONDS
        stop.wait(pause)


def main() -> None:
    """Run the tasks of the role that `TUTELA_ROLE` names, if its app has any."""
    die_with_parent()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutela.console.settings")
    django.setup()
    from django.conf import settings

    from .environment import has_module
    from .roles import role_named

    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    tasks = f"{role_named(settings.TUTELA_ROLE).app}.tasks"
    if has_module(tasks):
        run(importlib.import_module(tasks).run_due, stop)
    else:
        stop.wait()


if __name__ == "__main__":
    main()
