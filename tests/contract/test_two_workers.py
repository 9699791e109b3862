"""What holds when two processes take on the same work, or what belongs together, at one moment.

Two may have the same work when one of them was thought to be gone: its leases are freed then,
although it goes on.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from answerable.channels.email.store import NewRawMail, add_raw_mail, claim_identity
from answerable.kit.database import Database, Unit
from answerable.kit.ids import TenantId
from answerable.kit.testing import SettableClock
from tests.support.rivals import one_before_the_other
from tests.support.stores import open_store

SHOP = TenantId("corner-shop")
CLOCK = SettableClock()


@pytest.fixture(params=["sqlite", "postgresql"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Database]]:
    postgres = request.param == "postgresql"
    databases = [open_store(tmp_path / "one.db", postgres=postgres) for _ in range(2)]
    yield databases
    for database in databases:
        await database.close()


def stored_mail(mail_id: str, inbox: str = "help") -> NewRawMail:
    return NewRawMail(
        id=mail_id, tenant=SHOP, inbox=inbox, source="smtp", digest=f"digest of {mail_id}",
        size_bytes=1, received_at=CLOCK.now(), wrapped_key=b"key", ciphertext=b"original",
    )  # fmt: skip


async def test_a_mail_to_two_inboxes_is_one_message(two: list[Database]) -> None:
    first, second = stored_mail("raw_1", "help"), stored_mail("raw_2", "cards")
    for mail in (first, second):
        await two[0].write(lambda tx, mail=mail: add_raw_mail(tx, mail))  # type: ignore[misc]

    def reads(mail: NewRawMail) -> Unit[tuple[str, str | None]]:
        return lambda tx: claim_identity(
            tx, tenant=SHOP, inbox=mail.inbox, mail_id=mail.id, external_id="<1@customer>"
        )

    found = await one_before_the_other(
        two[0], reads(first), lambda: two[1].write(reads(second), tenant=SHOP), tenant=SHOP
    )

    assert found == (("<1@customer>", None), ("<1@customer>", "raw_1"))
