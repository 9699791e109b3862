"""What a mail asks for, what a topic is called, and which answers are the same letter."""

import numpy as np
import pytest

from answerable.understanding.topics.answers import most_given, signature
from answerable.understanding.topics.naming import kebab, named
from answerable.understanding.topics.request import bare_subject, is_answer, request_of

FRAMES = [
    ("Dear Sir or Madam,\n\n", "\n\nKind regards\nAnna\n12 High Street\nLondon"),
    ("Sehr geehrte Damen und Herren,\n", "\nMit freundlichen Grüßen\nErika\nTel. 030 123"),
    ("Bonjour,\n\n", "\n\nCordialement,\nClaire"),
    ("Hola,\n", "\nMuchas gracias\nLuis"),
    ("Buongiorno,\n", "\nCordiali saluti\nSofia"),
    ("Geachte heer,\n", "\nMet vriendelijke groet,\nPiet"),
    ("Olá,\n", "\nCumprimentos\nRui"),
    ("Hi <name:1>!\n", "\nThanks\n"),
]


@pytest.mark.parametrize(("greeting", "farewell"), FRAMES)
def test_greeting_and_farewell_ask_for_nothing(greeting: str, farewell: str) -> None:
    assert request_of("", f"{greeting}Where is my card?{farewell}") == "Where is my card?"


def test_a_mail_that_is_one_line_is_kept_whole() -> None:
    assert request_of("", "Hello I lost my card") == "Hello I lost my card"
    assert request_of("", "Thanks") == "Thanks"
    assert request_of("", "") == request_of("Re:", " \n") == ""


def test_a_subject_that_says_something_is_said_first() -> None:
    assert request_of("Re: Change of address", "Please help.") == "Change of address. Please help."
    assert request_of("A question", "Where is my card?") == "Where is my card?"
    assert request_of("My card", "Where is my card?") == "Where is my card?"
    assert request_of("AW: [#4711] Frage", "Wo ist meine Karte?") == "Wo ist meine Karte?"


def test_of_a_long_mail_the_sentences_that_ask_are_kept_in_their_order() -> None:
    told = " ".join(f"On day {n} I walked along the river and thought about it." for n in range(30))
    found = request_of("", f"I lost my card. {told} Could you please send another one?")

    assert found.startswith("I lost my card.")
    assert found.endswith("Could you please send another one?")
    assert len(found.split()) <= 50


def test_nothing_is_cut_within_a_handle() -> None:
    found = request_of("", "word " + "<account_number:1>" * 60)

    assert found.count("<") == found.count(">")


def test_marks_of_answering_are_no_part_of_a_subject() -> None:
    assert bare_subject("Re: AW: Fwd: [EXT] My card (#123)") == "My card"
    assert is_answer("Antw: x")
    assert not is_answer("Reply to my letter")


def group(*texts: str, each: int = 4) -> list[tuple[str, int]]:
    return [(text, number) for number in range(each) for text in texts]


def test_a_topic_is_called_by_what_sets_it_apart() -> None:
    cards = group("Where is my card?", "My card has not arrived", "when does my card arrive")
    moved = group("I need a change of address", "change of address please", "my new address")

    names = named([cards, moved])

    assert names[0].title.startswith("Card")
    assert names[1].title == "Change of address"
    assert names[1].name == "change-address"


def test_names_are_unique_and_never_somebodys() -> None:
    same = group("Where is my card?")
    names = named([same, same, same])
    assert len({one.name for one in names}) == 3

    own = [("Lindqvist asks where the card is", 1)] * 20 + group("where is the card")
    (one,) = named([own], never=())
    assert "lindqvist" not in (one.title + one.name + " ".join(one.words)).lower()

    (one,) = named([group("julia told me about the loan")], never={"julia"})
    assert "julia" not in one.title.lower()


def test_nothing_to_say_is_a_name_too() -> None:
    assert [one.name for one in named([group("??", "!!"), group("...")])] == ["topic-1", "topic-2"]
    assert kebab(["Überweisung", "ins", "Ausland!"]) == "uberweisung-ins-ausland"
    assert kebab(["日本"]) == "topic"


TEMPLATE = "Cards are sent by post and arrive within eight days. Yours, {}, is on its way since {}."


def test_a_template_with_other_names_and_dates_is_the_same_answer() -> None:
    answers = [
        signature(
            f"Dear <name:{n}>,\n\n{TEMPLATE.format(f'<name:{n}>', f'{n} May')}\n\nRegards\nJulia"
        )
        for n in range(1, 9)
    ]
    answers += [signature("We would have to see the papers first, above all the contract.")]
    rows = np.stack([one for one in answers if one is not None])

    best, like = most_given(rows)

    assert best < 8
    assert like.tolist() == [True] * 8 + [False]


def test_an_answer_without_words_has_no_signature() -> None:
    assert signature("Dear <name:1>,\n\n--\n") is None or signature("") is None
