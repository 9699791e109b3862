"""What customers write in other languages reaches an English encoder as English words."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.kit.errors import InvalidInput
from answerable.understanding.build_dictionary import LISTS, build_dictionary, read_list
from answerable.understanding.dictionary import Dictionary
from answerable.understanding.encoder import NgramsOnly
from answerable.understanding.examples import Example
from answerable.understanding.glossing_encoder import GlossingEncoder
from answerable.understanding.ports import Encoder
from answerable.understanding.train import train
from tests.support.needs import left_out

GERMAN = """\
the: der, die, das
i: ich
my: mein, meine, meinen
have: habe
lost: verloren
card: karte, karten
credit: kredit
statement: abrechnung
not yet: noch nicht
not: nicht
fees: gebühren
street: straße
: mich
"""
SPANISH = """\
the: la, el
card: tarjeta
block: bloquear, bloquea
it: lo
me: me
give: da, dar
"""


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Dictionary:
    lists, out = tmp_path_factory.mktemp("lists"), tmp_path_factory.mktemp("dictionary")
    (lists / "de.txt").write_text(GERMAN, encoding="utf-8")
    (lists / "es.txt").write_text(SPANISH, encoding="utf-8")
    build_dictionary(out, lists)
    return Dictionary.load(out)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Ich habe meine Karte verloren!", "i have my card lost!"),
        (
            "Die Karte ist noch nicht da",
            "the card ist not yet da",
        ),  # the longest phrase, names stay
        ("nicht meine", "not my"),
        ("Die GEBUEHREN, die Gebuhren", "the fees, the fees"),  # keyboards without umlauts
        ("meine Strasse", "my street"),
        ("Kreditkartenabrechnung verloren", "credit card statement lost"),  # an unknown compound
        ("ich habe's nicht", "i have s not"),  # marks between words
        ("ich habe mich verloren", "i have  lost"),  # what English has no word for
        ("Bloquearla: la tarjeta", "block it: the card"),  # a pronoun behind a verb
        ("Dámelo, la tarjeta", "give me it, the card"),
    ],
)
def test_what_is_read_instead(dictionary: Dictionary, said: str, read: str) -> None:
    assert dictionary.in_english(said) == read


@pytest.mark.parametrize(
    "text",
    [
        "My card is lost, please block it",
        "the card die",  # also a German word, and more English ones beside it
        "Jag har tappat mitt kort",  # of no language of the dictionary
        "",
        "12,50 EUR!",
        "Моя карта",
    ],
)
def test_other_texts_stay_as_they_are(dictionary: Dictionary, text: str) -> None:
    assert dictionary.in_english(text) == text


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("Ich habe meine Karte verloren", True),
        ("the card is not lost", True),
        ("12,50!", True),
        ("Jag har tappat mitt kort", False),
        ("Моя карта", True),  # not in Latin letters: others see to that
        ("tһe сard", True),  # a disguise, in Cyrillic letters
    ],
)
def test_what_is_covered(dictionary: Dictionary, text: str, covered: bool) -> None:
    assert dictionary.covers(text) is covered


@given(text=st.text())
def test_any_text_is_read(dictionary: Dictionary, text: str) -> None:
    read = dictionary.in_english(text)
    # What is no word is kept.
    assert [c for c in read if c.isdigit()] == [c for c in text if c.isdigit()]


def test_a_misspelt_line_of_a_list_is_named(tmp_path: Path) -> None:
    path = tmp_path / "de.txt"
    path.write_text("card: karte\nlost verloren\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"de\.txt:2: .*'lost verloren'"):
        read_list(path)


def test_damaged_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not hold the dictionary"):
        Dictionary.load(tmp_path)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "de.txt").write_text(GERMAN, encoding="utf-8")
    build_dictionary(tmp_path, tmp_path / "lists")
    np.save(tmp_path / "meanings.npy", np.zeros(3, dtype=np.uint32))
    with pytest.raises(InvalidInput, match="differ in length"):
        Dictionary.load(tmp_path)
    build_dictionary(tmp_path, tmp_path / "lists")
    rows = len(np.load(tmp_path / "meanings.npy"))
    np.save(tmp_path / "meanings.npy", np.full(rows, 900, dtype=np.uint32))
    with pytest.raises(InvalidInput, match="more meanings than it has"):
        Dictionary.load(tmp_path)


def test_words_are_remembered_and_what_customers_wrote_is_not(dictionary: Dictionary) -> None:
    dictionary.in_english("Ich habe noch nicht meine Karte, noch nicht meine Abrechnung")

    held = [*vars(dictionary)["_remembered"], *(word for _, word in vars(dictionary)["_guessed"])]
    assert held
    assert not any(" " in form.strip() for form in held)


def test_a_model_of_one_dictionary_is_not_read_with_another(
    dictionary: Dictionary, tmp_path: Path
) -> None:
    encoder = GlossingEncoder(NgramsOnly(), dictionary)
    assert encoder.name == f"ngrams-1-{dictionary.name}"
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "de.txt").write_text(GERMAN + "new: neu\n", encoding="utf-8")
    build_dictionary(tmp_path, tmp_path / "lists")
    assert Dictionary.load(tmp_path).name != dictionary.name


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.txt")), ids=lambda path: path.stem)
def test_shipped_lists_are_in_order(path: Path) -> None:
    said = [
        form.strip()
        for line in path.read_text(encoding="utf-8").splitlines()
        for form in line.partition(":")[2].split(",")
    ]
    assert len(read_list(path)) == len(said), "a form stands twice"
    assert all(form == form.lower() for form in said)
    assert max(len(form.split(" ")) for form in said) <= 5
    meanings = set(read_list(path).values())
    assert all(meaning.isascii() and meaning == meaning.lower() for meaning in meanings)


QUESTIONS = (
    ("de", "Meine Karte wurde gestohlen, bitte sofort sperren", "card-block"),
    ("fr", "jai perdu ma carte, bloquez la svp", "card-block"),
    ("es", "me han robado la tarjeta, bloquéenla por favor", "card-block"),
    ("it", "ho perso la carta, potete bloccarla?", "card-block"),
    ("nl", "mijn pas is gestolen, kunt u hem blokkeren", "card-block"),
    ("pt", "perdi meu cartão, podem bloqueá-lo?", "card-block"),
    ("pl", "zgubiłem kartę, proszę ją zablokować", "card-block"),
    ("de", "Wie hoch ist mein Kontostand?", "balance"),
    ("fr", "combien me reste-t-il sur mon compte ?", "balance"),
    ("es", "¿cuánto dinero tengo en la cuenta?", "balance"),
    ("it", "quanti soldi ho sul conto?", "balance"),
    ("nl", "hoeveel geld staat er op mijn rekening?", "balance"),
    ("pt", "quanto dinheiro tenho na conta?", "balance"),
    ("pl", "ile pieniędzy mam na koncie?", "balance"),
    ("de", "Ich bin umgezogen und habe eine neue Adresse", "address"),
    ("fr", "j'ai déménagé, voici ma nouvelle adresse", "address"),
    ("es", "me he mudado, tengo otra dirección", "address"),
    ("it", "mi sono trasferito, ho un nuovo indirizzo", "address"),
    ("nl", "ik ben verhuisd en heb een nieuw adres", "address"),
    ("pt", "me mudei, tenho um novo endereço", "address"),
    ("pl", "przeprowadziłem się, mam nowy adres", "address"),
)
ENGLISH_ONLY = {
    "card-block": (
        "my card is lost, block it",
        "somebody stole my bank card",
        "please freeze my debit card",
    ),
    "balance": (
        "what is my balance",
        "how much money is in my account",
        "how much do I have left",
    ),
    "address": (
        "I moved to another flat",
        "change my address please",
        "my new address has to be updated",
    ),
}


def test_questions_in_seven_languages_are_understood_by_english_examples(encoder: Encoder) -> None:
    if not isinstance(encoder, GlossingEncoder):
        left_out("the sentence encoder is not built; n-grams read no meaning")
    model = train(
        [
            Example(text=text, intents=(intent,))
            for intent, texts in ENGLISH_ONLY.items()
            for text in texts
        ],
        encoder=encoder,
    )
    said = model.understand([text for _, text, _ in QUESTIONS])
    wrong = [
        (language, text, found.intents[0].name)
        for (language, text, intent), found in zip(QUESTIONS, said, strict=True)
        if found.intents[0].name != intent
    ]
    assert not wrong
