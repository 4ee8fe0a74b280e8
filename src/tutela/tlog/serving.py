"""Two small WSGI apps: a log's files to read, and a witness's `add-checkpoint`."""

from __future__ import annotations

import http.client
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from tutela.errors import TutelaError
from tutela.tlog import files, tiles
from tutela.tlog.errors import Malformed, StoreTruncated
from tutela.tlog.log import CHECKPOINT
from tutela.tlog.note import MAX_NOTE_BYTES
from tutela.tlog.witness import MAX_BODY_BYTES, TEXT, Answer, Witness

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

_BINARY: Final = "application/octet-stream"
_FOREVER: Final = "public, max-age=31536000, immutable"
_BRIEFLY: Final = "public, max-age=2"
_NEVER: Final = "no-store"
log = logging.getLogger("tutela.tlog")


def log_app(folder: Path) -> App:
    """Return an app that serves a log's published checkpoint and its tiles, and nothing else."""

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _send(environ, start, Answer(405, b"Only GET is answered.\n"), _NEVER)
        name = environ.get("PATH_INFO", "").lstrip("/")
        try:
            answer, caching = read_file(folder, name)
        except (Malformed, StoreTruncated):
            answer, caching = Answer(404, b"There is no such file.\n"), _NEVER
        except TutelaError as error:
            log.error("file-unreadable code=%s", error.code)  # noqa: TRY400  (its trace says nothing more)
            answer, caching = Answer(500, b"The file cannot be read now.\n"), _NEVER
        return _send(environ, start, answer, caching)

    return app


def witness_app(witness: Witness) -> App:
    """Return an app that answers `POST add-checkpoint` under any prefix."""

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        name = environ.get("PATH_INFO", "").rsplit("/", 1)[-1]
        if name == "healthz":
            answer = Answer(200, b"ok\n")
        elif name != "add-checkpoint":
            answer = Answer(404, b"There is no such page.\n")
        elif environ["REQUEST_METHOD"] != "POST":
            answer = Answer(405, b"Only POST is answered.\n")
        else:
            answer = _submit(witness, environ)
        return _send(environ, start, answer, _NEVER)

    return app


def read_file(folder: Path, name: str) -> tuple[Answer, str]:
    """Return a published file of a log, and how long it may be cached.

    Args:
        folder: of the log.
        name: `checkpoint`, `healthz`, or a tile's path.

    Raises:
        Malformed, StoreTruncated: there is no such file. Other `TutelaError`s: it cannot be read now.
    """
    if name == "healthz":
        return Answer(200, b"ok\n"), _NEVER
    if name == CHECKPOINT:
        return Answer(200, files.read(folder, CHECKPOINT, MAX_NOTE_BYTES), TEXT), _BRIEFLY
    place = tiles.parse_path(name)
    limit = tiles.MAX_BUNDLE_BYTES if place.level == tiles.ENTRIES else tiles.MAX_TILE_BYTES
    return Answer(200, files.read(folder, name, limit), _BINARY), _FOREVER


def _submit(witness: Witness, environ: Environ) -> Answer:
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isascii() or not length.isdigit():
        return Answer(411, b"The request names no length.\n")
    if len(length) > 9 or int(length) > MAX_BODY_BYTES:
        return Answer(413, b"The request is too large.\n")
    try:
        return witness.handle(environ["wsgi.input"].read(int(length)))
    except TutelaError as error:
        log.error("witness-failed code=%s", error.code)  # noqa: TRY400  (its trace says nothing more)
        return Answer(500, b"The witness cannot answer now.\n")


def _send(environ: Environ, start: StartResponse, answer: Answer, caching: str) -> Iterable[bytes]:
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", caching),
        ("X-Content-Type-Options", "nosniff"),
    ]
    start(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]


def run(load: Callable[..., App], host: str, port: int, ready: Callable[[], None], threads: int = 4) -> None:
    """Serve an app until SIGTERM or SIGINT, in one process of its own under granian.

    Args:
        load: makes the app in that process; it is pickled on its way there.
        host: address to listen on.
        port: to listen on.
        ready: called once, from another thread, when the server answers.
        threads: requests that are answered at the same time.
    """
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.mp import MPServer

    multiprocessing.set_start_method("spawn", force=True)
    server = MPServer(
        "tutela.tlog",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        websockets=False,
        log_level=LogLevels.error,
        log_access=False,
        respawn_failed_workers=True,
    )
    threading.Thread(target=_announce, args=(host, port, ready), daemon=True).start()
    server.serve(target_loader=load, wrap_loader=False)


def _announce(host: str, port: int, ready: Callable[[], None]) -> None:
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (compared, not bound)
    while not _answers(target, port):
        time.sleep(0.05)
    ready()


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
