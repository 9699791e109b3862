"""The AsyncAPI 3 document of both WebSocket protocols, made from their frame classes."""

from typing import Any, get_args

from pydantic import TypeAdapter

from answerable.api.desk import stream_protocol as desk
from answerable.channels.chat import protocol as chat

_CHANNELS = (
    (
        "customerChat",
        "/v1/customer/chat",
        "A customer's chat. Say hello with the session's bearer within 10 seconds.",
        chat.ClientFrame,
        chat.ServerFrame,
    ),
    (
        "deskStream",
        "/v1/desk/stream",
        "What is new in the inbox. The session's cookie signs in; say hello within 10 seconds.",
        desk.DeskClientFrame,
        desk.DeskServerFrame,
    ),
)


def asyncapi_document(version: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Answerable: live protocols",
            "version": version,
            "description": "JSON objects in text messages. docs/reference/chat-protocol.md "
            "explains resuming, acknowledgement and close codes.",
        },
        "defaultContentType": "application/json",
        "channels": {},
        "operations": {},
        "components": {"messages": {}, "schemas": {}},
    }
    for name, address, description, received, sent in _CHANNELS:
        _add_channel(document, name, address, description, received, sent)
    return document


def _add_channel(
    document: dict[str, Any],
    name: str,
    address: str,
    description: str,
    received: Any,
    sent: Any,
) -> None:
    channel: dict[str, Any] = {"address": address, "description": description, "messages": {}}
    document["channels"][name] = channel
    for direction, frames, action in (
        ("fromClient", received, "receive"),
        ("fromServer", sent, "send"),
    ):
        references = []
        for frame in _members(frames):
            message = frame.__name__
            _add_message(document, message, frame)
            channel["messages"][message] = {"$ref": f"#/components/messages/{message}"}
            references.append({"$ref": f"#/channels/{name}/messages/{message}"})
        document["operations"][f"{name}_{direction}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": references,
        }


def _add_message(document: dict[str, Any], name: str, frame: type) -> None:
    schema = TypeAdapter(frame).json_schema(ref_template="#/components/schemas/{model}")
    components = document["components"]
    components["schemas"].update(schema.pop("$defs", {}))
    components["schemas"][name] = schema
    components["messages"][name] = {
        "name": name,
        "summary": (frame.__doc__ or "").strip().split("\n")[0],
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


def _members(annotated: Any) -> tuple[type, ...]:
    union = get_args(annotated)[0]
    return get_args(union)
