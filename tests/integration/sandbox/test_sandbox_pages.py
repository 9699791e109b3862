"""The pages: the bank's website and what each system shows."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OctKey

from answerable.kit.testing import SettableClock
from answerable_sandbox.routes.website import bank_pages
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import DEMO_SECRET

POLICY = "content-security-policy"
SYSTEM_PAGES = ["/core", "/crm", "/sms", "/mail", "/mail/journal"]


async def test_the_bank_page_loads_the_chat_and_nothing_inline(http: httpx.AsyncClient) -> None:
    page = await http.get("/bank")
    policy = page.headers["content-security-policy"]

    assert (
        '<script src="http://127.0.0.1:8080/widget/answerable.js" type="module"></script>'
        in page.text
    )
    assert 'key="wk_northwind_demo" endpoint="http://127.0.0.1:8080"' in page.text
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self' http://127.0.0.1:8080;" in policy
    assert "connect-src 'self' http://127.0.0.1:8080 ws://127.0.0.1:8080;" in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
    assert not re.search(r"\s(style|on\w+)=", page.text)


async def test_every_link_of_the_bank_page_is_relative_and_leads_somewhere(
    http: httpx.AsyncClient,
) -> None:
    page = (await http.get("/bank")).text
    links = re.findall(r'(?:href|src)="([^"#]+)"', page)
    own = {link for link in links if not link.startswith("http")}

    assert own >= {"bank/bank.css", "bank/bank.js", "bank/mark.svg", "mail"}
    assert not any(link.startswith("/") for link in own)
    for link in own:
        assert (await http.get(f"/{link}")).status_code == 200


async def test_a_customer_token_says_who_is_signed_in_for_an_hour(
    http: httpx.AsyncClient, clock: SettableClock
) -> None:
    answer = await http.get("/bank/token", params={"customer": "C-1001"})
    token = jwt.decode(answer.json()["token"], OctKey.import_key(DEMO_SECRET), algorithms=["HS256"])

    assert token.claims == {
        "sub": "C-1001",
        "name": "Anna Schmidt",
        "email": "anna.schmidt@example.com",
        "aud": "northwind-bank",
        "iat": int(clock.now().timestamp()),
        "exp": int((clock.now() + timedelta(hours=1)).timestamp()),
    }
    assert answer.headers["cache-control"] == "no-store"
    assert (await http.get("/bank/token?customer=C-9999")).status_code == 404


async def test_the_bank_pages_can_be_served_by_another_server() -> None:
    app = FastAPI()
    pages = bank_pages("http://localhost:8080", "s" * 32, sandbox_url="http://127.0.0.1:8090")
    app.include_router(pages)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as http:
        page = await http.get("/bank")
        files = [await http.get(f"/bank/{name}") for name in ("bank.css", "bank.js")]

    assert 'href="http://127.0.0.1:8090/mail"' in page.text
    assert "content-security-policy" in page.headers
    assert [file.status_code for file in files] == [200, 200]


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080"])
async def test_the_chat_of_the_same_server_is_found_under_any_name(host: str) -> None:
    app = FastAPI()
    app.include_router(bank_pages("", "s" * 32))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
        page = await http.get("/bank")
        forged = await http.get("/bank", headers={"Host": "x; script-src *"})

    assert '<script src="widget/answerable.js" type="module">' in page.text
    assert f"connect-src 'self' http://{host} ws://{host};" in page.headers[POLICY]
    assert "*" not in forged.headers[POLICY]


@pytest.mark.parametrize("path", SYSTEM_PAGES)
async def test_a_system_that_received_nothing_says_so(http: httpx.AsyncClient, path: str) -> None:
    page = await http.get(path)

    assert page.status_code == 200
    assert 'class="empty"' in page.text


async def test_what_a_system_received_is_shown_with_its_key_and_escaped(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    script = "<script>alert(1)</script>"
    await http.post(
        "/core/cards/CARD-5001/block",
        json={"reason": script},
        headers={"Idempotency-Key": script},
    )
    await http.post(
        "/sms/2010-04-01/Accounts/AC1/Messages.json",
        data={"To": "+491713920001", "From": script, "Body": script},
        auth=("AC1", "sandbox"),
    )
    await http.post(
        "/crm/services/data/v61.0/sobjects/Case",
        json={"Subject": script},
        headers={"Authorization": f"Bearer {sandbox.world.crm_sessions.issue()}"},
    )
    await http.post("/faults", json={"system": "core", "mode": "fail", "path": script})

    for path in ("/", "/core", "/sms", "/crm"):
        page = (await http.get(path)).text
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)" in page


async def test_the_journal_can_be_emptied(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    await http.post("/core/cards/CARD-5001/block", json={})

    assert (await http.delete("/journal")).status_code == 204
    assert (await http.get("/journal?kind=all")).json() == {"items": []}


async def test_the_banks_page_shows_what_each_customers_app_shows(
    http: httpx.AsyncClient, clock: SettableClock, sandbox: Sandbox
) -> None:
    shown = sandbox.world.bank.shown_by_apps()
    page = (await http.get("/core")).text

    assert all(f"<td>{digits}</td>" in page for digits in shown.values())
    assert page.count("<td>no app</td>") == 1
    clock.advance(timedelta(seconds=30))
    assert shown["C-1001"] not in (await http.get("/core")).text
