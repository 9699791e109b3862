"""Creates an agent in a data directory; asks for the password.

create_agent.py DATA TENANT NAME EMAIL ROLE TEAM...   role: agent, supervisor or administrator
"""

import asyncio
import getpass
import sys
from pathlib import Path

from answerable.desk.agent import Role
from answerable.desk.agents import Agents
from answerable.desk.passwords import Passwords
from answerable.kit.clock import SystemClock
from answerable.kit.database import Database
from answerable.kit.ids import TenantId


async def main(data: str, tenant: str, name: str, email: str, role: str, *teams: str) -> None:
    password = getpass.getpass()
    database = Database(Path(data) / "answerable.db")
    passwords = Passwords()
    try:
        agent = await Agents(database, SystemClock(), passwords).create(
            TenantId(tenant),
            name=name,
            email=email,
            password=password,
            role=Role(role),
            teams=list(teams),
        )
        print(agent.id)
    finally:
        passwords.close()
        await database.close()


asyncio.run(main(*sys.argv[1:]))
