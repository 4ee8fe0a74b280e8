"""Child processes that never outlive their parent, not even after `kill -9`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

#: the variable that names the parent to end with
PARENT = "TUTELA_PARENT"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_WATCH_SECONDS = 1.0


def die_with_parent() -> None:
    """End this process when its parent ends.

    Linux: the kernel sends SIGKILL, which is safe because all state is in transactions. Elsewhere a
    thread watches the parent's id. A parent that is already gone ends this process at once.
    """
    expected = int(os.environ.get(PARENT, "0")) or os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(expected,), daemon=True).start()
    if os.getppid() != expected:
        os._exit(1)


def _watch(expected: int) -> None:
    while os.getppid() == expected:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
