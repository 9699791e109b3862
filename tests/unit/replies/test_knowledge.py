"""Stories of knowledge search: which articles are found, and what is never found."""

from answerable.replies.knowledge import Article, KnowledgeSearch, passages
from answerable.understanding.encoder import NgramsOnly, load_encoder

STEPS = "## Block a card\n\n1. Open the app.\n2. Choose **Block**."
CARDS = Article(id="cards", title="Lost and stolen cards", text=STEPS)
RATES = Article(id="rates", title="Savings rates", text="Interest is paid at the end of a month.")
ERROR = Article(id="error", title="Signing in", text="E-4711 means that the device is not trusted.")
ALL = [CARDS, RATES, ERROR]


def ids(search: KnowledgeSearch, text: str, limit: int = 10) -> list[str]:
    return [one.article.id for one in search.search(text, limit=limit)]


def test_an_article_is_found_by_its_meaning_and_in_other_words() -> None:
    search = KnowledgeSearch(ALL, load_encoder())

    assert ids(search, "Somebody took my purse with the debit card in it")[0] == "cards"
    assert ids(search, "When do I get what my deposit earns?")[0] == "rates"


def test_a_code_is_found_by_its_letters() -> None:
    assert ids(KnowledgeSearch(ALL, NgramsOnly()), "It says e-4711. What now?")[0] == "error"


def test_what_stands_around_the_question_does_not_hide_it() -> None:
    search = KnowledgeSearch(ALL, load_encoder())
    around = "Hello there, I hope you are well today. My name is Anna. " * 5

    found = ids(search, f"{around}My card was stolen on the train. Kind regards from Anna")

    assert found[0] == "cards"


def test_the_passage_that_made_an_article_found_is_shown() -> None:
    found = KnowledgeSearch(ALL, load_encoder()).search("when is interest paid?")

    assert found[0].passage == "Interest is paid at the end of a month."
    assert found[0].score > found[1].score


def test_no_more_are_found_than_asked_for() -> None:
    assert len(ids(KnowledgeSearch(ALL, NgramsOnly()), "card", limit=2)) == 2


def test_without_a_question_or_articles_nothing_is_found() -> None:
    search = KnowledgeSearch(ALL, NgramsOnly())

    assert search.search("") == search.search(" \n\t") == []
    assert KnowledgeSearch([], NgramsOnly()).search("anything at all?") == []


def test_strange_texts_are_searched_for_without_an_error() -> None:
    search = KnowledgeSearch([*ALL, Article(id="empty", title="", text="")], load_encoder())

    for text in ("?", "🙂🙂", "\x00\x01", "שלום עולם", "a" * 100_000, "\ud800 lone"):
        assert len(search.search(text)) == 4


def test_marks_of_a_text_are_no_part_of_its_passages() -> None:
    text = "# Closing an account\n\n- Close it **at any time**.\n| a cell | of a table |\nOk."

    assert passages(text) == [
        "Closing an account",
        "Close it at any time.",
        "a cell of a table",
    ]


def test_the_same_question_finds_the_same_in_any_company() -> None:
    """Also among many articles, which are compared in blocks."""
    many = [
        Article(id=str(n), title=f"Notice {n}", text="Nothing to see here today. " * 3)
        for n in range(2000)
    ]
    search = KnowledgeSearch([*many, *ALL], NgramsOnly())

    assert ids(search, "lost and stolen cards")[0] == "cards"
    assert ids(search, "lost and stolen cards") == ids(search, "lost and stolen cards")
