"""The golden file is what the code makes, and an implementation in another language agrees with it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tutela.oprf import group
from tutela.voucher.errors import VoucherMalformed, VoucherRefused
from tutela.voucher.opening import Opener
from tutela.voucher.parameters import Parameters
from tutela.voucher.table import TableHeader
from tutela.voucher.wire import Enrolment

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "vectors"
GOLDEN = json.loads((VECTORS / "voucher.json").read_text())


def test_the_code_still_makes_the_golden_files() -> None:
    spec = importlib.util.spec_from_file_location("generate", VECTORS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert json.loads(json.dumps(module.vectors())) == GOLDEN
    assert module.audit_vectors() == json.loads((VECTORS / "audit.json").read_text())


def test_an_independent_implementation_agrees() -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "@noble").is_dir():
        pytest.skip("Node.js or its packages are missing: run `make setup-test`")
    run = subprocess.run(
        [node, VECTORS / "verify.mjs"], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["checks"] >= 300


@pytest.mark.parametrize("defect", GOLDEN["refused"])
def test_a_defective_voucher_is_refused(defect: str) -> None:
    parameters = Parameters.from_dict(GOLDEN["parameters"])
    header = TableHeader.from_dict(GOLDEN["table"]["header"])
    opener = Opener(header, parameters, bytes.fromhex(GOLDEN["table"]["key"]))
    enrolment = Enrolment.parse(bytes.fromhex(GOLDEN["device"]["enrolment"]))
    with pytest.raises((VoucherMalformed, VoucherRefused)):
        opener.arrive(bytes.fromhex(GOLDEN["refused"][defect]), enrolment)


@pytest.mark.parametrize("defect", GOLDEN["refused_points"])
def test_a_defective_point_is_refused(defect: str) -> None:
    with pytest.raises(group.InvalidPoint):
        group.check_point(bytes.fromhex(GOLDEN["refused_points"][defect]))
