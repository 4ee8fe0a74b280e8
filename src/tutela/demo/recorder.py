"""A recording relay between the demonstration's clients and the homeserver.

It stands where a load balancer would, forwards every byte, and keeps what it saw, so that the checker can
search the network as well as the stores.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
_PIECE = 64 * 1024


class Recorder:
    """Relays TCP from a port of its own to `target_port`, and writes both directions to files in `folder`.

    Runs in a thread of its own. `port` is known once the context is entered.
    """

    def __init__(self, target_port: int, folder: Path) -> None:
        self._target = target_port
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._count = 0
        self.port = 0

    @property
    def base_url(self) -> str:
        """Where clients connect."""
        return f"http://{HOST}:{self.port}"

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
        server = self._loop.run_until_complete(asyncio.start_server(self._relay, HOST, 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        name = f"{self._count:05d}"
        try:
            back, forth = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            self._copy(reader, forth, self._folder / f"{name}.sent"),
            self._copy(back, writer, self._folder / f"{name}.answered"),
        )

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: Path) -> None:
        with contextlib.suppress(OSError), record.open("ab") as file:
            while piece := await reader.read(_PIECE):
                file.write(piece)
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
