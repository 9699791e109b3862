"""What the tagger left out of an address is added by what a country, a state or a corner is."""

import pytest

from answerable.privacy.tagger.model import ADDRESS, NAME, NONE
from answerable.privacy.tagger.tokens import COMMON, COUNTRY, FOREIGN, PARTICLE, STREET, Reader
from answerable.privacy.tagger.vocabulary import Vocabulary
from answerable.privacy.whole_addresses import complete

READER = Reader(
    Vocabulary.from_words(
        dict.fromkeys(("and", "for", "my", "post", "card", "iron", "springs", "pin"), COMMON)
        | {"new": COMMON | COUNTRY, "united": COMMON | COUNTRY, "states": COMMON | COUNTRY}
        | dict.fromkeys(("zealand", "bosnia", "herzegovina", "mali", "jordan"), COUNTRY)
        | dict.fromkeys(("street", "lane", "chemin", "avda"), STREET)
        | {"des": PARTICLE, "the": COMMON | PARTICLE, "of": COMMON | PARTICLE, "am": FOREIGN}
    )
)


def completed(marked: str, *, names: str = "", taken: str = "") -> str:
    """The text with the address in brackets, of one with what the tagger found in brackets.

    names: words that it found to be a person's. taken: words that are something else already.
    """
    start, end = marked.find("["), marked.find("]") - 1
    text = marked.replace("[", "").replace("]", "")
    tokens = READER.tokens_of(text)
    labels = [ADDRESS if start <= t.start and t.end <= end else NONE for t in tokens]
    for place, token in enumerate(tokens):
        if text[token.start : token.end] in names.split():
            labels[place] = NAME
    free = [text[token.start : token.end] not in taken.split() for token in tokens]

    complete(labels, tokens, free)

    ours = [token for token, label in zip(tokens, labels, strict=True) if label == ADDRESS]
    if not ours:
        return text
    first, last = ours[0].start, ours[-1].end
    return f"{text[:first]}[{text[first:last]}]{text[last:]}"


@pytest.mark.parametrize(
    ("found", "whole"),
    [
        ("to [8 Mill Lane, Hamilton] ON for my post", "to [8 Mill Lane, Hamilton ON] for my post"),
        ("[8 Mill Lane, Leeds]\n, GB\n 12345", "[8 Mill Lane, Leeds\n, GB\n 12345]"),
        ("[8 Mill Lane, Leeds]\nNew Zealand 6011", "[8 Mill Lane, Leeds\nNew Zealand 6011]"),
        ("[8 mill lane, leeds], new zealand", "[8 mill lane, leeds, new zealand]"),
        ("[8 Mill Lane] United States", "[8 Mill Lane United States]"),
        ("[8 Mill Lane], Bosnia and Herzegovina", "[8 Mill Lane, Bosnia and Herzegovina]"),
        ("[8 Mill Lane]\n Iron Springs\n Mali", "[8 Mill Lane\n Iron Springs\n Mali]"),
        ("[8 Mill Lane], Xanv, Mali for my card", "[8 Mill Lane, Xanv, Mali] for my card"),
        ("Chemin des [Vignes 9]", "[Chemin des Vignes 9]"),
        ("Anna\nAm [Deich 7]", "Anna\n[Am Deich 7]"),
        ("Mission and [9 Street]", "[Mission and 9 Street]"),
        ("my post at Mission and [9 Street]", "my post at [Mission and 9 Street]"),
        ("47 [Elm Street]", "[47 Elm Street]"),
        ("2 47 [Elm Street]", "[2 47 Elm Street]"),
        ("[60313 Frankfurt] am Main for my card", "[60313 Frankfurt am Main] for my card"),
        ("for Avda Sol nr 9 my post", "for [Avda Sol nr 9] my post"),
        ("for Amagerbrogade 90 my post", "for [Amagerbrogade 90] my post"),
        ("I, Alten [Markt 2]", "I, [Alten Markt 2]"),
        ("for Corellistraat 17 my post", "for [Corellistraat 17] my post"),
    ],
)
def test_an_address_is_found_whole(found: str, whole: str) -> None:
    assert completed(found) == whole


@pytest.mark.parametrize(
    "text",
    [
        "[8 Mill Lane] new card",
        "[8 Mill Lane] and Mali",
        "[8 Mill Lane]. Mali",
        "[8 Mill Lane] for my post",
        "[8 MILL LANE] ON MY CARD",
        "[8 Mill Lane] PIN",
        "my straat 17",
        "for Arbeitsweg 20 Minuten",
        "my Mission and [9 Street]",
        "on the 14 [Lindenweg 5]",
        "Avda Sol for my card 9",
    ],
)
def test_what_belongs_to_no_address_is_left_out(text: str) -> None:
    assert completed(text) == text


def test_a_person_on_the_next_line_is_no_country() -> None:
    assert completed("[8 Mill Lane]\nJordan Kent", names="Jordan Kent") == (
        "[8 Mill Lane]\nJordan Kent"
    )


def test_a_corner_is_one_place() -> None:
    assert completed("at the corner of [Elm Street] and Oak Lane for", names="Oak") == (
        "at [the corner of Elm Street and Oak Lane] for"
    )


def test_what_is_a_telephone_number_is_no_postcode() -> None:
    text = "[8 Mill Lane], GB 0113"

    assert completed(text) == "[8 Mill Lane, GB 0113]"
    assert completed(text, taken="0113") == "[8 Mill Lane, GB] 0113"


def test_a_family_name_that_ends_as_a_street_is_one_before_a_number() -> None:
    assert completed("Dirk de Derdelaan 149", names="Dirk de Derdelaan") == (
        "[Dirk de Derdelaan 149]"
    )
    assert completed("Dirk de Derdelaan", names="Dirk de Derdelaan") == "Dirk de Derdelaan"
