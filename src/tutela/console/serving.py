"""Run one role's server: the WSGI processes, and a worker beside them.

    tutela serve (this process)     migrates, supervises, ends the others
    ├── granian worker              answers requests
    └── tutela.console.worker       does what is due in the background, and is started again if it dies

No process outlives its parent, `kill -9` included (`processes.die_with_parent`).
"""

from __future__ import annotations

import http.client
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tutela.errors import EnvironmentProblem

from .processes import PARENT

_READY_SECONDS = 90.0
_STOP_SECONDS = 10.0
_RESTART_SECONDS = 2.0
log = logging.getLogger("tutela.serve")


class PortTaken(EnvironmentProblem):
    """Another program listens on the port, or the address is not of this machine."""

    code = "console.port-taken"


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that answers: its role, its base URL without a last slash, this process's id."""

    role: str
    url: str
    pid: int


class ReservedPort:
    """A port that is free now and stays ours: bound, but without listening, for as long as we run.

    Granian binds with SO_REUSEPORT and would quietly share a port with another server of the same user,
    so the first bind here is made without it.

    Raises:
        PortTaken: the port or the address cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                self.port: int = probe.getsockname()[1]
            self._held = socket.socket(family)
            if hasattr(socket, "SO_REUSEPORT"):
                self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                self._held.bind((host, self.port))
        except (OSError, OverflowError) as error:
            raise PortTaken(
                f"Port {port} on {host} cannot be used.",
                hint="Another server may run there. Choose another --port, or 0 for any free one.",
            ) from error


class Worker:
    """The background process, kept alive by a thread until `stop`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)

    def start(self) -> None:
        """Start the process and the thread that keeps it."""
        self._thread.start()

    def stop(self) -> None:
        """End the process: politely, then for good."""
        self._stopping.set()
        self._thread.join()

    def _keep(self) -> None:
        # The kernel ends a child with the thread that started it, so this thread lives as long as we do.
        while not self._stopping.is_set():
            command = [sys.executable, "-m", "tutela.console.worker"]
            process = subprocess.Popen(  # noqa: S603
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno()
            )
            while process.poll() is None and not self._stopping.wait(0.2):
                pass
            if self._stopping.is_set():
                _end(process)
                return
            if process.returncode:  # 0: it was asked to end, as Ctrl-C asks the whole group
                log.warning("worker-ended status=%d", process.returncode)
            self._stopping.wait(_RESTART_SECONDS)


def serve(role: str, host: str, reserved: ReservedPort, threads: int, ready: Callable[[Ready], None]) -> None:
    """Serve until SIGTERM or SIGINT. Django is configured and migrated already (see `bootstrap`).

    Args:
        role: a name of `roles.ROLES`.
        host: address to listen on.
        reserved: the port.
        threads: requests that are answered at the same time.
        ready: called once, from another thread, when the server answers.
    """
    environment = _child_environment()
    os.environ.update(environment)  # granian's processes inherit ours
    worker = Worker({**os.environ})
    worker.start()
    url = f"http://{f'[{host}]' if ':' in host else host}:{reserved.port}"
    announcement = threading.Thread(
        target=_announce, args=(Ready(role, url, os.getpid()), host, reserved.port, ready), daemon=True
    )
    announcement.start()
    try:
        _granian(host, reserved.port, threads).serve()
    finally:
        worker.stop()


def _granian(host: str, port: int, threads: int) -> Any:
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.mp import MPServer

    multiprocessing.set_start_method("spawn", force=True)  # a fork would share open database handles
    handler = {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}
    return MPServer(
        "tutela.console.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        blocking_threads_idle_timeout=600,
        backpressure=max(64, threads * 8),
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig={"handlers": {"console": handler, "access": handler}},
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=int(_STOP_SECONDS),
    )


def _child_environment() -> dict[str, str]:
    return {"TUTELA_SUPERVISED": "1", PARENT: str(os.getpid())}


def _announce(state: Ready, host: str, port: int, ready: Callable[[Ready], None]) -> None:
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (compared, not bound)
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if _answers(target, port):
            ready(state)
            return
        time.sleep(0.05)
    log.error("server-not-ready seconds=%d", _READY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status in {200, 400}  # 400: it answers to other host names only
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
