"""The register's folder.

TUTELA_DATA/register/
  constitution.json   the first constitution, signed by its own quorum
  anchor              its digest, 64 hex digits: what devices and auditors are given by another way
  log.key             the log's private key under a passphrase (`tutela.sealed.keyfile`)
  policy              the log's key, the witnesses and their quorum (C2SP tlog-policy)
TUTELA_DATA/log/      the transparency log (`tutela.tlog.log`)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tutela import sealed
from tutela.hashlist.governance.signing import MAX_CONSTITUTION
from tutela.register.errors import RegisterNotReady
from tutela.tlog import Ed25519Signer, Policy
from tutela.tlog.policy import MAX_BYTES as MAX_POLICY

_INIT: Final = "Run `tutela register init --data DIR`."
_signers: dict[Path, Ed25519Signer] = {}
_signers_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of one register, and that of its log."""

    root: Path
    log: Path

    @classmethod
    def of_this_server(cls) -> Store:
        """Return the folders that the settings name."""
        from django.conf import settings

        return cls(Path(settings.TUTELA_STATE), Path(settings.TUTELA_DATA) / "log")

    @property
    def constitution_file(self) -> Path:
        """The first constitution."""
        return self.root / "constitution.json"

    @property
    def anchor_file(self) -> Path:
        """Its digest."""
        return self.root / "anchor"

    @property
    def key_file(self) -> Path:
        """The log's private key."""
        return self.root / "log.key"

    @property
    def policy_file(self) -> Path:
        """The policy."""
        return self.root / "policy"

    def anchor(self) -> bytes:
        """Return the digest of the first constitution; raises `RegisterNotReady`."""
        try:
            return bytes.fromhex(_read(self.anchor_file, 128).decode("ascii"))
        except ValueError as error:
            raise RegisterNotReady("The register's anchor is damaged.", hint="Restore it.") from error

    def policy_text(self) -> bytes:
        """Return the policy's file; raises `RegisterNotReady`."""
        return _read(self.policy_file, MAX_POLICY)

    def policy(self) -> Policy:
        """Return the policy; raises `RegisterNotReady`, `BadPolicy`."""
        return Policy.parse(self.policy_text())

    def constitution(self) -> bytes:
        """Return the first constitution's file; raises `RegisterNotReady`."""
        return _read(self.constitution_file, MAX_CONSTITUTION)

    def signer(self) -> Ed25519Signer:
        """Return the log's signer; its key file is opened once a process, which takes a moment.

        Raises:
            TutelaError: of `tutela.sealed`: no key file, no passphrase, or another one.
        """
        with _signers_lock:
            if self.key_file not in _signers:
                private = sealed.keyfile.load(self.key_file, sealed.keyfile.passphrase_from_environment())
                origin = self.policy().logs[0].key.name
                _signers[self.key_file] = Ed25519Signer(origin, private)
            return _signers[self.key_file]


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise RegisterNotReady(f"The register has no {path.name}.", hint=_INIT) from error
    if len(data) > limit:
        raise RegisterNotReady(f"The file {path.name} is too large.", hint="Restore it.")
    return data
