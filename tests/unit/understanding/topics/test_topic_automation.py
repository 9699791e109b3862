"""What looks automatable, and what people must answer whatever it looks like."""

from dataclasses import replace

import pytest

from answerable.understanding.topics.answers import signature
from answerable.understanding.topics.automation import asks_for_change, estimated, sensitive_word
from answerable.understanding.topics.matter import Matter

ANSWER = "Cards are sent by post and arrive within eight working days after they were ordered."
PLAIN = Matter(
    text="Where is my card?",
    language="en",
    at=None,
    customer=1,
    inbox="cards",
    handler="cards",
    first_reply=None,
    replies=1,
    later_mails=0,
    has_attachment=False,
    answer=signature(ANSWER),
    answer_text=ANSWER,
)
ALONE = replace(PLAIN, replies=0, answer=None, answer_text="", handler="")


def test_the_same_answer_and_one_exchange_look_like_a_template() -> None:
    estimate, best = estimated([PLAIN] * 9 + [ALONE], sensitive=False)

    assert estimate.kind == "template"
    assert estimate.template == 0.9
    assert best == 0
    reasons = {one.name: one.part for one in estimate.reasons}
    assert reasons["answered"] == 0.9
    assert reasons["same-answer"] == reasons["one-exchange"] == 1.0


@pytest.mark.parametrize("change", [{"has_attachment": True}, {"replies": 3}, {"later_mails": 4}])
def test_papers_and_long_exchanges_look_like_people(change: dict[str, int]) -> None:
    estimate, _ = estimated([replace(PLAIN, **change)] * 5, sensitive=False)  # type: ignore[arg-type]

    assert estimate.kind == "person"
    assert estimate.person == 1.0


def test_two_answers_alike_show_nothing() -> None:
    estimate, best = estimated([PLAIN, PLAIN], sensitive=False)

    assert (estimate.kind, best) == ("person", None)


def test_what_is_sensitive_is_never_said_to_be_automatable() -> None:
    stolen = [replace(PLAIN, text="My card was stolen!")] * 6

    assert sensitive_word(stolen) == "fraud"
    estimate, _ = estimated(stolen, sensitive=True)
    assert (estimate.template, estimate.form, estimate.person) == (0, 0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "I have moved, please change my address",
        "My phone number has changed",
        "Please update my email",
        "I got married and have a new surname",
        "Ich bin umgezogen",
        "Meine Adresse hat sich geändert",
        "Bitte ändern Sie meine Telefonnummer",
        "Je souhaite modifier mon adresse",
        "Quiero cambiar mi dirección",
        "Vorrei cambiare il mio indirizzo",
        "Ik wil mijn adres wijzigen",
        "Quero alterar a minha morada",
    ],
)
def test_a_change_of_data_is_told_in_seven_languages(text: str) -> None:
    assert asks_for_change(text)


@pytest.mark.parametrize(
    "text",
    [
        "Where is my card?",
        "What is the address of your branch?",
        "The exchange rate has changed",
        "Wie lautet Ihre Adresse?",
        "Quel est le numéro du service?",
    ],
)
def test_a_question_about_data_is_no_change_of_it(text: str) -> None:
    assert not asks_for_change(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("I want to close my account", "account-closure"),
        ("Ich kündige hiermit mein Konto", "account-closure"),
        ("I want to complain", "complaint"),
        ("Das ist Betrug", "fraud"),
        ("Where is my card?", None),
    ],
)
def test_sensitive_words_are_known(text: str, word: str | None) -> None:
    assert sensitive_word([replace(PLAIN, text=text)]) == word
