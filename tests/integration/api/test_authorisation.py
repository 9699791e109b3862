"""Every live route × who asks × whose conversation it is. A route that is not listed fails."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, WebSocketRoute

from answerable.api.access import Requires
from answerable.api.context import ApiSettings
from answerable.desk.agent import Role
from answerable.desk.permission import PERMITTED, Permission
from answerable.kit.ids import TenantId
from answerable.ledger.reading import read_feed
from tests.support.service import OTHER, SHOP, House, open_house

WHO = ("nobody", "contact", "agent", "supervisor", "administrator", "suspended", "expired")
WHOSE = ("own", "other", "nobodys")
ROLES = {"agent": Role.AGENT, "supervisor": Role.SUPERVISOR, "administrator": Role.ADMINISTRATOR}
BODIES: dict[str, Any] = {
    "/v1/customer/sessions": {"key": "wk_nobody"},
    "/v1/desk/sessions": {"email": "nobody@shop.example", "password": "wrong"},
    "/v1/desk/agents": {
        "name": "New", "email": "new@shop.example", "role": "agent", "teams": [], "password": "x"
    },
    "/v1/desk/agents/{id}/known-as": {"names": ["C-1001"]},
    "/v1/desk/search": {"query": "parcel"},
    "/v1/desk/approvals/{id}/approve": {"commitment": "0" * 64},
    "/v1/desk/approvals/{id}/refuse": {"commitment": "0" * 64, "reason": "no"},
    "/v1/desk/conversations/{id}/replies": {"text": "Hello", "version": 1_000},
    "/v1/desk/conversations/{id}/hand-off": {"team": "money"},
    "/v1/desk/conversations/{id}/labels": {"message": 1, "intents": []},
}  # fmt: skip
# A public route's own refusals, where nobody's identity is in question.
OPEN_REFUSALS = {
    "/v1/desk/sessions": {401, 429},
    "/v1/customer/sessions": {404},
    "/metrics": {403},
    "/v1/hooks/{tenant}/{integration}/sms-status": {403},
    "/v1/hooks/{tenant}/{integration}/cases": {403},
}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    permission: Permission


def required(dependant: Dependant) -> Iterator[Permission]:
    if isinstance(dependant.call, Requires):
        yield dependant.call.permission
    for inner in dependant.dependencies:
        yield from required(inner)


def permissions_of(route: BaseRoute) -> set[Permission]:
    if isinstance(route, APIRoute):
        return set(required(route.dependant))
    if isinstance(route, WebSocketRoute):
        return {route.endpoint.requires.permission}
    raise AssertionError(f"a kind of route that this test does not know: {route!r}")


def operations(house: House) -> list[Operation]:
    found: list[Operation] = []
    for route in house.app.routes:
        [permission] = permissions_of(route)
        if isinstance(route, APIRoute):
            found += [Operation(method, route.path, permission) for method in route.methods]
    return found


async def test_every_route_declares_exactly_one_permission(tmp_path: Path) -> None:
    house = await open_house(tmp_path / "house.db")
    for route in house.app.routes:
        assert len(permissions_of(route)) == 1, route
    every = {permission for route in house.app.routes for permission in permissions_of(route)}
    assert every == set(Permission)
    await house.close()


async def test_a_route_without_a_permission_is_noticed(tmp_path: Path) -> None:
    house = await open_house(tmp_path / "house.db")

    @house.app.get("/forgotten")
    async def forgotten() -> None: ...

    assert [r.path for r in house.app.routes if not permissions_of(r)] == ["/forgotten"]  # type: ignore[attr-defined]
    await house.close()


async def asking(house: House, who: str) -> httpx.AsyncClient:
    """A client with exactly the credential that its name says."""
    match who:
        case "nobody":
            return house.client()
        case "contact":
            client = house.client()
            opened = await client.post("/v1/customer/sessions", json={"key": "wk_corner_shop"})
            client.headers["Authorization"] = f"Bearer {opened.json()['session']}"
            client.cookies.set("answerable_session", opened.json()["session"])
            client.headers["X-CSRF-Token"] = opened.json()["session"]
            return client
        case "suspended":
            client = await house.signed_in("colleague")
            await house.api.agents.suspend(SHOP, house.people["colleague"].id)
            return client
        case "expired":
            client = await house.signed_in("agent")
            token = client.cookies["answerable_session"]
            identity = await house.api.sessions.find(token)
            assert identity is not None
            await house.api.sessions.close(token, identity)
            return client
        case _:
            return await house.signed_in(who)


def expected(operation: Operation, who: str, whose: str) -> set[int]:
    """Statuses that may be answered. The matrix is derived from the one table of permissions."""
    permitted = PERMITTED[operation.permission]
    if "anonymous" in permitted:
        refusal = OPEN_REFUSALS.get(operation.path)
        return refusal if refusal else {200, 307, 404}
    if who not in ROLES:
        return {401}
    if ROLES[who] not in permitted:
        return {403}
    if whose != "own" and "{id}" in operation.path:
        return {404, 422} if operation.method == "POST" else {404}
    return {200, 201, 204, 404, 409, 422}


async def test_the_matrix_of_routes_roles_and_tenants_holds(tmp_path: Path) -> None:
    house = await open_house(tmp_path / "matrix.db", settings=ApiSettings(metrics_token="secret"))
    ids = {
        "own": (await house.says("hours", tenant=SHOP)).conversation,
        "other": (await house.says("hours", tenant=OTHER)).conversation,
        "nobodys": "cnv_nobodys",
    }
    people = {
        "own": house.people["supervisor"].id,
        "other": house.people["stranger"].id,
        "nobodys": "agt_nobody",
    }
    before = await everything_of(house, OTHER)
    routes = [o for o in operations(house) if o.path != "/v1/desk/sessions/current"]
    checks = 0
    for who in WHO:
        client = await asking(house, who)
        for operation, whose in itertools.product(routes, WHOSE):
            named = people if "/agents/" in operation.path else ids
            path = operation.path.replace("{id}", named[whose]).replace("{path:path}", "x")
            path = path.replace("{field}", "document")
            for variant in variants(path, operation, ids["other"]):
                response = await client.request(operation.method, **variant)
                allowed = expected(operation, who, whose)
                assert response.status_code in allowed, (who, whose, operation, response.text)
                assert str(ids["other"]) not in response.text
                checks += 1
        await client.aclose()
    assert checks >= 3_000
    assert await everything_of(house, OTHER) == before
    await house.close()


def variants(path: str, operation: Operation, other: str) -> list[dict[str, Any]]:
    """The same request, naming the other tenant and its conversation wherever it can."""
    body = BODIES.get(operation.path)
    plain: dict[str, Any] = {"url": path, "json": body}
    asked = [
        plain,
        {**plain, "params": {"tenant": OTHER, "conversation": other, "id": other}},
        {**plain, "headers": {"X-Tenant": OTHER, "X-Forwarded-User": "stranger@shop.example"}},
        {**plain, "headers": {"Idempotency-Key": f"{other}-{path}"[:255]}},
        {**plain, "headers": {"Host": f"{OTHER}.example"}},
    ]
    if operation.method == "POST" and operation.path.startswith("/v1/desk/conversations"):
        asked.append({**plain, "json": {**(body or {}), "tenant": OTHER, "conversation": other}})
    return asked


async def everything_of(house: House, tenant: str) -> list[Any]:
    """The tenant's ledger: nothing that others do may add to it."""
    feed = await house.service.database.read(
        lambda tx: read_feed(tx, TenantId(tenant), after=0, limit=10_000)
    )
    return [(event.stream, event.seq, event.hash) for event in feed]


