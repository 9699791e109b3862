"""May a mail be added to an existing conversation, or does it open its own?

Adding another person's mail to a conversation shows it to people who may then answer with facts
about somebody else. So the sender must be the conversation's contact, and something must show that
the sender is who the mail says: a From line alone is a claim (RFC 7489).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from answerable.kit.ids import ContactId, ConversationId


class Evidence(StrEnum):
    """What an inbox asks for before a mail may join a conversation of its sender.

    ALIGNED: the From domain authenticated by DMARC, says a mail server that we trust.
    TOKEN: that, or our signed reply token, which only those who got our mail can know. For inboxes
    whose mail server tells nothing about authentication.
    REFERENCE: In-Reply-To is enough. A forged From can then add text to that person's own
    conversation; for mail from files whose origin the operator knows.
    """

    ALIGNED = "aligned"
    TOKEN = "token"  # noqa: S105
    REFERENCE = "reference"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A conversation that the mail points to. by_token: with our signature, not just by an id."""

    conversation: ConversationId
    contact: ContactId | None
    by_token: bool = False


@dataclass(frozen=True, kw_only=True)
class JoinDecision:
    """conversation: to be added to; None opens a new one.

    related: what the mail points to without being allowed in; people may see the link, the
    assistant must neither quote from it nor act on it.
    reason: a stable word for the ledger.
    """

    conversation: ConversationId | None
    reason: str
    related: ConversationId | None = None


def may_join(
    *,
    sender: ContactId | None,
    aligned: bool,
    candidates: Sequence[Candidate],
    required: Evidence = Evidence.ALIGNED,
) -> JoinDecision:
    """The conversation that a mail from `sender` may be added to, if any.

    sender: the contact known under the From address; None if there is none yet.
    candidates: best first: the one of the reply token, then those of References, newest first.
    A mail that points to nothing, or to an id we do not know, matches nothing.
    """
    if not candidates:
        return JoinDecision(conversation=None, reason="nothing-referenced")
    own = [one for one in candidates if sender is not None and one.contact == sender]
    if not own:
        return JoinDecision(
            conversation=None,
            reason="sender-not-participant",
            related=candidates[0].conversation,
        )
    for candidate in own:
        if aligned:
            reason = "token-and-aligned" if candidate.by_token else "reference-and-aligned"
            return JoinDecision(conversation=candidate.conversation, reason=reason)
        if candidate.by_token and required in (Evidence.TOKEN, Evidence.REFERENCE):
            return JoinDecision(conversation=candidate.conversation, reason="token")
        if required is Evidence.REFERENCE:
            return JoinDecision(conversation=candidate.conversation, reason="reference")
    return JoinDecision(
        conversation=None, reason="sender-not-authenticated", related=own[0].conversation
    )
