"""Mood, urgency, spam, churn, abuse and language, on sentences that are in none of our lists."""

import json
from pathlib import Path

import pytest

from answerable.kit.errors import InvalidInput
from answerable.understanding.encoder import NgramsOnly
from answerable.understanding.language import COMMON_WORDS, SHIPPED, LanguageReader
from answerable.understanding.lexicon_file import read_lexicon
from answerable.understanding.model import Model
from answerable.understanding.ports import Encoder
from tests.support.needs import left_out

LEVELS = {"low": 0, "normal": 1, "high": 2, "critical": 3}


@pytest.fixture
def mood_model(bank_model: Model, encoder: Encoder) -> Model:
    if isinstance(encoder, NgramsOnly):
        left_out("the sentence encoder is not built; n-grams cannot read a mood")
    return bank_model


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("Someone has emptied my account, I did not do this!", 3),
        ("There are payments I never authorised on my card", 3),
        ("My bag with all my cards was stolen", 2),
        ("I need the document today, the deadline is at noon", 2),
        ("I'm an elderly woman in hospital and cannot get to my money", 2),
    ],
)
def test_loss_deadline_and_need_are_urgent(mood_model: Model, text: str, least: int) -> None:
    (understanding,) = mood_model.understand([text])

    assert LEVELS[understanding.urgency] >= least


@pytest.mark.parametrize(
    "text",
    [
        "You are the most incompetent company I have ever dealt with!!!",
        "I hate your app, it is garbage",
        "How can I change my e-mail address?",
        "When do you open on Fridays?",
    ],
)
def test_anger_alone_is_not_urgent(mood_model: Model, text: str) -> None:
    (understanding,) = mood_model.understand([text])

    assert LEVELS[understanding.urgency] <= 1


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("I am really furious, this is the worst support ever", -1.0, -0.7),
        ("Nothing but lies from you people, I am disgusted", -1.0, -0.5),
        ("Thank you, you have been so helpful, wonderful service!", 0.6, 1.0),
        ("How do I activate my card?", -0.4, 0.4),
        ("I lost my card yesterday", -0.4, 0.4),
    ],
)
def test_sentiment_follows_the_tone(mood_model: Model, text: str, low: float, high: float) -> None:
    (understanding,) = mood_model.understand([text])

    assert low <= understanding.sentiment <= high


def test_spam_stands_out_from_customers(mood_model: Model) -> None:
    spam = mood_model.understand(
        [
            "You have won 10,000 euros, click this link to collect your prize now",
            "We offer cheap SEO services and backlinks for your website, reply today",
        ]
    )
    ham = mood_model.understand(
        ["Where is my card?", "Please send me the invoice again", "I clicked a link, is it a scam?"]
    )

    assert min(one.spam for one in spam) > 0.6
    assert max(one.spam for one in ham) < 0.3


@pytest.mark.parametrize(
    "text",
    [
        "Please end my contract, I have found a cheaper insurer.",
        "If you raise the fee once more I will move to another bank.",
        "The invoice is paid and the address is right.\nYour driver was friendly, by the way.\n"
        "I am cancelling my membership all the same and go to your competitor.\nAll the best.",
    ],
)
def test_who_leaves_or_thinks_of_it_is_noticed(mood_model: Model, text: str) -> None:
    (understanding,) = mood_model.understand([text])

    assert understanding.churn > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Please cancel my order of yesterday, I picked the wrong size.",
        "My mother has died, please close her account.",
        "This is a scandal, where is my refund?",
        "When does the branch open?",
    ],
)
def test_an_ended_order_an_estate_and_anger_are_no_farewell(mood_model: Model, text: str) -> None:
    (understanding,) = mood_model.understand([text])

    assert understanding.churn < 0.5


def test_abuse_is_aimed_at_people_and_swearing_at_the_matter(mood_model: Model) -> None:
    abusive = mood_model.understand(
        ["You stupid idiot, can't you read?", "I know where you live and I will come and hurt you"]
    )
    civil = mood_model.understand(
        [
            "The damn card does not work again",
            "Your service is terrible and I want my money back",
            "A caller threatened me and wanted my PIN",
            "Could you send me the contract, please?",
        ]
    )

    assert min(one.abuse for one in abusive) > 0.6
    assert max(one.abuse for one in civil) < 0.5


