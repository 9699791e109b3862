"""The operations guide is carried out, command by command, on this machine's servers."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from answerable.kit.interpreter import is_plainly_compiled
from tests.support.needs import REPOSITORY, needs_postgres, needs_rabbitmq, needs_redis

GUIDE = REPOSITORY / "docs" / "operations" / "guide.md"
SERVICE = REPOSITORY / "deploy" / "kubernetes" / "overlays" / "example" / "service.yaml"
BLOCK = re.compile(r"<!-- run: (?P<how>[^>]*?) -->\n```sh\n(?P<text>.*?)```\n", re.DOTALL)
READY_WITHIN = 120.0  # seconds, for eight processes on two cores
STOP_WITHIN = 15.0


@dataclass(frozen=True, kw_only=True)
class Step:
    how: str
    text: str


def steps() -> list[Step]:
    found = BLOCK.finditer(GUIDE.read_text(encoding="utf-8"))
    return [Step(how=one["how"], text=one["text"]) for one in found]


def free_ports(count: int) -> int:
    """The first of so many ports that are free and follow one another."""
    for first in range(18_100, 32_000, count):
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the guide lets its reader change; what it makes on the servers is gone afterwards."""
    postgres, _, redis = needs_postgres(), needs_rabbitmq(), needs_redis()
    rabbitmqctl = shutil.which("rabbitmqctl") or ""
    name = f"guide_{os.getpid()}"
    address = re.search(r"@([^/]*)", postgres)
    assert address is not None
    yield {
        **{key: value for key, value in os.environ.items() if not key.startswith("ANSWERABLE_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NAME": name,
        "ETC": str(tmp_path / "etc"),
        "DATA": str(tmp_path / "data"),
        "SERVICE": str(SERVICE),
        "PSQL": f"psql {postgres}",
        "POSTGRES": address[1],
        "REDIS": redis.removeprefix("redis://").partition("/")[0],
        "PORT": str(free_ports(8)),
    }
    for statement in (
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"DROP ROLE IF EXISTS {name}",
    ):
        subprocess.run(["psql", postgres, "--quiet", "--command", statement], check=False)
    for what in ("delete_vhost", "delete_user"):
        subprocess.run([rabbitmqctl, "--quiet", what, name], check=False, capture_output=True)


def script(of: list[Step]) -> str:
    return "set -euo pipefail\n" + "\n".join(step.text for step in of)


def bash(text: str, place: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as said:
        return subprocess.Popen(["bash", "-c", text], env=place, stdout=said, stderr=said)


def test_whoever_follows_the_guide_has_a_working_cluster(
    place: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "prepare.log"
    prepare = [step for step in steps() if step.how in ("once", "everywhere")]
    assert bash(script(prepare), place, log).wait(300) == 0, log.read_text()

    told = [step for step in steps() if step.how == "everywhere"]
    processes = {
        step.how.removeprefix("process "): bash(
            script(told) + f"\nexec {step.text}", place, tmp_path / f"{step.how}.log"
        )
        for step in steps()
        if step.how.startswith("process ")
    }
    look = script([*told, *[step for step in steps() if step.how == "when ready"]])
    try:
        assert set(processes) == {
            *[f"gateway-{number}" for number in (1, 2)],
            *[f"worker-{number}" for number in (1, 2, 3)],
            *[f"scheduler-{number}" for number in (1, 2)],
            "connector-1",
        }
        deadline = time.monotonic() + READY_WITHIN
        while bash(look, place, tmp_path / "look.log").wait(60) != 0:
            ended = [name for name, one in processes.items() if one.poll() is not None]
            assert not ended, (tmp_path / f"process {ended[0]}.log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "look.log").read_text()
        said = (tmp_path / "look.log").read_text()
        assert "0 problems" in said, said
        # How the server at hand is kept is its owner's affair: a test server may sweep nothing.
        told_of = {"upkeep"} | ({"python"} if is_plainly_compiled() else set())
        warned = [line for line in said.splitlines() if line.lstrip().startswith("warning")]
        assert [line for line in warned if line.split()[1] not in told_of] == [], said
        assert "example: trained" in said, said  # by the step that prepares, where workers look
    finally:
        for process in processes.values():
            process.terminate()
        ends = {name: process.wait(STOP_WITHIN) for name, process in processes.items()}
    assert set(ends.values()) == {0}, ends


def test_every_command_block_is_one_that_a_shell_reads() -> None:
    found = steps()
    hows = [step.how.split()[0] for step in found]
    assert (hows.count("once"), hows.count("everywhere"), hows.count("process")) == (5, 2, 8)
    for step in found:
        done = subprocess.run(["bash", "-n"], input=step.text, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
