"""Agents at work, over HTTP."""

import asyncio
from typing import Any

import pytest

from answerable.kit.errors import NotFound
from tests.support.searching import indexed
from tests.support.service import PASSWORD, SHOP, House, sign_in

COOKIE = "answerable_session"


async def only(client: Any, view: str = "all") -> dict[str, Any]:
    response = await client.get("/v1/desk/conversations", params={"view": view})
    [item] = response.json()["items"]
    return dict(item)


async def test_the_cookie_is_for_our_pages_only(house: House) -> None:
    client = house.client()
    body = {"email": "agent@shop.example", "password": PASSWORD}
    local = await client.post("/v1/desk/sessions", json=body)
    public = await client.post(
        "/v1/desk/sessions", json=body, headers={"Host": "desk.bank.example"}
    )

    cookie = local.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/v1/desk" in cookie
    assert "Secure" not in cookie
    assert "Secure" in public.headers["set-cookie"]
    assert local.json()["agent"]["tenant"] == {"id": SHOP, "name": "Corner Shop"}
    assert local.cookies[COOKIE] not in local.text


async def test_signing_in_makes_a_new_session_and_ends_the_planted_one(house: House) -> None:
    attacker = await house.signed_in("colleague")
    planted = attacker.cookies[COOKIE]
    victim = house.client(cookies={COOKIE: planted})

    await sign_in(victim)

    assert planted not in [cookie.value for cookie in victim.cookies.jar if cookie.path != "/"]
    assert (await attacker.get("/v1/desk/sessions/current")).status_code == 401


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
async def test_without_the_sessions_csrf_token_nothing_changes(
    house: House, token: str | None
) -> None:
    conversation = (await house.says("fraud")).conversation
    client = await house.signed_in()
    del client.headers["X-CSRF-Token"]
    headers = {} if token is None else {"X-CSRF-Token": token.encode()}

    for path in ("take-over", "release", "replies", "hand-off", "close", "reopen"):
        response = await client.post(
            f"/v1/desk/conversations/{conversation}/{path}",
            json={"text": "x", "version": 1} if path == "replies" else {"team": "money"}
            if path == "hand-off" else {},
            headers=headers,
        )  # fmt: skip
        assert (response.status_code, response.json()["code"]) == (403, "csrf_token_missing")
    gone = await client.delete("/v1/desk/sessions/current", headers=headers)
    assert gone.status_code == 403


async def test_another_sessions_csrf_token_does_not_fit(house: House) -> None:
    conversation = (await house.says("fraud")).conversation
    one, two = await house.signed_in(), await house.signed_in()
    response = await one.post(
        f"/v1/desk/conversations/{conversation}/take-over",
        headers={"X-CSRF-Token": two.headers["X-CSRF-Token"]},
    )
    assert response.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:81"])
async def test_a_foreign_page_changes_nothing_even_with_the_token(
    house: House, origin: str
) -> None:
    conversation = (await house.says("fraud")).conversation
    client = await house.signed_in()
    response = await client.post(
        f"/v1/desk/conversations/{conversation}/take-over", headers={"Origin": origin}
    )
    assert (response.status_code, response.json()["code"]) == (403, "origin_not_allowed")
    foreign = await house.client().post(
        "/v1/desk/sessions",
        json={"email": "agent@shop.example", "password": PASSWORD},
        headers={"Origin": origin},
    )
    assert foreign.status_code == 403


async def test_a_form_of_a_foreign_page_is_no_request(house: House) -> None:
    response = await house.client().post(
        "/v1/desk/sessions",
        content=f'{{"email":"agent@shop.example","password":"{PASSWORD}"}}',
        headers={"Content-Type": "text/plain"},
    )
    assert response.status_code == 422


async def test_an_agent_takes_over_answers_and_closes(house: House) -> None:
    await house.says("my IBAN is DE89370400440532013000, is this fraud")
    sam, kim = await house.signed_in("agent"), await house.signed_in("colleague")
    item = await only(sam, "queue")
    path = f"/v1/desk/conversations/{item['id']}"
    assert item["owner"] == {"kind": "queue", "id": "security", "name": "Security"}
    assert item["priority"] == "urgent"
    assert "DE8937" not in str(item)

    detail = (await sam.get(path)).json()
    assert detail["briefing"]["intents"][0]["name"] == "fraud"
    assert detail["reasons"]
    taken = await sam.post(f"{path}/take-over")
    assert taken.status_code == 200
    await house.service.settle()
    refused = await kim.post(f"{path}/take-over", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "owned_by_other")
    version = (await sam.get(path)).json()["version"]
    replied = await sam.post(f"{path}/replies", json={"text": "We look.", "version": version})
    assert replied.status_code == 200
    await house.service.settle()
    messages = (await sam.get(f"{path}/messages")).json()["items"]
    assert [m["author"] for m in messages if m["kind"] == "message"][-1] == "agent"
    assert [m["name"] for m in messages if m["author"] == "agent"] == ["Agent"]
    assert "<iban:1>" in messages[0]["text"]
    assert (await sam.get("/v1/desk/overview")).json()["counts"]["mine"] == 1
    assert (await sam.post(f"{path}/close", json={"resolution": "answered"})).status_code == 200
    await house.service.settle()
    assert (await only(sam, "closed"))["id"] == item["id"]
    titles = [e["title"] for e in (await sam.get(f"{path}/events")).json()["items"]]
    assert "Agent took over." in titles
    assert all(title.endswith(".") and "\n" not in title for title in titles)


