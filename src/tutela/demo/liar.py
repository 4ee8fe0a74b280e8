"""A witness that lies: it vouches for another tree than the one that it is shown. For the demonstration only.

    python -m tutela.demo.liar FOLDER PORT

The folder is that of `tutela witness`, and the key is the one that everybody knows. It answers every request
at once, well formed and with its own signature: over a tree that the log never had. It prints one JSON line
when it is ready.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

from tutela.console.processes import die_with_parent
from tutela.errors import TutelaError
from tutela.sealed import keyfile
from tutela.tlog import COSIGNATURE_ED25519, Ed25519Signer, VerifierKey, cosignature
from tutela.tlog.note import Signer
from tutela.tlog.witness import MAX_BODY_BYTES, TEXT, AddCheckpoint

HOST: Final = "127.0.0.1"


def lie(body: bytes, signer: Signer, now: int) -> bytes:
    """Return the signature line of another tree of the same size.

    Raises:
        Malformed, Truncated: the body is no request.
    """
    asked = AddCheckpoint.parse(body).signed.checkpoint
    other = replace(asked, root=hashlib.sha256(b"another tree" + asked.root).digest())
    return cosignature.cosign(other.text(), signer, now).line().encode()


class Handler(BaseHTTPRequestHandler):
    """Answers `POST .../add-checkpoint`."""

    signer: Signer

    def do_POST(self) -> None:
        """Lie."""
        try:
            size = min(int(self.headers.get("Content-Length", "0")), MAX_BODY_BYTES)
            status, answer = 200, lie(self.rfile.read(size), self.signer, int(time.time()))
        except (TutelaError, ValueError):
            status, answer = 400, b"This is no request.\n"
        self.send_response(status)
        self.send_header("Content-Type", TEXT)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing."""


def main() -> None:
    """Serve until this process is ended."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    die_with_parent()
    private = keyfile.load(folder / "witness.key", keyfile.passphrase_from_environment())
    name = VerifierKey.parse((folder / "witness.vkey").read_text().strip()).name
    Handler.signer = Ed25519Signer(name, private, COSIGNATURE_ED25519)
    server = HTTPServer((HOST, port), Handler)
    sys.stdout.write(json.dumps({"role": "witness", "url": f"http://{HOST}:{server.server_port}"}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
