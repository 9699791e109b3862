"""Reports of text messages: believed when signed, harmless when late or repeated."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from answerable.api.context import ApiSettings
from answerable.connectors.sms.callback import callback_of
from answerable.contacts.sms_store import KnownReport, report_of
from answerable.kit.telemetry import registry
from answerable_sandbox.systems.sms import sign
from tests.support.service import OTHER, SHOP, House, open_house

TOKEN = "the account's auth token"
PUBLIC = f"https://support.shop.example/v1/hooks/{SHOP}/sms/sms-status"  # before a proxy
KEY = "cnv_01JD0000000000000000000000:12:0"
NUMBER = "+491713920001"
SMS = f"  sms: {{type: twilio, url: 'http://sms.example', statusCallback: '{PUBLIC}'}}\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(hook_secrets={"sms": TOKEN, "warehouse": TOKEN})
    house = await open_house(tmp_path / "house.db", settings=settings, integrations=SMS)
    yield house
    await house.close()


def report(status: str, **other: str) -> dict[str, str]:
    return {
        "MessageSid": "SM" + "1" * 32,
        "MessageStatus": status,
        "To": NUMBER,
        "From": "+493023125999",
        "AccountSid": "AC1",
        **other,
    }


async def tell(
    house: House,
    fields: dict[str, str],
    *,
    key: str = KEY,
    token: str = TOKEN,
    signed: dict[str, str] | None = None,
    to: str = f"/v1/hooks/{SHOP}/sms/sms-status",
) -> httpx.Response:
    address = callback_of(PUBLIC, key)
    signature = sign(address, signed or fields, token)
    async with house.client() as gateway:
        return await gateway.post(
            f"{to}?{address.partition('?')[2]}",
            data=fields,
            headers={"X-Twilio-Signature": signature},
        )


async def known(house: House, key: str = KEY) -> KnownReport | None:
    return await house.service.database.read(lambda tx: report_of(tx, SHOP, key), tenant=SHOP)


def counted(outcome: str) -> float:
    labels = {"hook": "sms-status", "outcome": outcome}
    return registry.get_sample_value("answerable_hooks_total", labels) or 0.0


async def test_what_became_of_a_message_is_known_under_the_key_it_was_sent_with(
    house: House,
) -> None:
    for status in ("queued", "sent", "delivered"):
        assert (await tell(house, report(status))).status_code == 204

    found = await known(house)
    assert found is not None
    assert (found.report.status, found.report.message_id) == ("delivered", "SM" + "1" * 32)
    assert found.at == house.clock.now()


async def test_a_message_that_did_not_arrive_says_why(house: House) -> None:
    with capture_logs() as logged:
        await tell(house, report("undelivered", ErrorCode="30003"))

    found = await known(house)
    assert found is not None
    assert found.report.error == "30003"
    assert [(one["event"], one["effect"], one["code"]) for one in logged] == [
        ("sms_not_delivered", KEY, "30003")
    ]
    assert NUMBER[1:-2] not in repr(logged)


async def test_reports_in_any_order_and_number_end_at_the_furthest(house: House) -> None:
    statuses = ["queued", "sent", "delivered"] * 4
    random.Random(7).shuffle(statuses)
    before = counted("taken") + counted("repeated")
    for status in statuses:
        assert (await tell(house, report(status))).status_code == 204

    found = await known(house)
    assert found is not None
    assert found.report.status == "delivered"
    assert counted("taken") + counted("repeated") - before == len(statuses)


@pytest.mark.parametrize(
    "forged",
    [
        {"token": "guessed"},
        {"signed": report("failed")},
        {"to": f"/v1/hooks/{OTHER}/sms/sms-status"},
        {"to": f"/v1/hooks/{SHOP}/warehouse/sms-status"},
        {"to": f"/v1/hooks/{SHOP}/nobody/sms-status"},
        {"to": "/v1/hooks/nobody/sms/sms-status"},
    ],
)
async def test_what_is_not_signed_is_refused_and_counted(
    house: House, forged: dict[str, str]
) -> None:
    before = counted("forged")

    refused = await tell(house, report("delivered"), **forged)  # type: ignore[arg-type]

    assert (refused.status_code, refused.json()["code"]) == (403, "hook_signature_invalid")
    assert counted("forged") == before + 1
    assert await known(house) is None


async def test_without_a_signature_or_with_rubbish_nothing_is_taken(house: House) -> None:
    async with house.client() as stranger:
        for signature in ("", "é", "AAAA", "=" * 10_000):
            answer = await stranger.post(
                f"/v1/hooks/{SHOP}/sms/sms-status?key=x",
                content=b"a=b",
                headers=[(b"X-Twilio-Signature", signature.encode())],
            )
            assert answer.status_code == 403
        rubbish = await stranger.post(f"/v1/hooks/{SHOP}/sms/sms-status", content=b"\xff\xfe")
    assert (rubbish.status_code, rubbish.json()["code"]) == (422, "hook_unreadable")


async def test_a_signed_report_of_nothing_we_know_is_taken_and_dropped(house: House) -> None:
    before = counted("ignored")
    assert (await tell(house, report("teleported"))).status_code == 204
    assert (await tell(house, report("sent"), key="")).status_code == 204

    assert counted("ignored") == before + 2
    assert await known(house) is None


async def test_texts_in_any_writing_may_stand_in_a_report(house: House) -> None:
    assert (await tell(house, report("sent", Body="Straße — 東京 🏦 & ="))).status_code == 204


async def test_who_only_looks_is_told_that_this_is_a_hook_of_ours(house: House) -> None:
    """By this the doctor knows it."""
    async with house.client() as somebody:
        answer = await somebody.get(f"/v1/hooks/{SHOP}/sms/sms-status")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
