"""What a scenario's step expects, held against what was seen. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What happened in one step. replies: (event data, text); stored: masked texts."""

    understood: Mapping[str, Any] | None = None
    decided: Mapping[str, Any] | None = None
    replies: Sequence[tuple[Mapping[str, Any], str]] = ()
    stored: Sequence[str] = ()
    owner: Mapping[str, str] | None = None
    status: str | None = None
    priority: str | None = None
    team: str | None = None


def compare(step: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    """A sentence for each thing that is not as the step expects."""
    if "understood" in step:
        yield from _understood(step["understood"], seen.understood)
    if "decided" in step:
        yield from _decided(step["decided"], seen)
    if "sent" in step:
        yield from _sent(step["sent"], seen.replies)
    if "stored" in step:
        yield from _texts("stored", step["stored"], "\n".join(seen.stored))
    if "owner" in step:
        yield from _owner(step["owner"], seen.owner)
    if "status" in step and step["status"] != seen.status:
        yield f"status: expected {step['status']}, is {seen.status}"


def _understood(expected: Mapping[str, Any], data: Mapping[str, Any] | None) -> Iterator[str]:
    if data is None:
        yield "understood: nothing was"
        return
    best = data["intents"][0] if data["intents"] else {"name": None, "confidence": 0.0}
    names = [score["name"] for score in data["intents"] if score["applies"]]
    intent = expected.get("intent")
    if intent is not None and intent != best["name"] and intent not in names:
        yield f"understood: expected {intent}, got {best['name']} ({best['confidence']:.2f})"
    if "atLeast" in expected and best["confidence"] < expected["atLeast"]:
        yield f"understood: confidence {best['confidence']:.2f} is below {expected['atLeast']}"
    for name in ("language", "in_scope", "urgency"):
        if name in expected and data[name] != expected[name]:
            yield f"understood: {name} expected {expected[name]}, got {data[name]}"
    if "inScope" in expected and data["in_scope"] != expected["inScope"]:
        yield f"understood: inScope expected {expected['inScope']}, got {data['in_scope']}"


def _decided(expected: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    data = seen.decided
    if data is None:
        yield "decided: nothing was"
        return
    for name in ("decision", "playbook", "intent", "template"):
        if name in expected and data.get(name) != expected[name]:
            why = "; ".join(reason["text"] for reason in data["reasons"])
            yield f"decided: {name} expected {expected[name]}, got {data.get(name)} ({why})"
    if "team" in expected and expected["team"] not in (data.get("team"), seen.team):
        yield f"decided: team expected {expected['team']}, got {data.get('team') or seen.team}"
    if "priority" in expected and expected["priority"] not in (data["priority"], seen.priority):
        yield f"decided: priority expected {expected['priority']}, got {data['priority']}"
    rules = [reason["rule"] for reason in data["reasons"]]
    missing = [rule for rule in expected.get("reasons", ()) if rule not in rules]
    if missing:
        yield f"decided: reasons lack {', '.join(missing)}; they are {', '.join(rules)}"


def _sent(expected: Any, replies: Sequence[tuple[Mapping[str, Any], str]]) -> Iterator[str]:
    if expected == "nothing":
        if replies:
            yield f"sent: expected nothing, got {replies[-1][1]!r}"
        return
    if not replies:
        yield "sent: nothing was"
        return
    templates = [data.get("template") for data, _ in replies]
    if "template" in expected and expected["template"] not in templates:
        yield f"sent: expected template {expected['template']}, got {templates}"
        return
    texts = [
        text
        for data, text in replies
        if "template" not in expected or data.get("template") == expected["template"]
    ]
    yield from _texts("sent", expected, texts[-1])


def _texts(what: str, expected: Mapping[str, Any], text: str) -> Iterator[str]:
    for part in expected.get("contains", ()):
        if str(part) not in text:
            yield f"{what}: {part!r} is missing in {text!r}"
    for part in expected.get("lacks", ()):
        if str(part) in text:
            yield f"{what}: {part!r} must not stand in {text!r}"


def _owner(expected: Any, owner: Mapping[str, str] | None) -> Iterator[str]:
    if isinstance(expected, str):
        wanted = {"kind": expected, "id": ""}
    else:
        ((kind, name),) = expected.items()
        wanted = {"kind": str(kind), "id": str(name)}
    if owner != wanted:
        yield f"owner: expected {_named(wanted)}, is {_named(owner or {})}"


def _named(owner: Mapping[str, str]) -> str:
    return " ".join(part for part in (owner.get("kind", "nobody"), owner.get("id", "")) if part)
