"""R13: the next release, made from this one, and a cluster that goes over to it under load."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import answerable
from answerable.processes.schema import MIGRATIONS, newest_revision
from tests.support.chaos import Told
from tests.support.cluster import Servers
from tests.support.cluster_chaos import Faults, Fire, Load, under_fire
from tests.support.faults import told_to_stop
from tests.support.processes import BANK, MODELS, START_WITHIN, Zygote

NEXT = "9999_next"
TRAINED_WITHIN = 600.0  # seconds; beside whoever serves meanwhile
_REVISION = '''"""What the next release adds."""

import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{newest}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("effect", sa.Column("of_next_release", sa.Text()))
    op.create_table("of_next_release", sa.Column("id", sa.Text(), primary_key=True))
'''


def make_next_release(folder: Path) -> Path:
    """A copy of the package whose schema is one revision newer; where to import it from."""
    source = Path(answerable.__path__[0])
    heavy = shutil.ignore_patterns("_models", "_web", "__pycache__")
    shutil.copytree(source, folder / "answerable", ignore=heavy)
    for name in ("_models", "_web"):
        if (source / name).exists():
            (folder / "answerable" / name).symlink_to(source / name)
    versions = folder / "answerable" / MIGRATIONS.relative_to(source) / "versions"
    (versions / f"{NEXT}.py").write_text(_REVISION.format(next=NEXT, newest=newest_revision()))
    return folder


def changed_bank(folder: Path) -> Path:
    """The demo bank's definition with another name and text for a template that is in use."""
    text = BANK.read_text(encoding="utf-8")
    changed = text.replace("branch-hours", "hours-of-a-branch")
    assert changed != text
    (folder / "service.yaml").write_text(changed, encoding="utf-8")
    return folder / "service.yaml"


async def rolling_release(
    folder: Path, zygote: Zygote, servers: Servers, load: Load, *, seed: int, limit: float,
    workers: int = 3,
) -> Told:  # fmt: skip
    """Migrate and train while the old release serves; then replace its processes one by one."""
    source = await asyncio.to_thread(make_next_release, folder / "next")
    service = await asyncio.to_thread(changed_bank, folder)
    async with Zygote(source) as newer:
        return await under_fire(
            folder / "cluster", zygote, servers, _release(newer, service), load,
            seed=seed, limit=limit, workers=workers, least=6,
        )  # fmt: skip


def _release(newer: Zygote, service: Path) -> Faults:
    async def strike(fire: Fire) -> None:
        async with fire.fault("schema one revision newer"):
            migrate = ["migrate", "--database", fire.cluster.database]
            # Not nice: whoever waits for its locks would wait for everybody else too.
            await _run(fire, newer, migrate, within=START_WITHIN)
        async with fire.fault("model of the changed definition trained"):
            await _run(fire, newer, ["understand", str(service)], within=TRAINED_WITHIN, nice=19)
        for member in fire.cluster.members:
            async with fire.fault(f"{member.role} replaced"):
                await told_to_stop(fire, member)
                member.instance.zygote, member.instance.services = newer, [service]
                await member.instance.start()
            await fire.one_more()

    return strike


async def _run(
    fire: Fire, newer: Zygote, arguments: Sequence[str], *, within: float, nice: int = 0
) -> None:
    """A command of the next release, beside the load. nice: how far it gives way to others."""
    log = fire.cluster.folder / f"{arguments[0]}.txt"
    environment = {"ANSWERABLE_MODELS": str(MODELS), "PATH": os.environ["PATH"]}
    life = await newer.begin(arguments, environment, log)
    os.setpriority(os.PRIO_PROCESS, life.pid, nice)
    async with asyncio.timeout(within):
        code = await life.end
    if code != 0:
        fire.wrong.append(f"{arguments[0]}: {code} {await asyncio.to_thread(log.read_text)}")
