"""What a process that stops leaves to others."""

import gc
from pathlib import Path

from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Effect
from tests.support.town import open_town


async def test_work_that_was_taken_on_and_not_begun_is_left_alone(tmp_path: Path) -> None:
    town = open_town(tmp_path / "town.db")
    effect = Effect(
        key="cnv_1:1:1", tenant=TenantId("town"), stream=ConversationId("cnv_1"), seq=1,
        kind="look_up", payload={}, due_at=town.clock.now(), leased=True,
    )  # fmt: skip

    town.service.performer.submit([effect])
    await town.service.performer.stop()
    await town.service.database.close()

    gc.collect()  # what was begun and never ended would be told of here
    assert not town.warehouse.asked
