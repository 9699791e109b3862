"""What other services ask: once is enough, twice is the same, and only in their tenant's name."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from answerable.api.bus.commands import Commands
from answerable.api.bus.messages import BODY_BYTES
from answerable.definition.terms import Proof
from answerable.flow.admission import Bounds
from answerable.flow.message import Accepted, InboundMessage
from answerable.kit.bus import Answer, Request
from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import InvalidInput, StoreUnavailable
from answerable.kit.ids import TenantId
from answerable.ledger.reading import read_events
from answerable.processes.settings import Settings, read_settings
from tests.support.service import OTHER, SHOP, House, open_house

SECRETS = {SHOP: "a secret of the shop's own services", OTHER: "a secret of the other services!!!"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await open_house(tmp_path / "house.db")
    yield house
    await house.close()


@pytest.fixture
def commands(house: House) -> Commands:
    return Commands(house.service, SECRETS)


def event(type_: str, data: Any, **more: Any) -> bytes:
    told = {"specversion": "1.0", "id": "1", "source": "/crm", "type": f"answerable.{type_}"}
    return json.dumps({**told, "data": data, **more}).encode()


def message(**changed: Any) -> bytes:
    data = {
        "inbox": "chat",
        "sender": {"kind": "customer", "address": "C-1001", "name": "Anna"},
        "text": "Where is my parcel?",
        "external_id": "sms-1",
        **changed,
    }
    return event("command.accept-message", data)


def question(conversation: str) -> bytes:
    return event("query.conversation", {"conversation": conversation})


def signed(
    house: House,
    body: bytes,
    *,
    tenant: str = SHOP,
    secret: str | None = None,
    algorithm: str = "HS256",
    service: Any = "crm",
    **claims: Any,
) -> Request:
    now = int(house.clock.now().timestamp())
    every = {"sub": service, "iat": now, "digest": sha256_hex(body), **claims}
    kept = {name: value for name, value in every.items() if value is not None}
    key = OctKey.import_key((secret or SECRETS[TenantId(tenant)]).encode())
    header = {"alg": algorithm, "kid": tenant}
    token = jwt.encode(header, kept, key, algorithms=[algorithm])
    return Request(body=body, headers={"signature": token})


def told(answer: Answer) -> dict[str, Any]:
    assert not answer.refused, answer.body
    assert answer.media_type == "application/json"
    result: dict[str, Any] = json.loads(answer.body)
    return result


def problem(answer: Answer) -> tuple[int, str]:
    assert answer.refused
    assert answer.media_type == "application/problem+json"
    body = json.loads(answer.body)
    return body["status"], body["code"]


async def events(house: House, conversation: str) -> Sequence[Any]:
    return await house.service.database.read(
        lambda tx: read_events(tx, conversation)  # type: ignore[arg-type]
    )


# Messages


async def test_a_message_is_taken_in_for_a_signed_in_customer(
    house: House, commands: Commands
) -> None:
    result = told(await commands.answer(signed(house, message())))
    await house.service.settle()

    assert result == {"conversation": result["conversation"], "seq": 2, "duplicate": False}
    opened, received, *_ = await events(house, result["conversation"])
    assert (opened.tenant, opened.data["inbox"]) == (SHOP, "chat")
    assert received.kind == "message_received"
    assert opened.data["proof"] == Proof.SIGNED_IN


async def test_the_same_command_twice_is_the_same(house: House, commands: Commands) -> None:
    request = signed(house, message())
    at_once = await asyncio.gather(*(commands.answer(request) for _ in range(5)))

    places = {(told(one)["conversation"], told(one)["seq"]) for one in at_once}
    assert len(places) == 1
    later = told(await commands.answer(signed(house, message(text="Where is it now?"))))
    assert later["duplicate"], "the id says which message it is, not what it says"


async def test_ids_and_visitors_of_one_service_are_not_anothers(
    house: House, commands: Commands
) -> None:
    visitor = message(sender={"kind": "visitor", "address": "1"})
    one = told(await commands.answer(signed(house, visitor, service="sms")))
    other = told(await commands.answer(signed(house, visitor, service="kiosk")))

    assert not other["duplicate"]
    assert one["conversation"] != other["conversation"]


async def test_a_customers_messages_join_one_conversation(house: House, commands: Commands) -> None:
    one = told(await commands.answer(signed(house, message())))
    other = told(await commands.answer(signed(house, message(external_id="sms-2"))))

    assert one["conversation"] == other["conversation"]


async def test_a_mail_comes_from_an_address(house: House, commands: Commands) -> None:
    mail = message(
        inbox="mail", sender={"kind": "email", "address": "Anna@Example.com"}, text="hours"
    )
    result = told(await commands.answer(signed(house, mail)))
    await house.service.settle()

    assert "reply_delivered" in [e.kind for e in await events(house, result["conversation"])]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"inbox": "nowhere"}, (404, "unknown_inbox")),
        ({"inbox": "mail"}, (422, "sender_misfit")),
        ({"sender": {"kind": "email", "address": "a@b.example"}}, (422, "sender_misfit")),
        (
            {"inbox": "mail", "sender": {"kind": "email", "address": "not an address"}},
            (422, "sender_misfit"),
        ),
        ({"text": ""}, (422, "invalid_request")),
        ({"text": "   "}, (422, "invalid_request")),
        ({"text": "NUL \x00"}, (422, "invalid_request")),
        ({"text": "x" * 4_001}, (422, "invalid_request")),
        ({"text": "half \ud800"}, (422, "invalid_request")),
        ({"tenant": "other-shop"}, (422, "invalid_request")),
        ({"external_id": "line\nbreak"}, (422, "invalid_request")),
        ({"sender": {"kind": "agent", "address": "x"}}, (422, "invalid_request")),
    ],
)
async def test_what_cannot_be_taken_in_is_told_and_changes_nothing(
    house: House, commands: Commands, changed: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = await commands.answer(signed(house, message(**changed)))

    assert problem(answer) == expected
    assert b"not an address" not in answer.body
    assert b"nowhere" not in answer.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"[" * 20_000,
        b"null",
        event("command.unknown", {}),
        event("command.accept-message", None),
        event("command.accept-message", {}, specversion="2.0"),
    ],
)
async def test_a_malformed_command_is_told_so(
    house: House, commands: Commands, body: bytes
) -> None:
    assert problem(await commands.answer(signed(house, body))) == (422, "invalid_request")


async def test_a_command_that_is_too_large_is_told_so(house: House, commands: Commands) -> None:
    body = message(text="x" * BODY_BYTES)

    assert problem(await commands.answer(signed(house, body))) == (422, "command_too_large")


async def test_attributes_of_cloud_events_that_are_not_ours_do_no_harm(
    house: House, commands: Commands
) -> None:
    extended = {**json.loads(message()), "traceparent": "00-1-2-3", "time": "whenever"}

    told(await commands.answer(signed(house, json.dumps(extended).encode())))


# Who asks


async def test_the_tenant_is_the_signers_and_no_other(house: House, commands: Commands) -> None:
    shop = told(await commands.answer(signed(house, message())))
    other = told(await commands.answer(signed(house, message(), tenant=OTHER)))
    assert shop["conversation"] != other["conversation"]
    assert (await events(house, other["conversation"]))[0].tenant == OTHER

    peeked = await commands.answer(signed(house, question(shop["conversation"]), tenant=OTHER))
    assert problem(peeked) == (404, "conversation_not_found")


async def test_no_signature_but_the_right_one_is_believed(house: House, commands: Commands) -> None:
    body = message()
    good = signed(house, body).headers["signature"]
    now = int(house.clock.now().timestamp())
    header, claims, tag = good.split(".")
    forged = [
        {},
        {"signature": ""},
        {"signature": "x" * 10_000},
        {"signature": f"{header}.{claims}."},
        {"signature": f"{header}.{claims}.{tag[:-2]}AA"},
        {"authorization": good},
        signed(house, body, secret="some other secret of thirty-two!").headers,
        signed(house, body, tenant="other-shop", secret=SECRETS[SHOP]).headers,
        signed(house, body, tenant="nobody", secret=SECRETS[SHOP]).headers,
        signed(house, body, secret=SECRETS[SHOP] * 2, algorithm="HS512").headers,
        signed(house, message(text="another")).headers,
        signed(house, body, digest=None).headers,
        signed(house, body, service=None).headers,
        signed(house, body, service="").headers,
        signed(house, body, service=7).headers,
        signed(house, body, iat=None).headers,
        signed(house, body, iat="yesterday").headers,
        signed(house, body, iat=True).headers,
        signed(house, body, iat=now + 3_600).headers,
        signed(house, body, iat=now - 8 * 86_400).headers,
    ]
    for headers in forged:
        answer = await commands.answer(Request(body=body, headers=headers))
        assert problem(answer) == (401, "signature_invalid"), headers
    told(await commands.answer(Request(body=body, headers={"signature": good})))


async def test_a_command_may_wait_for_days_and_a_question_only_for_minutes(
    house: House, commands: Commands
) -> None:
    asked = signed(house, message())
    house.clock.advance(timedelta(days=6))
    conversation = told(await commands.answer(asked))["conversation"]

    asked = signed(house, question(conversation))
    house.clock.advance(timedelta(minutes=6))
    assert problem(await commands.answer(asked)) == (401, "question_too_old")


def settings(**values: str) -> Settings:
    return read_settings({f"ANSWERABLE_{name}": value for name, value in values.items()})


def test_a_tenants_secret_is_a_setting_and_not_a_short_one() -> None:
    assert settings(BUS_SECRET_CORNER_SHOP="x" * 32).bus_secret("corner-shop") == "x" * 32
    assert settings().bus_secret("corner-shop") is None
    with pytest.raises(InvalidInput, match="BUS_SECRET_CORNER_SHOP must have at least 32"):
        settings(BUS_SECRET_CORNER_SHOP="short").bus_secret("corner-shop")


# Questions


async def test_where_a_conversation_stands_is_told_without_a_text(
    house: House, commands: Commands
) -> None:
    result = told(await commands.answer(signed(house, message(text="refund, please"))))
    await house.service.settle()

    answer = await commands.answer(signed(house, question(result["conversation"])))

    state = told(answer)
    assert state["status"] == "open"
    assert state["owner"]["kind"] in ("assistant", "queue")
    assert (state["inbox"], state["channel"], state["intent"]) == ("chat", "chat", "refund")
    assert state["seq"] > 2
    assert b"please" not in answer.body


# A store that is away


class Away:
    """A service whose store is away for the next calls."""

    def __init__(self, house: House, times: int) -> None:
        self._house = house
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._house.service, name)

    async def accept_new(self, message: InboundMessage) -> Accepted:
        if self.times:
            self.times -= 1
            raise StoreUnavailable("away", "It is away.", retry_after=timedelta(seconds=2))
        return await self._house.service.accept_new(message)


async def test_while_the_store_is_away_a_command_waits_and_is_not_lost(house: House) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    commands = Commands(Away(house, 3), SECRETS, wait=wait)

    told(await commands.answer(signed(house, message())))

    assert waited == [2.0, 2.0, 2.0]


async def test_where_there_is_too_much_to_do_a_command_waits_and_is_not_lost(house: House) -> None:
    await house.fills_up()
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            house.service.admission.bounds = Bounds()

    commands = Commands(house.service, SECRETS, wait=wait)

    told(await commands.answer(signed(house, message())))

    assert len(waited) == 2
    assert all(seconds > 0 for seconds in waited)
