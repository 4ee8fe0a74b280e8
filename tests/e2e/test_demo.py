"""`tutela demo` as a newcomer runs it: a real command, real servers, and a count that tells when it does not hold."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.houses import ENTRIES, environment, marked, new_mark

from tutela.bench import corpus
from tutela.demo.cast import BEYOND, CAST, EDITS
from tutela.demo.epoch import LISTED
from tutela.demo.story import FAULTS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
WITHIN = 1200
KEYS = {"ok", "seconds", "homeserver_plaintext_hits", "control_hits", "accounts", "reports"}
REFUSALS = {
    "own table": "epoch.unknown_signer",
    "alone": "governance.too_few_endorsements",
    "ally": "governance.too_few_endorsements",
    "won over": "governance.allied_only",
    "forged": "governance.forged_signature",
    "borrowed": "governance.other_root",
    "not logged": "tlog.inclusion",
    "own rules": "governance.other_constitution",
}
CLOSED = [player.name for player in CAST if player.expected == "closed"]


def _in_the_background() -> None:
    """Begin as the shell's `&` does: with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Demo:
    """One run of the command."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.mark, self.folder = new_mark(), folder
        command = [sys.executable, "-m", "tutela.cli.main", "demo"]
        self.process = subprocess.Popen(
            [*command, "--data", str(folder), "--entries", str(ENTRIES), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(self.mark), text=True, start_new_session=True, cwd=folder,
            preexec_fn=_in_the_background,  # noqa: PLW1509  it only sets a signal
        )  # fmt: skip

    def ended(self) -> tuple[int, str, str]:
        """Wait; return exit code, stdout and stderr. Nothing may be left behind."""
        out, err = self.process.communicate(timeout=WITHIN)
        assert marked(self.mark) == []
        return self.process.returncode, out, err


@pytest.fixture
def demo(new_folder: Callable[[str], Path]) -> Callable[..., Demo]:
    """Return a maker of runs; what still runs afterwards is asked to end."""
    runs = []

    def start(*arguments: str) -> Demo:
        runs.append(Demo(new_folder("demo"), *arguments))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGTERM)
            run.process.communicate(timeout=60)


def the_object(out: str, err: str) -> dict[str, Any]:
    """Return the one JSON object of stdout."""
    assert out.count("\n") == 1, (out, err[-2000:])
    found = json.loads(out)
    assert isinstance(found, dict)
    assert set(found) >= KEYS, (found, err[-2000:])
    return found


def check_facts(found: dict[str, Any]) -> None:
    """Everything that holds in every run, planted faults apart."""
    accounts = found["accounts"]
    assert list(accounts) == [player.name for player in CAST]
    assert all(set(row) >= {"sent", "opened", "revealed"} for row in accounts.values())
    edda = accounts["edda"]
    threshold = edda["sent"] - BEYOND - 1  # with one ordinary picture
    assert threshold >= 2
    assert threshold <= edda["opened"] <= threshold + BEYOND
    assert edda["revealed"] == edda["opened"]
    assert accounts["dario"]["sent"] == EDITS > threshold
    assert accounts["dario"]["matched"] > threshold  # it is the count of entries, not of pictures, that opens
    assert all(accounts[name]["sent"] > 3 for name in CLOSED)
    assert found["control_hits"] == 2
    assert [set(report) for report in found["reports"]] == [{"id", "agency", "state"}]
    assert found["reports"][0]["agency"] == "northland-police"
    assert found["reports"][0]["state"] == "new"


def check_trust(trust: dict[str, Any]) -> None:
    """Act two: every device updates by a quorum, and refuses what one organisation alone tries."""
    players = {player.name for player in CAST}
    assert trust["devices"] == len(players)
    assert [row["said"][0]["code"] for row in trust["updates"]] == [
        "tlog.too-few-witnesses",
        "tlog.cosignature",
        "accepted",
    ]
    assert [set(row["accepted"]) for row in trust["updates"]] == [set(), set(), players]
    for row in trust["attempts"]:
        (said,) = row["said"]
        assert (row["accepted"], said["code"]) == ([], REFUSALS[row["name"]])
        assert set(said["devices"]) == players
    assert {row["name"] for row in trust["attempts"]} == set(REFUSALS)
    assert trust["sets_under_an_attempts_table"] == 0
    assert trust["sets_before"] > EDITS


def check_log(folder: Path) -> None:
    """Whoever audits the log finds the list, the epoch, and every policy and model that is in use."""
    trusts = list(folder.glob("cache/*/trust.json"))
    assert trusts
    for trust in trusts:
        epoch, log = trust.parent / "epoch", trust.parent / "world" / "log"
        command = [sys.executable, "-m", "tutela.cli.main", "audit", "log", str(log), "--trust", str(trust)]
        command += ["--epoch", str(epoch), "--in-use", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert {each["name"] for each in found["published"]} == {"everyday", "log-policy", "trust"}
        assert found["leaves"]["epoch"] == 1


def test_everything_holds(demo: Callable[..., Demo]) -> None:
    run = demo("--auto", "--json")
    code, out, err = run.ended()
    found = the_object(out, err)
    assert (code, found["ok"], found["complaints"]) == (0, True, [])
    check_facts(found)
    assert found["homeserver_plaintext_hits"] == found["provider_plaintext_hits"] == 0
    for name in CLOSED:
        assert (found["accounts"][name]["opened"], found["accounts"][name]["revealed"]) == (0, 0)
    assert all(found["accounts"][name]["matched"] == 0 for name in ("amina", "bruno", "chloe"))
    assert 0 < found["seconds"] < WITHIN
    check_trust(found["trust"])
    assert "Traceback" not in err
    check_log(run.folder)


def test_a_voucher_opened_below_the_threshold_is_noticed(demo: Callable[..., Demo]) -> None:
    code, out, err = demo("--auto", "--json", "--plant", "below-threshold").ended()
    found = the_object(out, err)
    assert (code, found["ok"]) == (1, False)
    check_facts(found)
    threshold = found["accounts"]["edda"]["sent"] - BEYOND - 1
    assert found["complaints"] == [
        f"dario was opened with 1 distinct entries; the threshold is {threshold}",
        "dario should be closed",
    ]
    assert found["accounts"]["dario"]["opened"] == 1


def test_a_device_that_believes_one_organisation_is_noticed(demo: Callable[..., Demo]) -> None:
    code, out, err = demo("--auto", "--json", "--plant", "single-source").ended()
    found = the_object(out, err)
    assert (code, found["ok"]) == (1, False)
    check_facts(found)
    assert [complaint.partition(":")[0] for complaint in found["complaints"]] == [
        "bruno accepted what one organisation alone tried",
        "bruno keeps a table that it should not",
        "bruno seals pictures under another table",
    ]
    assert [row["accepted"] for row in found["trust"]["attempts"] if row["accepted"]] == [["bruno"]]


def test_a_leaked_plaintext_is_noticed(demo: Callable[..., Demo]) -> None:
    code, out, err = demo("--auto", "--plant", "plaintext").ended()
    assert code == 1
    assert re.findall(r"Does not hold: (.*)", out) == [
        "1 plaintexts lie on the homeserver or went over its network"
    ]
    assert "Something does not hold." in out
    assert "Everything holds." not in out
    assert re.search(r"Report 1: routed to northland-police, new", out)
    assert "Traceback" not in err


def test_it_stays_up_with_photographs_of_ones_own_until_it_is_interrupted(
    demo: Callable[..., Demo], photographs: Path
) -> None:
    run = demo("--photos", str(photographs))
    out = read_until(run, "Ctrl-C ends it.")
    assert "Everything holds." in out
    assert f"photographs of {photographs}" in re.sub(r"\s+", " ", out)
    assert "Report " not in out.partition("The house stays up")[0]  # nobody has agreed to anything
    consoles = re.findall(r"(http://127\.0\.0\.1:\d+) *│ (\w+) *│ (\w+) *│ (\S+) *│", out)
    assert [(name, role) for _, name, role, _ in consoles] == [
        ("hana", "analyst"),
        ("sven", "supervisor"),
        ("rosa", "reviewer"),
        ("samir", "reviewer"),
        ("sofia", "supervisor"),
    ]
    assert len({password for *_, password in consoles}) == len(consoles)
    for url in {url for url, *_ in consoles}:
        assert "Sign in" in httpx.get(f"{url}/sign-in", timeout=30).text
    assert len(marked(run.mark)) >= 8  # this command, two servers of three processes each, the homeserver
    run.process.send_signal(signal.SIGINT)
    code, _, err = run.ended()
    assert code == 0
    assert "Traceback" not in err


def test_an_unknown_fault_is_refused_before_anything_starts(demo: Callable[..., Demo]) -> None:
    began = time.monotonic()
    code, out, _ = demo("--auto", "--json", "--plant", "something").ended()
    assert code == 2
    assert json.loads(out)["error"]["message"] == f"A fault is one of {', '.join(FAULTS)}."
    assert time.monotonic() - began < 60


def test_too_few_photographs_are_a_sentence(demo: Callable[..., Demo], tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(corpus.photographs(1)[0].data(400))
    (tmp_path / "notes.txt").write_text("no picture")
    code, out, _ = demo("--auto", "--json", "--photos", str(tmp_path)).ended()
    assert code not in {0, 1}
    assert json.loads(out)["error"]["code"] == "demo.too_few_pictures"


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Return a folder as people have them: photographs, folders, and a file that is none."""
    folder = tmp_path / "photographs"
    for number, one in enumerate(corpus.photographs(LISTED + 30, at_least_px=300)[: 2 * LISTED]):
        place = folder / f"year-{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{one.name}.jpg").write_bytes(one.data(900))
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden").write_text("left by a file manager")
    return folder


def read_until(run: Demo, words: str) -> str:
    """Read stdout until it has printed `words`."""
    assert run.process.stdout is not None
    out = ""
    while words not in out:
        line = run.process.stdout.readline()
        assert line, (out, run.ended())
        out += line
    return out
