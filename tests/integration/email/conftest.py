"""Fixtures for mail over real sockets."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from mail_room import MailRoom

from answerable.kit.ids import new_id
from tests.support.dovecot import Dovecot


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[MailRoom]:
    async with MailRoom(tmp_path) as open_room:
        yield open_room


@pytest.fixture(scope="session")
def mail_server() -> Iterator[Dovecot]:
    server = Dovecot()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def dovecot(mail_server: Dovecot) -> Dovecot:
    """The server, with a mailbox that nobody has used yet."""
    mail_server.account = new_id("box").lower()
    return mail_server
