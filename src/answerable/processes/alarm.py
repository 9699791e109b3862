"""How teams that must know at once are told: a line in the log that operators watch."""

from collections.abc import Sequence

from answerable.definition.schema import ServiceDefinition
from answerable.kit.telemetry import get_logger

log = get_logger("alarm")


class LoggedAlarm:
    """An `alarm` line at warning level, and the `alerted` event in the conversation.

    The queue shows the conversation first; mail and paging go by the log's own alerting.
    """

    async def alert(
        self, definition: ServiceDefinition, *, teams: Sequence[str], conversation: str, key: str
    ) -> None:
        log.warning(
            "teams_alerted",
            tenant=definition.tenant,
            teams=list(teams),
            conversation_id=conversation,
            key=key,
        )
