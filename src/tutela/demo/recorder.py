"""A reverse proxy between the demonstration's clients and the homeserver that keeps what passes.

It stands where an operator's proxy would: it states each client's address (invented ones, of documentation
ranges) to the homeserver, and forwards everything else as it is. What it recorded is searched by the checker.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final, Self

HOST: Final = "127.0.0.1"
PORT_HEADER: Final = "X-Forwarded-Port"
_PIECE: Final = 64 * 1024
_HEAD: Final = 64 * 1024


class Recorder:
    """Relays HTTP/1.1 to `target_port` from one port for each client; runs in a thread of its own.

    Args:
        target_port: of the homeserver on loopback.
        addresses: client name -> the address that the homeserver is told.
        folder: one file for each connection and direction, written at once: the checker reads while it runs.
    """

    def __init__(self, target_port: int, addresses: Mapping[str, str], folder: Path) -> None:
        self._target, self._addresses, self._folder = target_port, addresses, folder
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._count = 0
        self._ports: dict[str, int] = {}

    def url(self, client: str) -> str:
        """Where one client connects."""
        return f"http://{HOST}:{self._ports[client]}"

    def __enter__(self) -> Self:
        """Start relaying."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop; what was recorded stays."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = [self._loop.run_until_complete(self._listen(name)) for name in self._addresses]
        self._ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _listen(self, name: str) -> asyncio.Server:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.CancelledError):  # the demonstration is over
                await self._relay(name, reader, writer)

        server = await asyncio.start_server(relay, HOST, 0, limit=_HEAD)
        self._ports[name] = server.sockets[0].getsockname()[1]
        return server

    async def _relay(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        record = self._folder / f"{name}-{self._count:05d}"
        try:
            back, forth = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.close()
            return
        port = writer.get_extra_info("peername")[1]
        stated = (
            f"X-Forwarded-For: {self._addresses[name]}\r\nX-Forwarded-Proto: http\r\n"
            f"{PORT_HEADER}: {port}\r\n"
        )
        await asyncio.gather(
            _requests(reader, forth, record.with_suffix(".sent"), stated.encode()),
            _copy(back, writer, record.with_suffix(".answered")),
        )


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: Path) -> None:
    """Pass everything on, and keep it."""
    with contextlib.suppress(OSError), record.open("ab", buffering=0) as file:
        while piece := await reader.read(_PIECE):
            file.write(piece)
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def _requests(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: Path, stated: bytes
) -> None:
    """Pass requests on with the stated headers in place of the client's own, and keep them."""
    ended = (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)  # or is no HTTP
    with contextlib.suppress(*ended), record.open("ab", buffering=0) as file:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head[:-4].split(b"\r\n")
            kept = [line for line in lines[1:] if not line.lower().startswith(b"x-forwarded-")]
            fields = dict(line.lower().split(b":", 1) for line in kept)
            passed = b"\r\n".join([lines[0], *kept]) + b"\r\n" + stated + b"\r\n"
            writer.write(passed)
            file.write(passed)
            if b"chunked" in fields.get(b"transfer-encoding", b""):
                await _chunks(reader, writer, file)
            else:
                await _exactly(reader, writer, file, int(fields.get(b"content-length", b"0")))
    with contextlib.suppress(OSError):
        writer.close()


async def _chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, file: BinaryIO) -> None:
    size = -1
    while size:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        writer.write(line)
        file.write(line)
        await _exactly(reader, writer, file, size + 2)


async def _exactly(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, file: BinaryIO, size: int
) -> None:
    while size:
        piece = await reader.readexactly(min(size, _PIECE))
        size -= len(piece)
        writer.write(piece)
        file.write(piece)
        await writer.drain()
