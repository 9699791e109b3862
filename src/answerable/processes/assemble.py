"""Puts a service together from its parts; `wiring` decides which parts."""

from collections.abc import Awaitable, Callable

from answerable.contacts.book import ContactBook
from answerable.contacts.links import Links
from answerable.contacts.one_time_codes import Codes
from answerable.contacts.page_session import PageSessions
from answerable.contacts.store import Lookup
from answerable.flow.accept import Intake
from answerable.flow.acts import Desk
from answerable.flow.admission import Bounds
from answerable.flow.advance import Advancer
from answerable.flow.app_codes import AppCodeChecks
from answerable.flow.change_effects import ChangeEffects
from answerable.flow.code_mails import CodeMails
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import Handlers, World
from answerable.flow.pages import Pages
from answerable.flow.perform import Performer
from answerable.flow.ports import Hints, NoHints
from answerable.flow.record import Recorder
from answerable.flow.self_service import SelfService
from answerable.flow.service import Service
from answerable.flow.trials import Trials
from answerable.flow.work import Work
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.live import Live
from answerable.kit.membership import Alone, Membership
from answerable.kit.relay import Relay
from answerable.kit.volatile import MemoryVolatile, Volatile
from answerable.playbooks.action import ActionLibrary
from answerable.privacy.keys import MasterKey
from answerable.privacy.vault import Vault
from answerable.privacy.volatile import VolatileRows


def assemble(
    *,
    database: Database,
    clock: Clock,
    master: MasterKey,
    definitions: Definitions,
    actions: ActionLibrary,
    world: World,
    membership: Membership | None = None,
    work: Work | None = None,
    hints: Hints | None = None,
    relay: Relay | None = None,
    bounds: Bounds | None = None,
    keep_time: Callable[[], Awaitable[None]] | None = None,
    public_url: str | None = None,
    volatile: Volatile | None = None,
) -> Service:
    """A service over this database, ready to `run` or `settle`.

    membership, work, hints, relay: for one of several processes; left out, it is alone and does
    all. bounds: up to where it takes on new work. keep_time: puts the clock right.
    public_url: where customers reach the pages; without it no links are sent. volatile: where the
    texts are of tenants that keep none in the database; left out, in this process's memory.
    """
    membership = membership or Alone()
    work = work or Work(holder=membership.id)
    kept = volatile if volatile is not None else MemoryVolatile(clock)
    rows = VolatileRows(kept, definitions.forget_after)
    vault = Vault(master, clock=clock, exclusive=database.exclusive, volatile=rows)
    contacts = ContactBook(vault, Lookup(master.derive(b"lookup")))
    advancer = Advancer(definitions, actions, clock.now, work)
    links = Links(master.derive(b"link"), public_url)
    codes = Codes(master.derive(b"one-time-code"))
    service = Service(
        database=database,
        clock=clock,
        live=Live(relay),
        vault=vault,
        contacts=contacts,
        definitions=definitions,
        intake=Intake(vault, contacts, advancer),
        desk=Desk(vault, advancer, contacts),
        advancer=advancer,
        work=work,
        membership=membership,
        hints=hints or NoHints(),
        bounds=bounds,
        keep_time=keep_time,
    )
    handlers = Handlers(
        database=database,
        vault=vault,
        contacts=contacts,
        definitions=definitions,
        world=world,
        links=links,
    )
    changes = ChangeEffects(
        database=database,
        vault=vault,
        contacts=contacts,
        definitions=definitions,
        connectors=world.connectors,
        codes=codes,
        clock=clock,
    )
    app_codes = AppCodeChecks(
        database=database, vault=vault, contacts=contacts, connectors=world.connectors, clock=clock
    )
    code_mails = CodeMails(
        database=database,
        vault=vault,
        contacts=contacts,
        definitions=definitions,
        connectors=world.connectors,
        deliverers=world.deliverers,
        codes=codes,
        clock=clock,
    )
    service.performer = Performer(
        database=database,
        clock=clock,
        recorder=Recorder(vault, clock, advancer),
        handlers={
            **handlers.single(),
            **changes.single(),
            **app_codes.single(),
            **code_mails.single(),
        },
        batch_handlers=handlers.batched(),
        tell=service.tell,
        has_room=service.has_room,
        holder=membership.id,
    )
    self_service = SelfService(vault, advancer, codes)
    sessions = PageSessions(master.derive(b"page-session"))
    service.pages = Pages(
        database, clock, self_service, links, sessions, service.live, service.tell
    )
    service.trials = Trials(clock, membership, service.performer)
    return service
