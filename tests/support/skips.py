"""Nothing is skipped quietly: the suite ends with a list, and with CI=true an unlisted skip is a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ALLOWED = Path(__file__).parents[1] / "allowed-skips.txt"


def allowed() -> tuple[tuple[str, str], ...]:
    """Return (beginning of a test id, part of the reason) of what may be skipped."""
    lines = (line.partition(" : ") for line in ALLOWED.read_text().splitlines() if not line.startswith("#"))
    return tuple((test.strip(), why.strip()) for test, mark, why in lines if mark)


class Skips:
    """Collects skips as they are reported."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def unlisted(self) -> list[tuple[str, str]]:
        return [
            (test, why)
            for test, why in self.seen
            if not any(test.startswith(begin) and part in why for begin, part in allowed())
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.seen.append((report.nodeid, why.removeprefix("Skipped: ")))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.seen.append((report.nodeid, why.removeprefix("Skipped: ")))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("skipped")
        if not self.seen:
            terminalreporter.write_line("nothing was skipped")
        for test, why in self.seen:
            terminalreporter.write_line(f"{test}: {why}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if os.environ.get("CI") == "true" and self.unlisted() and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(), "tutela-skips")
