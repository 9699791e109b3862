"""Example sentences: when two of different intents are the same."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from answerable.definition.check_playbooks import error, warning
from answerable.definition.problem import Finding
from answerable.definition.schema import Intent, ServiceDefinition, Where

FEWEST_EXAMPLES = 5
_SHOWN = 80  # characters of a sentence in a message
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_WORD = re.compile(r"\w+")


def check_examples(definition: ServiceDefinition) -> Iterator[Finding]:
    """Too few examples, empty ones, and those that contradict an example of another intent."""
    same: dict[str, tuple[Intent, int]] = {}
    alike: dict[tuple[str, ...], tuple[Intent, int]] = {}
    for intent in definition.intents.values():
        if len(intent.examples) < FEWEST_EXAMPLES:
            yield warning(
                (*intent.where, "name"),
                f"{intent.name} has {len(intent.examples)} examples: 15 or more are needed to "
                "recognise it reliably",
            )
        for at, example in enumerate(intent.examples):
            plain, words = _plain(example), words_of(example)
            where = (*intent.where, "examples", at)
            if not plain:
                yield error(where, "an empty example: write what a customer would write")
                continue
            first, place = same.setdefault(plain, (intent, at))
            if first.name != intent.name:
                yield _contradiction(where, example, first, place, "error")
            elif words:
                first, place = alike.setdefault(words, (intent, at))
                if first.name != intent.name:
                    yield _contradiction(where, example, first, place, "warning")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a sentence, without case, marks and what cannot be seen."""
    return tuple(_WORD.findall(_plain(text)))


def quoted(sentence: str) -> str:
    """A sentence for a message, shortened if it is long."""
    line = " ".join(sentence.split())
    return f'"{line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"}"'


def _contradiction(where: Where, text: str, first: Intent, at: int, severity: str) -> Finding:
    other, place = first.examples[at], (*first.where, "examples", at)
    said = "" if other == text else f", as {quoted(other)}"
    message = f"{quoted(text)} is an example of {first.name} too{said}: keep it in one intent"
    make = error if severity == "error" else warning
    return replace(make(where, message), other=place)


def _plain(text: str) -> str:
    shown = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(shown.casefold().split())
