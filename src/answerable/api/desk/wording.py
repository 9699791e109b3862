"""What agents read about a conversation in a person's words, instead of the machine's names."""

from collections.abc import Iterable, Mapping
from typing import Any

from answerable.api.desk.shapes import Fact
from answerable.definition.terms import Proof
from answerable.ledger.event import Event

_LANGUAGES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
_PROOFS = {
    Proof.ANONYMOUS: "The contact is anonymous.",
    Proof.EMAIL: "The contact is known by a mail address only.",
    Proof.SIGNED_IN: "The contact is signed in.",
    Proof.ONE_TIME_CODE: "The contact has shown a one-time code.",
    Proof.FRESH_ONE_TIME_CODE: "The contact has just shown a one-time code.",
}


def summary_of(*, title: str | None, language: str | None, proof: str) -> str:
    """Two sentences: what it is about, and who asks.

    title: the intent's; None if nothing was recognised. language: BCP 47.
    """
    written = f", written in {language_name(language)}" if language else ""
    return f"{title or 'A matter that was not recognised'}{written}. {_PROOFS[Proof(proof)]}"


def language_name(tag: str) -> str:
    """tag: BCP 47; itself where nobody knows its name."""
    return _LANGUAGES.get(tag.split("-")[0].lower(), tag)


def facts_of(events: Iterable[Event]) -> list[Fact]:
    """What was looked up and is not personal; the latest of each name."""
    facts: dict[str, Any] = {}
    for one in events:
        if one.kind != "looked_up":
            continue
        what = phrase(str(one.data.get("operation", "")))
        if one.data.get("result") == "refused":
            facts[what] = "not told"
        else:
            facts.update(_told(what, dict(one.data.get("facts", {}))))
    return [Fact(label=label, value=value) for label, value in facts.items()]


def _told(what: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Whether there is one, or how many; then each field under its own label."""
    told: dict[str, Any] = {}
    count = facts.get("count")
    if isinstance(count, int) and count > 0:
        told[what] = f"{count} found"
    elif "found" in facts:
        told[what] = "found" if facts["found"] else "not found"
    for name, value in facts.items():
        if name in {"found", "count"} or value is None:
            continue
        named = phrase(name).lower()
        told[what if named == what.lower() and what not in told else f"{what}, {named}"] = (
            phrase(value) if isinstance(value, str) and name == "status" else value
        )
    return told


def phrase(name: str) -> str:
    """ "card-delivery", "expected_on" -> "Card delivery", "Expected on"."""
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
