"""What a start does without. Each of these once made it longer and nobody noticed."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.processes import BANK

START = """
import asyncio, json, sys
from pathlib import Path

import answerable.cli.run_command

from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform


async def begin():
    platform = await open_platform(Settings(values={"DATA": sys.argv[1]}), [Path(sys.argv[2])])
    await platform.close()


asyncio.run(begin())
print(json.dumps(sorted(sys.modules)))
"""


def test_a_start_with_nothing_to_migrate_imports_nothing_that_migrates(tmp_path: Path) -> None:
    first, again = begin(tmp_path), begin(tmp_path)

    assert "alembic" in first
    assert "alembic" not in again
    assert "scipy" not in again
    assert {"aio_pika", "aiormq", "pamqp", "redis"} & again == set(), "only a cluster has these"


def begin(data: Path) -> set[str]:
    """The modules of a process that opened the demo bank's platform."""
    ended = subprocess.run(
        [sys.executable, "-c", START, str(data), str(BANK)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_the_modules_of_a_start_are_no_garbage() -> None:
    """The collector neither looks through them while they come nor ever again."""
    code = (
        "import gc; from answerable.cli.main import run; run(['run', '--help']);"
        "print(gc.isenabled(), gc.get_freeze_count() > 50_000)"
    )

    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ended.stdout.splitlines()[-1] == "True True"
