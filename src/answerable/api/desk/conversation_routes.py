"""The inbox and its conversations: reading them, and what agents do to them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from answerable.api.access import ByAgent, Caller, api_of
from answerable.api.desk.case_texts import with_case_texts
from answerable.api.desk.explaining import intent_title
from answerable.api.desk.inbox_pages import NOBODY, Wanted
from answerable.api.desk.reading import reader_for
from answerable.api.desk.search_shapes import Searching, SearchPage
from answerable.api.desk.searching import Search
from answerable.api.desk.shapes import (
    Counts,
    Detail,
    Messages,
    Overview,
    Summaries,
    Timeline,
    Waves,
    WaveShape,
)
from answerable.api.errors import problem_responses
from answerable.api.pagination import CURSOR_LENGTH, parse_cursor
from answerable.api.plain_route import PlainRoute
from answerable.desk.approval_store import count_open
from answerable.desk.inbox_store import View, counted_for, read_holders
from answerable.desk.permission import Permission
from answerable.kit.ids import ConversationId

router = APIRouter(route_class=PlainRoute, prefix="/v1/desk", tags=["conversations"])
_inbox = ByAgent(Permission.READ_INBOX)
_conversation = ByAgent(Permission.READ_CONVERSATION)
_ledger = ByAgent(Permission.READ_LEDGER)

WAVE_SHOWN = 20

Id = Annotated[str, Path(alias="id", pattern=r"^[A-Za-z0-9_]{1,64}$")]
After = Annotated[int, Query(ge=0, le=2**53 - 1, description="Seq of the last one seen.")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get(
    "/overview",
    operation_id="overview",
    summary="Counts of open conversations, and of changes that wait",
    responses=problem_responses(401, 403),
)
async def overview(request: Request, caller: Annotated[Caller, Depends(_inbox)]) -> Overview:
    api = api_of(request)
    holders = await api.service.database.read_remembered(
        read_holders, caller.tenant, tenant=caller.tenant
    )
    approvals = await api.service.database.read_remembered(
        count_open, caller.tenant, tenant=caller.tenant
    )
    counted = counted_for(caller.identity.agent.id, holders)
    return Overview(
        counts=Counts(
            queue=counted.queue,
            mine=counted.mine,
            open=counted.open,
            assistant=counted.assistant,
            approvals=approvals,
        ),
        agents_present=len(api.signals.agents(caller.tenant)),
    )


@router.get(
    "/waves",
    operation_id="waves",
    summary="Many contacts who wrote much the same within the last hour",
    responses=problem_responses(401, 403),
)
async def waves(request: Request, caller: Annotated[Caller, Depends(_inbox)]) -> Waves:
    api = api_of(request)
    found = await api.waves.of(caller.tenant)
    definition = api.service.definitions.active(caller.tenant)
    return Waves(
        items=[
            WaveShape(
                contacts=one.contacts,
                usual=one.usual,
                since=one.since,
                title=intent_title(definition, one.intent),
                conversations=list(one.conversations[:WAVE_SHOWN]),
            )
            for one in found
        ]
    )


@router.get(
    "/conversations",
    operation_id="conversations",
    summary="A page of the inbox",
    response_model=Summaries,
    responses=problem_responses(401, 403, 422),
)
async def conversations(
    request: Request,
    caller: Annotated[Caller, Depends(_inbox)],
    view: Annotated[View, Query()] = "queue",
    team: Annotated[str | None, Query(max_length=100)] = None,
    after: Annotated[str | None, Query(max_length=CURSOR_LENGTH)] = None,
    limit: Limit = 50,
) -> Response:
    """Latest change first. `next` is the cursor of the following page; null at the end."""
    cursor, reader = parse_cursor(after), reader_for(request, caller)
    wanted = Wanted(
        tenant=caller.tenant,
        definition=reader.definition.hash,
        view=view,
        agent=caller.identity.agent.id if view == "mine" else NOBODY,
        team=team,
        after=(cursor.at, cursor.id) if cursor else None,
        limit=limit,
        reader=reader,
    )
    api = api_of(request)
    page = await api.inbox.page(api.service.database, wanted)
    return Response(page, media_type="application/json")


@router.post(
    "/search",
    operation_id="search",
    summary="Conversations by what was said, by an address or by a customer's id",
    responses=problem_responses(401, 403, 413, 422),
)
async def search(
    asked: Searching, request: Request, caller: Annotated[Caller, Depends(_conversation)]
) -> SearchPage:
    """The newest conversation first. A POST, so that what is looked for stands in no log.

    What was said is found about a second later.
    """
    service = api_of(request).service
    finder = Search(reader=reader_for(request, caller), lookup=service.contacts.lookup)
    before = None if asked.after is None else int(asked.after)
    return await service.database.read(
        lambda tx: finder.page(tx, asked.query, before=before, limit=asked.limit),
        tenant=caller.tenant,
    )


@router.get(
    "/conversations/{id}",
    operation_id="conversation",
    summary="One conversation with its briefing and the reasons of its last decision",
    responses=problem_responses(401, 403, 404, 422),
)
async def conversation(
    conversation_id: Id, request: Request, caller: Annotated[Caller, Depends(_conversation)]
) -> Detail:
    reader = reader_for(request, caller)
    return await api_of(request).service.database.read(
        lambda tx: reader.detail(tx, ConversationId(conversation_id)), tenant=caller.tenant
    )


@router.get(
    "/conversations/{id}/messages",
    operation_id="messages",
    summary="What was said, masked",
    responses=problem_responses(401, 403, 404, 422),
)
async def messages(
    conversation_id: Id,
    request: Request,
    caller: Annotated[Caller, Depends(_conversation)],
    after: After = 0,
    limit: Limit = 100,
) -> Messages:
    reader = reader_for(request, caller)
    items = await api_of(request).service.database.read(
        lambda tx: reader.messages(tx, ConversationId(conversation_id), after=after, limit=limit),
        tenant=caller.tenant,
    )
    texts = api_of(request).case_texts
    items = await with_case_texts(items, texts, reader.definition, ConversationId(conversation_id))
    return Messages(items=items, next=items[-1].seq if len(items) == limit else None)


@router.get(
    "/conversations/{id}/events",
    operation_id="timeline",
    summary="Everything that happened, with reasons",
    responses=problem_responses(401, 403, 404, 422),
)
async def timeline(
    conversation_id: Id,
    request: Request,
    caller: Annotated[Caller, Depends(_ledger)],
    after: After = 0,
    limit: Limit = 100,
) -> Timeline:
    reader = reader_for(request, caller)
    items = await api_of(request).service.database.read(
        lambda tx: reader.timeline(tx, ConversationId(conversation_id), after=after, limit=limit),
        tenant=caller.tenant,
    )
    return Timeline(items=items, next=items[-1].seq if len(items) == limit else None)
