"""The outside world as one value: every system, one journal, one set of faults."""

from __future__ import annotations

from dataclasses import dataclass

from answerable_sandbox.faults import Faults
from answerable_sandbox.journal import Journal
from answerable_sandbox.settings import Clock, Settings, utc_now
from answerable_sandbox.systems.bank import Bank
from answerable_sandbox.systems.crm import Crm
from answerable_sandbox.systems.crm_sessions import CrmSessions
from answerable_sandbox.systems.mail import Mailboxes
from answerable_sandbox.systems.seed import CUSTOMERS, seed_records
from answerable_sandbox.systems.sms import SmsGateway
from answerable_sandbox.wire import Connections


@dataclass(frozen=True, kw_only=True)
class World:
    """All systems and their shared journal; to be used from one event loop.

    clock: returns an aware UTC datetime; everything that shows a time asks it.
    """

    settings: Settings
    clock: Clock
    journal: Journal
    faults: Faults
    bank: Bank
    crm: Crm
    crm_sessions: CrmSessions
    sms: SmsGateway
    mail: Mailboxes
    connections: Connections


def build_world(settings: Settings | None = None, *, clock: Clock = utc_now) -> World:
    """A freshly seeded world; equal settings and equal clock times give equal worlds."""
    journal = Journal(clock)
    settings = settings or Settings()
    return World(
        settings=settings,
        clock=clock,
        journal=journal,
        faults=Faults(),
        bank=Bank(seed_records(clock().date()), journal, clock),
        crm=Crm(journal, clock, CUSTOMERS),
        crm_sessions=CrmSessions(settings, clock),
        sms=SmsGateway(journal, clock),
        mail=Mailboxes(journal, clock),
        connections=Connections(),
    )
