"""Mails whose keys are apart from them: read as others, and for people when the key is lost."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from answerable.channels.email.intake import Origin
from answerable.channels.email.keys_apart import APART, MailKeys
from answerable.channels.email.store import raw_mail
from answerable.kit.testing import SettableClock
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
