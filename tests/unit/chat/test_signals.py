"""Presence and typing over several gateways, and how long those of one that died are shown."""

import asyncio
from dataclasses import dataclass, field

import pytest

from answerable.channels.chat.elsewhere import FORGET_AFTER, TELL_EVERY
from answerable.channels.chat.signals import Present, Signals
from answerable.kit.ids import AgentId, ConversationId, TenantId
from answerable.kit.testing import FakeRelay

SHOP, OTHER = TenantId("corner-shop"), TenantId("other-shop")
ADA, BEN = AgentId("agt_ada"), AgentId("agt_ben")
TALK = ConversationId("cnv_1")


@dataclass(eq=False)
class Desk:
    shown: list[list[str]] = field(default_factory=list)
    writing: list[tuple[str, bool]] = field(default_factory=list)

    def typing(self, conversation: ConversationId, on: bool) -> None:
        self.writing.append((conversation, on))

    def presence(self, agents: tuple[Present, ...]) -> None:
        self.shown.append([agent.name for agent in agents])


@dataclass(eq=False)
class Chat:
    present: list[bool] = field(default_factory=list)
    writing: list[bool] = field(default_factory=list)

    def agent_typing(self, on: bool) -> None:
        self.writing.append(on)

    def agents_present(self, present: bool) -> None:
        self.present.append(present)


class Gateways:
    """Some of them, and the time."""

    def __init__(self, count: int) -> None:
        self.now = 0.0
        self.lines: list[FakeRelay] = []
        self.all = [self.another() for _ in range(count)]

    def another(self) -> Signals:
        relay = FakeRelay(f"prc_{len(self.lines)}", self.lines)
        return Signals(relay, seconds=lambda: self.now)

    async def passes(self, seconds: float, *living: Signals) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += TELL_EVERY
            for one in living:
                one.tick()
            await heard()
            self.show()

    def show(self) -> None:
        for one in self.all:
            one.show()


async def heard() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
async def gateways() -> Gateways:
    return Gateways(2)


async def test_an_agent_at_one_gateway_is_present_at_all(gateways: Gateways) -> None:
    one, two = gateways.all
    chat, desk, ada = Chat(), Desk(), Desk()
    two.chat_joins(SHOP, chat)
    two.agent_enters(SHOP, BEN, "Ben", desk)
    stranger = Chat()
    two.chat_joins(OTHER, stranger)

    gateways.show()
    one.agent_enters(SHOP, ADA, "Ada", ada)
    await heard()
    gateways.show()

    assert desk.shown == [["Ben"], ["Ada", "Ben"]]
    assert [agent.name for agent in two.agents(SHOP)] == ["Ada", "Ben"]
    assert (chat.present, stranger.present) == ([True], [])

    one.agent_leaves(SHOP, ADA, ada)
    two.agent_leaves(SHOP, BEN, desk)
    await heard()
    assert not one.any_agent(SHOP)
    assert not two.any_agent(SHOP)
    assert chat.present == [True, False]


async def test_an_agent_at_two_gateways_leaves_with_the_second(gateways: Gateways) -> None:
    one, two = gateways.all
    here, there, chat = Desk(), Desk(), Chat()
    one.chat_joins(SHOP, chat)
    one.agent_enters(SHOP, ADA, "Ada", here)
    await heard()
    gateways.show()
    two.agent_enters(SHOP, ADA, "Ada", there)
    await heard()
    gateways.show()
    assert there.shown == [["Ada"]]

    one.agent_leaves(SHOP, ADA, here)
    await heard()
    assert one.any_agent(SHOP)

    two.agent_leaves(SHOP, ADA, there)
    await heard()
    assert not one.any_agent(SHOP)
    assert chat.present == [True, False]


async def test_a_gateway_that_starts_later_learns_who_is_there(gateways: Gateways) -> None:
    gateways.all[0].agent_enters(SHOP, ADA, "Ada", Desk())
    await heard()
    late = gateways.another()

    running = asyncio.create_task(late.run())
    await heard()
    await heard()

    assert late.any_agent(SHOP)
    running.cancel()


async def test_the_agents_of_a_gateway_that_died_are_gone_soon(gateways: Gateways) -> None:
    one, two = gateways.all
    chat, desk = Chat(), Desk()
    two.chat_joins(SHOP, chat)
    two.agent_enters(SHOP, BEN, "Ben", desk)
    gateways.show()
    one.agent_enters(SHOP, ADA, "Ada", Desk())
    await heard()

    await gateways.passes(300, one, two)
    assert desk.shown == [["Ben"], ["Ada", "Ben"]]  # told again and again, shown once

    await gateways.passes(FORGET_AFTER, two)

    assert desk.shown[-1] == ["Ben"]
    assert chat.present == [True]


async def test_without_the_relay_each_gateway_has_its_own(gateways: Gateways) -> None:
    one, two = gateways.all
    one.agent_enters(SHOP, ADA, "Ada", Desk())
    await heard()
    for line in gateways.lines:
        line.down = True

    await gateways.passes(FORGET_AFTER, one, two)
    assert one.any_agent(SHOP)
    assert not two.any_agent(SHOP)

    for line in gateways.lines:
        line.comes_back()
    await heard()
    assert two.any_agent(SHOP)


async def test_a_hundred_who_come_at_once_are_shown_once_to_each(gateways: Gateways) -> None:
    one = gateways.all[0]
    desks = [Desk() for _ in range(100)]
    running = asyncio.create_task(one.run())
    for number, desk in enumerate(desks):
        one.agent_enters(SHOP, AgentId(f"agt_{number}"), f"Agent {number}", desk)

    await heard()

    assert [len(desk.shown) for desk in desks] == [1] * 100
    assert len(desks[0].shown[0]) == 100
    running.cancel()


async def test_typing_reaches_the_other_side_wherever_it_is(gateways: Gateways) -> None:
    one, two = gateways.all
    chat, ada, ben = Chat(), Desk(), Desk()
    one.chat_joins(SHOP, chat)
    one.chat_follows(SHOP, TALK, chat)
    one.agent_enters(SHOP, BEN, "Ben", ben)
    two.agent_enters(SHOP, ADA, "Ada", ada)

    two.agent_types(SHOP, TALK, True, ada)
    two.agent_types(OTHER, TALK, True, ada)
    await heard()
    one.contact_types(SHOP, TALK, True)
    await heard()

    assert chat.writing == [True]
    assert ben.writing == [(TALK, True), (TALK, True)]
    assert ada.writing == [(TALK, True)]


async def test_what_another_release_tells_does_no_harm(gateways: Gateways) -> None:
    two = gateways.all[1]
    for value in (None, [], ["Ada"], {"agt_ada": 7}, "Ada"):
        two._heard_present("prc_0", SHOP, value)
        two._heard_contact("prc_0", "no conversation", value)
        two._heard_agent("prc_0", "", value)

    assert two.agents(SHOP) == ()
