"""What leaves by mail: replies, whose Message-ID the answers name, and alerts of our own teams."""

from collections.abc import Mapping

from answerable.channels.email.compose import MailIdentity, compose
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.smtp_out import SmtpSender
from answerable.channels.email.team_mail import TeamMail, compose_team_mail
from answerable.definition.schema import ServiceDefinition, Team
from answerable.flow.message import Delivered, OutboundReply
from answerable.kit.clock import Clock
from answerable.kit.errors import ConnectorRefused, InvalidInput
from answerable.kit.ids import ConversationId, TenantId


class MailDelivery:
    """Delivers replies of every mail inbox. identities: by tenant and inbox."""

    def __init__(
        self,
        *,
        sender: SmtpSender,
        tokens: ReplyTokens,
        identities: Mapping[tuple[TenantId, str], MailIdentity],
        clock: Clock,
    ) -> None:
        self._sender = sender
        self._tokens = tokens
        self._identities = identities
        self._clock = clock

    async def deliver(self, reply: OutboundReply) -> Delivered:
        """Send one reply; the same `reply.key` always has the same Message-ID.

        Raises ConnectorUnavailable (repeat later) and ConnectorRefused (it will never arrive).
        """
        identity = self._identities[reply.tenant, reply.inbox]
        try:
            mail = compose(reply, identity=identity, tokens=self._tokens, at=self._clock.now())
        except InvalidInput as error:
            raise ConnectorRefused("smtp", error.message) from error
        await self._sender.send(mail)
        return Delivered(message_id=mail.message_id)

    async def tell_team(
        self,
        definition: ServiceDefinition,
        team: Team,
        *,
        conversation: ConversationId,
        intent: str | None,
        key: str,
    ) -> None:
        """Write to a team with an `alert_email`, from the tenant's first mail inbox. A tenant
        without one writes no mail. Raises as `deliver` does."""
        ours = [one for (tenant, _), one in self._identities.items() if tenant == definition.tenant]
        if not ours:
            return
        known = definition.intents.get(intent or "")
        about = TeamMail(
            team=team, conversation=conversation, matter=known.title if known else "Hand-off",
            key=key,
        )  # fmt: skip
        try:
            mail = compose_team_mail(
                about, identity=ours[0], tokens=self._tokens, at=self._clock.now()
            )
        except InvalidInput as error:
            raise ConnectorRefused("smtp", error.message) from error
        await self._sender.send(mail)
