"""Commands of other services: carried out once however often they come, and answered."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from answerable.api.bus.messages import (
    BODY_BYTES,
    AcceptMessage,
    AskConversation,
    ConversationOwner,
    ConversationState,
    MessageAccepted,
    MessageToAccept,
    commands,
)
from answerable.api.bus.signature import HEADER, QUERY_AGE, Caller, verify_signature
from answerable.api.errors import PROBLEM, problem, problem_of
from answerable.api.ports import Service
from answerable.channels.email.addresses import is_address
from answerable.definition.terms import Proof
from answerable.desk.inbox_store import find_summaries
from answerable.desk.summary_store import PRIORITIES, Summary
from answerable.flow.message import InboundMessage, Sender
from answerable.kit.bus import Answer, Request
from answerable.kit.canonical import canonical_json
from answerable.kit.errors import (
    AnswerableError,
    InvalidInput,
    NotAllowed,
    NotFound,
    StoreUnavailable,
    TooMany,
)
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.telemetry import get_logger

log = get_logger("api")

AT_ONCE = 16  # commands that one process carries out at a time
SENDERS = {"chat": ("customer", "visitor"), "email": ("email",)}
_FIELDS_TOLD = 20


class Commands:
    """Answers the requests of other services.

    secrets: by tenant; one without a secret takes no commands.
    wait: for a store that is away; a command then waits too, rather than being lost.
    """

    def __init__(
        self,
        service: Service,
        secrets: Mapping[TenantId, str],
        *,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._service = service
        self._secrets = secrets
        self._wait = wait

    async def answer(self, request: Request) -> Answer:
        """The result of a command, or the problem with it. Raises nothing but our own bugs."""
        while True:
            try:
                result = await self._carry_out(request)
            except (StoreUnavailable, TooMany) as error:
                # A sender that wants no answer would never hear that it was to come again.
                log.warning("command_waits", why=error.code)
                await self._wait(error.retry_after.total_seconds())
            except ValidationError as error:
                return _refused(_misfit(error))
            except UnicodeEncodeError:
                return _refused(problem(422, "invalid_request", "A text holds half a character."))
            except AnswerableError as error:
                return _refused(problem_of(error)[1])
            else:
                told = canonical_json(result.model_dump(mode="json"))
                return Answer(body=told, media_type="application/json")

    async def _carry_out(self, request: Request) -> BaseModel:
        if len(request.body) > BODY_BYTES:
            raise InvalidInput("command_too_large", f"A command has at most {BODY_BYTES} bytes.")
        caller = verify_signature(
            request.headers.get(HEADER),
            request.body,
            secrets=self._secrets,
            now=self._service.clock.now(),
        )
        match commands.validate_json(request.body):
            case AcceptMessage(data=data):
                return await self._accept(caller, data)
            case AskConversation(data=data):
                return await self._state(caller, ConversationId(data.conversation))

    async def _accept(self, caller: Caller, data: MessageToAccept) -> MessageAccepted:
        channel = self._channel(caller.tenant, data)
        address = data.sender.address
        if data.sender.kind == "visitor":
            # One service's visitors are not another's, nor those of the chat itself.
            address = f"{caller.service}:{address}"
        elif data.sender.kind == "email":
            address = address.lower()
        accepted = await self._service.accept_new(
            InboundMessage(
                tenant=caller.tenant,
                inbox=data.inbox,
                channel=channel,
                external_id=f"bus:{json.dumps([caller.service, data.external_id])}",
                text=data.text,
                sender=Sender(kind=data.sender.kind, address=address, name=data.sender.name),
                at=self._service.clock.now(),
                proof=Proof.SIGNED_IN if data.sender.kind == "customer" else Proof.ANONYMOUS,
            )
        )
        return MessageAccepted(
            conversation=accepted.conversation, seq=accepted.seq, duplicate=accepted.duplicate
        )

    def _channel(self, tenant: TenantId, data: MessageToAccept) -> str:
        """The kind of the inbox, which the sender must fit."""
        channels = self._service.definitions.active(tenant).channels
        channel = next((one for one in channels if one.name == data.inbox), None)
        if channel is None or channel.kind not in SENDERS:
            raise NotFound("unknown_inbox", "There is no inbox of this name for messages.")
        if data.sender.kind not in SENDERS[channel.kind]:
            fitting = " or ".join(SENDERS[channel.kind])
            raise InvalidInput("sender_misfit", f"In this inbox senders are of kind {fitting}.")
        if data.sender.kind == "email" and not is_address(data.sender.address):
            raise InvalidInput("sender_misfit", "The sender's address is no mail address.")
        return channel.kind

    async def _state(self, caller: Caller, conversation: ConversationId) -> ConversationState:
        if caller.age > QUERY_AGE:
            raise NotAllowed("question_too_old", "Ask and sign again: the question is too old.")
        found = await self._service.database.read(
            lambda tx: find_summaries(tx, caller.tenant, [conversation]).get(conversation),
            tenant=caller.tenant,
        )
        if found is None:
            raise NotFound("conversation_not_found", "There is no such conversation.")
        return _state_of(found)


def _state_of(summary: Summary) -> ConversationState:
    return ConversationState(
        conversation=summary.id,
        inbox=summary.inbox,
        channel=summary.channel,
        status=summary.status,
        priority=PRIORITIES[summary.priority],
        owner=ConversationOwner(kind=summary.owner_kind, id=summary.owner_id),
        intent=summary.intent,
        language=summary.language,
        opened_at=summary.opened_at,
        updated_at=summary.updated_at,
        closed_at=summary.closed_at,
        seq=summary.head_seq,
    )


def _misfit(error: ValidationError) -> dict[str, Any]:
    """What is wrong with which field, without what was sent."""
    told = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        {
            "field": ".".join(map(str, one["loc"]))[:100],
            "message": _sentence(one["type"], one["msg"]),
        }
        for one in told[:_FIELDS_TOLD]
    ]
    return problem(422, "invalid_request", "The command does not fit its schema.", errors=errors)


def _sentence(kind: str, message: str) -> str:
    """Pydantic's, without those that quote the input."""
    known = {
        "json_invalid": "not JSON",
        "union_tag_invalid": "type: not one of the known commands",
        "extra_forbidden": "not a field of this command",
    }
    return known.get(kind, message)


def _refused(body: Mapping[str, Any]) -> Answer:
    log.info("command_refused", code=body["code"])
    return Answer(body=canonical_json(dict(body)), media_type=PROBLEM, refused=True)
