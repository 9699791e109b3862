"""Training examples out of a service definition."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from answerable.understanding.examples import Example

FEW = 20  # below so many example sentences the title, description and keywords speak too


class DescribedIntent(Protocol):
    """What is read of an intent of the definition."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...
    @property
    def keywords(self) -> Sequence[str]: ...
    @property
    def examples(self) -> Sequence[str]: ...


def definition_examples(intents: Mapping[str, DescribedIntent]) -> list[Example]:
    """The intents' example sentences; where there are few, also what describes the intent."""
    found: list[Example] = []
    for intent in intents.values():
        sentences = list(intent.examples)
        found.extend(Example(text=text, intents=(intent.name,)) for text in sentences)
        if len(sentences) < FEW:
            found.extend(
                Example(text=text, intents=(intent.name,), described=True)
                for text in descriptions(intent)
            )
    return found


def all_examples(
    intents: Mapping[str, DescribedIntent], out_of_scope: Iterable[str]
) -> list[Example]:
    """What a definition teaches: its intents' examples, and what is none of them."""
    outside = [Example(text=text, intents=()) for text in out_of_scope]
    return [*definition_examples(intents), *outside]


def texts_learnt(intents: Mapping[str, DescribedIntent], names: Iterable[str]) -> Iterator[str]:
    """All texts that may have taught a model these intents."""
    for name in dict.fromkeys(names):
        intent = intents.get(name)
        if intent is not None:
            yield from intent.examples
            yield from descriptions(intent)
            yield name.replace("-", " ").replace("_", " ")


def descriptions(intent: DescribedIntent) -> list[str]:
    """Sentences that stand for an intent without examples; at least its name as words."""
    title = intent.title or intent.name.replace("-", " ").replace("_", " ")
    texts = [title]
    if intent.description:
        texts += [intent.description, f"{title}: {intent.description}"]
    if intent.keywords:
        texts.append(" ".join(intent.keywords))
    return list(dict.fromkeys(texts))
