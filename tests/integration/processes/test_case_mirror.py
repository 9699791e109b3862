"""What a CRM is told of conversations: everything that was decided, in order, once, and masked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from answerable.connectors.crm.mapping import mark_of
from answerable.connectors.crm.testing import FakeCase, FakeCrm
from answerable.connectors.http import AnswerLost
from answerable.desk.case_store import (
    case_accepted,
    give_case,
    mirrored_case,
)
from answerable.desk.cases import CaseOutcome, CaseRefused, CaseUpdate, Texts
from answerable.flow.acts import AgentAct, Close, Reopen, TakeOver
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import ConversationId
from answerable.kit.telemetry import registry
from answerable.processes.case_mirror import (
    GATHER,
    LEASE,
    LONGEST_REST,
    MOST_WRITES,
    WINDOW,
    CaseMirror,
    Target,
)
from answerable.processes.case_reading import CaseReader
from answerable.processes.following import Follower
from tests.support.chaos import until
from tests.support.service import OTHER, SHOP, House, open_house

IBAN, MAIL = "DE89370400440532013000", "anna.schmidt@example.com"


@dataclass
class Mirrored:
    """A house with a CRM beside it."""

    house: House
    crm: FakeCrm = field(default_factory=FakeCrm)
    texts: Texts = Texts.MASKED
    since: datetime | None = None

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Also again, as after a crash."""
        service = self.house.service
        self.mirror = CaseMirror(
            database=service.database,
            clock=self.house.clock,
            reader=CaseReader(service.database, service.vault, service.definitions),
            targets={SHOP: Target(name="crm", log=self.crm, texts=self.texts, since=self.since)},
            jitter=lambda: 1.0,
        )
        self.follower = Follower(
            self.mirror.consumer,
            database=service.database,
            live=service.live,
            tenants=lambda: [SHOP],
            leads=lambda: True,
            now=self.house.clock.now,
        )

    async def notes(self) -> None:
        await self.follower.hand_on()

    async def writes(self) -> None:
        while await self.mirror.write_due():
            pass

    async def goes_on(self, after: timedelta = GATHER) -> None:
        """Time passes, and what is due is told."""
        await self.notes()
        self.house.clock.advance(after)
        await self.writes()

    @property
    def case(self) -> FakeCase:
        [case] = self.crm.cases.values()
        return case

    def told(self) -> str:
        return "\n".join(
            text for case in self.crm.cases.values() for text in case.comments.values()
        )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await open_house(tmp_path / "house.db")
    yield house
    await house.close()


@pytest.fixture
def mirrored(house: House) -> Mirrored:
    return Mirrored(house)


async def acts(
    house: House, act: type[AgentAct], conversation: ConversationId, **more: Any
) -> None:
    agent = house.people["agent"]
    named = {"tenant": SHOP, "conversation": conversation, "agent": agent.id}
    await house.service.act(act(**named, agent_name=agent.name, **more))
    await house.service.settle()


async def test_a_conversation_becomes_a_case_with_all_that_was_decided(
    mirrored: Mirrored,
) -> None:
    accepted = await mirrored.house.says("hours please")
    await mirrored.goes_on()

    fields = mirrored.case.fields
    assert (fields["subject"], fields["channel"], fields["status"]) == (
        "hours please", "chat", "open",
    )  # fmt: skip
    lines = [line[17:] for line in mirrored.told().splitlines() if not line.startswith("  |")]
    assert lines[:2] == [
        "The contact wrote.",
        "Understood as “Opening hours” with confidence 0.96.",
    ]
    assert lines[2].startswith("Decided to run the playbook openingHours, because ")
    assert "  | We are open." in mirrored.told()
    assert [key.rpartition(":")[0] for key in mirrored.case.comments] == [accepted.conversation]


async def test_people_see_whose_it_is_and_that_it_is_closed(mirrored: Mirrored) -> None:
    accepted = await mirrored.house.says("refund please")
    await mirrored.goes_on()
    assert mirrored.case.fields["team"] == "money"
    assert mirrored.case.fields["status"] == "handed-off"

    conversation = accepted.conversation
    await acts(mirrored.house, TakeOver, conversation)
    await acts(mirrored.house, Close, conversation, resolution="paid")
    await mirrored.goes_on()
    assert mirrored.case.fields["status"] == "closed"
    await acts(mirrored.house, Reopen, conversation)
    await mirrored.goes_on()
    assert mirrored.case.fields["status"] == "open"
    assert "An agent took over." in mirrored.told(), "no colleague's name"


async def test_nothing_personal_is_told(mirrored: Mirrored) -> None:
    await mirrored.house.says(f"refund to {IBAN}, I am {MAIL}", by="vis_Zebedee")
    await mirrored.goes_on()

    everything = repr(mirrored.crm.cases)
    assert "<iban:1>" in everything
    for secret in (IBAN, MAIL, "Zebedee"):
        assert secret not in everything


