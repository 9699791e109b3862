"""Examples of two intents that are nearly the same sentence: no model can tell them apart."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from answerable.definition.examples import quoted, words_of
from answerable.definition.problem import Finding
from answerable.definition.schema import ServiceDefinition

# Among the 2,156 sentences of the example bank no two of different intents come above 0.89, and "I
# did (not) receive a refund" comes to 0.93: what lies above this line says the same.
NEARLY_SAME = 0.97

Likeness = Callable[[str, str], float]


@dataclass(frozen=True, kw_only=True)
class _Said:
    text: str
    words: tuple[str, ...]
    intent: str
    where: tuple[str | int, ...]


def near_contradictions(definition: ServiceDefinition, likeness: Likeness) -> Iterator[Finding]:
    """A warning for each such pair that differs in one word at most, by spelling or by meaning.

    likeness: cosine of two sentences' meanings, -1..1. It is asked only of pairs that differ in
    one word, so that the encoder need not be loaded for a definition that has none.
    """
    for one, two in _differing_in_a_word(_examples(definition)):
        if likeness(one.text, two.text) >= NEARLY_SAME:
            yield Finding(
                severity="warning",
                where=two.where,
                message=f"{quoted(two.text)} is nearly the same as {quoted(one.text)}, an example "
                f"of {one.intent}: a model cannot tell them apart",
                other=one.where,
            )


def _examples(definition: ServiceDefinition) -> list[_Said]:
    return [
        _Said(
            text=text,
            words=words_of(text),
            intent=intent.name,
            where=(*intent.where, "examples", at),
        )
        for intent in definition.intents.values()
        for at, text in enumerate(intent.examples)
    ]


def _differing_in_a_word(examples: list[_Said]) -> list[tuple[_Said, _Said]]:
    """Pairs of different intents, not the same in all words, that are the same without one."""
    by_rest: dict[tuple[str, ...], dict[int, None]] = {}
    for number, said in enumerate(examples):
        words = said.words
        if len(words) < 2:  # "balance" and "transfer" are the same without their one word
            continue
        for rest in {words, *(words[:at] + words[at + 1 :] for at in range(len(words)))}:
            by_rest.setdefault(rest, {})[number] = None
    found = {
        pair: None
        for numbers in by_rest.values()
        for pair in combinations(numbers, 2)
        if examples[pair[0]].intent != examples[pair[1]].intent
        and examples[pair[0]].words != examples[pair[1]].words
    }
    return [(examples[one], examples[two]) for one, two in found]
