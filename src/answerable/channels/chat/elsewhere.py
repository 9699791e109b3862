"""Agents who are connected to other processes, as these told; who falls silent is forgotten."""

from typing import Any

from answerable.kit.ids import AgentId, TenantId

TELL_EVERY = 10.0  # seconds
FORGET_AFTER = 30.0  # seconds: of a process that was killed, or that the relay does not reach


class Elsewhere:
    """By tenant and process: its agents by name, and until when they count."""

    def __init__(self) -> None:
        self._told: dict[TenantId, dict[str, tuple[dict[AgentId, str], float]]] = {}

    def note(self, process: str, tenant: TenantId, value: Any, now: float) -> None:
        """A process told which agents it has; as any release of ours may tell it."""
        agents = _agents(value)
        processes = self._told.setdefault(tenant, {})
        if agents:
            processes[process] = (agents, now + FORGET_AFTER)
        else:
            processes.pop(process, None)
        if not processes:
            del self._told[tenant]

    def agents(self, tenant: TenantId) -> dict[AgentId, str]:
        present: dict[AgentId, str] = {}
        for agents, _until in self._told.get(tenant, {}).values():
            present |= agents
        return present

    def forget(self, now: float) -> list[TenantId]:
        """Those who were not heard of for too long; returns the tenants who have lost some."""
        changed = []
        for tenant, processes in tuple(self._told.items()):
            gone = [process for process, (_, until) in processes.items() if until <= now]
            for process in gone:
                del processes[process]
            if gone:
                changed.append(tenant)
            if not processes:
                del self._told[tenant]
        return changed


def _agents(value: Any) -> dict[AgentId, str]:
    if not isinstance(value, dict):
        return {}
    return {AgentId(id): name for id, name in value.items() if isinstance(name, str)}
