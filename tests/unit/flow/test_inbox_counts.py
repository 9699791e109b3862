"""What is kept of how many conversations are open is what counting them would give."""

import random
from collections import Counter

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.desk.inbox_counts import count_anew, inbox_count, read_counts
from answerable.desk.summary_store import conversation
from tests.support.town import TENANT, Town


def counted(tx: Connection) -> Counter[tuple[str, str]]:
    rows = tx.execute(sa.select(conversation).where(conversation.c.status == "open"))
    return Counter((row.owner_kind, row.owner_id) for row in rows)


async def kept(town: Town) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """What is kept, without those that have none, and what counting gives."""
    found, real = await town.service.database.read(
        lambda tx: (read_counts(tx, TENANT), counted(tx)), tenant=TENANT
    )
    return {holder: number for holder, number in found.items() if number}, dict(real)


async def test_whatever_happens_to_conversations_they_are_counted(town: Town) -> None:
    chance = random.Random(5)
    places = []
    for number in range(30):
        said = chance.choice(["hours?", "fraud!", "my parcel", "something else entirely"])
        at = await town.says(said, by=f"customer-{number}", settle=number % 3 == 0)
        places.append(at.conversation)
    await town.service.settle()
    for place in places[::2]:
        await town.takes_over(place, agent=f"agt_{chance.randint(1, 2)}")
    for place in places[::4]:
        await town.closes(place, agent=(await town.owner(place)).partition(":")[2])
    await town.says("one more word", by="customer-0")  # opens it again

    found, real = await kept(town)

    assert found == real
    assert {kind for kind, _ in found} >= {"agent", "queue"}
    assert all(number > 0 for number in found.values())


async def test_counts_can_be_made_anew(town: Town) -> None:
    for number in range(5):
        await town.says("fraud!", by=f"customer-{number}")
    before, real = await kept(town)

    def spoil(tx: Connection) -> None:
        tx.execute(sa.update(inbox_count).values(open=99))
        count_anew(tx)

    await town.service.database.write(spoil)

    assert await kept(town) == (before, real)
    assert before == real
