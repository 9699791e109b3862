"""Mails whose keys are apart from them: read as others, and for people when the key is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.channels.email.intake import Origin
from answerable.channels.email.keys_apart import APART, MailKeys
from answerable.channels.email.store import MailState, count_mails, raw_mail
from answerable.kit.ids import TenantId
from answerable.kit.testing import FakeMembership, SettableClock
from answerable.kit.volatile import MemoryVolatile
from tests.integration.email.mail_room import INBOX, TENANT, MailRoom, mail

LASTS = timedelta(hours=24)
CARD = "My card is 4111 1111 1111 1111."


@pytest.fixture
def memory() -> MemoryVolatile:
    return MemoryVolatile(SettableClock())


def room_with(tmp_path: Path, memory: MemoryVolatile) -> MailRoom:
    return MailRoom(tmp_path, keys=MailKeys(volatile=memory, lasts=lambda _: LASTS))


async def keys_in(room: MailRoom) -> list[bytes]:
    query = sa.select(raw_mail.c.wrapped_key)
    return await room.database.read(lambda tx: list(tx.scalars(query)))


async def test_a_mail_is_read_with_its_key_and_the_database_never_has_that(
    tmp_path: Path, memory: MemoryVolatile
) -> None:
    async with room_with(tmp_path, memory) as room:
        await room.intake.take_in(mail(1, CARD), INBOX, Origin(source="smtp"))

        [message] = room.accepted.messages
        assert message.unparsable is None
        assert await keys_in(room) == [APART]
        [name] = memory.names()
        again = await room.intake.read_again(TENANT, name.partition("/")[2])
        assert again is not None
        assert again.text == message.text
        assert "4111 1111" not in again.text  # the masked one took the original's place


async def test_a_mail_whose_key_is_lost_is_a_message_that_says_so(
    tmp_path: Path, memory: MemoryVolatile
) -> None:
    async with room_with(tmp_path, memory) as room:
        mail_id, _ = await room.intake.store(mail(1), INBOX, Origin(source="smtp"))
        memory.close()

        await room.intake.advance()

        [message] = room.accepted.messages
        assert message.unparsable == "key-lost"
        assert message.raw_id == mail_id
        assert await room.intake.read_again(TENANT, mail_id) is None


async def test_other_tenants_mails_have_their_keys_beside_them(
    tmp_path: Path, memory: MemoryVolatile
) -> None:
    keys = MailKeys(volatile=memory, lasts=lambda _: None)
    async with MailRoom(tmp_path, keys=keys) as room:
        await room.intake.take_in(mail(1), INBOX, Origin(source="smtp"))

        assert await keys_in(room) != [APART]
        assert memory.names() == []
        assert [one.unparsable for one in room.accepted.messages] == [None]


@dataclass(frozen=True, kw_only=True)
class Interrupted(MailKeys):
    """Something happens between a key and the content that it opens. first: how often it does not
    happen yet."""

    what: Callable[[], Awaitable[Any]]
    first: Iterator[int]

    async def put(self, tenant: TenantId, mail_id: str, wrapped: bytes, *, of: bytes) -> bytes:
        in_row = await super().put(tenant, mail_id, wrapped, of=of)
        if next(self.first, None) is None:
            await self.what()
        return in_row


async def test_who_ends_between_a_new_key_and_its_content_loses_no_mail(
    tmp_path: Path, memory: MemoryVolatile
) -> None:
    async def ends() -> None:
        raise asyncio.CancelledError

    async with room_with(tmp_path, memory) as room:
        mail_id, _ = await room.intake.store(mail(1, CARD), INBOX, Origin(source="smtp"))
        room.keys = Interrupted(volatile=memory, lasts=lambda _: LASTS, what=ends, first=iter(()))
        with pytest.raises(asyncio.CancelledError):
            await room.make_intake().advance()
        room.clock.advance(timedelta(minutes=6))

        await room.intake.advance()

        [message] = room.accepted.messages
        assert message.unparsable is None
        assert await room.intake.read_again(TENANT, mail_id) is not None


async def test_who_is_overtaken_while_it_reads_leaves_what_the_other_one_stored(
    tmp_path: Path, memory: MemoryVolatile
) -> None:
    async with room_with(tmp_path, memory) as room, room_with(tmp_path, memory) as other:
        other.seal, other.accepted = room.seal, room.accepted
        other.membership = FakeMembership("prc_another")
        other.membership.ended = {room.membership.id}
        other.intake = other.make_intake()

        async def is_overtaken() -> None:
            await other.intake.free_abandoned()
            assert await other.intake.advance() == 1

        room.keys = Interrupted(
            volatile=memory, lasts=lambda _: LASTS, what=is_overtaken, first=iter([1])
        )
        mails = room.make_intake()
        mail_id, _ = await mails.store(mail(1, CARD), INBOX, Origin(source="smtp"))
        await mails.advance()

        [message] = room.accepted.messages
        again = await room.intake.read_again(TENANT, mail_id)
        assert again is not None
        assert again.text == message.text
        assert await room.database.read(lambda tx: count_mails(tx, TENANT)) == {MailState.PARSED: 1}
