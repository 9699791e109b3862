"""Puts a service together from its parts; `wiring` decides which parts."""

from collections.abc import Awaitable, Callable

from answerable.contacts.book import ContactBook
from answerable.contacts.store import Lookup
from answerable.flow.accept import Intake
from answerable.flow.acts import Desk
from answerable.flow.admission import Bounds
from answerable.flow.advance import Advancer
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import Handlers, World
from answerable.flow.perform import Performer
from answerable.flow.ports import Hints, NoHints
from answerable.flow.record import Recorder
from answerable.flow.service import Service
from answerable.flow.trials import Trials
from answerable.flow.work import Work
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.live import Live
from answerable.kit.membership import Alone, Membership
from answerable.kit.relay import Relay
from answerable.playbooks.action import ActionLibrary
from answerable.privacy.keys import MasterKey
from answerable.privacy.vault import Vault


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
) -> Service:
    """A service over this database, ready to `run` or `settle`.

    membership, work, hints, relay: for one of several processes; left out, it is alone and does
    all. bounds: up to where it takes on new work. keep_time: puts the clock right.
    """
    membership = membership or Alone()
    work = work or Work(holder=membership.id)
    vault = Vault(master, clock=clock, exclusive=database.exclusive)
    contacts = ContactBook(vault, Lookup(master.derive(b"lookup")))
    advancer = Advancer(definitions, actions, clock.now, work)
    service = Service(
        database=database,
        clock=clock,
        live=Live(relay),
        vault=vault,
        contacts=contacts,
        definitions=definitions,
        intake=Intake(vault, contacts, advancer),
        desk=Desk(vault, advancer),
        advancer=advancer,
        work=work,
        membership=membership,
        hints=hints or NoHints(),
        bounds=bounds,
        keep_time=keep_time,
    )
    handlers = Handlers(
        database=database, vault=vault, contacts=contacts, definitions=definitions, world=world
    )
    service.performer = Performer(
        database=database,
        clock=clock,
        recorder=Recorder(vault, clock, advancer),
        handlers=handlers.single(),
        batch_handlers=handlers.batched(),
        tell=service.tell,
        has_room=service.has_room,
    )
    service.trials = Trials(clock, membership, service.performer)
    return service
