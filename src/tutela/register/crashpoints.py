"""Named points at which the crash tests end this process as a power cut would.

Nothing happens unless the environment names the point. The value is `point` or `point:path`: with a path the
process dies there once, and the file that it leaves keeps the restarted process alive.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

VARIABLE: Final = "TUTELA_CRASH_AT"

#: every point that the code names, in the order of one statement's way to the world
POINTS: Final = ("before-commit", "after-commit-before-leaf", "after-leaf-before-answer", "before-publish")


def reach(point: str) -> None:
    """End this process with SIGKILL if the environment asks for it at `point`."""
    wanted, _, marker = os.environ.get(VARIABLE, "").partition(":")
    if wanted != point:
        return
    if marker:
        path = Path(marker)
        if path.exists():
            return
        path.touch()
    os.kill(os.getpid(), signal.SIGKILL)
