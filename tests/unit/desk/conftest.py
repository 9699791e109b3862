"""A database with one agent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from answerable.desk.agent import Agent, Role
from answerable.desk.agents import Agents
from answerable.desk.passwords import Passwords
from answerable.desk.sessions import Sessions
from answerable.kit.database import Database
from answerable.kit.ids import TenantId
from answerable.kit.testing import SettableClock
from answerable.ledger.administration import administration_stream
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events
from tests.support.stores import open_store
from tests.support.town import Town, open_town

TENANT = TenantId("here")
PASSWORD = "correct horse battery staple"


@dataclass
class Office:
    database: Database
    clock: SettableClock
    passwords: Passwords
    agents: Agents
    sessions: Sessions
    sam: Agent

    async def administration(self) -> list[Event]:
        stream = administration_stream(TENANT)
        return await self.database.read(lambda tx: read_events(tx, stream))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    database = open_store(tmp_path / "office.db")
    clock = SettableClock()
    passwords = Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    agents = Agents(database, clock, passwords)
    sam = await agents.create(
        TENANT, name="Sam", email="Sam@Here.example", password=PASSWORD, role=Role.AGENT
    )
    sessions = Sessions(database, clock, passwords)
    yield Office(database, clock, passwords, agents, sessions, sam)
    passwords.close()
    await database.close()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = open_town(tmp_path / "town.db")
    yield town
    await town.service.database.close()
