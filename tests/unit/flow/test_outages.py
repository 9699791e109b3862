"""A system that playbooks read from is down: who waits, for how long, and who is not made to."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from answerable.connectors.http import BREAK_AFTER, Ambassador, Breaker
from answerable.definition.schema import ServiceDefinition
from answerable.flow.patience import PATIENCE
from answerable.flow.perform import ASKING_AT_ONCE, AT_ONCE
from answerable.flow.ports import Finding, Question
from answerable.kit.errors import ConnectorUnavailable
from answerable.kit.failpoints import Failpoint
from answerable.kit.postgres_connection import unavailable
from answerable.kit.testing import SettableClock
from answerable.understanding.testing import KeywordReader
from answerable.understanding.understanding import Understanding
from tests.support.town import WORDS, FakeWarehouse, Town, open_town

OUTAGE = timedelta(minutes=10)
STEP = timedelta(seconds=10)


@dataclass
class Depot:
    """A warehouse behind HTTP. answers: what it does now; asked: when it was, in seconds."""

    clock: SettableClock
    answers: Any = None
    asked: list[float] = field(default_factory=list)

    def seconds(self) -> float:
        return self.clock.now().timestamp()

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(self.seconds())
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers or httpx.Response(200, json={"status": "on its way", "due": "Friday"})


class HttpWarehouse(FakeWarehouse):
    """The town's warehouse, asked through the ambassador that all connectors use."""

    until: Callable[[], Awaitable[Any]] | None = None

    def __init__(self, depot: Depot) -> None:
        super().__init__()
        self._ambassador = Ambassador(
            name="warehouse",
            base_url="http://warehouse.example",
            transport=httpx.MockTransport(depot.handle),
            breaker=Breaker(now=depot.seconds),
            repeat_after=0,
        )

    async def read(self, question: Question) -> Finding:
        self.asked.append(question)
        if self.until is not None:
            await self.until()
        answer = await self._ambassador.get("/parcel", {}, key=question.key)
        return Finding(facts={"found": answer is not None}, values=answer or {})


@pytest.fixture
def depot() -> Depot:
    return Depot(SettableClock())


@pytest.fixture
async def town(tmp_path: Path, depot: Depot) -> AsyncIterator[Town]:
    town = open_town(tmp_path / "town.db", clock=depot.clock, warehouse=HttpWarehouse(depot))
    yield town
    await town.service.database.close()


async def write_in(town: Town, count: int) -> list[Any]:
    mails = [
        await town.mails("parcel P-1234", by=f"m{n}@example.com", settle=False)
        for n in range(count)
    ]
    await town.service.settle()
    return mails


async def pass_time(town: Town, whole: timedelta, step: timedelta = STEP) -> None:
    until = town.clock.now() + whole
    while town.clock.now() < until:
        await town.time_passes(step)


async def answered(town: Town, mails: list[Any]) -> int:
    kinds = [await town.kinds(mail.conversation) for mail in mails]
    return sum("looked_up" in of_one for of_one in kinds)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("it hangs"),
        httpx.ConnectError("nobody there"),
        httpx.Response(500),
        httpx.Response(200, text="<html>We are updating"),
    ],
    ids=["hangs", "refuses", "500", "nonsense"],
)
async def test_mails_wait_for_a_bank_that_is_down_for_ten_minutes_and_are_answered(
    town: Town, depot: Depot, trouble: Any
) -> None:
    depot.answers = trouble
    mails = await write_in(town, 40)
    await pass_time(town, OUTAGE)

    assert await answered(town, mails) == 0
    assert len(depot.asked) <= 64 * 2 + OUTAGE / STEP, "a bank that is down is left alone"
    depot.answers = None
    await pass_time(town, OUTAGE / 2)

    assert await answered(town, mails) == 40
    assert Counter([await town.owner(mail.conversation) for mail in mails]) == {"assistant": 40}


async def test_lost_answers_in_a_row_give_no_mail_up(town: Town, depot: Depot) -> None:
    depot.answers = httpx.ReadTimeout("the answer is lost")
    mails = await write_in(town, 20)
    while len(depot.asked) < 60:
        await town.time_passes(timedelta(seconds=15))
    depot.answers = None
    await pass_time(town, town.clock.now() - (await town.events(mails[0].conversation))[0].at)

    assert await answered(town, mails) == 20


async def test_everybody_else_is_served_while_the_bank_is_down(town: Town, depot: Depot) -> None:
    depot.answers = httpx.ReadTimeout("it hangs")
    await write_in(town, 20)

    other = await town.says("what are your hours?", by="ben")
    needing = await town.says("parcel P-1234", by="eva")

    assert (await town.replies(other.conversation))[-1].endswith("We are open.")
    assert await town.owner(needing.conversation) == "queue:parcels"


async def test_questions_that_hang_keep_no_place_of_other_work(
    town: Town,
) -> None:
    back = asyncio.Event()
    warehouse = town.warehouse
    assert isinstance(warehouse, HttpWarehouse)
    warehouse.until = back.wait
    running = asyncio.create_task(town.service.run())
    for n in range(AT_ONCE + 8):
        await town.mails("parcel P-1234", by=f"m{n}@example.com", settle=False)
    async with asyncio.timeout(30):
        while len(warehouse.asked) < ASKING_AT_ONCE:
            await town.service.sweep()
        other = await town.says("what are your hours?", by="ben", settle=False)
        while "reply_written" not in await town.kinds(other.conversation):
            pass
    assert len(warehouse.asked) == ASKING_AT_ONCE
    back.set()
    running.cancel()
    await town.service.performer.stop()


