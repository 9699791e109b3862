"""How many automatic replies one person may get, so that two robots cannot talk for ever and
nobody can use us to flood a stranger's mailbox (RFC 3834, section 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class ReplyLimits:
    """Automatic replies at most within `window`.

    per_loop: in one conversation whose incoming mail looks as if a robot wrote it.
    per_conversation: in one conversation otherwise.
    per_address: to one address over all conversations.
    """

    per_loop: int = 2
    per_conversation: int = 5
    per_address: int = 5
    window: timedelta = _DAY


@dataclass(frozen=True, kw_only=True)
class CapDecision:
    """reason: None if allowed, else the limit that is reached; again_at: when it is free again."""

    allowed: bool
    reason: str | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A message that came in after an automatic reply of ours. digest: of its text."""

    replied_at: datetime
    came_at: datetime
    digest: str
    automatic: bool = False


def may_reply_automatically(
    now: datetime,
    *,
    in_conversation: Sequence[datetime],
    to_address: Sequence[datetime],
    looks_like_a_loop: bool,
    limits: ReplyLimits,
) -> CapDecision:
    """May one more automatic reply leave now?

    in_conversation, to_address: when earlier ones left, in any order, aware UTC.
    """
    most = limits.per_loop if looks_like_a_loop else limits.per_conversation
    for reason, sent, cap in (
        ("conversation-limit", in_conversation, most),
        ("address-limit", to_address, limits.per_address),
    ):
        recent = sorted(moment for moment in sent if now - moment < limits.window)
        if len(recent) >= cap:
            again_at = recent[len(recent) - cap] + limits.window if cap else None
            return CapDecision(allowed=False, reason=reason, again_at=again_at)
    return CapDecision(allowed=True)


QUICK = timedelta(seconds=30)  # nobody reads a mail, answers it and has it delivered in that time


def looks_like_a_loop(exchanges: Sequence[Exchange]) -> bool:
    """Do the mails that answer our automatic replies look as if a robot sent them?

    One that says so, the same text twice, or two that came faster than a person types.
    """
    digests = [one.digest for one in exchanges]
    quick = sum(one.came_at - one.replied_at < QUICK for one in exchanges)
    repeated = len(set(digests)) < len(digests)
    return any(one.automatic for one in exchanges) or repeated or quick >= 2
