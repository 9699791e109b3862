"""The mail that tells a team of ours that a conversation must be seen at once.

It says which matter waits and where. What the contact wrote, and who they are, it does not say.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from answerable.channels.email.automatic import INSTANCE_HEADER
from answerable.channels.email.compose import (
    ComposedMail,
    MailIdentity,
    text_value,
    wire_address,
)
from answerable.channels.email.reply_token import ReplyTokens
from answerable.definition.schema import Team
from answerable.kit.ids import ConversationId


@dataclass(frozen=True, kw_only=True)
class TeamMail:
    """team: has an `alert_email`. matter: the intent's title. key: of the effect: one mail each."""

    team: Team
    conversation: ConversationId
    matter: str
    key: str


def compose_team_mail(
    mail: TeamMail, *, identity: MailIdentity, tokens: ReplyTokens, at: datetime
) -> ComposedMail:
    """Raises InvalidInput if the team's address cannot be written to."""
    recipient = wire_address(mail.team.alert_email or "")
    message_id = tokens.message_id(f"{mail.key} {mail.team.name}", identity.domain)
    headers = [
        f"From: {identity.address}",
        f"To: {recipient}",
        f"Subject: {text_value(f'{mail.matter}: {mail.team.title} is needed')}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: {message_id}",
        f"{INSTANCE_HEADER.title()}: {text_value(identity.instance)}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "X-Priority: 1",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
    ]
    text = (
        f"A conversation in the console must be seen at once.\r\n\r\n"
        f"Conversation: {mail.conversation}\r\n\r\n"
        f"What was written stands there, and not in this mail. Nobody reads answers to it.\r\n"
    )
    content = "\r\n".join(headers).encode("ascii") + b"\r\n\r\n" + text.encode("ascii")
    return ComposedMail(
        message_id=message_id, envelope_sender="", recipient=recipient, content=content
    )
