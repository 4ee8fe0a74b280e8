from __future__ import annotations

import builtins
import json

import pytest

from tutela.bench import fingerprint as bench
from tutela.bench import machine
from tutela.errors import EnvironmentProblem


@pytest.fixture
def folder(tmp_path, make_pattern, make_file):
    for seed in range(3):
        (tmp_path / f"{seed}.jpg").write_bytes(make_file(make_pattern(640, 520, seed), "JPEG", quality=90))
    (tmp_path / "3.png").write_bytes(make_file(make_pattern(640, 520, 3), "PNG"))
    (tmp_path / "small.png").write_bytes(make_file(make_pattern(64, 64), "PNG"))
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_result_of_a_folder(folder, monkeypatch, capsys) -> None:
    pytest.importorskip("threatexchange", reason="the peer is not installed")
    monkeypatch.setattr(bench, "FEWEST", 4)
    monkeypatch.setattr(bench, "TIMED_PICTURES", 1)
    monkeypatch.setattr(bench, "RUNS_OURS", 1)
    monkeypatch.setattr(bench, "RUNS_PEER", 1)
    seen = []
    result = bench.run(folder, lambda done, of: seen.append((done, of)))
    assert json.loads(json.dumps(result)) == result
    assert result["photos"] == 4
    assert set(result) >= {"fast_ms_12mpx", "exact_ms_512", "fast_bits_off", "exact_bits_off_max", "peer"}
    assert set(result["fast_bits_off"]) == {"median", "p95", "max"}
    assert set(result["peer"]) == {"name", "version", "ms_12mpx", "ms_512"}
    assert result["exact_bits_off_max"] <= 2
    assert seen[-1] == (4, 4)
    bench.show(result)
    assert "12 megapixels" in capsys.readouterr().out


def test_too_few_photographs(folder) -> None:
    with pytest.raises(EnvironmentProblem, match="50 photographs"):
        bench.run(folder)
    with pytest.raises(EnvironmentProblem):
        bench.run(folder / "missing")


def test_without_the_peer(folder, monkeypatch) -> None:
    load = builtins.__import__

    def without(name, *rest):
        if name.startswith(("pdqhash", "threatexchange")):
            raise ModuleNotFoundError(name=name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EnvironmentProblem) as caught:
        bench.run(folder)
    assert "make setup" in caught.value.hint


def test_the_machine_is_described() -> None:
    found = machine.machine()
    assert found["cores"] >= 1
    assert machine.versions(["numpy", "no-such-thing"])["no-such-thing"] is None
