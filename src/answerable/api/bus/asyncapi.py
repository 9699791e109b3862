"""The AsyncAPI 3 document of the bus: what services may ask, what they are told."""

from typing import Any

from pydantic import BaseModel

from answerable.api.bus import messages as m
from answerable.api.bus.signature import HEADER
from answerable.api.errors import PROBLEM, Problem

_EXPLAINED = "docs/how-to/join-by-the-bus.md shows how to join; docs/reference/bus.md has the rest."
_REQUESTS: tuple[tuple[type[BaseModel], type[BaseModel]], ...] = (
    (m.AcceptMessage, m.MessageAccepted),
    (m.AskConversation, m.ConversationState),
)


def bus_document(version: str, *, prefix: str = "answerable") -> dict[str, Any]:
    """prefix: before the names of queues and exchanges."""
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {"title": "Answerable: the bus", "version": version, "description": _EXPLAINED},
        "defaultContentType": m.CLOUD_EVENT,
        "channels": {
            "commands": _exchange(prefix, m.COMMANDS, "fanout", "What other services ask."),
            "answers": {
                "address": None,
                "description": "The queue that a command's reply_to names.",
                "messages": {},
            },
            "events": _exchange(
                prefix, m.EVENTS, "topic", "Every event, under the routing key <tenant>.<kind>."
            ),
        },
        "operations": {},
        "components": {"messages": {}, "schemas": {}},
    }
    for asked, answered in _REQUESTS:
        _add_request(document, asked, answered)
    _add_message(document, "events", m.LedgerEvent, m.CLOUD_EVENT)
    document["operations"]["tell"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/events"},
        "messages": [{"$ref": "#/channels/events/messages/LedgerEvent"}],
    }
    return document


def _exchange(prefix: str, name: str, kind: str, description: str) -> dict[str, Any]:
    full = f"{prefix}.{name}"
    amqp = {"is": "routingKey", "exchange": {"name": full, "type": kind, "durable": True}}
    return {
        "address": full,
        "description": description,
        "messages": {},
        "bindings": {"amqp": {**amqp, "bindingVersion": "0.3.0"}},
    }


def _add_request(
    document: dict[str, Any], asked: type[BaseModel], answered: type[BaseModel]
) -> None:
    _add_message(document, "commands", asked, m.CLOUD_EVENT)
    document["components"]["messages"][asked.__name__] |= {
        "headers": {
            "type": "object",
            "properties": {
                HEADER: {"type": "string", "description": "A JWS over the body, see the guide."}
            },
            "required": [HEADER],
        },
        "correlationId": {"location": "$message.header#/correlationId"},
    }
    _add_message(document, "answers", answered, "application/json")
    _add_message(document, "answers", Problem, PROBLEM)
    document["operations"][asked.__name__] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/commands"},
        "messages": [{"$ref": f"#/channels/commands/messages/{asked.__name__}"}],
        "reply": {
            "address": {"location": "$message.header#/replyTo"},
            "channel": {"$ref": "#/channels/answers"},
            "messages": [
                {"$ref": f"#/channels/answers/messages/{name}"}
                for name in (answered.__name__, Problem.__name__)
            ],
        },
    }


def _add_message(
    document: dict[str, Any], channel: str, shape: type[BaseModel], media_type: str
) -> None:
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    name, components = shape.__name__, document["components"]
    components["schemas"].update(schema.pop("$defs", {}))
    components["schemas"][name] = schema
    components["messages"][name] = {
        "name": name,
        "contentType": media_type,
        "summary": (shape.__doc__ or "").strip().split("\n")[0],
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }
    reference = {"$ref": f"#/components/messages/{name}"}
    document["channels"][channel]["messages"][name] = reference
