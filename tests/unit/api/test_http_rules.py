"""What holds for every answer: sizes, headers, origins, problems."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from answerable.api.context import ApiSettings
from tests.support.service import (
    ORIGIN,
    SECRET,
    SHOP_KEY,
    House,
    customer_token,
    open_house,
)

OPEN = "/v1/customer/sessions"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(secrets={"SHOP_SECRET": SECRET}, metrics_token="the token")
    house = await open_house(tmp_path / "house.db", settings=settings)
    yield house
    await house.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/nowhere"), ("POST", OPEN), ("GET", "/openapi.json"), ("PUT", OPEN),
     ("GET", "/healthz"), ("GET", "/docs"), ("OPTIONS", OPEN), ("GET", "/v1/desk/overview")],
)  # fmt: skip
async def test_every_answer_has_the_security_headers(house: House, method: str, path: str) -> None:
    headers = (await house.client().request(method, path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "strict-transport-security" not in headers
    assert "server" not in headers


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 65_536


async def test_a_large_body_is_refused_told_or_untold(house: House) -> None:
    client = house.client(headers={"Content-Type": "application/json"})
    told = await client.post(OPEN, content=b"x" * (256 * 1024 + 1))
    untold = await client.post(OPEN, content=chunks(5))
    assert (told.status_code, told.json()["code"]) == (413, "body_too_large")
    assert (untold.status_code, untold.json()["code"]) == (413, "body_too_large")


BAD: dict[str, bytes] = {
    "no JSON": b"secret-word",
    "a list": b'["secret-word"]',
    "an unknown field": b'{"key":"k","secret-field":"secret-word"}',
    "a wrong type": b'{"key":["secret-word"]}',
    "too long": b'{"key":"' + b"secret-word" * 100 + b'"}',
    "deep": b"[" * 100_000,
    "no text": b"\xff\xfe",
    "half a character": b'{"key":"\\ud800"}',
    "a huge number": b'{"key":' + b"9" * 10_000 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BAD)
async def test_a_body_that_does_not_fit_is_not_repeated(house: House, name: str) -> None:
    response = await house.client().post(
        OPEN, content=BAD[name], headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret-word" not in response.text
    problem: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "code"} <= set(problem)


async def test_only_pages_of_an_inbox_may_open_sessions(house: House) -> None:
    client = house.client()
    allowed = await client.post(OPEN, json={"key": SHOP_KEY}, headers={"Origin": ORIGIN})
    assert allowed.status_code == 201
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    foreign = await client.post(
        OPEN, json={"key": SHOP_KEY}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.json()["code"] == "origin_not_allowed"
    assert "access-control-allow-origin" not in foreign.headers
    preflight = await client.options(OPEN, headers={"Origin": ORIGIN})
    assert preflight.status_code == 204
    assert "access-control-allow-credentials" not in preflight.headers
    desk = await client.get("/v1/desk/overview", headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in desk.headers


async def test_a_visitor_resumes_and_a_customer_is_known(house: House) -> None:
    client = house.client()
    first = (await client.post(OPEN, json={"key": SHOP_KEY})).json()
    again = (await client.post(OPEN, json={"key": SHOP_KEY, "session": first["session"]})).json()
    assert again["session"] == first["session"]
    token = customer_token(house)
    known = (await client.post(OPEN, json={"key": SHOP_KEY, "token": token})).json()
    assert known["contact"] == {"name": "Anna", "proof": "signed-in"}
    refused = await client.post(OPEN, json={"key": SHOP_KEY, "token": token + "x"})
    assert (refused.status_code, refused.json()["code"]) == (401, "customer_token_invalid")


async def test_sessions_from_one_address_are_limited(tmp_path: Path) -> None:
    settings = ApiSettings(sessions_per_second=0.001, sessions_burst=3)
    house = await open_house(tmp_path / "limited.db", settings=settings)
    client = house.client()
    answers = [await client.post(OPEN, json={"key": SHOP_KEY}) for _ in range(4)]
    assert [a.status_code for a in answers] == [201, 201, 201, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["retry_after_seconds"] >= 1
    await house.close()


async def test_a_body_nested_too_deep_is_refused(house: House) -> None:
    client = house.client(headers={"Content-Type": "application/json"})
    answer = await client.post(OPEN, content=b"[" * 200_000)
    assert answer.status_code in (400, 422)


async def test_when_there_is_too_much_to_do_customers_are_told_when_to_come_again(
    house: House,
) -> None:
    agent = await house.signed_in()
    await house.fills_up()
    client = house.client()
    commits = house.service.database.commits

    refused = await client.post(OPEN, json={"key": SHOP_KEY})
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert house.service.database.commits == commits

    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).json() == {"status": "ok"}
    assert (await agent.get("/v1/desk/conversations")).status_code == 200
    await house.service.settle()
    await house.service.admission.measure()
    assert (await client.post(OPEN, json={"key": SHOP_KEY})).status_code == 201


async def test_metrics_are_for_whoever_has_the_token(house: House) -> None:
    client = house.client()
    assert (await client.get("/metrics")).status_code == 403
    wrong = await client.get("/metrics", headers={"Authorization": "Bearer é".encode()})
    assert wrong.status_code == 403
    right = await client.get("/metrics", headers={"Authorization": "Bearer the token"})
    assert "answerable_" in right.text


async def test_ready_means_that_the_database_commits(house: House) -> None:
    client = house.client()
    assert (await client.get("/readyz")).json() == {"status": "ok"}
    await house.service.database.close()
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).status_code == 200


async def test_secrets_do_not_show_in_settings() -> None:
    shown = repr(ApiSettings(secrets={"A": "s3cret"}, metrics_token="s3cret"))
    assert "s3cret" not in shown
