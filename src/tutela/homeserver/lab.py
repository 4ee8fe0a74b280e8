"""A homeserver on this machine for the demonstration and the tests: Synapse, loopback only, no federation.

Synapse is AGPL-3.0: it runs as its own process from the same or another environment and is never imported
here. Secrets are drawn per folder; everything lies in that folder, readable by its owner only. The rates that
protect a public server are lifted, so this is no configuration to copy for real use.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tutela.errors import EnvironmentProblem, RemoteError

HOST = "127.0.0.1"
#: the child ends when the pipe from its parent closes, however the parent died
LAUNCHER = """
import os, runpy, sys, threading
def watch(pipe=int(sys.argv.pop(1))):
    os.read(pipe, 1)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
runpy.run_module("synapse.app.homeserver", run_name="__main__", alter_sys=True)
"""


class LabProblem(EnvironmentProblem):
    """The homeserver of the lab did not start."""

    code = "homeserver.lab"


@dataclass(slots=True)
class Lab:
    """One Synapse in one folder.

    Attributes:
        folder: where configuration, database, media and log lie; made when missing.
        provider_url: where the module delivers voucher sets.
        service_token: what the module shows to the provider.
        media_token: what the provider shows to the module to fetch ciphertext.
        voucher_bytes: the size that every set must have.
        module: further settings of the module, as in `synapse_module`.
        server_name: the part after the colon of account names.
        python: the interpreter of the environment that holds Synapse.
        behind_proxy: whether a reverse proxy states the clients' addresses.
    """

    folder: Path
    provider_url: str
    service_token: str
    media_token: str
    voucher_bytes: int
    module: Mapping[str, Any] = field(default_factory=dict)
    server_name: str = "lab.example.org"
    python: str = sys.executable
    behind_proxy: bool = False
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _pipe: int | None = None

    @property
    def base_url(self) -> str:
        """Where clients reach it."""
        return f"http://{HOST}:{self.port}"

    @property
    def database(self) -> Path:
        """Synapse's SQLite file (with -wal and -shm beside it)."""
        return self.folder / "homeserver.db"

    @property
    def media(self) -> Path:
        """Synapse's media store."""
        return self.folder / "media"

    @property
    def log(self) -> Path:
        """What Synapse printed."""
        return self.folder / "homeserver.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

    def start(self, timeout: float = 120.0) -> float:
        """Start Synapse and wait until it answers.

        Returns:
            Seconds until it was healthy.

        Raises:
            LabProblem: it ended or did not answer in time; the message names the log file.
        """
        began = time.monotonic()
        self.port = self.port or free_port()
        config = self._write_config()
        reader, self._pipe = os.pipe()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [self.python, "-c", LAUNCHER, str(reader), "-c", str(config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                pass_fds=(reader,),
                start_new_session=True,
            )
        os.close(reader)
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() - began > timeout:
                self.kill()
                raise LabProblem("The lab's homeserver did not start.", hint=f"Its log is {self.log}.")
            time.sleep(0.05)
        return time.monotonic() - began

    def healthy(self) -> bool:
        """Whether it answers."""
        try:
            return self._request("GET", "/health")[0] == 200
        except OSError:
            return False

    def stop(self, timeout: float = 30.0) -> None:
        """Ask it to end; after `timeout` seconds make it."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """End it at once, as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL, 10.0)

    def restart(self) -> float:
        """Stop and start again on the same port and data; returns the seconds of the start."""
        self.stop()
        return self.start()

    def _end(self, how: signal.Signals, timeout: float) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if process is not None and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10.0)
        if pipe is not None:
            os.close(pipe)

    def register(self, user: str, password: str) -> str:
        """Make an account by the shared registration secret and return its full name.

        Raises:
            RemoteError: the homeserver refused, for example because the name is taken.
        """
        route = "/_synapse/admin/v1/register"
        nonce = str(json.loads(self._request("GET", route)[1])["nonce"])
        parts = (nonce, user, password, "notadmin")
        key = self._secret("registration").encode()
        mac = hmac.new(key, b"\0".join(part.encode() for part in parts), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": user, "password": password, "mac": mac}
        status, answer = self._request("POST", route, json.dumps(body).encode())
        if status != 200:
            raise RemoteError(f"The homeserver refused to register an account (HTTP {status}).")
        return str(json.loads(answer)["user_id"])

    def _request(self, method: str, route: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request(method, route, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise ConnectionError("The homeserver broke the connection.") from error
        finally:
            connection.close()

    def _secret(self, name: str) -> str:
        path = self.folder / f"{name}.secret"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text(encoding="ascii")

    def _write_config(self) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.folder / "service.token", self.service_token)
        write_private(self.folder / "media.token", self.media_token)
        key = self.folder / "signing.key"
        if not key.exists():
            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            write_private(key, f"ed25519 a_{secrets.token_hex(2)} {seed}\n")
        path = self.folder / "homeserver.yaml"
        write_private(path, json.dumps(self.config(), indent=1))  # JSON is YAML
        return path

    def config(self) -> dict[str, Any]:
        """Return Synapse's configuration."""
        fast = {"per_second": 1000, "burst_count": 1000}
        listener = {"port": self.port, "bind_addresses": [HOST], "type": "http", "tls": False}
        listener["x_forwarded"] = self.behind_proxy
        module = {
            "voucher_bytes": self.voucher_bytes,
            "provider_url": self.provider_url,
            "service_token_file": str(self.folder / "service.token"),
            "media_token_file": str(self.folder / "media.token"),
            **self.module,
        }
        return {
            "server_name": self.server_name,
            "pid_file": str(self.folder / "homeserver.pid"),
            "report_stats": False,
            "database": {"name": "sqlite3", "args": {"database": str(self.database)}},
            "listeners": [{**listener, "resources": [{"names": ["client"]}]}],
            "media_store_path": str(self.media),
            "signing_key_path": str(self.folder / "signing.key"),
            "registration_shared_secret": self._secret("registration"),
            "macaroon_secret_key": self._secret("macaroon"),
            "form_secret": self._secret("form"),
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "presence": {"enabled": False},
            "url_preview_enabled": False,
            **dict.fromkeys(
                ("rc_message", "rc_registration", "rc_joins_per_room", "rc_room_creation", "rc_media_create"),
                fast,
            ),
            "rc_key_requests": fast,
            "rc_joins": {"local": fast, "remote": fast},
            "rc_login": {"address": fast, "account": fast, "failed_attempts": fast},
            "rc_invites": {"per_room": fast, "per_user": fast, "per_issuer": fast},
            "modules": [{"module": "tutela.homeserver.synapse_module.TutelaModule", "config": module}],
        }


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, in one step."""
    partial = path.with_name(path.name + ".part")
    with os.fdopen(
        os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    partial.replace(path)


def free_port() -> int:
    """Return a TCP port that is free on the loopback address at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