async def test_signing_out_is_permitted_to_whoever_is_signed_in(house: House) -> None:
    for who in ("agent", "supervisor", "administrator"):
        client = await house.signed_in(who)
        assert (await client.get("/v1/desk/sessions/current")).status_code == 200
        assert (await client.delete("/v1/desk/sessions/current")).status_code == 204
        assert (await client.get("/v1/desk/sessions/current")).status_code == 401
        await client.aclose()


async def test_lists_hold_only_what_is_ones_own(house: House) -> None:
    own = (await house.says("hours", by="vis_own", tenant=SHOP)).conversation
    other = (await house.says("hours", by="vis_other", tenant=OTHER)).conversation
    for who, visible, hidden in (("administrator", own, other), ("stranger", other, own)):
        client = await house.signed_in(who)
        for view in ("queue", "mine", "assistant", "all", "closed"):
            listed = await client.get("/v1/desk/conversations", params={"view": view})
            assert hidden not in listed.text
        assert visible in (await client.get("/v1/desk/conversations?view=all")).text
        agents = await client.get("/v1/desk/agents")
        assert ("stranger@" in agents.text) == (who == "stranger")
        await client.aclose()


async def test_a_cursor_of_another_tenant_opens_nothing(house: House) -> None:
    for n in range(3):
        await house.says("hours", by=f"vis_cursor_{n}", tenant=SHOP)
    insider, stranger = await house.signed_in("agent"), await house.signed_in("stranger")
    page = await insider.get("/v1/desk/conversations?view=all&limit=1")
    ids = {item["id"] for item in page.json()["items"]}

    answer = await stranger.get(
        "/v1/desk/conversations", params={"view": "all", "after": page.json()["next"]}
    )

    assert answer.status_code == 200
    assert not ids & {item["id"] for item in answer.json()["items"]}
    assert all(item["inbox"] == "chat" for item in answer.json()["items"])
    await insider.aclose()
    await stranger.aclose()
