"""Routes that are answered without FastAPI's machinery answer what it would answer."""

from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from answerable.api.access import Open
from answerable.api.errors import add_error_handlers
from answerable.api.plain_route import PlainRoute
from answerable.desk.permission import Permission
from answerable.kit.errors import NotFound

opened = Depends(Open(Permission.PUBLIC))
for_contacts = Depends(Open(Permission.CHAT))


class Echo(BaseModel):
    id: str
    view: str
    after: int | None
    text: str


def application(kind: type[APIRoute]) -> FastAPI:
    router = APIRouter(route_class=kind)

    @router.get("/things/{id}")
    async def thing(
        thing_id: Annotated[str, Path(alias="id", pattern=r"^[a-z]{1,5}$")],
        request: Request,
        _: Annotated[None, opened],
        view: Annotated[Literal["queue", "mine"], Query()] = "queue",
        after: Annotated[int | None, Query(ge=0)] = None,
        text: Annotated[str, Query(max_length=5)] = "",
    ) -> Echo:
        if thing_id == "none":
            raise NotFound("not_found", "There is no such thing here.")
        return Echo(id=thing_id, view=view, after=after, text=text)

    @router.get("/bytes")
    async def as_bytes(_: Annotated[None, opened]) -> Response:
        return Response(b"as they are", 202)

    @router.get("/refused/{number}")
    async def refused(number: int, _: Annotated[None, for_contacts]) -> Echo:
        raise AssertionError

    @router.get("/more")
    async def more(_: Annotated[None, opened], seen: Annotated[str, Header()] = "") -> str:
        return seen

    app = FastAPI()
    add_error_handlers(app)
    app.router.routes.extend(router.routes)
    return app


@pytest.mark.parametrize(
    "path",
    [
        "/things/one",
        "/things/one?view=mine&after=7&text=said",
        "/things/one?after=",
        "/things/one?text=&text=a%20b",
        "/things/one?text=%C3%A4&unknown=1",
        "/things/one?view=other&after=-1&text=too-long",
        "/things/ONE?after=x",
        "/things/none",
        "/bytes",
        "/refused/1",
        "/refused/not-a-number",
        "/more",
        "/nowhere",
    ],
)
async def test_a_plain_route_answers_as_the_framework_would(path: str) -> None:
    answers: list[Any] = []
    for kind in (APIRoute, PlainRoute):
        transport = httpx.ASGITransport(app=application(kind))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            answer = await client.get(path, headers={"seen": "yes"})
            answers.append((answer.status_code, answer.headers, answer.content))

    assert answers[0] == answers[1]


def test_what_declares_more_is_left_to_the_framework() -> None:
    plain = {
        route.path: route.app == route._answer
        for route in application(PlainRoute).routes
        if isinstance(route, PlainRoute)
    }
    assert plain == {
        "/things/{id}": True,
        "/bytes": True,
        "/refused/{number}": True,
        "/more": False,
    }


def test_the_documents_do_not_tell_them_apart() -> None:
    assert application(PlainRoute).openapi() == application(APIRoute).openapi()
