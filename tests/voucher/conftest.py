"""A small house for the protocol: a list of random hashes, its table, a device and the provider's opener."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tutela.oprf import group
from tutela.voucher.building import build_table
from tutela.voucher.opening import Opener
from tutela.voucher.parameters import Parameters
from tutela.voucher.sealing import DeviceSecrets, Picture, Sealer
from tutela.voucher.table import Table
from tutela.voucher.tokens import entry_tokens
from tutela.voucher.wire import Attachment, Enrolment

THRESHOLD = 4
RNG = np.random.default_rng(20261123)
MASKS = tuple(tuple(sorted(int(b) for b in RNG.choice(256, 40, replace=False))) for _ in range(8))
RELIABILITY = np.abs(RNG.normal(size=256)).astype(np.float32)


def attachment(name: bytes = b"a") -> Attachment:
    return Attachment(name * 32, name * 16, name * 32, "$event", b"frank")


def picture(pdq: bytes, quality: int = 80) -> Picture:
    return Picture(pdq, quality, RELIABILITY, b"derivative")


@dataclass
class House:
    parameters: Parameters
    listed: list[bytes]
    key: bytes
    table: Table
    path: Path
    secrets: DeviceSecrets
    sealer: Sealer
    enrolment: Enrolment
    opener: Opener

    def device(self, account: str, device: str = "PHONE") -> tuple[Sealer, Enrolment, DeviceSecrets]:
        secrets = DeviceSecrets.generate(os.urandom)
        sealer = Sealer(self.table, self.parameters, account, device, secrets, os.urandom)
        return sealer, Enrolment.parse(sealer.enrolment()), secrets


def make_house(folder: Path, hits: int = 1, entries: int = 40) -> House:
    parameters = Parameters("everyday", MASKS, hits=hits, threshold=THRESHOLD)
    listed = [bytes(RNG.bytes(32)) for _ in range(entries)]
    key = group.random_scalar()
    path = folder / f"table-{hits}.bin"
    tokens = (token for pdq in listed for token in entry_tokens(parameters, pdq))
    header = build_table(tokens, key=key, table_id=b"T" * 32, seed=b"s" * 32, path=path)
    table = Table.open(path, header)
    secrets = DeviceSecrets.generate(os.urandom)
    sealer = Sealer(table, parameters, "@ann:example.org", "PHONE", secrets, os.urandom)
    enrolment = Enrolment.parse(sealer.enrolment())
    return House(
        parameters, listed, key, table, path, secrets, sealer, enrolment, Opener(header, parameters, key)
    )


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session", params=[1, 2], ids=["one-hit", "two-hits"])
def either_house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house(tmp_path_factory.mktemp("house"), hits=request.param)
