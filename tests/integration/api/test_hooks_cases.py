"""Cases that came to the CRM by mail: each becomes one message, if the CRM has signed it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from answerable.api.context import ApiSettings
from answerable.desk.case_store import given_cases
from answerable.desk.inbox_store import find_summaries
from answerable.desk.summary_store import Summary
from answerable.kit.ids import ConversationId
from answerable.kit.telemetry import registry
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events, read_feed
from answerable_sandbox.routes.crm_feed import signed
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import Settings
from answerable_sandbox.world import build_world
from tests.support.service import SHOP, House, open_house, serving

SECRET = "a secret that the CRM and we share"
PATH = f"/v1/hooks/{SHOP}/crm/cases"
CASE = "500000000000042"
CRM = "  crm: {type: salesforce, url: 'http://crm.example', inbox: mail}\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(hook_secrets={"crm": SECRET})
    house = await open_house(tmp_path / "house.db", settings=settings, integrations=CRM)
    yield house
    await house.close()


def case(**other: Any) -> dict[str, Any]:
    return {
        "attributes": {"type": "Case"},
        "Id": f"{CASE}AAA",
        "CaseNumber": "00001042",
        "Subject": "My parcel",
        "Description": "Where is my parcel?\n\n-- \nAnna",
        "SuppliedEmail": "Anna@Example.com",
        "SuppliedName": "Anna Schmidt",
        **other,
    }


async def tell(
    house: House,
    told: dict[str, Any] | bytes,
    *,
    secret: str = SECRET,
    age: timedelta = timedelta(0),
    headers: dict[str, str] | None = None,
    path: str = PATH,
) -> httpx.Response:
    body = told if isinstance(told, bytes) else json.dumps(told, ensure_ascii=False).encode()
    at = int((house.clock.now() - age).timestamp())
    async with house.client() as crm:
        return await crm.post(
            path, content=body, headers={**signed(body, secret, at), **(headers or {})}
        )


async def messages(house: House) -> list[Event]:
    feed = await house.service.database.read(
        lambda tx: read_feed(tx, SHOP, after=0, limit=10_000), tenant=SHOP
    )
    return [one for one in feed if one.kind == "message_received"]


async def summary(house: House, id_: str) -> Summary:
    conversation = ConversationId(id_)
    found = await house.service.database.read(
        lambda tx: find_summaries(tx, SHOP, [conversation]), tenant=SHOP
    )
    return found[conversation]


def counted(outcome: str) -> float:
    labels = {"hook": "cases", "outcome": outcome}
    return registry.get_sample_value("answerable_hooks_total", labels) or 0.0


async def test_a_case_becomes_a_message_of_the_inbox(house: House) -> None:
    answer = await tell(house, case())
    await house.service.settle()

    assert answer.status_code == 200, answer.text
    told = answer.json()
    found = await summary(house, told["conversation"])
    assert (found.inbox, found.channel, found.proof) == ("mail", "email", "anonymous")
    assert found.intent == "parcel-status"
    [message] = await messages(house)
    value = await house.service.database.read(
        lambda tx: house.service.vault.get_many(tx, tenant=SHOP, ids=[message.data["text"]["ref"]]),
        tenant=SHOP,
    )
    [text] = value.values()
    assert isinstance(text, dict)
    assert text["text"] == "Where is my parcel?", "without the signature"
    cases = await house.service.database.read(
        lambda tx: given_cases(tx, SHOP, [told["conversation"]]), tenant=SHOP
    )
    assert cases == {told["conversation"]: f"{CASE}AAA"}


async def test_the_same_case_again_is_the_same_message(house: House) -> None:
    before = counted("repeated")
    first = await tell(house, case())
    later = [await tell(house, case(Id=id_, Subject="x")) for id_ in (CASE, f"{CASE}AAA") * 3]

    assert {one.json()["conversation"] for one in later} == {first.json()["conversation"]}
    assert all(one.json()["duplicate"] for one in later)
    assert len(await messages(house)) == 1
    assert counted("repeated") == before + 6


async def test_parallel_copies_of_one_call_are_one_message(house: House) -> None:
    answers = await asyncio.gather(*(tell(house, case()) for _ in range(20)))

    assert {one.status_code for one in answers} == {200}
    assert len({one.json()["conversation"] for one in answers}) == 1
    assert len(await messages(house)) == 1


async def test_a_further_mail_in_a_case_joins_its_conversation_if_it_is_the_same_person_s(
    house: House,
) -> None:
    first = (await tell(house, case())).json()["conversation"]
    more = case(EmailMessageId="02s000000000001AAA", Description="hours?")
    second = (await tell(house, more)).json()
    again = (await tell(house, more)).json()
    stranger = case(EmailMessageId="02s000000000002AAA", SuppliedEmail="mallory@example.com")
    third = (await tell(house, stranger)).json()["conversation"]

    assert second["conversation"] == again["conversation"] == first
    assert (second["duplicate"], again["duplicate"]) == (False, True)
    assert third != first


@pytest.mark.parametrize(
    "forged",
    [
        {"secret": "guessed"},
        {"age": timedelta(minutes=5, seconds=1)},
        {"age": -timedelta(minutes=5, seconds=1)},
        {"headers": {"X-Answerable-Signature": ""}},
        {"headers": {"X-Answerable-Signature": "v1=" + "0" * 64}},
        {"headers": {"X-Answerable-Timestamp": "1"}},
        {"headers": {"X-Answerable-Timestamp": "-1"}},
        {"headers": {"X-Answerable-Timestamp": "9" * 400}},
        {"path": f"/v1/hooks/{SHOP}/warehouse/cases"},
        {"path": f"/v1/hooks/{SHOP}/nothing/cases"},
        {"path": "/v1/hooks/nobody/crm/cases"},
    ],
)
async def test_what_is_not_signed_or_too_old_is_refused_and_counted(
    house: House, forged: dict[str, Any]
) -> None:
    before = counted("forged")
    refused = await tell(house, case(), **forged)

    assert (refused.status_code, refused.json()["code"]) == (403, "hook_signature_invalid")
    assert counted("forged") == before + 1
    assert await messages(house) == []


async def test_a_call_is_good_for_five_minutes(house: House) -> None:
    for age in (timedelta(minutes=5), -timedelta(minutes=5)):
        assert (await tell(house, case(), age=age)).status_code == 200


async def test_a_body_that_was_changed_on_the_way_is_refused(house: House) -> None:
    body = json.dumps(case()).encode()
    at = int(house.clock.now().timestamp())
    async with house.client() as crm:
        answer = await crm.post(
            PATH, content=body.replace(b"parcel", b"refund"), headers=signed(body, SECRET, at)
        )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"null",
        b'{"Id": 5}',
        b'{"Id": "500"}',
        b'{"Id": "500000000000042", "Subject": "\\ud800"}',
        b"[" * 100_000,
        json.dumps({"Id": CASE, "Description": "x" * 100_001}).encode(),
        json.dumps({"Id": CASE, "Subject": ["x"]}).encode(),
    ],
)
async def test_what_is_no_case_is_refused(house: House, body: bytes) -> None:
    answer = await tell(house, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "hook_unreadable")
    assert await messages(house) == []


async def test_a_case_that_names_no_sender_is_work_for_a_person(house: House) -> None:
    for n, nobody in enumerate((None, "", "no address", "a@b@c", "x@example.com\nBcc: y")):
        told = case(Id=f"50000000000010{n}", SuppliedEmail=nobody)
        answer = await tell(house, told)
        await house.service.settle()
        found = await summary(house, answer.json()["conversation"])
        assert (found.owner_kind, answer.status_code) == ("queue", 200)


async def test_texts_may_be_in_any_writing_and_empty(house: House) -> None:
    for n, text in enumerate(("Straße — 東京 🏦", "", "\x00", None, "> only\n> quoted")):
        answer = await tell(house, case(Id=f"50000000000020{n}", Description=text))
        assert answer.status_code == 200, answer.text
    await house.service.settle()
    assert len(await messages(house)) == 5


async def test_a_house_that_is_full_asks_to_come_again(house: House) -> None:
    await house.fills_up()
    answer = await tell(house, case())

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


async def test_the_sandbox_tells_as_the_crm_does(house: House) -> None:
    """From a mail to the CRM, over two real servers, to a conversation."""
    async with serving(house) as address:
        settings = Settings(crm_hook=f"{address.http}{PATH}", crm_hook_secret=SECRET)
        async with (
            Sandbox(build_world(settings, clock=house.clock.now)) as sandbox,
            httpx.AsyncClient(base_url=sandbox.url) as customer,
        ):
            mail = {"sender": "anna@example.com", "subject": "Hi", "text": "hours?", "times": 3}
            told = (await customer.post("/crm/feed", json=mail)).json()

    assert told["answered"] == [200, 200, 200]
    [message] = await messages(house)
    events = await house.service.database.read(
        lambda tx: read_events(tx, message.stream), tenant=SHOP
    )
    assert events[0].kind == "conversation_opened"