async def test_without_texts_only_what_happened_is_told(house: House) -> None:
    mirrored = Mirrored(house, texts=Texts.NONE)
    await house.says("hours, and something private")
    await mirrored.goes_on()

    everything = repr(mirrored.crm.cases)
    assert "private" not in everything
    assert "We are open" not in everything
    assert "Understood as “Opening hours”" in everything
    assert mirrored.case.fields["subject"] == "Corner Shop: chat"


async def test_what_follows_at_once_is_one_update_and_later_things_others(
    mirrored: Mirrored,
) -> None:
    for text in ("hours", "hours again", "hours again please"):
        await mirrored.house.says(text)
        await mirrored.notes()
    await mirrored.goes_on()
    assert len(mirrored.crm.calls) == 1

    await mirrored.goes_on()
    assert len(mirrored.crm.calls) == 1, "what was told is not told again"
    await mirrored.house.says("hours at last")
    await mirrored.goes_on()
    assert len(mirrored.crm.calls) == 2
    assert "  | hours at last" in list(mirrored.case.comments.values())[-1]


async def test_only_the_tenant_with_a_crm_is_told_of(mirrored: Mirrored) -> None:
    await mirrored.house.says("hours", tenant=OTHER)
    await mirrored.goes_on()

    assert mirrored.crm.cases == {}
    assert await mirrored.mirror.take(OTHER, []) == 0


async def test_a_crm_that_is_away_for_an_hour_holds_nothing_up_and_is_told_all_afterwards(
    mirrored: Mirrored,
) -> None:
    house, crm = mirrored.house, mirrored.crm
    conversations = []
    began = house.clock.now()
    asked = 0
    while house.clock.now() < began + timedelta(hours=1):
        accepted = await house.says("hours", by=f"vis_{len(conversations)}")
        conversations.append(accepted.conversation)
        crm.next = [ConnectorUnavailable("crm")]
        await mirrored.goes_on(timedelta(seconds=90))
        asked += not crm.next
        assert await mirrored.follower.hand_on(), "the ledger is followed all the while"
    assert crm.cases == {}
    assert asked == len(conversations), "one asks now and then, for all"
    behind = registry.get_sample_value("answerable_cases_behind_seconds", {"step": "writing"})
    assert behind is not None
    assert behind >= 3_500

    crm.next = []
    await mirrored.goes_on(LONGEST_REST)
    assert len(crm.cases) == len(conversations) == 40
    assert len(crm.calls) == 2, "25 cases a call"
    behind = registry.get_sample_value("answerable_cases_behind_seconds", {"step": "writing"})
    assert behind == 0


async def test_nobody_asks_before_the_time_that_the_crm_has_named(mirrored: Mirrored) -> None:
    await mirrored.house.says("hours")
    mirrored.crm.next = [ConnectorUnavailable("crm", retry_after=timedelta(minutes=15))]
    await mirrored.goes_on()
    for _ in range(14):
        mirrored.house.clock.advance(timedelta(minutes=1))
        await mirrored.writes()
    assert mirrored.crm.calls == []

    mirrored.house.clock.advance(timedelta(minutes=1))
    await mirrored.writes()
    assert len(mirrored.crm.calls) == 1


class Lossy(FakeCrm):
    """Takes effect, and loses its next answers."""

    losing = 0

    async def write(self, updates: Sequence[CaseUpdate]) -> Sequence[CaseOutcome]:
        written = await super().write(updates)
        if self.losing:
            self.losing -= 1
            raise AnswerLost("crm")
        return written


async def test_what_may_have_been_told_is_told_again_under_the_same_key(house: House) -> None:
    crm = Lossy()
    mirrored = Mirrored(house, crm)
    crm.losing = 3
    await house.says("hours")
    await mirrored.goes_on()
    await house.says("hours again")
    for _ in range(3):
        await mirrored.goes_on(LONGEST_REST)
    await mirrored.goes_on()

    updates = [update for call in crm.calls for update in call]
    first = updates[0].comments[0].key
    assert [one.again for one in updates] == [False, True, True, True, False]
    assert [one.comments[0].key for one in updates[:4]] == [first] * 4
    assert len(mirrored.case.comments) == 2
    assert mirrored.told().count("hours again") == 1


async def test_a_process_that_dies_while_it_tells_leaves_it_to_the_next(
    mirrored: Mirrored,
) -> None:
    house, crm = mirrored.house, mirrored.crm

    class Killed(BaseException):
        pass

    class Dying(FakeCrm):
        async def write(self, updates: Sequence[CaseUpdate]) -> Sequence[CaseOutcome]:
            await crm.write(updates)
            raise Killed

    await house.says("hours")
    dying = Mirrored(house, Dying())
    with pytest.raises(Killed):
        await dying.goes_on()
    await mirrored.goes_on()
    assert len(crm.calls) == 1, "it may still be at it"

    await mirrored.goes_on(LEASE)
    assert [update.again for call in crm.calls for update in call] == [False, True]
    assert len(mirrored.case.comments) == 1


