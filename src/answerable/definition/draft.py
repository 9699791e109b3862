"""A definition to start from, as YAML text: intents that were found, and what is left to decide.

Nothing in it is automatic. Pure: plain values in, text out.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SHORTEST_EXAMPLES = 5  # fewer give a warning, and a comment says so here
_WIDTH = 96


@dataclass(frozen=True, kw_only=True)
class DraftIntent:
    """kind: template, form or person, of `_KINDS`. remarks: what was seen, a sentence each."""

    name: str
    title: str
    description: str
    kind: str
    team: str
    sensitive: str | None
    keywords: Sequence[str]
    examples: Sequence[str]
    remarks: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """address: of the inbox, or empty. teams: name and title, at least one. remarks: above all."""

    service: str
    language: str
    address: str
    teams: Sequence[tuple[str, str]]
    intents: Sequence[DraftIntent]
    outside: Sequence[str]
    remarks: Sequence[str]


_KINDS = {
    "template": ("looks-answerable-from-a-template", "draft-and-review"),
    "form": ("looks-like-a-change-of-data", "context-only"),
    "person": ("looks-as-if-it-needs-a-person", "human-only"),
}
_TO_DECIDE = (
    "DECIDE for each intent, from the top (they are sorted by how often they come):",
    "- Is it one thing that customers want? Merge two that are one, split one that is two.",
    "- name, title and description: those below were made of the words of the mails.",
    "- team: those who answered until now.",
    "- autoResolve stays away until there is a playbook that fulfils the intent, and somebody who",
    "  answers for it. A change of data additionally needs a proof and an approval.",
    "- examples are masked sentences of real mails: read them before this file goes anywhere.",
)


def draft_text(draft: Draft) -> str:
    """The whole file; it passes the check of definitions."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield "# A draft: `answerable discover` made it from old mail, and a person must finish it."
    yield from _comment("", [*draft.remarks, *_TO_DECIDE])
    yield f"service: {draft.service}"
    yield f"language: {draft.language}"
    yield ""
    if draft.address:
        yield "channels:"
        yield "  - type: email"
        yield "    name: mail"
        yield f"    address: {_text(draft.address)}"
        yield ""
    yield "teams:"
    for name, title in draft.teams:
        yield f"  - name: {_text(name)}"
        yield f"    title: {_text(title)}"
    yield ""
    yield "escalation:"
    yield f"  defaultTeam: {_text(draft.teams[0][0])}"
    yield ""
    yield "classification:"
    yield "  # What the assistant may do for each kind. All three leave the answer to people."
    yield "  resolutionTypes:"
    for name, role in _KINDS.values():
        yield f"    {name}: {{role: {role}}}"
    if draft.outside:
        yield "  # Mails that fitted nowhere. DECIDE: make intents of those you must answer;"
        yield "  # what is none of your business may stand here, so that it is recognised as such."
        yield "  # outOfScope:"
        yield from (f"  #   - {_text(one)}" for one in draft.outside)
    yield "  discovered:"
    yield "    title: Found in old mail"
    if not draft.intents:
        yield "    categories: []"
        return
    yield "    categories:"
    for intent in draft.intents:
        yield from _intent(intent)


def _intent(intent: DraftIntent) -> Iterator[str]:
    yield from _comment("      ", intent.remarks)
    yield f"      - name: {intent.name}"
    yield f"        title: {_text(intent.title)}"
    yield f"        description: {_text(intent.description)}"
    yield f"        resolutionType: {_KINDS[intent.kind][0]}"
    yield f"        team: {_text(intent.team)}"
    if intent.sensitive:
        yield "        # Its words sound like it: people answer, whatever else is said here."
        yield f"        sensitive: {intent.sensitive}"
    yield f"        keywords: [{', '.join(map(_text, intent.keywords))}]"
    if len(intent.examples) < _SHORTEST_EXAMPLES:
        yield "        # DECIDE: too few to recognise it reliably. Write more, in customers' words."
    yield "        examples:"
    yield from (f"          - {_text(one)}" for one in intent.examples)


def _comment(indent: str, sentences: Sequence[str]) -> Iterator[str]:
    """Each sentence, wrapped; nothing in it can end the comment."""
    for sentence in sentences:
        lead = re.match(r"(?:- | +)?", sentence)
        line, rest = "", sentence.split()
        hang = "  " if lead and lead[0] else ""
        for word in rest:
            if line and len(indent) + len(line) + len(word) + 3 > _WIDTH:
                yield f"{indent}# {line}"
                line = f"{hang}{word}"
            else:
                line = (
                    f"{line} {word}" if line else (hang if lead and lead[0] == "  " else "") + word
                )
        yield f"{indent}# {line}"


def _text(text: str) -> str:
    """A JSON string is a YAML string, too, whatever stands in it."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
