"""Sets leave on a fixed beat, so that the time of a set says nothing about the file that it belongs to.

Pictures take longer than other files to prepare. On each beat the messenger asks `due(now)`, which hands out
at most one set, one that was ready before; then it calls `work()`, which does one piece of work for a waiting
file or in advance; then it sleeps until `next_beat`. Sans-I/O; times are seconds of any steady clock.

Does not hide: that a file is being sent (the upload itself shows it), and on a device too slow for the beat,
how much slower it is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from tutela.errors import TutelaError
from tutela.guard.core import Guard, Protected
from tutela.voucher.wire import Attachment

BEAT: Final = 0.2
AHEAD: Final = 8


@dataclass(frozen=True, slots=True)
class Ready:
    """What became of a file: a set that may leave now, or the error that kept it from being made."""

    ticket: int
    protected: Protected | None
    error: TutelaError | None = None


class PacedQueue:
    """Files in, sets out, one a beat."""

    def __init__(self, guard: Guard, *, beat: float = BEAT, ahead: int = AHEAD) -> None:
        self._guard, self._beat, self._ahead = guard, beat, ahead
        self._waiting: deque[tuple[int, bytes | None, Attachment]] = deque()
        self._ready: deque[Ready] = deque()
        self._tickets, self._next = 0, 0.0

    def submit(self, data: bytes | None, attachment: Attachment) -> int:
        """Queue a file; return the ticket under which its set will come."""
        self._tickets += 1
        self._waiting.append((self._tickets, data, attachment))
        return self._tickets

    @property
    def busy(self) -> bool:
        """Whether files wait or a set is ready."""
        return bool(self._waiting or self._ready)

    @property
    def next_beat(self) -> float:
        """When to ask again."""
        return self._next

    def due(self, now: float) -> Ready | None:
        """Return what may leave on this beat, if it is time and something is ready."""
        if now < self._next:
            return None
        self._next = (now // self._beat + 1) * self._beat
        return self._ready.popleft() if self._ready else None

    def work(self) -> bool:
        """Do one piece of work, the next file's set or half of a later one; return whether there was any."""
        if not self._waiting:
            return self._guard.precompute(self._ahead)
        ticket, data, attachment = self._waiting.popleft()
        try:
            self._ready.append(Ready(ticket, self._guard.protect(data, attachment)))
        except TutelaError as error:
            self._ready.append(Ready(ticket, None, error))
        return True
