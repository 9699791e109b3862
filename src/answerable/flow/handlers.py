"""What each kind of effect does. Each handler returns the outcome; recording it is not its job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from answerable.contacts.book import ContactBook
from answerable.contacts.links import PLACEHOLDER, Links, token_hash
from answerable.contacts.reply_caps import ReplyLimits
from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import CHANNEL_KINDS, Proof
from answerable.flow.definitions import Definitions
from answerable.flow.drafts import draft_text
from answerable.flow.effect_reading import EffectReader
from answerable.flow.message import OutboundReply, Sender
from answerable.flow.perform import BatchHandler, Handler
from answerable.flow.ports import (
    Alarm,
    Connector,
    Deliverer,
    NoShadow,
    Question,
    Reader,
    Shadow,
)
from answerable.flow.record import Cap, IssuedLink, Outcome, Sealed
from answerable.flow.reply_subject import reply_subject
from answerable.kit.database import Database
from answerable.kit.errors import AnswerableError, ConnectorRefused
from answerable.kit.ids import ContactId, TenantId, new_id
from answerable.ledger.event import Effect
from answerable.privacy.mask import unmask
from answerable.privacy.record import Record, as_data, record_of
from answerable.privacy.vault import Vault
from answerable.replies.render import render
from answerable.understanding.entities import extract
from answerable.understanding.understanding import Understanding

_NOT_FACTS = ("customer", "record")  # of what a connector says of a contact
INTENTS_KEPT = 5  # of all that a model scores, so many stand in the ledger


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything outside that effects may touch.

    connectors: by tenant and integration name. deliverers: by tenant and inbox.
    """

    reader: Reader
    connectors: Mapping[tuple[TenantId, str], Connector]
    deliverers: Mapping[tuple[TenantId, str], Deliverer]
    alarm: Alarm
    shadow: Shadow = field(default_factory=NoShadow)


