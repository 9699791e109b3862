"""What of the work one process does itself; the rest is for others that serve the same store."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from answerable.ledger.event import Lease

LEASE = timedelta(seconds=60)
# All that asks a connector: a draft too is written from what it reads.
CONNECTOR_EFFECTS = frozenset(
    {
        "know_contact",
        "look_up",
        "write_draft",
        "send_code",
        "address_code",
        "check_code",
        "submit_change",
        "apply_change",
        "drop_change",
        "send_notice",
    }
)
# The queue of the bus on which a hint at an effect goes; the others go with conversations.
QUEUES = {
    "understand": "understanding",
    "deliver": "mail",
    "mail_code": "mail",
    **dict.fromkeys(CONNECTOR_EFFECTS, "connectors"),
}


@dataclass(frozen=True, kw_only=True)
class Work:
    """holder: this process. advances: whether it moves conversations on. performs: the kinds of
    effects that it carries out; None: every kind but those in `leaves`."""

    holder: str
    advances: bool = True
    performs: frozenset[str] | None = None
    leaves: frozenset[str] = frozenset()

    def does(self, kind: str) -> bool:
        """Whether effects of this kind are carried out here."""
        return kind not in self.leaves if self.performs is None else kind in self.performs

    def lease(self, now: datetime) -> Lease:
        """A hold on effects, from now."""
        return Lease(holder=self.holder, until=now + LEASE)
