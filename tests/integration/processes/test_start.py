"""What a start does without. Each of these once made it longer and nobody noticed."""

import json
import subprocess
import sys
from pathlib import Path

from answerable.definition.terms import Proof
from answerable.flow.message import InboundMessage, Sender
from answerable.kit.ids import TenantId
from answerable.ledger.reading import read_state
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform
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


DESK_ONLY = """service: desk-only
channels:
  - {type: chat, name: chat, key: wk_desk_only, origins: ['http://localhost']}
templates: {handed-off: 'A colleague takes over.'}
teams: [{name: service, title: Service}]
escalation: {defaultTeam: service}
"""


async def test_a_service_without_intents_gives_everything_to_people(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(DESK_ONLY, encoding="utf-8")
    settings = Settings(values={"DATA": str(tmp_path / "data")})
    platform = await open_platform(settings, [tmp_path / "service.yaml"])
    service = platform.service
    message = InboundMessage(
        tenant=TenantId("desk-only"), inbox="chat", channel="chat", external_id="1",
        text="Where is my card?", sender=Sender(kind="visitor", address="vis_1"),
        at=service.clock.now(), proof=Proof.ANONYMOUS,
    )  # fmt: skip

    at = await service.accept(message)
    await service.settle()

    stored = await service.database.read(lambda tx: read_state(tx, at.conversation))
    assert stored is not None
    owner = stored.state["owner"]
    assert (owner["kind"], owner["id"]) == ("queue", "service")
    await platform.close()


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