async def test_nobody_asks_before_the_time_that_the_bank_has_named(
    town: Town, depot: Depot
) -> None:
    depot.answers = httpx.Response(429, headers={"Retry-After": "120"})
    mails = await write_in(town, 12)
    asked = list(depot.asked)
    await pass_time(town, timedelta(seconds=110))
    await write_in(town, 3)
    assert depot.asked == asked, "those who came later do not ask either"

    depot.answers = None
    await pass_time(town, timedelta(seconds=130))
    assert min(depot.asked[len(asked) :]) >= asked[0] + 120
    assert await answered(town, mails) == 12


async def test_a_date_is_a_time_named_too(town: Town, depot: Depot) -> None:
    depot.answers = httpx.Response(
        503,
        headers={
            "Date": "Mon, 23 Nov 2026 09:00:00 GMT",
            "Retry-After": "Mon, 23 Nov 2026 09:03:00 GMT",
        },
    )
    await write_in(town, 1)
    await pass_time(town, timedelta(minutes=5))

    assert depot.asked[1] - depot.asked[0] >= 180


async def test_after_hours_a_person_has_the_mail(town: Town, depot: Depot) -> None:
    depot.answers = httpx.ReadTimeout("it hangs")
    (mail,) = await write_in(town, 1)
    await pass_time(town, PATIENCE - timedelta(minutes=1), timedelta(minutes=1))
    assert await town.owner(mail.conversation) == "assistant"

    await pass_time(town, timedelta(minutes=15), timedelta(minutes=1))
    assert await town.owner(mail.conversation) == "queue:parcels"
    failed = await town.last(mail.conversation, "effect_failed")
    assert failed.data["error"].startswith("connector_unavailable: ")


async def test_one_asks_for_all_whether_the_bank_is_back(depot: Depot) -> None:
    breaker = Breaker(now=depot.seconds)
    ambassador = Ambassador(
        name="bank",
        base_url="http://bank.example",
        transport=httpx.MockTransport(depot.handle),
        breaker=breaker,
        repeat_after=0,
    )
    depot.answers = httpx.Response(500)
    for _ in range(BREAK_AFTER):
        with pytest.raises(Exception, match="bank"):
            await ambassador.post("/x", {}, key="k")
    depot.clock.advance(timedelta(seconds=breaker.rest_seconds + 1))

    assert breaker.refusal() is None, "one may ask"
    assert breaker.refusal() is not None, "the others wait for what it hears"
    await ambassador.close()


class AwayReader(KeywordReader):
    """Reads through an endpoint that is away as long as `away`, and says so when it is told to."""

    def __init__(self) -> None:
        super().__init__(WORDS)
        self.away, self.calls, self.told = True, 0, asyncio.Event()

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        self.calls += 1
        await self.told.wait()
        if self.away:
            raise ConnectorUnavailable("embeddings")
        return await super().understand(definition, texts)


async def test_messages_wait_for_an_encoder_that_is_away_and_are_read_when_it_is_back(
    tmp_path: Path,
) -> None:
    """A batch asks once: that each of it asked again would hold everything up."""
    reader = AwayReader()
    town = open_town(tmp_path / "town.db", reader=reader)
    said = [await town.says("hours?", by=f"c-{n}", settle=False) for n in range(20)]
    reader.told.set()
    await town.service.settle()
    assert reader.calls == 2  # the first message, and all that came meanwhile
    assert "understood" not in await town.kinds(said[0].conversation)

    reader.away = False
    await town.time_passes(timedelta(minutes=1))

    for one in said:
        assert await town.replies(one.conversation)
    await town.service.database.close()


async def test_what_a_full_disk_did_not_take_is_done_again_at_once(tmp_path: Path) -> None:
    """And not when its lease would have ended."""
    times: list[int] = []

    def disk_is_full(code: int) -> None:
        times.append(code)
        raise sa.exc.OperationalError("INSERT", {}, OSError("no space left on the device"))

    full = Failpoint("before:Recorder.record_many:1", end=disk_is_full)
    town = open_town(tmp_path / "town.db", failpoint=full)

    at = await town.says("hours?")

    assert len(times) == 1
    assert len(await town.replies(at.conversation)) == 1
    kinds = [event.kind for event in await town.events(at.conversation)]
    assert kinds.count("understood") == 1
    assert "effect_failed" not in kinds
    await town.service.database.close()


async def test_a_store_that_is_away_while_something_is_read_is_not_the_works_fault(
    tmp_path: Path,
) -> None:
    class Away(KeywordReader):
        times = 0

        async def understand(
            self, definition: ServiceDefinition, texts: Sequence[str]
        ) -> Sequence[Understanding]:
            self.times += 1
            if self.times == 1:
                raise unavailable()
            return await super().understand(definition, texts)

    reader = Away(WORDS)
    town = open_town(tmp_path / "town.db", reader=reader)

    at = await town.says("hours?")

    assert reader.times == 2
    assert len(await town.replies(at.conversation)) == 1
    assert await town.owner(at.conversation) == "assistant"
    await town.service.database.close()
