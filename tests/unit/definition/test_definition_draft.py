"""A draft of a definition is a definition, whatever was found."""

import pytest

from answerable.definition.draft import Draft, DraftIntent, draft_text
from answerable.definition.load import load_definition

HOSTILE = "a: b\n# c \"d\" 'e' {f} [g] \u2028 & * ! | > % @ ` \\ é 日本 -\t- ---"


def intent(name: str, *examples: str, sensitive: str | None = None) -> DraftIntent:
    return DraftIntent(
        name=name,
        title=HOSTILE,
        description=HOSTILE,
        kind="template",
        team="cards",
        sensitive=sensitive,
        keywords=["card", HOSTILE],
        examples=examples,
        remarks=[HOSTILE, "word " * 60],
    )


def draft(*intents: DraftIntent, address: str = "") -> Draft:
    return Draft(
        service="my-bank",
        language="en",
        address=address,
        teams=[("cards", HOSTILE)],
        intents=intents,
        outside=[HOSTILE, "Is it raining?"],
        remarks=["Made of three mails.", HOSTILE],
    )


@pytest.mark.parametrize("sensitive", [None, "fraud", "complaint", "account-closure"])
def test_whatever_customers_wrote_is_text_and_nothing_else(sensitive: str | None) -> None:
    examples = [f"{HOSTILE} {number}" for number in range(6)]
    text = draft_text(draft(intent("card", *examples, sensitive=sensitive), address="a@b.example"))

    loaded = load_definition("draft.yaml", text.encode())

    assert loaded.errors == ()
    assert loaded.definition is not None
    (one,) = loaded.definition.intents.values()
    assert one.title == " ".join(HOSTILE.split())
    assert one.sensitive == sensitive
    assert not one.auto_resolve
    assert max(map(len, (line for line in text.split("\n") if line.lstrip()[:1] == "#"))) < 140


def test_few_examples_are_said_to_be_few() -> None:
    assert "too few to recognise it" in draft_text(draft(intent("card", "Where is it?")))


def test_a_draft_without_intents_is_a_definition_too() -> None:
    assert load_definition("draft.yaml", draft_text(draft()).encode()).errors == ()
