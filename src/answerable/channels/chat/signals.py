"""Typing and presence: passed on to whoever listens, never stored, gone when nobody does.

With a relay they reach the listeners of all processes; without one, or while it is away, each
process has its own. Typing that nobody ends is for clients to end: see the chat protocol.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from answerable.channels.chat.elsewhere import TELL_EVERY, Elsewhere
from answerable.kit.ids import AgentId, ConversationId, TenantId
from answerable.kit.relay import Relay

PRESENT = "present"
CALL = "who is present"
CONTACT_TYPES = "contact types"
AGENT_TYPES = "agent types"
# Seconds between two lists of who is here: when everybody comes at once, as after a restart, each
# would be told of each by a list of all.
PAUSE = 0.5

K = TypeVar("K")
V = TypeVar("V")


class Present(NamedTuple):
    """An agent who is connected now."""

    id: AgentId
    name: str


class ChatListener(Protocol):
    """A customer's connection. Must not block; later signals may replace earlier ones."""

    def agent_typing(self, on: bool) -> None: ...

    def agents_present(self, present: bool) -> None: ...


class DeskListener(Protocol):
    """An agent's connection. Must not block."""

    def typing(self, conversation: ConversationId, on: bool) -> None: ...

    def presence(self, agents: tuple[Present, ...]) -> None: ...


@dataclass(slots=True)
class _Connected:
    name: str
    connections: int


class Signals:
    """Who is connected, and who is writing. seconds: a monotonic clock.

    `run` it: it shows agents who is here, and with a relay tells other processes again and again,
    and forgets who is not any more.
    """

    def __init__(
        self, relay: Relay | None = None, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._chats: dict[TenantId, set[ChatListener]] = {}
        self._conversations: dict[tuple[TenantId, ConversationId], set[ChatListener]] = {}
        self._desks: dict[TenantId, set[DeskListener]] = {}
        self._agents: dict[TenantId, dict[AgentId, _Connected]] = {}
        self._changed: set[TenantId] = set()  # whose agents do not know yet who is here
        self._news = asyncio.Event()
        self._elsewhere = Elsewhere()
        self._relay = relay
        self._seconds = seconds
        if relay is not None:
            relay.hear(PRESENT, self._heard_present)
            relay.hear(CALL, lambda *_: self._tell_all())
            relay.hear(CONTACT_TYPES, self._heard_contact)
            relay.hear(AGENT_TYPES, self._heard_agent)
            relay.on_gap(self._tell_all)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._show_again())
            if self._relay is not None:
                loops.create_task(self._tell_again(self._relay))

    async def _show_again(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            self.show()
            await asyncio.sleep(PAUSE)

    async def _tell_again(self, relay: Relay) -> None:
        relay.tell(CALL, "")
        while True:
            await asyncio.sleep(TELL_EVERY)
            self.tick()

    def show(self) -> None:
        """Show agents who is here, where that has changed."""
        while self._changed:
            tenant = self._changed.pop()
            agents = self.agents(tenant)
            for desk in tuple(self._desks.get(tenant, ())):
                desk.presence(agents)

    def tick(self) -> None:
        """Tell who is here, and forget those elsewhere of whom nothing was heard."""
        self._tell_all()
        for tenant in self._elsewhere.forget(self._seconds()):
            self._presence_changed(tenant, flipped=not self.any_agent(tenant))

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
        before = self._everywhere(tenant)
        here = self._agents.setdefault(tenant, {})
        if agent in here:
            here[agent].connections += 1
        else:
            here[agent] = _Connected(name, 1)
            self._tell_others(tenant)
        if agent in before:
            listener.presence(self.agents(tenant))
        else:
            self._presence_changed(tenant, flipped=not before)

    def agent_leaves(self, tenant: TenantId, agent: AgentId, listener: DeskListener) -> None:
        if listener not in self._desks.get(tenant, ()):
            return  # it left before it had entered
        _discard(self._desks, tenant, listener)
        here = self._agents[tenant]
        here[agent].connections -= 1
        if here[agent].connections == 0:
            del here[agent]
            if not here:
                del self._agents[tenant]
            self._tell_others(tenant)
            after = self._everywhere(tenant)
            if agent not in after:
                self._presence_changed(tenant, flipped=not after)

    def agents(self, tenant: TenantId) -> tuple[Present, ...]:
        """Agents connected now, by name."""
        everywhere = self._everywhere(tenant)
        listed = [Present(agent, name) for agent, name in everywhere.items()]
        return tuple(sorted(listed, key=lambda agent: (agent.name, agent.id)))

    def any_agent(self, tenant: TenantId) -> bool:
        return bool(self._everywhere(tenant))

    def _everywhere(self, tenant: TenantId) -> dict[AgentId, str]:
        return self._elsewhere.agents(tenant) | self._here(tenant)

    def _here(self, tenant: TenantId) -> dict[AgentId, str]:
        return {agent: one.name for agent, one in self._agents.get(tenant, {}).items()}

    def contact_types(self, tenant: TenantId, conversation: ConversationId, on: bool) -> None:
        self._show_contact(tenant, conversation, on)
        if self._relay is not None:
            self._relay.tell(CONTACT_TYPES, f"{tenant} {conversation}", lambda: on)

    def agent_types(
        self, tenant: TenantId, conversation: ConversationId, on: bool, by: DeskListener
    ) -> None:
        """Tell the contact and the other agents. A conversation of another tenant has neither."""
        self._show_agent(tenant, conversation, on, by)
        if self._relay is not None:
            self._relay.tell(AGENT_TYPES, f"{tenant} {conversation}", lambda: on)

    def _show_contact(self, tenant: TenantId, conversation: ConversationId, on: bool) -> None:
        for desk in tuple(self._desks.get(tenant, ())):
            desk.typing(conversation, on)

    def _show_agent(
        self, tenant: TenantId, conversation: ConversationId, on: bool, by: DeskListener | None
    ) -> None:
        for chat in tuple(self._conversations.get((tenant, conversation), ())):
            chat.agent_typing(on)
        for desk in tuple(self._desks.get(tenant, ())):
            if desk is not by:
                desk.typing(conversation, on)

    def _presence_changed(self, tenant: TenantId, *, flipped: bool) -> None:
        self._changed.add(tenant)
        self._news.set()
        if flipped:
            present = self.any_agent(tenant)
            for chat in tuple(self._chats.get(tenant, ())):
                chat.agents_present(present)

    # Other processes

    def _tell_others(self, tenant: TenantId) -> None:
        if self._relay is not None:
            self._relay.tell(PRESENT, tenant, lambda: self._here(tenant))

    def _tell_all(self) -> None:
        for tenant in self._agents:
            self._tell_others(tenant)

    def _heard_present(self, process: str, key: str, value: Any) -> None:
        tenant = TenantId(key)
        before = self._everywhere(tenant)
        self._elsewhere.note(process, tenant, value, self._seconds())
        after = self._everywhere(tenant)
        if before.keys() != after.keys():
            self._presence_changed(tenant, flipped=bool(before) != bool(after))

    def _heard_contact(self, _process: str, key: str, value: Any) -> None:
        tenant, _, conversation = key.partition(" ")
        self._show_contact(TenantId(tenant), ConversationId(conversation), value is True)

    def _heard_agent(self, _process: str, key: str, value: Any) -> None:
        tenant, _, conversation = key.partition(" ")
        self._show_agent(TenantId(tenant), ConversationId(conversation), value is True, None)


def _discard(of: dict[K, set[V]], key: K, listener: V) -> None:
    listeners = of.get(key)
    if listeners is not None:
        listeners.discard(listener)
        if not listeners:
            del of[key]
