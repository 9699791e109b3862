"""Outbound replies over mail: composed, sent, answered with the Message-ID that replies name."""

from collections.abc import Mapping

from answerable.channels.email.compose import MailIdentity, compose
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.smtp_out import SmtpSender
from answerable.flow.message import Delivered, OutboundReply
from answerable.kit.clock import Clock
from answerable.kit.errors import ConnectorRefused, InvalidInput
from answerable.kit.ids import TenantId


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
