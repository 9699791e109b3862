"""Typing and presence: passed on within this process, never stored, gone when nobody listens."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from answerable.kit.ids import AgentId, ConversationId, TenantId

K = TypeVar("K")
V = TypeVar("V")


class ChatListener(Protocol):
    """A customer's connection. Must not block; later signals may replace earlier ones."""

    def agent_typing(self, on: bool) -> None: ...

    def agents_present(self, present: bool) -> None: ...


class DeskListener(Protocol):
    """An agent's connection. Must not block."""

    def typing(self, conversation: ConversationId, on: bool) -> None: ...

    def presence(self, agents: list[dict[str, str]]) -> None: ...


@dataclass(slots=True)
class _Present:
    name: str
    connections: int


class Signals:
    """Who is connected to this process, and who is writing."""

    def __init__(self) -> None:
        self._chats: dict[TenantId, set[ChatListener]] = {}
        self._conversations: dict[tuple[TenantId, ConversationId], set[ChatListener]] = {}
        self._desks: dict[TenantId, set[DeskListener]] = {}
        self._agents: dict[TenantId, dict[AgentId, _Present]] = {}

    def chat_joins(self, tenant: TenantId, listener: ChatListener) -> None:
        self._chats.setdefault(tenant, set()).add(listener)

    def chat_leaves(
        self, tenant: TenantId, listener: ChatListener, conversation: ConversationId | None
    ) -> None:
        _discard(self._chats, tenant, listener)
        if conversation is not None:
            self.chat_unfollows(tenant, conversation, listener)

    def chat_follows(
        self, tenant: TenantId, conversation: ConversationId, listener: ChatListener
    ) -> None:
        self._conversations.setdefault((tenant, conversation), set()).add(listener)

    def chat_unfollows(
        self, tenant: TenantId, conversation: ConversationId, listener: ChatListener
    ) -> None:
        _discard(self._conversations, (tenant, conversation), listener)

    def agent_enters(
        self, tenant: TenantId, agent: AgentId, name: str, listener: DeskListener
    ) -> None:
        self._desks.setdefault(tenant, set()).add(listener)
        present = self._agents.setdefault(tenant, {})
        if agent in present:
            present[agent].connections += 1
            listener.presence(self.agents(tenant))
            return
        present[agent] = _Present(name, 1)
        self._presence_changed(tenant, flipped=len(present) == 1)

    def agent_leaves(self, tenant: TenantId, agent: AgentId, listener: DeskListener) -> None:
        if listener not in self._desks.get(tenant, ()):
            return  # it left before it had entered
        _discard(self._desks, tenant, listener)
        present = self._agents[tenant]
        present[agent].connections -= 1
        if present[agent].connections == 0:
            del present[agent]
            if not present:
                del self._agents[tenant]
            self._presence_changed(tenant, flipped=not present)

    def agents(self, tenant: TenantId) -> list[dict[str, str]]:
        """Agents connected now, by name."""
        present = self._agents.get(tenant, {})
        listed = [{"id": str(agent), "name": one.name} for agent, one in present.items()]
        return sorted(listed, key=lambda agent: (agent["name"], agent["id"]))

    def any_agent(self, tenant: TenantId) -> bool:
        return bool(self._agents.get(tenant))

    def contact_types(self, tenant: TenantId, conversation: ConversationId, on: bool) -> None:
        for desk in tuple(self._desks.get(tenant, ())):
            desk.typing(conversation, on)

    def agent_types(
        self, tenant: TenantId, conversation: ConversationId, on: bool, by: DeskListener
    ) -> None:
        """Tell the contact and the other agents. A conversation of another tenant has neither."""
        for chat in tuple(self._conversations.get((tenant, conversation), ())):
            chat.agent_typing(on)
        for desk in tuple(self._desks.get(tenant, ())):
            if desk is not by:
                desk.typing(conversation, on)

    def _presence_changed(self, tenant: TenantId, *, flipped: bool) -> None:
        agents = self.agents(tenant)
        for desk in tuple(self._desks.get(tenant, ())):
            desk.presence(agents)
        if flipped:
            for chat in tuple(self._chats.get(tenant, ())):
                chat.agents_present(bool(agents))


def _discard(of: dict[K, set[V]], key: K, listener: V) -> None:
    listeners = of.get(key)
    if listeners is not None:
        listeners.discard(listener)
        if not listeners:
            del of[key]
