"""What the desk's search says, as types."""

from typing import Annotated, Literal

from pydantic import Field

from answerable.api.desk.shapes import Sent, Shape, SummaryShape

LONGEST_QUERY = 200


class Searching(Sent):
    """query: words, an address or a customer's id. after: `next` of the page before."""

    query: Annotated[str, Field(max_length=LONGEST_QUERY)]
    after: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}$")] = None
    limit: Annotated[int, Field(ge=1, le=50)] = 30


class ExcerptPart(Shape):
    """marked: a word that was looked for."""

    text: str
    marked: bool


class Excerpt(Shape):
    """Of a message, masked. at: when it was said. seq: its event."""

    seq: int
    author: Literal["contact", "assistant", "agent"]
    at: str
    parts: list[ExcerptPart]


class SearchHit(Shape):
    """excerpt: where the words were found first; none where a contact was looked for."""

    conversation: SummaryShape
    excerpt: Excerpt | None


class SearchPage(Shape):
    """next: there may be more further back, also where this page has few or none. left_out: words
    that are in most messages, or too many, and were not looked for."""

    items: list[SearchHit]
    next: str | None
    left_out: list[str]
