"""Shared by all tests: makes `tests.support` importable, and ends with what was left out."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from tests.support.stores import clean_stores, drop_stores, stores_in_use


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes says how busy the machine is; times are for benchmarks.
    hypothesis.settings.register_profile(
        "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("untimed")
    config.addinivalue_line("markers", "alone: needs the machine to itself, as it measures time")


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Commands set logging up for their process; the next test has another standard error.

    Not structlog's own way of showing an exception, which takes seconds to draw all variables.
    """
    shown = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[structlog.processors.add_log_level, shown])
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def own_stores() -> Iterator[None]:
    """A database of the server is one test's, or that of a fixture for several."""
    before = stores_in_use()
    yield
    clean_stores(but=before)


def pytest_sessionfinish() -> None:
    drop_stores()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out and why, here or (for `make test`) at the end of all runs."""
    left_out = [
        f"{report.nodeid}: {reason(report)}" for report in terminalreporter.stats.get("skipped", [])
    ]
    noted = os.environ.get("LEFT_OUT_FILE")
    if noted:
        with Path(noted).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in left_out)
        return
    terminalreporter.write_line("Left out:" if left_out else "Left out: nothing")
    for line in left_out:
        terminalreporter.write_line(f"  {line}")


def reason(report: pytest.TestReport) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ").removeprefix("left out: ")
