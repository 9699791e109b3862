"""The first administrator of a tenant, named by settings; others are made in the console."""

import contextlib

from answerable.desk.agent import Role
from answerable.desk.agent_store import read_agents
from answerable.desk.agents import Agents
from answerable.desk.passwords import Passwords
from answerable.kit.errors import Conflict, InvalidInput
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import get_logger
from answerable.processes.platform import Platform

log = get_logger("processes")


async def create_first_admins(platform: Platform) -> None:
    """Make FIRST_ADMIN where a tenant has no agents; say so where nobody can log in.

    Raises InvalidInput if the address or password makes no sense.
    """
    wanted = _wanted(platform)
    password = platform.settings.get("FIRST_ADMIN_PASSWORD")
    passwords = Passwords()
    agents = Agents(platform.service.database, platform.service.clock, passwords)
    with contextlib.closing(passwords):
        for tenant in platform.definitions.tenants:
            if await _has_agents(platform, tenant):
                continue
            if tenant not in wanted:
                log.warning(
                    "nobody_can_log_in",
                    tenant=tenant,
                    advice="set ANSWERABLE_FIRST_ADMIN and ANSWERABLE_FIRST_ADMIN_PASSWORD",
                )
                continue
            if not password:
                raise InvalidInput(
                    "no_first_password",
                    "ANSWERABLE_FIRST_ADMIN needs ANSWERABLE_FIRST_ADMIN_PASSWORD (or ..._FILE)",
                )
            try:
                await agents.create(
                    tenant,
                    name="Administrator",
                    email=wanted[tenant],
                    password=password,
                    role=Role.ADMINISTRATOR,
                    teams=list(platform.definitions.active(tenant).teams),
                )
            except Conflict:
                if not await _has_agents(platform, tenant):
                    raise
                continue  # a process that started at the same moment was faster
            log.info("first_admin_created", tenant=tenant)


def _wanted(platform: Platform) -> dict[TenantId, str]:
    text = platform.settings.get("FIRST_ADMIN")
    tenants = platform.definitions.tenants
    if not text:
        return {}
    if "=" not in text and len(tenants) == 1:
        return {tenants[0]: text.strip()}
    pairs = [part.partition("=") for part in text.split(",")]
    found = {TenantId(name.strip()): address.strip() for name, _, address in pairs}
    unknown = set(found) - set(tenants)
    if unknown or not all(found.values()):
        raise InvalidInput(
            "bad_first_admin",
            "ANSWERABLE_FIRST_ADMIN must be an address, or tenant=address for several tenants; "
            f"the tenants are {', '.join(tenants)}",
        )
    return found


async def _has_agents(platform: Platform, tenant: TenantId) -> bool:
    found = await platform.service.database.read(lambda tx: read_agents(tx, tenant, limit=1))
    return bool(found)
