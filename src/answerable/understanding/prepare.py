"""A message as the models read it: plain characters, handles as words, cut into sentences."""

import re
import unicodedata

LONGEST_HEAD = 6_000  # characters; what a person wants is said early in a long message ...
LONGEST_TAIL = 1_500  # ... or in its last lines
MOST_SENTENCES = 40  # of a longer text the first ones ...
LAST_SENTENCES = 8  # ... and the last
ENCODED_WORDS = 90  # what 128 word pieces hold of ordinary text
FEW_WORDS = 30  # a text up to this length is scored whole

_HANDLE = re.compile(r"<([a-z][a-z_]*)(?::\d+)?>")
_HANDLE_WORDS = {
    "iban": "account",
    "bic": "account",
    "account_number": "account",
    "cvv": "security code",
    "national_id": "id number",
    "tax_id": "id number",
    "ip": "address",
    # As a person would write them: "Hello name, my address" is about names and addresses.
    "name": "Alex",
    "address": "Elm Street",
}
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_SPACES = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+|(?<=[。！？])")
_LATIN = re.compile(r"[A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ]")
_LETTERS = re.compile(r"[^\W\d_]")


def prepared(text: str) -> str:
    """Same meaning, plain form: NFKC, no invisible marks, `<iban:1>` as a word; lines are kept."""
    if len(text) > LONGEST_HEAD + LONGEST_TAIL:
        text = text[:LONGEST_HEAD] + "\n" + text[-LONGEST_TAIL:]
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
        # A lone surrogate cannot be encoded as UTF-8; it comes from broken decoding outside.
        text = text.encode("utf-8", "replace").decode("utf-8")
    text = _HANDLE.sub(_handle_word, text)
    lines = (_SPACES.sub(" ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def as_one_line(text: str) -> str:
    """As a head meets a whole message."""
    return prepared(text).replace("\n", " ")


def units(text: str) -> list[str]:
    """The prepared text as one line, and its sentences if it is longer than about two of them.

    The first unit is the whole text; it is there even when empty.
    """
    whole = text.replace("\n", " ")
    if len(whole.split(" ", FEW_WORDS)) <= FEW_WORDS and "\n" not in text:
        return [whole]
    sentences = [part.strip() for part in _SENTENCE_END.split(text) if has_letters(part)]
    sentences = list(dict.fromkeys(sentences))
    if len(sentences) < 2:
        return [whole]
    if len(sentences) > MOST_SENTENCES:
        sentences = sentences[: MOST_SENTENCES - LAST_SENTENCES] + sentences[-LAST_SENTENCES:]
    return [whole, *sentences]


def whole_share(whole: str) -> float:
    """How much the whole text counts beside its best sentence, 0..1.

    On questions of more than 30 words the whole is better by far (.77 right against .68), inside
    greetings and signatures the best sentence (benchmarks/understanding.py); the encoder does not
    see the end of a text beyond ENCODED_WORDS.
    """
    return 0.7 if len(whole.split(" ", ENCODED_WORDS)) <= ENCODED_WORDS else 0.3


def has_letters(text: str) -> bool:
    return _LETTERS.search(text) is not None


def has_latin_letters(text: str) -> bool:
    """True if a fifth of the letters or more are Latin."""
    if text.isascii():
        return has_letters(text)
    latin = sum(1 for _ in _LATIN.finditer(text))
    return latin > 0 and latin * 5 >= sum(map(str.isalpha, text))


def _handle_word(found: re.Match[str]) -> str:
    kind = found[1]
    return _HANDLE_WORDS.get(kind, kind.replace("_", " "))