class Handlers:
    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        contacts: ContactBook,
        definitions: Definitions,
        world: World,
        links: Links,
    ) -> None:
        self._database = database
        self._reader = EffectReader(database, vault)
        self._contacts = contacts
        self._definitions = definitions
        self._world = world
        self._links = links

    def single(self) -> dict[str, Handler]:
        return {
            "know_contact": self.know_contact,
            "look_up": self.look_up,
            "write_reply": self.write_reply,
            "write_draft": self.write_draft,
            "deliver": self.deliver,
            "alert": self.alert,
            "wake": self.wake,
        }

    def batched(self) -> dict[str, BatchHandler]:
        return {"understand": self.understand}

    async def understand(self, effects: Sequence[Effect]) -> Sequence[Outcome]:
        """Read the messages' masked texts and say what they mean."""
        by_tenant: dict[TenantId, list[Effect]] = {}
        for effect in effects:
            by_tenant.setdefault(effect.tenant, []).append(effect)
        outcomes: dict[str, Outcome] = {}
        for tenant, own in by_tenant.items():
            definition = self._definitions.active(tenant)
            values = await self._reader.texts(tenant, [str(e.payload["ref"]) for e in own])
            texts = [readable(values[str(e.payload["ref"])]) for e in own]
            read = await self._world.reader.understand(definition, texts)
            self._world.shadow.saw(definition, [effect.stream for effect in own], texts, read)
            for effect, text, understood in zip(own, texts, read, strict=True):
                outcomes[effect.key] = _understood(effect, text, understood, definition)
        return [outcomes[effect.key] for effect in effects]

    async def know_contact(self, effect: Effect) -> Outcome:
        """Ask the back office who the contact is, as far as decisions may know.

        Not knowing is an answer: a customer must not wait because a system is down.
        """
        profile, _ = await self._reader.read(effect)
        subject = (profile["kind"], profile["address"])
        definition = self._definitions.active(effect.tenant)
        for name in definition.integrations:
            connector = self._world.connectors.get((effect.tenant, name))
            if connector is None:
                continue
            try:
                facts = await connector.contact_facts(subject)
            except AnswerableError as error:
                return Outcome(
                    kind="contact_known",
                    actor="system",
                    data={"facts": {"known": False}, "source": name, "failed": error.code},
                )
            if facts:
                return self._known(effect, name, facts)
        return Outcome(kind="contact_known", actor="system", data={"facts": {"known": False}})

    def _known(self, effect: Effect, source: str, found: Mapping[str, Any]) -> Outcome:
        facts = {name: value for name, value in found.items() if name not in _NOT_FACTS}
        contact = ContactId(str(effect.payload["contact"]))
        customer, person = str(found.get("customer") or ""), None
        if customer:
            person = contact, self._contacts.lookup.person(effect.tenant, source, customer)
        data: dict[str, Any] = {"facts": facts, "source": source}
        record = record_of(found.get("record"))
        if record != Record():
            data["record"] = sorted(as_data(record))
        return Outcome(
            kind="contact_known", actor="system", data=data, person=person,
            record=(contact, record) if "record" in found else None,
        )  # fmt: skip

    async def look_up(self, effect: Effect) -> Outcome:
        payload = effect.payload
        name = str(payload["connector"])
        shown = {
            "connector": name,
            "operation": payload["operation"],
            "fields": payload["fields"],
            "intent": payload["intent"],
        }
        connector = self._world.connectors.get((effect.tenant, name))
        if connector is None:
            raise ConnectorRefused(name, f"no connector {name!r} is set up")
        slots = payload["bound"]["slots"]
        profile, values = await self._reader.read(effect, _refs(slots))
        told = _told(slots, values)
        question = Question(
            operation=str(payload["operation"]),
            fields=tuple(payload["fields"]),
            subject=(profile["kind"], profile["address"]),
            proof=Proof(payload["proof"]),
            parameters={key: told[slot] for key, slot in payload["with"].items() if slot in told},
            key=effect.key,
        )
        try:
            finding = await connector.read(question)
        except ConnectorRefused as error:
            data = {**shown, "result": "refused", "why": error.code}
            return Outcome(kind="looked_up", data=data)
        sealed: tuple[Sealed, ...] = ()
        if finding.values:
            contact = ContactId(payload["contact"])
            sealed = (
                Sealed(name="values", contact=contact, value=finding.values, reference_only=True),
            )
        return Outcome(
            kind="looked_up",
            data={**shown, "result": "ok", "facts": dict(finding.facts)},
            sealed=sealed,
        )

    async def write_reply(self, effect: Effect) -> Outcome:
        """Fill the template and put the text into the conversation."""
        payload = effect.payload
        definition = await self._decided_under(effect)
        bound = payload["bound"]
        refs = [*bound["values"].values(), *_refs(bound["slots"])]
        profile, values = await self._reader.read(effect, refs)
        names = _names(bound, values)
        link = self._new_link(payload.get("link"))
        if link is not None:
            names["link"] = PLACEHOLDER
        text = render(definition, payload["template"], payload["language"], names)
        if payload["notice"] and definition.template("assistant-notice", payload["language"]):
            notice = render(definition, "assistant-notice", payload["language"], {})
            text = f"{notice}\n\n{text}"
        sealed = Sealed(
            name="text",
            contact=ContactId(payload["contact"]),
            value={"text": text, "name": definition.brand.name},
        )
        data = {
            "author": "assistant",
            "template": payload["template"],
            "language": payload["language"],
        }
        if link is not None:
            data["link"] = {"change": link.change, **payload["link"]}
        return Outcome(
            kind="reply_written", data=data, sealed=(sealed,), link=link,
            cap=self._cap(effect, definition, profile),
        )  # fmt: skip

    def _new_link(self, wanted: Mapping[str, Any] | None) -> IssuedLink | None:
        """A link for the reply: the text holds a placeholder, so nobody but its receiver sees it.
        Raises InvalidInput where no pages are served."""
        if wanted is None:
            return None
        change = new_id("chg")
        self._links.url(change)
        lasts = timedelta(seconds=wanted["lasts_seconds"])
        hashed = token_hash(self._links.token(change))
        return IssuedLink(token_hash=hashed, change=change, lasts=lasts)

    def _cap(
        self, effect: Effect, definition: ServiceDefinition, profile: Mapping[str, Any]
    ) -> Cap | None:
        kind = CHANNEL_KINDS.get(str(effect.payload["channel"]), "chat")
        rate = definition.limits.automatic_replies.get(kind)
        # What tells of an applied change follows an agent's consent, once: no two robots get there,
        # and whoever did not ask for the change has to hear of it whatever was written before.
        if rate is None or effect.payload.get("consented"):
            return None
        lookup = self._contacts.lookup.address(effect.tenant, profile["kind"], profile["address"])
        limits = ReplyLimits(per_conversation=rate.count, window=rate.per.approximate)
        return Cap(
            address_lookup=lookup,
            looks_like_a_loop=bool(effect.payload["looks_like_a_loop"]),
            limits=limits,
        )

    async def write_draft(self, effect: Effect) -> Outcome:
        """Draft the playbook's reply for a person, reading what it would read."""
        definition = await self._decided_under(effect)
        profile, _ = await self._reader.read(effect)
        text = await draft_text(
            definition,
            definition.playbooks[str(effect.payload["playbook"])],
            language=definition.answers_in(effect.payload["language"]),
            subject=(profile["kind"], profile["address"]),
            proof=Proof(effect.payload["proof"]),
            connectors={
                name: connector
                for (tenant, name), connector in self._world.connectors.items()
                if tenant == effect.tenant
            },
            key=effect.key,
        )
        if text is None:
            return Outcome(kind="draft_written", data={"empty": True})
        sealed = Sealed(
            name="text", contact=ContactId(effect.payload["contact"]), value={"text": text}
        )
        return Outcome(
            kind="draft_written", data={"playbook": effect.payload["playbook"]}, sealed=(sealed,)
        )

    async def deliver(self, effect: Effect) -> Outcome:
        payload = effect.payload
        inbox = str(payload["inbox"])
        deliverer = self._world.deliverers.get((effect.tenant, inbox))
        if deliverer is None:
            raise ConnectorRefused(inbox, f"the inbox {inbox!r} has no way out")
        refs = [payload["ref"], payload["answers"], payload["subject"]]
        profile, values = await self._reader.read(effect, [str(ref) for ref in refs if ref])
        written = values[str(payload["ref"])]
        answered = values.get(str(payload["answers"]), {})
        first = values.get(str(payload["subject"]), {})
        name = written.get("name")
        reply = OutboundReply(
            tenant=effect.tenant,
            conversation=effect.stream,
            inbox=inbox,
            key=effect.key,
            to=Sender(kind=profile["kind"], address=profile["address"], name=profile.get("name")),
            subject=reply_subject(first.get("subject"), str(payload["language"])),
            text=self._with_link(
                unmask(written["text"], written.get("values", {})), payload.get("link")
            ),
            automatic=payload["author"] == "assistant",
            language=str(payload["language"]),
            in_reply_to=answered.get("message_id"),
            references=tuple(answered.get("references", ())),
            agent_name=name if payload["author"] == "agent" else None,
        )
        delivered = await deliverer.deliver(reply)
        mail = None
        if delivered.message_id:
            lookup = self._contacts.lookup.mail(effect.tenant, delivered.message_id)
            mail = (lookup, int(payload["reply"]))
        kind = "reply_held" if delivered.held else "reply_delivered"
        return Outcome(kind=kind, actor="system", data={"reply": payload["reply"]}, mail=mail)

    def _with_link(self, text: str, change: str | None) -> str:
        """The one place where a link is put in: on its way out."""
        return text if change is None else self._links.put_in(text, change)

    async def alert(self, effect: Effect) -> Outcome:
        teams = [str(team) for team in effect.payload["teams"]]
        definition = self._definitions.active(effect.tenant)
        await self._world.alarm.alert(
            definition, teams=teams, conversation=effect.stream,
            intent=effect.payload.get("intent"), key=effect.key,
        )  # fmt: skip
        return Outcome(kind="alerted", actor="system", data={"teams": teams})

    async def wake(self, effect: Effect) -> Outcome:
        return Outcome(kind="timer_fired", actor="system", data=_timer(effect))

    async def _decided_under(self, effect: Effect) -> ServiceDefinition:
        """The definition whose templates and playbooks an effect names."""
        digest = effect.payload.get("definition")
        if digest is None:  # of a release that did not write it down
            return self._definitions.active(effect.tenant)
        known = self._definitions.known(digest)
        if known is not None:
            return known
        return await self._database.read(
            lambda tx: self._definitions.by_hash(tx, effect.tenant, digest), tenant=effect.tenant
        )


