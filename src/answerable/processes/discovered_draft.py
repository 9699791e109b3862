"""What was found in old mail, as a draft of a definition."""

from collections.abc import Mapping, Sequence
from typing import Any

from answerable.definition.draft import Draft, DraftIntent
from answerable.understanding.topics.naming import kebab
from answerable.understanding.topics.page import (
    LOOKS,
    REASONS,
    SENSITIVE,
    first_reply,
    measured,
)

_PERSON = "person "  # as handlers are called that have no name of a team
_FALLBACK = "support"
_OUTSIDE = 12
_DESCRIBED_BY = 2  # examples


def draft_of(data: Mapping[str, Any], service: str) -> Draft:
    """data: as `answerable discover --json` gives it. service: the tenant's id."""
    topics = data["topics"]
    teams = {one["name"]: _team(one) for one in topics}
    known = list(dict.fromkeys([*teams.values(), _FALLBACK]))
    seen: set[str] = set()
    return Draft(
        service=service,
        language=_language(topics),
        address=_address(data),
        teams=[(name, name.replace("-", " ").capitalize()) for name in known],
        intents=[_intent(one, teams[one["name"]], seen) for one in topics],
        outside=_new(data["not_grouped"]["examples"], seen)[:_OUTSIDE],
        remarks=[measured(data)],
    )


def _language(topics: Sequence[Mapping[str, Any]]) -> str:
    counts: dict[str, float] = {}
    for topic in topics:
        for language, part in topic["languages"].items():
            counts[language] = counts.get(language, 0) + part * topic["threads"]
    return max(sorted(counts), key=lambda one: counts[one]) if counts else "en"


def _address(data: Mapping[str, Any]) -> str:
    """The only inbox there is; which of several this service answers, a person must say."""
    addresses = [one for one in data["ours"] if "@" in one]
    return addresses[0] if len(addresses) == 1 else ""


def _team(topic: Mapping[str, Any]) -> str:
    """Whose address answered most; if people did from their own, the inbox that it went to."""
    for handlers in (topic["handlers"], topic["inboxes"]):
        for name in handlers:
            if not name.startswith((_PERSON, "inbox ")):
                return kebab([name])
    return _FALLBACK


def _intent(topic: Mapping[str, Any], team: str, seen: set[str]) -> DraftIntent:
    looks = topic["looks"]
    reasons = [
        f"{looks['reasons'][name]:.0%} {said}"
        for name, said in REASONS.items()
        if looks["reasons"].get(name)
    ]
    examples = _new(topic["examples"], seen)
    remarks = [
        f"{topic['per_week']:.1f} a week. It {LOOKS[looks['kind']]} ({looks[looks['kind']]:.0%}):",
        f"{'; '.join(reasons)}. First reply after {first_reply(topic)}.",
    ]
    if topic["sensitive"]:
        remarks.append(f"DECIDE: some speak of {SENSITIVE[topic['sensitive']]}.")
    typical = " / ".join(examples[:_DESCRIBED_BY])
    return DraftIntent(
        name=topic["name"],
        title=topic["title"],
        description=f"Customers write, for example: {typical}" if typical else "",
        kind="person" if topic["sensitive"] else looks["kind"],
        team=team,
        sensitive=topic["sensitive"],
        keywords=topic["words"],
        examples=examples,
        remarks=remarks,
    )


def _new(examples: Sequence[str], seen: set[str]) -> list[str]:
    """Without those that another intent has: one sentence cannot mean two things."""
    new = []
    for example in examples:
        key = " ".join("".join(c if c.isalnum() else " " for c in example.casefold()).split())
        if key and key not in seen:
            seen.add(key)
            new.append(example)
    return new
