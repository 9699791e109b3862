"""The first administrator of a new installation comes from the settings, once."""

import asyncio
from pathlib import Path

import pytest

from answerable.desk.agent import Role
from answerable.desk.agent_store import read_agents
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.processes.first_admin import create_first_admins
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform
from tests.support.town import DEFINITION

SHOP = TenantId("corner-shop")


async def _start(folder: Path, **values: str) -> list[tuple[str, Role]]:
    service = folder / "shop.yaml"
    await asyncio.to_thread(service.write_bytes, DEFINITION)
    settings = Settings(
        values={"DATA": str(folder / "data"), "CONNECTOR_WAREHOUSE_URL": "http://x", **values}
    )
    platform = await open_platform(settings, [service])
    try:
        await create_first_admins(platform)
        assert platform.sealer is not None
        await platform.sealer.seal()
        agents = await platform.service.database.read(lambda tx: read_agents(tx, SHOP))
    finally:
        await platform.close()
    return [(agent.email, agent.role) for agent in agents]


async def test_the_named_administrator_is_made_once(tmp_path: Path) -> None:
    named = {"FIRST_ADMIN": "kim@shop.example", "FIRST_ADMIN_PASSWORD": "correct horse battery"}

    first = await _start(tmp_path, **named)
    second = await _start(tmp_path, **named)

    assert first == second == [("kim@shop.example", Role.ADMINISTRATOR)]


async def test_an_address_without_a_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="FIRST_ADMIN_PASSWORD"):
        await _start(tmp_path, FIRST_ADMIN="kim@shop.example")


async def test_an_unknown_tenant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the tenants are corner-shop"):
        await _start(tmp_path, FIRST_ADMIN="other=kim@shop.example", FIRST_ADMIN_PASSWORD="x" * 20)


async def test_a_missing_signing_key_stops_the_start(tmp_path: Path) -> None:
    await _start(tmp_path)
    (tmp_path / "data" / "keys" / "signing.key").unlink()

    with pytest.raises(InvalidInput, match="bring the key back"):
        await _start(tmp_path)
    assert not (tmp_path / "data" / "keys" / "signing.key").exists()


async def test_a_missing_master_key_is_not_replaced(tmp_path: Path) -> None:
    await _start(tmp_path)
    (tmp_path / "data" / "keys" / "master.key").unlink()

    with pytest.raises(InvalidInput, match="no "):
        await _start(tmp_path)
    assert not (tmp_path / "data" / "keys" / "master.key").exists()