def _refs(slots: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [str(slot["ref"]) for slot in slots.values()]


def _told(
    slots: Mapping[str, Mapping[str, Any]], values: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    return {name: values[slot["ref"]][slot["type"]] for name, slot in slots.items()}


def _names(bound: Mapping[str, Any], values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Everything a template may name: facts, what was looked up, what was told."""
    names: dict[str, Any] = dict(bound["facts"])
    for name, ref in bound["values"].items():
        names[name] = {**names.get(name, {}), **values[ref]}
    return names | _told(bound["slots"], values)


def _timer(effect: Effect) -> dict[str, Any]:
    return {key: value for key, value in effect.payload.items() if key in {"why", "after"}}


def readable(value: Mapping[str, Any]) -> str:
    """What a model reads of a message: the subject says as much as the body."""
    subject, text = value.get("subject", ""), value["text"]
    return f"{subject}\n\n{text}" if subject else str(text)


def _understood(
    effect: Effect, text: str, understood: Understanding, definition: ServiceDefinition
) -> Outcome:
    message = effect.payload["message"]
    data = {**understood.to_data(), "of": message}
    data["intents"] = data["intents"][:INTENTS_KEPT]
    entities = extract(text, definition.entities)
    if not entities:
        return Outcome(kind="understood", data=data)
    data["entities"] = [{"type": kind, "handle": f"{kind}:{message}"} for kind in sorted(entities)]
    sealed = Sealed(
        name="entities_ref",
        contact=ContactId(effect.payload["contact"]),
        value=entities,
        reference_only=True,
    )
    return Outcome(kind="understood", data=data, sealed=(sealed,))
