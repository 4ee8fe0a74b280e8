"""Each attack on a whole chain of real processes is refused by its own name, and no voucher opens.

The untouched world, and each construction without its malice, is accepted and its voucher opens: so no attack is
refused for another reason than its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.attacks.attacks import ATTACKS, Attack, cosigned
from tests.attacks.device import Device, Traffic
from tests.attacks.house import House, different, pattern

from tutela.demo.endorsing import ENDORSING
from tutela.distribution import mirror
from tutela.guard.epochs import Mode
from tutela.oprf import group
from tutela.tlog.client import LogReader, UrlSource

DOCUMENT = Path(__file__).parents[2] / "docs" / "trust.md"


@dataclass(frozen=True)
class Outcome:
    mode: Mode
    traffic: Traffic
    opened: int
    differs: frozenset[str]


_OUTCOMES: dict[str, Outcome] = {}


@pytest.fixture(scope="session")
def outcome(house: House, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Attack], Outcome]:
    """Stage an attack once, let a device meet it, and send a listed picture."""

    def meet(attack: Attack) -> Outcome:
        if attack.name not in _OUTCOMES:
            staged = attack.stage(house)
            device = Device(house, tmp_path_factory.mktemp("device"))
            if staged.before:
                assert device.update(staged.before).alerts
                device.restart()
            mode = device.update(staged.address)
            traffic = device.send(house.pictures[0])
            differs = _short(different(staged.base, staged.folder))
            _OUTCOMES[attack.name] = Outcome(mode, traffic, traffic.opened(house), differs)
        return _OUTCOMES[attack.name]

    return meet


def _short(names: set[str]) -> frozenset[str]:
    return frozenset(re.sub(r"metadata/\d+\.", "metadata/", name) for name in names)


def accepted(house: House, folder: Path, *locations: str | Path) -> None:
    """A device takes one location after the other, is restarted in between, and its voucher opens."""
    device = Device(house, folder)
    for location in locations:
        device.restart()
        mode = device.update(location)
        assert (mode.code, mode.alerts) == ("alerts.on", True), mode.sentence
    traffic = device.send(house.pictures[0])
    assert len(traffic.vouchers) == 1
    assert traffic.opened(house) == 1


def test_the_untouched_world_is_accepted_and_a_voucher_opens(house: House, tmp_path: Path) -> None:
    accepted(house, tmp_path, house.control)


def test_an_ordinary_picture_opens_nowhere(house: House, tmp_path: Path) -> None:
    device = Device(house, tmp_path)
    assert device.update(house.control).alerts
    traffic = device.send(pattern(5))
    assert (len(traffic.vouchers), traffic.opened(house)) == (1, 0)


def test_an_offline_mirror_is_accepted(house: House, tmp_path: Path) -> None:
    mirror(house.control, tmp_path / "stick", root=house.root, now=datetime.now(UTC))
    accepted(house, tmp_path / "device", tmp_path / "stick")


def test_newer_proofs_of_a_log_that_grew_are_accepted(house: House, tmp_path: Path) -> None:
    folder = house.copy("grown")
    house.everybody.log.append([b"anything"])
    house.everybody.refresh(folder)
    accepted(house, tmp_path, house.control, house.serve("grown", folder))


def test_the_same_log_signed_lately_is_accepted(house: House, tmp_path: Path) -> None:
    staged = cosigned(house, "lately", house.honest, hours=23)
    accepted(house, tmp_path, house.control, staged.address)


def test_another_list_under_another_key_is_accepted(house: House, tmp_path: Path) -> None:
    folder = house.second("second", group.random_scalar())
    accepted(house, tmp_path, house.control, house.serve("second", folder))


def test_the_same_manifest_signed_again_is_accepted(house: House, tmp_path: Path) -> None:
    folder = house.copy("resigned")
    house.resign(folder)
    accepted(house, tmp_path, house.serve("resigned", folder))


def test_the_same_list_is_accepted_from_a_quorum(house: House, tmp_path: Path) -> None:
    """What one organisation cannot list, three unallied ones can: that limit is documented."""
    folder = house.endorsed_alone("by-quorum", group.random_scalar(), ENDORSING)
    accepted(house, tmp_path, house.serve("by-quorum", folder))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.stage.__name__)
def test_an_attack_is_refused_by_name_and_no_voucher_opens(
    attack: Attack, outcome: Callable[[Attack], Outcome]
) -> None:
    found = outcome(attack)
    assert found.differs == attack.differs
    assert (found.mode.code, found.mode.alerts) == (attack.code, False), found.mode.sentence
    assert len(found.traffic.vouchers) == 1  # the file itself goes out, with a set that says nothing
    assert found.opened == 0


def test_a_device_that_runs_keeps_its_list_and_says_nothing_under_the_refused_one(
    house: House, tmp_path: Path
) -> None:
    folder = house.endorsed_alone("while-running", group.random_scalar(), ENDORSING[:1])
    device = Device(house, tmp_path)
    assert device.update(house.control).alerts
    assert device.update(house.serve("while-running", folder)).alerts
    assert device.guard.status()["refused_epoch"]["code"] == "governance.too_few_endorsements"
    traffic = device.send(pattern(999))  # what the one organisation listed
    assert traffic.opened(house) == 0
    assert device.send(house.pictures[0]).opened(house) == 1


def test_all_codes_are_distinct() -> None:
    assert len(ATTACKS) == len({each.code for each in ATTACKS}) == len({each.name for each in ATTACKS}) == 16


def test_the_log_keeps_answering_and_shows_one_history(
    house: House, outcome: Callable[[Attack], Outcome]
) -> None:
    for each in ATTACKS:
        outcome(each)
    reader = LogReader(UrlSource(house.log_url), house.everybody.policy.log_keys())
    assert len(reader.entries(reader.checkpoint())) == house.everybody.log.size


def test_the_matrix_is_the_documented_one(outcome: Callable[[Attack], Outcome], tmp_path: Path) -> None:
    rows = [f"| {each.name} | `{each.code}` | {_sentence(outcome(each).mode)} |" for each in ATTACKS]
    written = Path(os.environ.get("ATTACK_MATRIX", tmp_path / "matrix.md"))
    written.write_text("\n".join(rows) + "\n")
    documented = [
        line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| .* \| `[a-z_.-]+` \|", line)
    ]
    assert written.read_text().splitlines() == documented


def _sentence(mode: Mode) -> str:
    """What the user reads; numbers depend on the day."""
    return re.sub(r"\d+", "n", mode.sentence)
