"""Whoever floods pages, codes or passwords is told to come again, and keeps nobody waiting."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from answerable.api.context import ApiSettings
from answerable.desk.passwords import COMPUTATIONS, WAITING, Passwords
from tests.support.bank import Bank, open_bank

FLOOD = 1_000
BURST, RATE = ApiSettings.visits_burst, ApiSettings.visits_per_second
MADE_UP = "/c/" + "A" * 32


def coming_from(app: FastAPI, address: str, **options: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", **options)  # type: ignore[arg-type]


async def is_served(bank: Bank, path: str) -> bool:
    """Somebody else's look at their own page."""
    async with coming_from(bank.app, "198.51.100.7") as other:
        answer = await other.get(path)
    return answer.status_code == 200 and "Change your address" in answer.text


@pytest.mark.parametrize("what", ["links", "codes"])
async def test_a_flood_from_one_address_is_shed_and_others_are_served(
    bank: Bank, what: str
) -> None:
    browser = await bank.asks_for_a_code()
    form = {**browser.form("code"), "digits": "000000"}
    await bank.mails(by="ben.okafor@example.com")
    others = await bank.link("ben.okafor@example.com")

    async with coming_from(bank.app, "203.0.113.9", cookies=browser.client.cookies) as flooder:
        asked = (
            (flooder.get(MADE_UP) for _ in range(FLOOD))
            if what == "links"
            else (flooder.post(browser.path, data=form) for _ in range(FLOOD))
        )
        flood = asyncio.ensure_future(asyncio.gather(*asked))
        await asyncio.sleep(0)
        assert await is_served(bank, others)
        answers = await flood

    shed = [answer for answer in answers if answer.status_code == 429]
    assert len(shed) >= FLOOD // 2
    assert {answer.headers["Retry-After"] for answer in shed} == {"1"}
    assert all("set-cookie" not in answer.headers for answer in shed)
    assert await is_served(bank, others)
    if what == "codes":
        assert await bank.requests() == []
        refused = [answer for answer in answers if answer.status_code == 422]
        assert len(refused) == len(answers) - len(shed)


async def test_wrong_passwords_from_everywhere_are_shed_and_others_are_served(
    tmp_path: Path,
) -> None:
    """Each from an address of its own, so that no address has too many; argon2 at its real cost."""
    async with open_bank(tmp_path / "bank.db") as bank:
        passwords = Passwords()
        bank.app.state.api.sessions._passwords = passwords
        await bank.mails()
        others = await bank.link()

        async def tries(number: int) -> httpx.Response:
            body = {"email": f"nobody{number}@example.com", "password": "not this one"}
            async with coming_from(bank.app, f"203.0.113.{number}") as flooder:
                return await flooder.post("/v1/desk/sessions", json=body)

        flood = asyncio.ensure_future(asyncio.gather(*(tries(n) for n in range(200))))
        await asyncio.sleep(0.2)
        assert await is_served(bank, others)
        assert not flood.done()
        answers = await flood
        passwords.close()

    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {401, 429}
    assert statuses[401] <= 2 * (COMPUTATIONS + WAITING)  # some had ended when others came
    shed = [answer for answer in answers if answer.status_code == 429]
    assert {answer.json()["code"] for answer in shed} == {"too_many_sign_ins"}
    assert {answer.headers["Retry-After"] for answer in shed} == {"2"}


async def test_a_password_keeps_one_core_busy() -> None:
    passwords = Passwords()

    hashed = await passwords.hash("a long password")

    passwords.close()
    assert ",p=1$" in hashed
    assert Argon2Hasher().verify("a long password", hashed)
