"""A number written over several messages is masked where it is complete."""

import asyncio

from tests.support.town import Town


async def test_a_card_in_two_messages_is_masked_in_the_second(town: Town) -> None:
    at = await town.says("my card is 4111 1111")
    await town.says("1111 1111")

    last = [e for e in await town.events(at.conversation) if e.kind == "message_received"][-1]

    assert await town.text(last) == "<card:1>"
    assert "1111 1111" not in await town.text(last, whole=True)


async def test_pieces_that_come_within_one_moment_are_seen_together(town: Town) -> None:
    pieces = ("IBAN DE89 3704 0044", "0532 0130", "00")
    at, *_ = await asyncio.gather(*(town.says(piece, settle=False) for piece in pieces))

    received = [e for e in await town.events(at.conversation) if e.kind == "message_received"]

    assert await town.text(received[-1]) == "<iban:1>"


async def test_ordinary_numbers_after_each_other_stay(town: Town) -> None:
    at = await town.says("hours? order 4111 1111")
    await town.says("2222 2222")

    last = [e for e in await town.events(at.conversation) if e.kind == "message_received"][-1]

    assert await town.text(last) == "2222 2222"
