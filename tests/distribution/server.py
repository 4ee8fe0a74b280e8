"""A real HTTP server process over a folder, with faults that a test asks for, and a count of what it sent.

Run as `python server.py FOLDER`; prints its port. Each line on stdin is a JSON object of faults by file name
part: {"cut": n} closes after n bytes; {"drip": seconds} sends a byte at a time; {"endless": true} never ends;
{"grow": n} appends bytes; {"ranges": false} ignores ranges; {"head": seconds} drips the answer's head;
{"status": n} answers with it; {"chunked": true}. GET /-/sent answers with the bytes sent and the questions.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
FAULTS: dict[str, dict[str, Any]] = {}
SENT: dict[str, int] = {}
ASKED: list[str] = []
LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        if self.path == "/-/sent":
            with LOCK:
                self._answer(200, json.dumps({"sent": SENT, "asked": ASKED}).encode())
            return
        with LOCK:
            ASKED.append(self.path)
        with contextlib.suppress(OSError):
            self._serve(next((fault for part, fault in FAULTS.items() if part in self.path), {}))

    def _answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _serve(self, fault: dict[str, Any]) -> None:
        file = FOLDER / self.path.lstrip("/")
        if "status" in fault or not file.is_file():
            self._answer(fault.get("status", 404), b"")
            return
        data = file.read_bytes() + b"\0" * fault.get("grow", 0)
        start, status, headers = 0, 200, {"Content-Length": str(len(data))}
        if self.headers["Range"] and fault.get("ranges", True):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            status = 206 if start < len(data) else 416
            place = f"{start}-{len(data) - 1}" if status == 206 else "*"
            headers = {
                "Content-Range": f"bytes {place}/{len(data)}",
                "Content-Length": str(max(len(data) - start, 0)),
            }
        if fault.get("endless") or fault.get("chunked"):
            del headers["Content-Length"]
        if fault.get("chunked"):
            headers["Transfer-Encoding"] = "chunked"
        if "head" in fault:
            self._drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000, fault["head"])
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._body(data[start:], fault)

    def _body(self, data: bytes, fault: dict[str, Any]) -> None:
        if "drip" in fault:
            self._drip(data, fault["drip"])
        elif fault.get("endless"):
            while True:
                self._send(b"\0" * 65536)
        else:
            self._send(data[: fault.get("cut", len(data))])

    def _drip(self, data: bytes, seconds: float) -> None:
        for place in range(len(data)):
            self._send(data[place : place + 1])
            time.sleep(seconds)

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()
        with LOCK:
            SENT[self.path] = SENT.get(self.path, 0) + len(data)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    for line in sys.stdin:  # ends with its parent
        FAULTS.clear()
        FAULTS.update(json.loads(line))
        sys.stdout.write("set\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
