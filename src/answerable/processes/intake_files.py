"""Mail from files, through the whole flow: stored, read, understood, decided."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from answerable.channels.email.intake import Origin
from answerable.channels.email.mbox import read_mbox
from answerable.flow.message import Accepted, Delivered, OutboundReply
from answerable.flow.state import ConversationState
from answerable.kit.errors import InvalidInput
from answerable.ledger.reading import read_events, read_state
from answerable.privacy.vault import Erased
from answerable.processes.platform import Platform


class Unsent:
    """Replies to mail from files stay here: old mail is studied, not answered."""

    async def deliver(self, reply: OutboundReply) -> Delivered:
        return Delivered(message_id=f"<{reply.key.replace(':', '.')}@held.invalid>", held=True)


def raw_mails(mboxes: Sequence[Path], files: Sequence[Path]) -> list[bytes]:
    """Every mail of the files, in order. Raises OSError for a file that cannot be read."""
    found: list[bytes] = []
    for path in mboxes:
        found += read_mbox(path)
    found += [path.read_bytes() for path in files]
    return found


async def intake_mails(
    platform: Platform, mails: Sequence[bytes], inbox_name: str | None
) -> AsyncIterator[dict[str, Any]]:
    """Take each mail in, settle, and say what was decided."""
    inboxes = [
        inbox
        for inbox in platform.inboxes.values()
        if inbox_name is None or inbox.name == inbox_name
    ]
    if not inboxes:
        raise InvalidInput("no_mail_inbox", "the definition has no such mail inbox")
    for raw in mails:
        accepted = await platform.mail.intake.take_in(raw, inboxes[0], Origin(source="file"))
        await platform.service.settle()
        if accepted is None:
            yield {"message_id": None, "duplicate": True}
            continue
        yield await _line(platform, accepted)


async def _line(platform: Platform, accepted: Accepted) -> dict[str, Any]:
    service = platform.service
    events = await service.database.read(
        lambda tx: read_events(tx, accepted.conversation, after=accepted.seq - 1, limit=1000)
    )
    row = await service.database.read(lambda tx: read_state(tx, accepted.conversation))
    assert row is not None
    state = ConversationState.from_data(row.state)
    received = events[0]
    value = await service.database.read(
        lambda tx: service.vault.get(tx, tenant=row.tenant, id=received.data["text"]["ref"])
    )
    of = [e for e in events if e.data.get("of") == accepted.seq]
    understood = next((e.data for e in of if e.kind == "understood"), None)
    decided = next((e.data for e in of if e.kind == "decided"), None)
    handed = next((e.data for e in events if e.kind == "handed_off"), None)
    shown = decided or handed
    return {
        "message_id": None if isinstance(value, Erased) else value.get("message_id"),
        "conversation": accepted.conversation,
        "intents": understood["intents"] if understood else [],
        "decision": decided["decision"] if decided else "hand_off" if handed else None,
        "reasons": shown["reasons"] if shown else [],
        "team": (handed or decided or {}).get("team"),
        "priority": state.priority,
        "duplicate": accepted.duplicate,
    }
