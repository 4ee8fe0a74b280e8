"""Three witnesses of the log, each a process of its own that is spoken to over HTTP; one of them lies."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tutela.demo.endorsing import WITNESSES, Endorsing
from tutela.demo.stage import TUTELA, Console
from tutela.sealed import keyfile
from tutela.tlog import Policy, files

HONEST, LIAR, KILLED = WITNESSES
#: the least that a key file may cost: these keys live as long as one run
_COST: Final = keyfile.COSTS.start


@dataclass(slots=True)
class WitnessServer(Console):
    """`tutela witness serve`, or the liar in its place."""

    def words(self) -> Sequence[str]:
        """Return the command."""
        if self.data.name == LIAR:
            return (sys.executable, "-m", "tutela.demo.liar", str(self.data), str(self.port))
        return (*TUTELA, "witness", "serve", str(self.data), "--port", str(self.port), "--json")


class Witnesses:
    """All three. Their names, keys, and what they have seen are those of `endorsing`.

    Args:
        endorsing: whose log they witness; its own witnesses are asked nothing any more.
        world: the folder of `endorsing`.
        folder: gets a folder for each witness.
        environment: opens key files.
    """

    def __init__(
        self, endorsing: Endorsing, world: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._endorsing = endorsing
        passphrase = environment[keyfile.PASSPHRASE_VARIABLE]
        self.servers: dict[str, WitnessServer] = {}
        for name in WITNESSES:
            place = folder / name
            place.mkdir(parents=True)
            signer = endorsing.cosigner(name)
            keyfile.save(place / "witness.key", signer.private, passphrase, cost=_COST)
            logs = f"log {endorsing.log_key}\nquorum none\n".encode()
            files.write_all(place, {"witness.vkey": f"{signer.key}\n".encode(), "logs.policy": logs})
            shutil.copy(world / f"{name}.sqlite3", place / "seen.sqlite3")
            self.servers[name] = WitnessServer(f"witness {name}", place, environment)

    def launch(self) -> None:
        """Start them beside each other."""
        for server in self.servers.values():
            server.launch()

    def wait(self) -> None:
        """Wait until all of them answer."""
        for server in self.servers.values():
            server.wait()

    def stop(self) -> None:
        """End them."""
        for server in self.servers.values():
            server.stop()

    def policy(self, *names: str) -> Policy:
        """Return the devices' policy with the witnesses' addresses; or one that these names alone satisfy."""
        lines = [f"log {self._endorsing.log_key}"]
        lines += [
            f"witness {line.name} {line.key} {self.servers[line.name].url}"
            for line in self._endorsing.policy.witnesses
        ]
        asked, need = names or WITNESSES, len(names) or 2
        lines += [f"group asked {need} {' '.join(asked)}", "quorum asked", ""]
        return Policy.parse("\n".join(lines).encode())