@pytest.mark.parametrize("name", ["sentiment", "urgency", "spam", "churn", "abuse"])
def test_no_sentence_stands_in_a_list_twice(name: str) -> None:
    texts = [text.casefold() for _, text in read_lexicon(name)]

    assert len(texts) == len(set(texts)) > 100


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wo ist meine Karte geblieben?", "de"),
        ("Où est ma nouvelle carte bancaire ?", "fr"),
        ("Where is my card?", "en"),
        ("", "en"),
        ("12345", "en"),
    ],
)
def test_the_language_is_one_of_the_tenants(text: str, language: str) -> None:
    assert LanguageReader(["en", "de-DE", "fr"]).language(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [("Hola, falta mi tarjeta", "es"), ("Dalle 10 alle 13", "it"), ("Karte weg", "de")],
)
def test_words_that_a_language_cannot_do_without_tell_a_short_text(
    text: str, language: str
) -> None:
    reader = LanguageReader(["en", "de", "es", "it", "pt", "sv", "da", "ro", "fr", "nl"])

    assert reader.language(text) == language


def test_each_common_word_stands_in_lower_case_and_once_a_language() -> None:
    lists = json.loads(COMMON_WORDS.read_text(encoding="utf-8"))

    for words in lists.values():
        assert words == words.lower()
        assert len(words.split()) == len(set(words.split()))


def test_an_only_language_is_not_taken_for_another_for_want_of_words() -> None:
    reader = LanguageReader(["pt-BR"])

    assert reader.language("cartão PIN app") == "pt"
    assert reader.language("Where is my card?") == "en"


def test_an_unheard_of_language_is_no_error() -> None:
    assert LanguageReader(["xx", "en"]).language("Where is my card?") == "en"


@pytest.mark.parametrize("languages", [["en", "de-DE", "fr"], ["xx", "en"], ["en"], []])
def test_the_tables_laid_out_say_the_same_as_the_librarys_file(
    languages: list[str], tmp_path: Path
) -> None:
    laid_out = LanguageReader(languages)
    assert (SHIPPED / "languages.json").is_file()

    whole = LanguageReader(languages, tables=tmp_path)

    for text in ("Wo ist meine Karte geblieben?", "Où est ma carte ?", "Where is it?", "", "123"):
        assert laid_out.language(text) == whole.language(text)


def test_half_of_the_language_tables_is_refused(tmp_path: Path) -> None:
    for file in SHIPPED.iterdir():
        if file.name != "moves.npy":
            (tmp_path / file.name).symlink_to(file)

    with pytest.raises(InvalidInput, match=r"moves\.npy"):
        LanguageReader(["en", "de"], tables=tmp_path).language("Wo ist meine Karte geblieben?")


@pytest.mark.parametrize(
    "text",
    [
        "مرحبا، اسمي محمد العلي ولم تصل بطاقتي بعد. هل يمكنني تغيير موعد الخصم؟",
        "Здравствуйте, когда придёт возврат за заказ 55120?",
        "카드가 아직 안 왔어요. 언제 받을 수 있나요?",
        "Tere päevast, millal saabub tagasimakse tellimuse 55120 eest?",
    ],
)
def test_a_language_that_no_list_has_is_neither_spam_nor_rude_nor_urgent(
    bank_model: Model, text: str
) -> None:
    (said,) = bank_model.understand([text])

    assert (said.spam, said.abuse, said.churn, said.sentiment) == (0, 0, 0, 0)
    assert said.urgency == "normal"


def test_a_few_letters_that_only_look_latin_hide_no_spam(mood_model: Model) -> None:
    text = "Congratulations! You have won a prize of 10,000 dollars, click here to claim it now"
    disguised = text.replace("o", "о").replace("a", "а")  # Cyrillic

    said, plainly = mood_model.understand([disguised, text])

    assert said.spam > 0.5
    assert plainly.spam > 0.9


@pytest.mark.parametrize(
    ("text", "language", "number"),
    [
        ("Where is my new card, please?", "en", 0),
        ("Wo bleibt denn meine neue Karte?", "de", 1),
        ("¿Cuándo llega mi nueva tarjeta, por favor?", "es", -1),
        ("Var är mitt nya kort någonstans?", "sv", -1),
        ("Где моя новая карта?", "ru", -1),
        ("ok", "en", 0),
    ],
)
def test_a_message_in_a_language_that_is_none_of_the_tenants_is_told(
    text: str, language: str, number: int
) -> None:
    reader = LanguageReader(["en", "de"])

    assert reader.language(text) == language
    assert reader.number(language) == number


def test_what_was_shown_in_english_is_not_shown_in_a_language_that_nothing_was_learnt_in(
    bank_model: Model,
) -> None:
    held_out = bank_model.intents.held_out
    assert held_out.language is not None
    assert not (held_out.language < 0).any()

    lines = bank_model.lines(0.9)
    best = int(lines.intents.argmin())
    assert lines.reached(best, 1.0, "en")
    assert not lines.reached(best, 1.0, "es")
