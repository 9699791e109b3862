"""Arguments that several commands share, and how they print."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from answerable.kit.errors import InvalidInput
from answerable.kit.telemetry import configure_logging
from answerable.processes.settings import Settings, read_settings

T = TypeVar("T")


def parser(name: str, summary: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"answerable {name}", description=summary)


def read_lines_with(options: argparse.ArgumentParser, given: Sequence[str]) -> argparse.Namespace:
    """For a command whose texts come on standard input; one on the command line is refused."""
    known, rest = options.parse_known_args(given)
    if rest and not rest[0].startswith("-"):
        line = json.dumps({"id": "1", "text": rest[0]}, ensure_ascii=False)
        told = f"{rest[0]!r} is not expected here: texts come on standard input, as lines {line}"
        options.error(told)
    return options.parse_args(given) if rest else known


def add_data(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--data",
        metavar="DIR",
        help="directory of database, keys, models (default: ANSWERABLE_DATA or ./data)",
    )


def add_store(to: argparse.ArgumentParser) -> None:
    """--data and --database."""
    add_data(to)
    to.add_argument(
        "--database",
        metavar="URL",
        help="PostgreSQL database (default: ANSWERABLE_DATABASE, or a SQLite file in DIR)",
    )


def settings(data: str | None, **given: str | None) -> Settings:
    """Settings from the environment and the command line, with logging set up by them."""
    read = read_settings(os.environ, DATA=data, **given)
    level = read.get("LOG_LEVEL") or "info"
    if level not in ("debug", "info", "warning", "error"):
        raise InvalidInput(
            "bad_log_level", "ANSWERABLE_LOG_LEVEL must be debug, info, warning or error"
        )
    configure_logging(level=level, as_json=(read.get("LOG_FORMAT") or "json") == "json")
    return read


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a long-lived service on the faster event loop, where there is one."""
    try:
        factory = import_module("uvloop").new_event_loop
    except ImportError:  # Windows
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def out(value: Any) -> None:
    """One JSON value on a line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A message for people, on standard error."""
    sys.stderr.write(text + "\n")


def service_file(text: str) -> Path | None:
    """The service definition's path; None for `-`, which means: no definition."""
    return None if text == "-" else Path(text)


def input_lines() -> Iterator[str]:
    """Standard input, line by line; bytes that are not UTF-8 are shown as such."""
    for raw in sys.stdin.buffer:
        yield raw.decode("utf-8", errors="replace")
