"""One line of text as somebody typed it, in one form."""

import unicodedata


def plain(text: str) -> str:
    """In Unicode's composed form, on one line, without what cannot be seen."""
    composed = unicodedata.normalize("NFC", text)
    words = composed.split()
    return "".join(one for one in " ".join(words) if one.isprintable())
