"""What agents do to conversations. Every act takes an Idempotency-Key."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import JSONResponse

from answerable.api.access import ByAgent, Caller, api_of
from answerable.api.desk.shapes import (
    Acted,
    Closing,
    HandingOff,
    Labelling,
    Replying,
    TakingOver,
)
from answerable.api.errors import problem_responses
from answerable.api.idempotency import Once, once
from answerable.api.plain_route import PlainRoute
from answerable.desk.agent import Role
from answerable.desk.permission import Permission
from answerable.flow.acts import (
    AgentAct,
    Close,
    HandOffTo,
    Label,
    Release,
    Reopen,
    Reply,
    TakeOver,
)
from answerable.kit.errors import NotAllowed
from answerable.kit.ids import AgentId, ConversationId, TenantId

router = APIRouter(route_class=PlainRoute, prefix="/v1/desk/conversations/{id}", tags=["acts"])
_acting = ByAgent(Permission.ACT)
_RESPONSES = problem_responses(401, 403, 404, 409, 413, 422)


class Acting:
    """The agent, the conversation and the idempotency key of an act."""

    def __init__(self, request: Request, caller: Caller, once: Once, conversation: str) -> None:
        self.role = caller.identity.agent.role
        self._request = request
        self._once = once
        self._agent = caller.identity.agent
        self._conversation = ConversationId(conversation)

    @property
    def who(self) -> dict[str, Any]:
        """The fields that all acts have in common."""
        agent = self._agent
        tenant: TenantId = agent.tenant
        agent_id: AgentId = agent.id
        return {
            "tenant": tenant,
            "conversation": self._conversation,
            "agent": agent_id,
            "agent_name": agent.name,
        }

    async def carry_out(self, act: AgentAct) -> JSONResponse:
        async def work() -> Acted:
            accepted = await api_of(self._request).service.act(act)
            return Acted(seq=accepted.seq)

        return await self._once.run(work)


def acting(
    request: Request,
    caller: Annotated[Caller, Depends(_acting)],
    once: Annotated[Once, Depends(once)],
    conversation_id: Annotated[str, Path(alias="id", pattern=r"^[A-Za-z0-9_]{1,64}$")],
) -> Acting:
    return Acting(request, caller, once, conversation_id)


By = Annotated[Acting, Depends(acting)]


@router.post(
    "/take-over",
    response_model=Acted,
    operation_id="take_over",
    summary="Become the owner",
    responses=_RESPONSES,
)
async def take_over(by: By, asked: TakingOver | None = None) -> JSONResponse:
    """409 `owned_by_other` if a colleague has it; supervisors may say `force`."""
    force = asked is not None and asked.force
    if force and by.role is Role.AGENT:
        raise NotAllowed("not_permitted", "Only supervisors take over from a colleague.")
    return await by.carry_out(TakeOver(**by.who, force=force))


@router.post(
    "/release",
    response_model=Acted,
    operation_id="release",
    summary="Back into the team's queue",
    responses=_RESPONSES,
)
async def release(by: By) -> JSONResponse:
    return await by.carry_out(Release(**by.who))


@router.post(
    "/replies",
    response_model=Acted,
    operation_id="reply",
    summary="Answer the contact",
    responses=_RESPONSES,
)
async def reply(by: By, asked: Replying) -> JSONResponse:
    """409 `conversation_changed` if something was said after `version`: read it first."""
    return await by.carry_out(Reply(**by.who, text=asked.text, version=asked.version))


@router.post(
    "/hand-off",
    response_model=Acted,
    operation_id="hand_off",
    summary="Give it to another team",
    responses=_RESPONSES,
)
async def hand_off(by: By, asked: HandingOff) -> JSONResponse:
    return await by.carry_out(HandOffTo(**by.who, team=asked.team, note=asked.note))


@router.post(
    "/close",
    response_model=Acted,
    operation_id="close",
    summary="The matter is settled",
    responses=_RESPONSES,
)
async def close(by: By, asked: Closing | None = None) -> JSONResponse:
    resolution = asked.resolution if asked is not None else "resolved"
    return await by.carry_out(Close(**by.who, resolution=resolution))


@router.post(
    "/reopen",
    response_model=Acted,
    operation_id="reopen",
    summary="It was not settled after all",
    responses=_RESPONSES,
)
async def reopen(by: By) -> JSONResponse:
    return await by.carry_out(Reopen(**by.who))


@router.post(
    "/labels",
    response_model=Acted,
    operation_id="label",
    summary="Say what a message asks for",
    responses=_RESPONSES,
)
async def label(by: By, asked: Labelling) -> JSONResponse:
    """Nothing follows from it in the conversation; models learn from it later."""
    act = Label(**by.who, message=asked.message, intents=tuple(asked.intents))
    return await by.carry_out(act)
