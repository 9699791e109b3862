"""What every gateway for text messages does: Twilio's in the sandbox over HTTP, and the fake."""

import base64
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from answerable.connectors.http import BREAK_AFTER, FIRST_REST, LONGEST_REST, Ambassador, Breaker
from answerable.connectors.sms.connector import TwilioSms, create, judge_of
from answerable.connectors.sms.testing import FakeSms
from answerable.contacts.sms import LONGEST_TEXT, MaybeSent, Sent, SmsRefused, SmsSender
from answerable.definition.schema import Integration
from answerable.kit.errors import ConnectorUnavailable, InvalidInput
from answerable.kit.telemetry import registry
from answerable.kit.testing import SettableClock
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.world import build_world

ANNA = "+491713920001"
SENDER = "+493023125999"
TEXT = "Your code for the new address is 314159"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"AC1:sandbox").decode()}


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def sandbox(clock: SettableClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(build_world(clock=clock.now)) as running:
        yield running


@pytest.fixture
async def twilio(sandbox: Sandbox, clock: SettableClock) -> AsyncIterator[TwilioSms]:
    sender = sms(sandbox, Breaker(now=lambda: clock.now().timestamp()))
    yield sender
    await sender.close()


def sms(
    sandbox: Sandbox, breaker: Breaker | None = None, *, seconds: float | None = None, **other: Any
) -> TwilioSms:
    ambassador = Ambassador(
        name="sms",
        base_url=f"{sandbox.url}/sms",
        headers=BASIC,
        judge=judge_of("sms"),
        breaker=breaker or Breaker(),
        call_seconds=seconds,
    )
    return TwilioSms(ambassador, **{"account": "AC1", "sender": SENDER, **other})


@pytest.fixture(params=["sandbox", "fake"])
def gateway(request: pytest.FixtureRequest) -> SmsSender:
    chosen: SmsSender = FakeSms() if request.param == "fake" else request.getfixturevalue("twilio")
    return chosen


def sent(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(one.to, one.body) for one in sandbox.world.sms.messages]


async def test_a_message_is_sent_and_has_an_id(gateway: SmsSender) -> None:
    outcome = await gateway.send(ANNA, TEXT, "cnv_1:4:0")

    assert isinstance(outcome, Sent)
    assert outcome.id.startswith("SM")


async def test_a_message_may_be_in_any_writing(gateway: SmsSender) -> None:
    assert isinstance(await gateway.send(ANNA, "Ihr Code für „Straße“: 27 — 東京 🏦", "k"), Sent)


@pytest.mark.parametrize(
    "number", ["", "0171392", "+0171392000", "+49171 39", "+49x", "+" + "1" * 16]
)
async def test_what_is_no_number_is_refused(gateway: SmsSender, number: str) -> None:
    assert await gateway.send(number, TEXT, "k") == SmsRefused(reason="number_invalid")


async def test_nothing_and_too_much_are_refused(gateway: SmsSender) -> None:
    assert await gateway.send(ANNA, " \n", "k") == SmsRefused(reason="text_empty")
    longest = "x" * LONGEST_TEXT
    assert await gateway.send(ANNA, longest + "x", "k") == SmsRefused(reason="text_too_long")
    assert isinstance(await gateway.send(ANNA, longest, "k"), Sent)


async def test_what_was_sent_is_what_was_asked_for(sandbox: Sandbox, twilio: TwilioSms) -> None:
    await twilio.send(ANNA, "Ihr Code: 314159 — 東京 🏦", "k")

    assert sent(sandbox) == [(ANNA, "Ihr Code: 314159 — 東京 🏦")]


async def test_a_messaging_service_chooses_the_number(sandbox: Sandbox) -> None:
    service = sms(sandbox, sender="MG" + "0" * 32)
    assert isinstance(await service.send(ANNA, TEXT, "k"), Sent)
    await service.close()

    assert sandbox.world.sms.messages[0].service == "MG" + "0" * 32


@pytest.mark.parametrize(
    ("number", "reason"), [("+15005550001", "number_invalid"), ("+15005550004", "unsubscribed")]
)
async def test_the_gateway_s_refusal_has_a_reason(
    twilio: TwilioSms, number: str, reason: str
) -> None:
    assert await twilio.send(number, TEXT, "k") == SmsRefused(reason=reason)


async def test_wrong_credentials_are_a_refusal(sandbox: Sandbox) -> None:
    other = sms(sandbox, account="AC2")

    assert await other.send(ANNA, TEXT, "k") == SmsRefused(reason="credentials")
    await other.close()


@pytest.mark.parametrize("mode", ["apply-then-lose", "garbage", "fail", "hang"])
async def test_a_message_that_may_have_left_is_never_sent_again_by_itself(
    sandbox: Sandbox, mode: str
) -> None:
    sandbox.world.faults.add("sms", mode)  # type: ignore[arg-type]
    sender = sms(sandbox, seconds=0.2 if mode == "hang" else None)

    assert await sender.send(ANNA, TEXT, "k") == MaybeSent()
    await sender.close()

    assert len(sent(sandbox)) == (1 if mode in ("apply-then-lose", "garbage") else 0)
    assert len(sandbox.world.journal.entries(system="sms", kind="fault")) == 1


async def test_too_many_messages_wait_as_long_as_the_gateway_says(
    sandbox: Sandbox, twilio: TwilioSms, clock: SettableClock
) -> None:
    sandbox.world.faults.add("sms", "rate-limit", seconds=90)
    with pytest.raises(ConnectorUnavailable) as refused:
        await twilio.send(ANNA, TEXT, "k")
    assert refused.value.retry_after == timedelta(seconds=90)

    clock.advance(timedelta(seconds=89))
    with pytest.raises(ConnectorUnavailable) as again:
        await twilio.send(ANNA, TEXT, "k")
    assert again.value.retry_after == timedelta(seconds=1)
    assert len(sandbox.world.journal.entries(system="sms")) == 1, "nothing was even asked"

    clock.advance(timedelta(seconds=1))
    assert isinstance(await twilio.send(ANNA, TEXT, "k"), Sent)


async def test_a_gateway_that_is_not_there_has_certainly_sent_nothing(sandbox: Sandbox) -> None:
    nobody = Ambassador(name="sms", base_url="http://127.0.0.1:1", judge=judge_of("sms"))
    sender = TwilioSms(nobody, account="AC1", sender=SENDER)

    with pytest.raises(ConnectorUnavailable):
        await sender.send(ANNA, TEXT, "k")
    await sender.close()


async def test_a_gateway_that_hangs_for_ten_minutes_is_left_alone_and_found_again(
    sandbox: Sandbox, clock: SettableClock
) -> None:
    breaker = Breaker(now=lambda: clock.now().timestamp())
    sender, patient = sms(sandbox, breaker, seconds=0.1), sms(sandbox, breaker)
    sandbox.world.faults.add("sms", "hang", times=None, seconds=600)
    for _ in range(BREAK_AFTER):
        assert await sender.send(ANNA, TEXT, "k") == MaybeSent()
    for _ in range(40):
        clock.advance(timedelta(seconds=15))
        with contextlib.suppress(ConnectorUnavailable):  # one asks now and then, and hears nothing
            assert await sender.send(ANNA, TEXT, "k") == MaybeSent()
    met = sandbox.world.journal.entries(system="sms", kind="fault")
    assert BREAK_AFTER < len(met) <= BREAK_AFTER + 600 / FIRST_REST

    sandbox.world.faults.clear()
    clock.advance(timedelta(seconds=LONGEST_REST))
    assert isinstance(await patient.send(ANNA, TEXT, "k"), Sent)
    assert sent(sandbox) == [(ANNA, TEXT)]
    for one in (sender, patient):
        await one.close()


async def test_neither_number_nor_text_is_told_to_logs_and_metrics(
    sandbox: Sandbox, twilio: TwilioSms
) -> None:
    sandbox.world.faults.add("sms", "garbage")
    with capture_logs() as logged:
        for number in (ANNA, ANNA, "+15005550001", "+49x"):
            await twilio.send(number, TEXT, "k")
    told = repr(logged) + "".join(
        f"{sample.labels}" for metric in registry.collect() for sample in metric.samples
    )

    assert ANNA[1:-2] not in told
    assert "314159" not in told


def integration(**settings: Any) -> Integration:
    return Integration(name="sms", type="twilio", settings=settings)


def test_an_integration_says_who_sends_from_which_account() -> None:
    for missing in ({"accountSid": "AC1"}, {"sender": SENDER}):
        with pytest.raises(InvalidInput, match="needs"):
            create(integration(**missing), "http://sms.example", lambda _: "key")


async def test_without_a_key_everything_is_refused_and_the_operator_told() -> None:
    with capture_logs() as logged:
        sender = create(
            integration(accountSid="AC1", sender=SENDER), "http://sms.example", lambda _: None
        )

    assert await sender.send(ANNA, TEXT, "k") == SmsRefused(reason="not_set_up")
    assert [one["setting"] for one in logged] == ["ANSWERABLE_CONNECTOR_SMS_KEY"]
    await sender.close()


async def test_the_sandbox_reports_as_twilio_does(sandbox: Sandbox, clock: SettableClock) -> None:
    """That its reports are believed is told where they arrive."""
    sender = sms(sandbox, callback="http://127.0.0.1:1/v1/hooks/bank/sms/status")
    await sender.send(ANNA, TEXT, "cnv_1:4:0")
    await sender.close()
    async with httpx.AsyncClient(base_url=sandbox.url) as http:
        first = (await http.post("/sms/reports")).json()["items"]
        none = (await http.post("/sms/reports")).json()["items"]
        clock.advance(timedelta(seconds=5))
        last = (await http.post("/sms/reports")).json()["items"]

    assert [one["status"] for one in (*first, *none, *last)] == ["queued", "delivered"]
