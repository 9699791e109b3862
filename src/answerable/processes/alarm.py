"""How teams that must know at once are told: by mail, and by a line in the log."""

from collections.abc import Sequence

from answerable.channels.email.delivery import MailDelivery
from answerable.definition.schema import ServiceDefinition
from answerable.kit.ids import ConversationId
from answerable.kit.telemetry import get_logger

log = get_logger("alarm")


class TeamAlarm:
    """A line at warning level for all of them, and a mail to each team that has an address for it.

    The conversation is in its queue already, with its time; this makes people look there.
    """

    def __init__(self, mail: MailDelivery | None) -> None:
        """mail: None where no mail leaves; then the log's own alerting has to do."""
        self._mail = mail

    async def alert(
        self,
        definition: ServiceDefinition,
        *,
        teams: Sequence[str],
        conversation: ConversationId,
        intent: str | None,
        key: str,
    ) -> None:
        log.warning(
            "teams_alerted",
            tenant=definition.tenant,
            teams=list(teams),
            conversation_id=conversation,
            key=key,
        )
        if self._mail is None:
            return
        for name in teams:
            team = definition.teams.get(name)
            if team is not None and team.alert_email:
                await self._mail.tell_team(
                    definition, team, conversation=conversation, intent=intent, key=key
                )
