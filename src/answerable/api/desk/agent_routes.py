"""Agents, teams, and the intents that both deal with."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse

from answerable.api.access import ByAgent, Caller, api_of
from answerable.api.desk.shapes import (
    IntentTitle,
    IntentTitles,
    KnownAs,
    NewPerson,
    People,
    Person,
    Teams,
    TeamShape,
)
from answerable.api.errors import problem_responses
from answerable.api.idempotency import Once, once
from answerable.api.plain_route import PlainRoute
from answerable.contacts.store import lookups_of
from answerable.desk.agent import Agent
from answerable.desk.agent_store import read_agents
from answerable.desk.permission import Permission
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import AgentId

router = APIRouter(route_class=PlainRoute, prefix="/v1/desk", tags=["agents"])
_read_teams = ByAgent(Permission.READ_TEAMS)
_read_intents = ByAgent(Permission.READ_INTENTS)
_read = ByAgent(Permission.READ_AGENTS)
_manage = ByAgent(Permission.MANAGE_AGENTS)

Id = Annotated[str, Path(alias="id", pattern=r"^[A-Za-z0-9_]{1,64}$")]


@router.get("/teams", operation_id="teams", summary="Teams", responses=problem_responses(401, 403))
async def teams(request: Request, caller: Annotated[Caller, Depends(_read_teams)]) -> Teams:
    definition = api_of(request).service.definitions.active(caller.tenant)
    return Teams(
        items=[TeamShape(name=team.name, title=team.title) for team in definition.teams.values()]
    )


@router.get(
    "/intents", operation_id="intents", summary="Intents", responses=problem_responses(401, 403)
)
async def intents(
    request: Request, caller: Annotated[Caller, Depends(_read_intents)]
) -> IntentTitles:
    """Those that a message can be labelled with."""
    definition = api_of(request).service.definitions.active(caller.tenant)
    return IntentTitles(
        items=[IntentTitle(name=one.name, title=one.title) for one in definition.intents.values()]
    )


@router.get(
    "/agents",
    operation_id="agents",
    summary="Agents",
    responses=problem_responses(401, 403, 422),
)
async def agents(
    request: Request,
    caller: Annotated[Caller, Depends(_read)],
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_]{0,64}$")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> People:
    found = await api_of(request).service.database.read(
        lambda tx: read_agents(tx, caller.tenant, after=after, limit=limit),
        tenant=caller.tenant,
    )
    return People(
        items=[_person(agent) for agent in found],
        next=found[-1].id if len(found) == limit else None,
    )


@router.post(
    "/agents",
    status_code=201,
    response_model=Person,
    operation_id="create_agent",
    summary="Create an agent",
    responses=problem_responses(401, 403, 409, 413, 422, 429),
)
async def create_agent(
    asked: NewPerson,
    request: Request,
    caller: Annotated[Caller, Depends(_manage)],
    once: Annotated[Once, Depends(once)],
) -> JSONResponse:
    api = api_of(request)
    known = api.service.definitions.active(caller.tenant).teams

    async def create() -> Person:
        unknown = [team for team in asked.teams if team not in known]
        if unknown:
            raise InvalidInput("unknown_team", "One of the teams is not in the definition.")
        agent = await api.agents.create(
            caller.tenant,
            name=asked.name,
            email=asked.email,
            password=asked.password,
            role=asked.role,
            teams=asked.teams,
            by=caller.identity.agent.id,
        )
        return _person(agent)

    return await once.run(create, status=201)


@router.post(
    "/agents/{id}/suspend",
    response_model=Person,
    operation_id="suspend_agent",
    summary="Suspend an agent",
    responses=problem_responses(401, 403, 404, 409, 413, 422),
)
async def suspend(
    agent_id: Id,
    request: Request,
    caller: Annotated[Caller, Depends(_manage)],
    once: Annotated[Once, Depends(once)],
) -> JSONResponse:
    """All sessions of the agent end, and their live connections within seconds."""
    api = api_of(request)

    async def work() -> Person:
        agent = await api.agents.suspend(
            caller.tenant, AgentId(agent_id), by=caller.identity.agent.id
        )
        api.watch.look_now()
        return _person(agent)

    return await once.run(work)


@router.post(
    "/agents/{id}/resume",
    response_model=Person,
    operation_id="resume_agent",
    summary="Let an agent in again",
    responses=problem_responses(401, 403, 404, 409, 413, 422),
)
async def resume(
    agent_id: Id,
    request: Request,
    caller: Annotated[Caller, Depends(_manage)],
    once: Annotated[Once, Depends(once)],
) -> JSONResponse:
    api = api_of(request)

    async def work() -> Person:
        return _person(
            await api.agents.resume(caller.tenant, AgentId(agent_id), by=caller.identity.agent.id)
        )

    return await once.run(work)


@router.post(
    "/agents/{id}/known-as",
    response_model=Person,
    operation_id="note_known_as",
    summary="Note by what an agent is a customer",
    responses=problem_responses(401, 403, 404, 409, 413, 422),
)
async def note_known_as(
    agent_id: Id,
    asked: KnownAs,
    request: Request,
    caller: Annotated[Caller, Depends(_manage)],
    once: Annotated[Once, Depends(once)],
) -> JSONResponse:
    """They decide on no change of their own, from whatever address it comes. Only keyed hashes
    are kept, so nobody reads the names again; an empty list forgets them."""
    api, tenant = api_of(request), caller.tenant
    lookup = api.service.contacts.lookup
    systems = api.service.definitions.active(tenant).integrations

    async def work() -> Person:
        found = [lookups_of(lookup, tenant, name, systems) for name in asked.names]
        lookups = [one for addresses, persons in found for one in (*addresses, *persons)]
        by = caller.identity.agent.id
        return _person(await api.agents.note_known_as(tenant, AgentId(agent_id), lookups, by=by))

    return await once.run(work)


def _person(agent: Agent) -> Person:
    return Person(
        id=agent.id,
        name=agent.name,
        email=agent.email,
        role=agent.role,
        teams=list(agent.teams),
        suspended=agent.suspended,
        known_as_customer=bool(agent.known_as),
    )
