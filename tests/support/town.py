"""A small service for tests: a shop's definition, a real database, fakes only at the edges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import Proof
from answerable.flow.acts import AgentAct, Close, Reply, TakeOver
from answerable.flow.admission import Bounds
from answerable.flow.definitions import Definitions
from answerable.flow.handlers import World
from answerable.flow.message import Accepted, Delivered, InboundMessage, OutboundReply, Sender
from answerable.flow.ports import Finding, Hints, Question
from answerable.flow.service import Service
from answerable.flow.work import Work
from answerable.kit.failpoints import Failpoint
from answerable.kit.ids import AgentId, ConversationId, TenantId
from answerable.kit.membership import Alone, Membership
from answerable.kit.testing import SettableClock
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events, read_state
from answerable.ledger.tables import effect, stream
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.library import built_in_actions
from answerable.privacy.keys import MasterKey
from answerable.privacy.mask import unmask
from answerable.processes.assemble import assemble
from answerable.understanding.testing import KeywordReader
from tests.support.stores import open_store

TENANT = TenantId("corner-shop")

WORDS = {
    "parcel": ("parcel-status", 0.95),
    "refund": ("refund", 0.93),
    "fraud": ("fraud", 0.97),
    "hours": ("opening-hours", 0.96),
    "later": ("later", 0.96),
    "perhaps": ("parcel-status", 0.6),
    "murmur": ("parcel-status", 0.2),
}

DEFINITION = b"""
service: corner-shop
brand: {name: Corner Shop}
channels:
  - {type: chat, name: chat, key: wk_corner_shop, origins: ['http://localhost']}
  - {type: email, name: mail, address: help@shop.example}
classification:
  resolutionTypes:
    information: {role: full-draft}
    fraud-suspicion: {role: escalate}
  sentiment: {enabled: true, escalateNegative: true, threshold: -0.7}
  vip: {enabled: true, criteria: ['contact.tier == "gold"'], priorityLevel: high}
  orders:
    - {name: parcel-status, title: Where is my parcel, examples: [a1, a2, a3, a4, a5],
       autoResolve: true, team: parcels, resolutionType: information}
    - {name: refund, title: A refund, examples: [b1, b2, b3, b4, b5], team: money,
       resolutionType: information}
    - {name: opening-hours, title: Opening hours, examples: [c1, c2, c3, c4, c5],
       autoResolve: true}
    - {name: later, title: Later, examples: [e1, e2, e3, e4, e5], autoResolve: true}
    - {name: fraud, title: Fraud, examples: [d1, d2, d3, d4, d5], sensitive: fraud,
       priority: urgent, team: security, alert: [security], resolutionType: fraud-suspicion}
entities:
  parcel-number: {shapes: ['P-####']}
autoResponse:
  parcelStatus:
    proof: anonymous
    workflow:
      - {action: ask, template: which-parcel, slot: parcel, entity: parcel-number, timeout: 24h,
         attempts: 2}
      - {action: lookup, connector: warehouse, operation: parcel, with: {number: parcel},
         fields: [status, due], as: found_parcel}
      - {action: reply, template: parcel, condition: 'found_parcel.found'}
      - {action: hand-off, condition: '!found_parcel.found', team: parcels, reason: unknown parcel}
  openingHours:
    proof: anonymous
    workflow:
      - {action: reply, template: hours}
  later:
    proof: signed-in
    onMissingProof: sign-in
    workflow:
      - {action: wait, duration: 2h}
      - {action: reply, template: hours}
  refund:
    proof: anonymous
    workflow:
      - {action: reply, template: hours}
templates:
  which-parcel: 'Which parcel?'
  parcel: 'Parcel {{ parcel }} is {{ found_parcel.status }}, due {{ found_parcel.due }}.'
  hours: 'We are open.'
  sign-in: 'Please sign in.'
  clarify: 'What is it about?{% for candidate in candidates %} {{ candidate.title }}?{% endfor %}'
  handed-off: 'A colleague takes over.'
  received: 'We have your mail.'
  assistant-notice: 'An automated assistant answers.'
teams:
  - {name: service, title: Service}
  - {name: parcels, title: Parcels}
  - {name: money, title: Money}
  - {name: security, title: Security}
  - {name: senior, title: Senior}
