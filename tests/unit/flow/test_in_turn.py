"""A message that follows another is stored after it, or not yet."""

import pytest

from answerable.flow.message import InboundMessage, Sender
from answerable.kit.errors import TooMany
from answerable.kit.ids import ConversationId
from tests.support.town import TENANT, Town


def said(
    town: Town, name: str, follows: str | None = None, to: str | None = None
) -> InboundMessage:
    return InboundMessage(
        tenant=TENANT, inbox="chat", channel="chat", external_id=name, text="hours",
        sender=Sender(kind="visitor", address="vis_1"), at=town.clock.now(), follows=follows,
        conversation=None if to is None else ConversationId(to),
    )  # fmt: skip


async def test_nothing_is_stored_before_what_it_follows(town: Town) -> None:
    service = town.service
    with pytest.raises(TooMany) as refused:
        await service.accept(said(town, "b", follows="a"))
    assert refused.value.code == "out_of_turn"

    first = await service.accept(said(town, "a"))
    second = await service.accept(said(town, "b", follows="a", to=first.conversation))
    again = await service.accept(said(town, "b", follows="never", to=first.conversation))

    assert (first.seq < second.seq, again.seq, again.duplicate) == (True, second.seq, True)


async def test_in_one_transaction_too(town: Town) -> None:
    intake = town.service._intake

    taken = await town.service.database.write(
        lambda tx: intake.accept_many(
            tx,
            [
                said(town, "a"),
                said(town, "b", follows="a"),
                said(town, "d", follows="c"),
                said(town, "e", follows="d"),
            ],
        )
    )

    assert [accepted is not None for accepted, _ in taken] == [True, True, False, False]
