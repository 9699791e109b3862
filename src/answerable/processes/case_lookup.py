"""What was said, read from the cases of those tenants whose texts are nowhere on disk here."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.desk.case_store import mirrored_case
from answerable.desk.cases import CaseLog
from answerable.kit.database import Database
from answerable.kit.errors import AnswerableError
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.telemetry import get_logger
from answerable.processes.case_texts import texts_of

log = get_logger("processes")

ANSWER_SECONDS = 5.0  # an agent waits


@dataclass(frozen=True, kw_only=True)
class CaseLookup:
    """logs: by tenant; a process that does not speak with CRMs has none, and finds nothing."""

    database: Database
    logs: Mapping[TenantId, CaseLog] = field(default_factory=dict)

    async def of(self, tenant: TenantId, conversation: ConversationId) -> Mapping[int, str]:
        """By seq, the whole texts; none if the CRM cannot be asked."""
        found = self.logs.get(tenant)
        if found is None:
            return {}

        def case_id(tx: Connection) -> str | None:
            row = mirrored_case.c
            query = sa.select(row.case_id).where(
                row.tenant == tenant, row.conversation_id == conversation
            )
            return tx.execute(query).scalar()

        case = await self.database.read(case_id, tenant=tenant)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                comments = await found.comments(conversation, case=case)
        except (AnswerableError, TimeoutError) as error:
            log.warning("case_not_read", conversation_id=conversation, why=type(error).__name__)
            return {}
        return texts_of(conversation, comments)