escalation:
  defaultTeam: service
  sla: {standard: {firstResponse: 4h}, urgent: {firstResponse: 15m}}
  routing:
    - {condition: 'contact.vip', team: senior, priority: high}
integrations:
  warehouse: {type: warehouse, url: 'http://warehouse.example'}
"""


def shop_definition(source: bytes = DEFINITION) -> ServiceDefinition:
    loaded = load_definition("shop.yaml", source, actions=built_in_actions().catalogue)
    assert loaded.definition is not None, "\n".join(map(str, loaded.problems))
    return loaded.definition


@dataclass
class FakeWarehouse:
    """A connector that knows two parcels. trouble: raised by the next calls, in turn."""

    trouble: list[Exception] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    tiers: dict[str, str] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    records: dict[str, object] = field(default_factory=dict)

    async def read(self, question: Question) -> Finding:
        self.asked.append(question)
        if self.trouble:
            raise self.trouble.pop(0)
        known = question.parameters.get("number") in {"P-1234", "P-5678"}
        values = {"status": "on its way", "due": "Friday"} if known else {}
        return Finding(facts={"found": known}, values=values)

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        facts = {"known": True, "tier": self.tiers.get(subject[1], ""), "language": ""}
        record = {"record": self.records[subject[1]]} if subject[1] in self.records else {}
        return facts | {"customer": self.customers.get(subject[1], "")} | record


@dataclass
class FakePost:
    """The way out of the mail inbox. trouble: raised by the next deliveries, in turn."""

    sent: list[OutboundReply] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)

    async def deliver(self, reply: OutboundReply) -> Delivered:
        if self.trouble:
            raise self.trouble.pop(0)
        self.sent.append(reply)
        return Delivered(message_id=f"<{reply.key}@shop.example>")


@dataclass
class FakeAlarm:
    rung: list[tuple[str, ...]] = field(default_factory=list)

    async def alert(
        self,
        definition: ServiceDefinition,
        *,
        teams: Sequence[str],
        conversation: str,
        intent: str | None,
        key: str,
    ) -> None:
        self.rung.append(tuple(teams))


@dataclass
class Town:
    """Everything a story needs: say something, let it settle, look at what happened."""

    service: Service
    clock: SettableClock
    warehouse: FakeWarehouse
    post: FakePost
    alarm: FakeAlarm
    reader: KeywordReader
    actions: ActionLibrary
    _count: int = 0

    async def says(
        self,
        text: str,
        *,
        by: str = "anna",
        signed_in: bool = False,
        client_id: str | None = None,
        settle: bool = True,
    ) -> Accepted:
        """A chat message."""
        self._count += 1
        message = InboundMessage(
            tenant=TENANT,
            inbox="chat",
            channel="chat",
            external_id=client_id or f"{by}-{self._count}",
            text=text,
            sender=Sender(kind="customer" if signed_in else "visitor", address=by),
            proof=Proof.SIGNED_IN if signed_in else Proof.ANONYMOUS,
            at=self.clock.now(),
        )
        return await self._taken(message, settle)

    async def mails(
        self, text: str, *, by: str = "anna@example.com", settle: bool = True, **more: Any
    ) -> Accepted:
        """A mail."""
        self._count += 1
        message = InboundMessage(
            tenant=TENANT,
            inbox="mail",
            channel="email",
            external_id=more.pop("external_id", f"mail-{self._count}"),
            text=text,
            subject=more.pop("subject", "A question"),
            sender=Sender(kind="email", address=by),
            proof=Proof.EMAIL,
            at=self.clock.now(),
            message_id=more.pop("message_id", f"<{self._count}@example.com>"),
            **more,
        )
        return await self._taken(message, settle)

    async def _taken(self, message: InboundMessage, settle: bool) -> Accepted:
        accepted = await self.service.accept(message)
        if settle:
            await self.service.settle()
        return accepted

    async def acts(self, act: AgentAct) -> Accepted:
        accepted = await self.service.act(act)
        await self.service.settle()
        return accepted

    async def takes_over(self, conversation: ConversationId, agent: str = "agt_1") -> Accepted:
        return await self.acts(
            TakeOver(
                tenant=TENANT, conversation=conversation, agent=AgentId(agent), agent_name="Sam"
            )
        )

    async def answers(
        self, conversation: ConversationId, text: str, *, version: int, agent: str = "agt_1"
    ) -> Accepted:
        return await self.acts(
            Reply(
                tenant=TENANT,
                conversation=conversation,
                agent=AgentId(agent),
                agent_name="Sam",
                text=text,
                version=version,
            )
        )

    async def closes(self, conversation: ConversationId, agent: str = "agt_1") -> Accepted:
        return await self.acts(
            Close(tenant=TENANT, conversation=conversation, agent=AgentId(agent), agent_name="Sam")
        )

    async def time_passes(self, delta: timedelta) -> None:
        self.clock.advance(delta)
        await self.service.settle()

    async def events(self, conversation: ConversationId) -> list[Event]:
        return await self.service.database.read(lambda tx: read_events(tx, conversation))

    async def streams(self) -> list[ConversationId]:
        query = sa.select(stream.c.id).order_by(stream.c.id)
        return await self.service.database.read(lambda tx: list(tx.execute(query).scalars()))

    async def leases(self) -> list[datetime | None]:
        """Of all effects."""
        query = sa.select(effect.c.lease_until)
        return await self.service.database.read(lambda tx: list(tx.execute(query).scalars()))

    async def kinds(self, conversation: ConversationId) -> list[str]:
        return [event.kind for event in await self.events(conversation)]

    async def last(self, conversation: ConversationId, kind: str) -> Event:
        return [e for e in await self.events(conversation) if e.kind == kind][-1]

    async def state(self, conversation: ConversationId) -> dict[str, Any]:
        row = await self.service.database.read(lambda tx: read_state(tx, conversation))
        assert row is not None
        state: dict[str, Any] = row.state
        return state

    async def owner(self, conversation: ConversationId) -> str:
        owner = (await self.state(conversation))["owner"]
        return ":".join(part for part in (owner["kind"], owner["id"]) if part)

    async def text(self, event: Event, *, whole: bool = False) -> str:
        ref = event.data["text"]["ref"]
        value = await self.service.database.read(
            lambda tx: self.service.vault.get(tx, tenant=TENANT, id=ref)
        )
        assert isinstance(value, dict)
        return unmask(value["text"], value.get("values", {})) if whole else str(value["text"])

    async def replies(self, conversation: ConversationId) -> list[str]:
        events = await self.events(conversation)
        return [await self.text(e, whole=True) for e in events if e.kind == "reply_written"]


def open_town(
    path: Path,
    *,
    clock: SettableClock | None = None,
    words: Any = None,
    warehouse: FakeWarehouse | None = None,
    reader: KeywordReader | None = None,
    membership: Membership | None = None,
    leaves: frozenset[str] = frozenset(),
    advances: bool = True,
    hints: Hints | None = None,
    bounds: Bounds | None = None,
    postgres: bool | None = None,
    definition: ServiceDefinition | None = None,
    failpoint: Failpoint | None = None,
) -> Town:
    """A town on the database file `path`, made if it is not there.

    leaves: kinds of effects that it does not perform. advances: whether it does more than take in.
    postgres: as for `open_store`. definition: instead of the shop's own. failpoint: of the store.
    """
    membership = membership or Alone()
    clock = clock or SettableClock()
    database = open_store(path, postgres=postgres, failpoint=failpoint)
    actions = built_in_actions()
    definitions = Definitions(actions)
    definitions.add(definition or shop_definition())
    warehouse, post, alarm = warehouse or FakeWarehouse(), FakePost(), FakeAlarm()
    reader = reader or KeywordReader(words or WORDS)
    world = World(
        reader=reader,
        connectors={(TENANT, "warehouse"): warehouse},
        deliverers={(TENANT, "mail"): post},
        alarm=alarm,
    )
    service = assemble(
        database=database,
        clock=clock,
        master=MasterKey(b"k" * 32),
        definitions=definitions,
        actions=actions,
        world=world,
        membership=membership,
        work=Work(holder=membership.id, leaves=leaves, advances=advances),
        hints=hints,
        bounds=bounds,
    )
    return Town(
        service=service,
        clock=clock,
        warehouse=warehouse,
        post=post,
        alarm=alarm,
        reader=reader,
        actions=actions,
    )