async def test_a_case_is_written_thirty_times_in_ten_minutes_at_most_and_told_everything(
    mirrored: Mirrored,
) -> None:
    house, crm = mirrored.house, mirrored.crm
    written: list[tuple[datetime, int]] = []
    said = 0
    for step in range(300):  # half an hour; for ten minutes somebody writes every 6 seconds
        if step < 100:
            await house.says(f"hours, number {said}")
            said += 1
        before = len(crm.calls)
        await mirrored.goes_on(timedelta(seconds=6))
        for call in crm.calls[before:]:
            written.append((house.clock.now(), sum(1 + len(one.comments) for one in call)))

    for at, _ in written:
        within = sum(count for when, count in written if at - WINDOW < when <= at)
        assert within <= MOST_WRITES
    text = mirrored.told()
    assert [n for n in range(said) if f"hours, number {n}" not in text] == []
    places = [text.index(f"  | hours, number {n}\n") for n in range(said)]
    assert places == sorted(places)


class Refusing(FakeCrm):
    async def write(self, updates: Sequence[CaseUpdate]) -> Sequence[CaseOutcome]:
        written = await super().write(updates)
        return [
            CaseRefused(reason="FIELD_CUSTOM_VALIDATION_EXCEPTION")
            if "refund" in str(one)
            else done
            for one, done in zip(updates, written, strict=True)
        ]


async def test_a_case_that_is_refused_holds_no_other_up_and_is_tried_with_its_next_news(
    house: House,
) -> None:
    mirrored = Mirrored(house, Refusing())
    await house.says("refund", by="vis_one")
    await house.says("hours", by="vis_two")
    await mirrored.goes_on()
    calls = len(mirrored.crm.calls)
    await mirrored.goes_on(WINDOW)
    assert len(mirrored.crm.calls) == calls, "not for ever"

    await house.says("hours", by="vis_one")
    await mirrored.goes_on()
    assert len(mirrored.crm.calls) > calls


async def test_a_key_that_is_refused_loses_nothing(mirrored: Mirrored) -> None:
    await mirrored.house.says("hours")
    mirrored.crm.next = [ConnectorRefused("crm", "invalid_grant")]
    await mirrored.goes_on()
    assert mirrored.crm.cases == {}

    await mirrored.goes_on(LONGEST_REST)
    assert "We are open." in mirrored.told()


async def test_a_case_that_the_crm_gave_is_not_created_again(mirrored: Mirrored) -> None:
    house, database = mirrored.house, mirrored.house.service.database
    given = "500000000000042AAA"
    key = house.service.contacts.lookup.external(SHOP, "chat", "direct-0")
    await database.write(
        lambda tx: give_case(tx, SHOP, given, key=given[:15], received_key=key), tenant=SHOP
    )
    accepted = await house.says("hours")  # whoever noted the case dies here
    await mirrored.goes_on()

    assert list(mirrored.crm.cases) == [given]
    assert mirrored.crm.cases[given].fields == {"priority": "normal"}
    await database.write(
        lambda tx: case_accepted(tx, SHOP, given[:15], accepted.conversation), tenant=SHOP
    )
    again = await database.write(
        lambda tx: give_case(tx, SHOP, given, key=given[:15], received_key=key), tenant=SHOP
    )
    assert again == accepted.conversation


async def test_from_a_day_on_and_what_is_known_already(house: House) -> None:
    await house.says("hours", by="vis_old")
    house.clock.advance(timedelta(days=2))
    since = house.clock.now() - timedelta(days=1)
    mirrored = Mirrored(house, since=since)
    await house.says("hours", by="vis_new")
    await mirrored.goes_on()

    assert len(mirrored.crm.cases) == 1
    assert await house.service.database.read(
        lambda tx: tx.execute(mirrored_case.select()).mappings().one()["due_at"]
    ) is None  # fmt: skip


async def test_nobody_s_words_look_like_a_line_or_a_mark_of_ours(mirrored: Mirrored) -> None:
    await mirrored.house.says(f"hours\n2026-01-01 00:00 Decided to pay.\n{mark_of('x')}")
    await mirrored.goes_on()

    lines = mirrored.told().splitlines()
    assert "  | 2026-01-01 00:00 Decided to pay." in lines
    assert mark_of("x") not in lines


async def test_a_long_story_is_told_in_several_comments(mirrored: Mirrored) -> None:
    for n in range(8):
        await mirrored.house.says(f"hours {n} " + "ä" * 3_000)
    for _ in range(12):
        await mirrored.goes_on()

    comments = list(mirrored.case.comments.values())
    assert len(comments) > 3
    assert max(len(one.encode()) for one in comments) <= 4_000
    assert [n for n in range(8) if f"hours {n}" not in mirrored.told()] == []


async def test_it_runs_by_itself(mirrored: Mirrored) -> None:
    await mirrored.house.says("hours")
    await mirrored.notes()
    mirrored.house.clock.advance(GATHER)
    running = asyncio.create_task(mirrored.mirror.run())
    await until(lambda: bool(mirrored.crm.cases), within=5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "We are open." in mirrored.told()
