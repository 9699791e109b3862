"""Names of persons and postal addresses in what customers write."""

from pathlib import Path

import pytest

from answerable.kit.errors import InvalidInput
from answerable.privacy.build_tagger import build_tagger
from answerable.privacy.detect import find
from answerable.privacy.spans import ADDRESS, DATE_OF_BIRTH, NAME
from answerable.privacy.tagger import model

NAMES = [
    ("Hello, my name is Odalys Brennecke and my card is gone.", ["Odalys Brennecke"]),
    ("my name is tomasz zielinski, where is my money", ["tomasz zielinski"]),
    ("Dear Ms Hollingworth, thank you.", ["Ms Hollingworth"]),
    ("Sehr geehrter Herr Dr. Brandstätter,", ["Dr. Brandstätter"]),
    ("Mit freundlichen Grüßen\nRoswitha Ehrlinger", ["Roswitha Ehrlinger"]),
    ("Bonjour, je m'appelle Maëlys Cormerais.", ["Maëlys Cormerais"]),
    ("Hola, me llamo Leocadia Berrocal", ["Leocadia Berrocal"]),
    ("Buongiorno, mi chiamo Ermenegilda Tosatti", ["Ermenegilda Tosatti"]),
    ("Nazywam się Bogumiła Rzepecka", ["Bogumiła Rzepecka"]),
    ("Respected sir, I am Raghavendra Iyengar from Pune.", ["Raghavendra Iyengar"]),
    ("I sent it to Anna Kowalska and Tom Becker.", ["Anna Kowalska", "Tom Becker"]),
    ("Anna's card was stolen", ["Anna"]),
    ("Follow up with Odalys Brennecke PhD in May.", ["Odalys Brennecke PhD"]),
    ("> Roswitha Ehrlinger\n>Tomasz Zielinski", ["Roswitha Ehrlinger", "Tomasz Zielinski"]),
    ("Cordialement\nA. Cormerais", ["A. Cormerais"]),
    # What programs escape on its way here is still a sentence.
    (r"Anna:\"I\'m Roswitha\'s daughter\"", ["Anna", "Roswitha"]),
]
ADDRESSES = [
    ("I live at 45 Elm Street, Springfield, IL 62704.", "45 Elm Street, Springfield, IL 62704"),
    ("Neue Anschrift: Lindenstraße 12, 50674 Köln", "Lindenstraße 12, 50674 Köln"),
    ("ich wohne in der birkenstraße 7", "birkenstraße 7"),
    ("J'habite 12 rue des Lilas, 69003 Lyon", "12 rue des Lilas, 69003 Lyon"),
    ("Vivo en Calle Mayor 5, 28013 Madrid", "Calle Mayor 5, 28013 Madrid"),
    ("Postfach 1140, 6002 Luzern", "Postfach 1140, 6002 Luzern"),
    ("Please send it to\n8 Mill Lane\nBristol BS1 9ZZ", "8 Mill Lane\nBristol BS1 9ZZ"),
    ("my postcode is BS1 9ZZ", "BS1 9ZZ"),
    ("Ship it to 8 Mill Lane, Auckland, New Zealand", "8 Mill Lane, Auckland, New Zealand"),
    ("I live at the corner of Mill Lane and Elm Street", "the corner of Mill Lane and Elm Street"),
]
INNOCENT = [
    "I am still waiting on my card?",
    "Will you mark the bill as paid in May?",
    "my name is wrong on the card",
    "My address has changed.",
    "Can I use my Visa card in China, or do I need a Mastercard?",
    "Three months ago I paid 24 euros for 3 transfers.",
    "On 7 January 2016 it was open, room 101, floor 12.",
    "Die Kartengebühr und der Kontoauszug fehlen seit Montag.",
    "Artikel 15 der Verordnung",
    "Der Zähler zeigt 4711,3 und die Kosten 1.284,50",
    "how long is the train from boston to denver",
    "what is the rate of the u. s. d. today",
    "is there a table for two at wendy's",
    "this is sooooo slow",
    "Dear Sir or Madam,",
    "See https://www.berlin.example/marie/smith.png and anna.example/tom/help",
    '<IMG src=http://canary.invalid/s.js> <Svg onload=x> {{constructor.constructor("x")()}}',
    "[press here](javascript:Maria=1) @import 'http://canary.invalid/c.css';*{",
    "java.lang.NullPointerException at com.example.Smith::run(Main.java:12)",
    "",
    "...",
]


def found(text: str, kind: str) -> list[str]:
    return [text[span.start : span.end] for span in find(text) if span.type == kind]


