"""R01, R05, R07, R13, R17 on a cluster: its processes, servers and network fail under load.

The same scenes in full size: `make chaos`.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.cluster import CONNECTOR, GATEWAY, SCHEDULER, WORKER, Servers
from tests.support.cluster_chaos import Load, at_once, by_turns, under_fire
from tests.support.faults import (
    clock_steps,
    cuts,
    full_disks,
    kills,
    lost_answers,
    redis_flushes,
    server_stops,
)
from tests.support.needs import left_out
from tests.support.poison import Dose, poisoned
from tests.support.processes import Zygote
from tests.support.releases import rolling_release
from tests.support.servers import CannotHave

FEW = Load(customers=4, each=20, mails=3, pace=0.25)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Shared by the scenes, each on a database of its own: a broker takes seconds to start.

    Not in the test's own folder, which is closed to PostgreSQL's user.
    """
    with TemporaryDirectory() as folder:
        servers = Servers(Path(folder), disk_mb=250)
        try:
            servers.open()
            yield servers
        except CannotHave as missing:
            left_out(str(missing))
        finally:
            servers.close()


async def test_processes_are_killed_and_answers_lost(
    tmp_path: Path, zygote: Zygote, servers: Servers
) -> None:
    """A mail whose answer is lost is sent again after half a minute: of that only the full size."""
    told = await under_fire(
        tmp_path, zygote, servers,
        at_once(kills(GATEWAY, WORKER, CONNECTOR, SCHEDULER, every=0.2, most=4), lost_answers(2)),
        Load(customers=4, each=40, mails=3, pace=0.25), seed=1, limit=120, workers=2, least=5,
    )  # fmt: skip

    assert told.wrong == []
    assert told.faults["core's answer lost"] > 0


async def test_servers_are_stopped_killed_and_flushed(
    tmp_path: Path, zygote: Zygote, servers: Servers
) -> None:
    told = await under_fire(
        tmp_path, zygote, servers,
        by_turns(
            server_stops("postgres", ["immediate", "kill"], away=0.3, every=0.5, most=2),
            redis_flushes(every=0.2, most=1),
            server_stops("redis", ["kill"], away=0.3, every=0.2, most=1),
            server_stops("rabbit", ["kill"], away=0.0, every=0.2, most=1),
        ), FEW, seed=2, limit=120, workers=2,
    )  # fmt: skip

    assert told.wrong == []


async def test_the_network_is_cut(tmp_path: Path, zygote: Zygote, servers: Servers) -> None:
    told = await under_fire(
        tmp_path, zygote, servers, cuts(every=0.1, lasting=0.4), FEW,
        seed=3, limit=120, workers=2, least=3,
    )  # fmt: skip

    assert told.wrong == []


async def test_the_disk_is_full_and_a_clock_is_wrong(
    tmp_path: Path, zygote: Zygote, servers: Servers
) -> None:
    told = await under_fire(
        tmp_path, zygote, servers,
        by_turns(
            full_disks(every=0.3, lasting=1.0, most=1), clock_steps([3600, -3600], every=1.0)
        ), FEW, seed=4, limit=120, workers=1, is_timed=False,
    )  # fmt: skip

    assert told.wrong == []


async def test_the_next_release_takes_over_under_load(
    tmp_path: Path, zygote: Zygote, servers: Servers
) -> None:
    told = await rolling_release(
        tmp_path, zygote, servers, Load(customers=4, each=40, mails=4, pace=0.5),
        seed=5, limit=150, workers=2,
    )  # fmt: skip

    assert told.wrong == []
    assert {f"{role} replaced" for role in (GATEWAY, WORKER, SCHEDULER, CONNECTOR)} < set(
        told.faults
    )


async def test_poison_harms_nobody_else(tmp_path: Path, servers: Servers) -> None:
    """What raises takes half a minute until it is given up: see tests/unit/flow/test_poison.py.

    The 2 s that others may be delayed are asked for by the full size, where nothing else runs.
    """
    dose = Dose(
        backlog=30, killing=1, raising=0, drip=8, kill_every=2.0, limit=150, delayed_at_most=10.0
    )

    told = await poisoned(tmp_path, servers, dose)

    assert told.wrong == []
