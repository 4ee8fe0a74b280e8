"""No parser lets anything but a `TutelaError` out: over its seeds, over small changes of them, and fuzzed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.fuzz.mutation import mutations, odd_values
from tests.fuzz.targets import TARGETS, Target

from tutela.errors import TutelaError

ROOT = Path(__file__).parents[2]
CHANGED = 200
SECONDS = 20


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_is_read(name: str) -> None:
    target = TARGETS[name]
    first = target.seeds()[0]
    assert len(first) <= target.longest
    target.run(first)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_input_gives_a_typed_error_or_is_read(name: str) -> None:
    target = TARGETS[name]
    for data in (b"", b"\0", *target.seeds(), *mutations(target.seeds(), CHANGED, target.longest)):
        _only_our_errors(target, data)


@pytest.mark.parametrize("name", [name for name in TARGETS if TARGETS[name].seeds()[0].startswith(b"{")])
def test_any_value_in_any_place_gives_a_typed_error_or_is_read(name: str) -> None:
    for seed in TARGETS[name].seeds():
        with contextlib.suppress(ValueError):  # a list file has several texts, and changes of its own
            for data in odd_values(seed):
                _only_our_errors(TARGETS[name], data)


def _only_our_errors(target: Target, data: bytes) -> None:
    began = time.monotonic()
    try:
        with contextlib.suppress(TutelaError):
            target.run(data)
    except Exception as error:
        error.add_note(f"the input was {data[:400]!r}")
        raise
    assert time.monotonic() - began < 20, data[:400]


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: run `make setup-test`")
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.run",
        name,
        "--seconds",
        str(SECONDS),
        "--keep",
        str(tmp_path),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    found = [path.read_bytes() for path in tmp_path.iterdir()]
    assert run.returncode == 0, f"{run.stdout[-4000:]}{run.stderr[-4000:]}\n{found!r:.2000}"