async def test_an_agent_does_not_answer_blind(house: House) -> None:
    await house.says("fraud")
    sam = await house.signed_in()
    path = f"/v1/desk/conversations/{(await only(sam))['id']}"
    await sam.post(f"{path}/take-over")
    await house.service.settle()
    version = (await sam.get(path)).json()["version"]
    await house.says("wait, it was me")

    blind = await sam.post(f"{path}/replies", json={"text": "Blocked.", "version": version})

    assert (blind.status_code, blind.json()["code"]) == (409, "conversation_changed")


async def test_only_supervisors_take_from_a_colleague(house: House) -> None:
    await house.says("fraud")
    sam, kim = await house.signed_in("agent"), await house.signed_in("colleague")
    boss = await house.signed_in("supervisor")
    path = f"/v1/desk/conversations/{(await only(sam))['id']}/take-over"
    assert (await sam.post(path)).status_code == 200
    assert (await kim.post(path, json={"force": True})).status_code == 403
    assert (await boss.post(path)).status_code == 409
    assert (await boss.post(path, json={"force": True})).status_code == 200


async def test_the_same_key_is_carried_out_once(house: House) -> None:
    await house.says("fraud")
    sam, kim = await house.signed_in("agent"), await house.signed_in("colleague")
    path = f"/v1/desk/conversations/{(await only(sam))['id']}"
    key = {"Idempotency-Key": "take-1"}
    answers = [await sam.post(f"{path}/take-over", headers=key) for _ in range(3)]
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    other_body = await sam.post(f"{path}/take-over", json={"force": False}, headers=key)
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    other_path = await sam.post(f"{path}/release", headers=key)
    assert other_path.json()["code"] == "idempotency_key_reused"
    of_kim = await kim.post(f"{path}/take-over", headers=key)
    assert of_kim.json()["code"] == "owned_by_other"  # the key of one agent is not another's
    again = await kim.post(f"{path}/take-over", headers=key)
    assert (again.status_code, again.json()) == (409, of_kim.json())


async def test_many_at_once_with_one_key_reply_once(house: House) -> None:
    await house.says("fraud")
    sam = await house.signed_in()
    path = f"/v1/desk/conversations/{(await only(sam))['id']}"
    await sam.post(f"{path}/take-over")
    await house.service.settle()
    body = {"text": "Hello", "version": (await sam.get(path)).json()["version"]}

    answers = await asyncio.gather(
        *(
            sam.post(f"{path}/replies", json=body, headers={"Idempotency-Key": "reply-1"})
            for _ in range(10)
        )
    )

    await house.service.settle()
    codes = {a.json().get("code", "") for a in answers}
    assert codes <= {"", "request_in_flight"}
    messages = (await sam.get(f"{path}/messages")).json()["items"]
    assert [m["text"] for m in messages].count("Hello") == 1


async def test_an_answer_that_means_later_is_not_kept(house: House) -> None:
    await house.says("fraud")
    sam = await house.signed_in()
    path = f"/v1/desk/conversations/{(await only(sam))['id']}/take-over"
    act, service = house.service.act, house.service

    async def broken(act: Any) -> Any:
        raise ZeroDivisionError("Anna's secret")

    key = {"Idempotency-Key": "take-1"}
    service.act = broken  # type: ignore[method-assign]
    failed = await sam.post(path, headers=key)
    service.act = act  # type: ignore[method-assign]
    assert failed.status_code == 500
    assert failed.json()["code"] == "internal_error"
    assert "secret" not in failed.text
    assert failed.headers["x-content-type-options"] == "nosniff"
    assert (await sam.post(path, headers=key)).status_code == 200