@pytest.mark.parametrize(("text", "names"), NAMES)
def test_a_name_that_no_list_has_is_read_from_what_stands_around_it(
    text: str, names: list[str]
) -> None:
    assert found(text, NAME) == names


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_an_address_is_one_span_with_all_that_belongs_to_it(text: str, address: str) -> None:
    assert found(text, ADDRESS) == [address]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_resembles_a_name_or_an_address_stays(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    "address",
    [
        "C/ Gran Vía 5, 3º B, 28013 Madrid",
        "Avda. de la Constitución 3, Sevilla",
        "Pza. Mayor 3, 37001 Salamanca",
        "Via G. Mazzini, 14 - 20123 Milano",
        "V.le Monza 12, 20127 Milano",
        "R. Augusta 120, 1100-053 Lisboa",
        "12 bis, rue de la Paix, 75002 Paris",
        "Lindenweg 3, 2. OG links, 60313 Frankfurt am Main",
        "Vesterbrogade 14, 2. th, 1620 København V",
        "Kungsgatan 12 lgh 1103, 111 35 Stockholm",
        "Anna van Burenlaan 77, 1103 AB Amsterdam",
        "Str. Zorilor nr. 14, bl. C3, ap. 37, Cluj-Napoca",
        "56 Pemberton St #2, Cambridge, MA 02140",
        "Untere Augartenstraße 17/2/14\n1020 Wien",
        "Mission and 5th Street",
    ],
)
def test_an_address_is_found_whole_as_each_country_writes_it(address: str) -> None:
    said = f"My new address is: {address}"

    assert [said[span.start : span.end] for span in find(said)] == [address]


@pytest.mark.parametrize(
    "text", ["Details: Amara Diallo, 17.06.1985, customer", "Amara Diallo 1985-06-17"]
)
def test_a_date_long_ago_right_behind_a_name_is_that_of_birth(text: str) -> None:
    assert [span.type for span in find(text)] == [NAME, DATE_OF_BIRTH]


@pytest.mark.parametrize(
    "text", ["Amara Diallo, 17.06.2025, paid in cash", "Amara Diallo, invoice of 17.06.1985"]
)
def test_another_date_is_none(text: str) -> None:
    assert [span.type for span in find(text)] == [NAME]


def test_the_next_sentence_is_no_part_of_an_address() -> None:
    text = "She lived at 14 St Mary's Road, London NW10 4AU.\n\nHer account needs closing."

    (span,) = find(text)

    assert text[span.start : span.end] == "14 St Mary's Road, London NW10 4AU"


def test_the_entries_of_a_list_are_no_address() -> None:
    spans = find("Please add\n1. Lucía Fernández\n2. Tom Brannigan\nThanks")

    assert {span.type for span in spans} == {NAME}


def test_two_spellings_of_a_name_have_one_value() -> None:
    spans = find("My name is Anna  Kowalska. I repeat, my name is ANNA KOWALSKA.")

    assert [span.type for span in spans] == [NAME, NAME]
    assert spans[0].value == spans[1].value


def test_a_title_makes_no_other_person() -> None:
    spans = find("Ask Dr. Anna Kowalska. My name is Anna Kowalska.")

    assert [span.value for span in spans] == ["anna kowalska"] * 2


def test_what_is_something_else_is_no_part_of_a_name() -> None:
    text = "Regards, Anna Kowalska anna.kowalska@example.com"

    assert [(span.type, text[span.start : span.end]) for span in find(text)] == [
        (NAME, "Anna Kowalska"),
        ("email", "anna.kowalska@example.com"),
    ]


def test_the_same_lists_make_the_same_tagger(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        build_tagger(tmp_path / folder, rounds=1, epochs=1)

    for name in ("weights.bin", "words.bin", "tagger.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_without_a_tagger_the_patterns_still_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "load", lambda: None)

    spans = find("My name is Anna Kowalska, write to anna@example.com")

    assert [span.type for span in spans] == ["email"]


def test_a_damaged_tagger_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "tagger.json").write_text("{}")
    (tmp_path / "weights.bin").write_bytes(b"12345678")

    with pytest.raises(InvalidInput, match="tagger"):
        model.load(tmp_path)


@pytest.mark.parametrize(("name", "address"), [(0, 0), (5, -7), (-9, 3), (-(2**20), -(2**20))])
def test_two_scores_in_one_number_come_apart_again(name: int, address: int) -> None:
    assert model.unpacked(model.packed(name, address)) == (name, address)
