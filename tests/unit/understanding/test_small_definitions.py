"""A definition of a few intents must not make everything certain."""

from pathlib import Path

from answerable.understanding.examples import Example
from answerable.understanding.model import Model
from answerable.understanding.train import train

CARD = [
    "Where is my new card?",
    "my card has not come",
    "when does the card arrive",
    "card delivery status",
    "still waiting for the card",
    "has the card been posted",
]
ANGER = [
    "I want to complain",
    "this is a complaint",
    "I am unhappy with your service",
    "your service is terrible",
    "I file a complaint",
    "nobody helps me here",
]


def test_two_intents_do_not_both_apply_with_certainty() -> None:
    examples = [Example(text=text, intents=("card",)) for text in CARD]
    examples += [Example(text=text, intents=("complaint",)) for text in ANGER]
    model = train(examples, languages=["en"])

    (understood,) = model.understand(["Where is my bank card?"])

    assert understood.intents[0].name == "card"
    others = [score for score in understood.intents[1:] if score.applies]
    assert others == []
    assert all(score.confidence < 0.5 for score in understood.intents[1:])


def test_a_small_definition_takes_little_memory() -> None:
    examples = [Example(text=text, intents=("card",)) for text in CARD]
    model = train(examples, languages=["en", "de"])

    head = model.intents.head
    arrays = [head.centres, head.pull, head.gram_pull, head.gram_buckets, head.rarity.weights]

    assert sum(array.nbytes for array in arrays) < 50_000


def test_where_no_intent_is_defined_nothing_is_in_scope(tmp_path: Path) -> None:
    trained = train([], languages=["en", "de"])
    trained.save(tmp_path)

    for model in (trained, Model.load(tmp_path)):
        understood, german = model.understand(["Where is my card?", "Wo ist meine Karte?"])
        assert understood.intents == ()
        assert not understood.in_scope
        assert not understood.automatic
        assert (understood.language, german.language) == ("en", "de")
