"""POST /v1/customer/sessions: from a public widget key, and perhaps a token, to a session."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from answerable.api.access import Open, api_of
from answerable.api.errors import problem_responses
from answerable.api.plain_route import PlainRoute
from answerable.desk.permission import Permission
from answerable.kit.errors import TooMany

router = APIRouter(route_class=PlainRoute, prefix="/v1/customer", tags=["customer"])


class OpenSession(BaseModel):
    """key: the widget's public key. token: the tenant's signed statement of who this is.

    session: the bearer of an earlier anonymous session, to go on with it.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    key: Annotated[str, Field(min_length=1, max_length=100)]
    token: Annotated[str, Field(max_length=4_096)] | None = None
    session: Annotated[str, Field(max_length=200)] | None = None


class SessionContact(BaseModel):
    name: str | None
    proof: str


class CustomerSessionShape(BaseModel):
    """session: the bearer; whoever holds it reads this conversation."""

    session: str
    conversation: str | None
    contact: SessionContact
    inbox: str
    welcome: str
    brand: str
    language: str


@router.post(
    "/sessions",
    status_code=201,
    operation_id="open_customer_session",
    summary="Open a chat session",
    responses=problem_responses(401, 403, 404, 413, 422, 429),
)
async def open_session(
    asked: OpenSession,
    request: Request,
    _: Annotated[None, Depends(Open(Permission.OPEN_CHAT))],
) -> CustomerSessionShape:
    """An Idempotency-Key may be sent and is not needed: a second session harms nothing, and its
    bearer is stored nowhere from which it could be answered again."""
    api = api_of(request)
    address = request.client.host if request.client else ""
    wait = api.openings.take(address, api.chat.seconds())
    if wait is not None:
        raise TooMany("too_many_sessions", "Too many sessions were opened.", retry_after=wait)
    inbox = api.customers.inbox(asked.key, origin=request.headers.get("origin"))
    bearer, session = await api.customers.open(
        inbox, customer_token=asked.token, resumed=asked.session
    )
    conversation = session.conversation or await api.chat.find_conversation(session)
    return CustomerSessionShape(
        session=bearer,
        conversation=conversation,
        contact=SessionContact(name=session.name, proof=session.proof.value),
        inbox=inbox.name,
        welcome=inbox.welcome,
        brand=inbox.brand,
        language=inbox.language,
    )
