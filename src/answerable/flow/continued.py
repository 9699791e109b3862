"""Pieces of a personal value in messages that follow each other, found where they are taken in."""

from collections.abc import Sequence

from sqlalchemy import Connection

from answerable.flow.placed import Placed
from answerable.kit.ids import ConversationId
from answerable.ledger.append import Appender
from answerable.privacy.continued import MOST_BEFORE, find_continued, is_piece
from answerable.privacy.mask import unmask
from answerable.privacy.spans import Span
from answerable.privacy.vault import Erased, Vault


def with_continued(
    tx: Connection,
    vault: Vault,
    appender: Appender,
    placed: Sequence[Placed],
    found: Sequence[list[Span]],
) -> list[list[Span]]:
    """`found` of each message, with what completes a value of the contact's messages before.

    Messages before are read only for one that is nothing but a piece, which hardly any is.
    """
    said: dict[ConversationId, list[str]] = {}
    spans = []
    for place, own in zip(placed, found, strict=True):
        text, conversation = place.message.text, place.conversation
        completing = []
        if is_piece(text):
            before = [*_stored(tx, vault, appender, place), *said.get(conversation, ())]
            completing = find_continued(before, text)
        said.setdefault(conversation, []).append(text)
        spans.append(completing or own)  # a piece alone may look like a telephone number
    return spans


def _stored(tx: Connection, vault: Vault, appender: Appender, place: Placed) -> list[str]:
    state = appender.head(place.conversation).state
    references = list(state.get("contact_refs", ()))[-MOST_BEFORE:] if state else []
    values = vault.get_many(tx, tenant=place.message.tenant, ids=references)
    kept = (values.get(reference) for reference in references)
    return [
        unmask(one["text"], one.get("values", {}))
        for one in kept
        if one is not None and not isinstance(one, Erased)
    ]