async def test_administrators_create_suspend_and_resume(house: House) -> None:
    admin = await house.signed_in("administrator")
    new = {
        "name": "Nia", "email": "Nia@shop.example", "role": "agent",
        "teams": ["money"], "password": "another long secret",
    }  # fmt: skip
    created = await admin.post("/v1/desk/agents", json=new)
    assert created.status_code == 201
    assert "secret" not in created.text
    assert (await admin.post("/v1/desk/agents", json=new)).json()["code"] == "email_taken"
    unknown = await admin.post(
        "/v1/desk/agents", json={**new, "email": "a@b.example", "teams": ["nobody"]}
    )
    assert unknown.json()["code"] == "unknown_team"
    nia = house.client()
    body = {"email": "nia@shop.example", "password": "another long secret"}
    assert (await nia.post("/v1/desk/sessions", json=body)).status_code == 200
    path = f"/v1/desk/agents/{created.json()['id']}"
    assert (await admin.post(f"{path}/suspend")).json()["suspended"] is True
    assert (await nia.get("/v1/desk/overview")).status_code == 401
    assert (await admin.post(f"{path}/resume")).json()["suspended"] is False
    assert (await nia.get("/v1/desk/overview")).status_code == 401
    own = f"/v1/desk/agents/{house.people['administrator'].id}/suspend"
    assert (await admin.post(own)).json()["code"] == "own_account"
    listed = (await admin.get("/v1/desk/agents?limit=2")).json()
    rest = (await admin.get(f"/v1/desk/agents?after={listed['next']}")).json()
    assert len(listed["items"]) == 2
    assert "nia@shop.example" in str(rest)


async def test_pages_of_the_inbox_have_no_gap_and_no_double(house: House) -> None:
    made = [(await house.says("hours", by=f"vis_{n}")).conversation for n in range(23)]
    sam = await house.signed_in()
    seen: list[str] = []
    after: str | None = None
    while True:
        params = {"view": "all", "limit": "5", **({"after": after} if after else {})}
        page = (await sam.get("/v1/desk/conversations", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 23
    assert set(seen) == set(made)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "=",
        "bnVsbA",
        "WzFd",
        "W10",
        "é",
        "A" * 200,
        "WzEsIi4uLyJd",
        "Wy0xLCJhIl0",
        "WzFlOTksImEiXQ",
        "WyIxIiwiYSJd",
        "W3RydWUsImEiXQ",
    ],
)
async def test_what_is_no_cursor_is_refused(house: House, cursor: str) -> None:
    sam = await house.signed_in()
    response = await sam.get("/v1/desk/conversations", params={"after": cursor})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_cursor")


async def test_messages_and_events_come_in_pages(house: House) -> None:
    conversation = (await house.says("hours")).conversation
    for _ in range(4):
        await house.says("hours")
    sam = await house.signed_in()
    for what in ("messages", "events"):
        path = f"/v1/desk/conversations/{conversation}/{what}"
        whole = [one["seq"] for one in (await sam.get(path)).json()["items"]]
        seen: list[int] = []
        after = 0
        while after is not None:
            page = (await sam.get(path, params={"after": after, "limit": 3})).json()
            seen += [one["seq"] for one in page["items"]]
            after = page["next"]
        assert seen == whole == sorted(set(whole))


async def test_an_erased_contact_stays_a_row_without_words(house: House) -> None:
    conversation = (await house.says("my secret is fraud")).conversation
    sam = await house.signed_in()
    contact = (await only(sam))["contact"]["id"]
    await house.service.database.write(
        lambda tx: house.service.vault.erase(tx, tenant=SHOP, contact_id=contact)
    )
    for path in ("", "/messages", "/events"):
        answer = await sam.get(f"/v1/desk/conversations/{conversation}{path}")
        assert answer.status_code == 200
        assert "secret" not in answer.text
    assert (await only(sam))["snippet"] == "(erased)"


async def test_a_definition_that_is_gone_is_no_crash(house: House) -> None:
    with pytest.raises(NotFound):
        house.service.definitions.active("nobody")  # type: ignore[arg-type]


async def test_agents_find_conversations_by_what_was_said(house: House) -> None:
    said = await house.says("fraud! My kettle came broken, says anna@example.com")
    await house.says("fraud", by="vis_2")
    await indexed(house.service)
    client = await house.signed_in()

    page = (await client.post("/v1/desk/search", json={"query": "broken kettles"})).json()

    [hit] = page["items"]
    assert hit["conversation"]["id"] == said.conversation
    assert "".join(part["text"] for part in hit["excerpt"]["parts"]) == (
        "fraud! My kettle came broken, says <email:1>"
    )
    assert [p["text"] for p in hit["excerpt"]["parts"] if p["marked"]] == ["kettle", "broken"]
    assert (page["next"], page["left_out"]) == (None, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": 7},
        {"query": "x" * 201},
        {"query": "x", "after": "soon"},
        {"query": "x", "after": "9" * 19},
        {"query": "x", "limit": 0},
        {"query": "x", "tenant": "other-shop"},
    ],
)
async def test_what_is_no_search_is_refused(house: House, body: dict[str, Any]) -> None:
    client = await house.signed_in()
    response = await client.post("/v1/desk/search", json=body)
    assert response.status_code == 422, response.text


@pytest.mark.parametrize("query", ["", "  ", "?!", "<iban:1>", "\u0000", "the", "\U0001f600", "%_"])
async def test_a_search_without_words_finds_nothing(house: House, query: str) -> None:
    await house.says("fraud")
    await indexed(house.service)
    client = await house.signed_in()
    response = await client.post("/v1/desk/search", json={"query": query})
    assert (response.status_code, response.json()["items"]) == (200, [])
