"""What agents said that messages ask for, as examples to train the next model with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.definition.schema import ServiceDefinition
from answerable.flow.handlers import readable
from answerable.kit.database import Database
from answerable.kit.ids import TenantId
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events_at
from answerable.ledger.tables import event as events
from answerable.ledger.tables import to_event
from answerable.privacy.vault import Vault
from answerable.understanding.examples import Example

_AT_ONCE = 500  # labels of one read, so that no writer waits long


@dataclass(frozen=True, kw_only=True)
class LabelledMessages:
    """examples: one a message, by its latest label. erased: their contact was forgotten since.
    outdated: labels whose intent the definition has no more."""

    examples: list[Example]
    erased: int
    outdated: int


async def labelled_messages(
    database: Database, vault: Vault, definition: ServiceDefinition
) -> LabelledMessages:
    """Masked texts, as models read them. Changes nothing; the service may be running."""
    tenant = definition.tenant
    latest: dict[tuple[str, int], Event] = {}
    after = 0
    while found := await database.read(partial(_labels, tenant=tenant, after=after), tenant=tenant):
        latest |= {(one.stream, one.data["of"]): one for _, one in found}
        after = found[-1][0]
    fit = [one for one in latest.values() if set(one.data["intents"]) <= set(definition.intents)]
    examples: list[Example] = []
    for start in range(0, len(fit), _AT_ONCE):
        part = fit[start : start + _AT_ONCE]
        read_texts = partial(_texts, vault=vault, tenant=tenant, labels=part)
        texts = await database.read(read_texts, tenant=tenant)
        examples += [
            Example(text=texts[one.stream, one.data["of"]], intents=tuple(one.data["intents"]))
            for one in part
            if (one.stream, one.data["of"]) in texts
        ]
    return LabelledMessages(
        examples=examples, erased=len(fit) - len(examples), outdated=len(latest) - len(fit)
    )


def _labels(tx: Connection, *, tenant: TenantId, after: int) -> list[tuple[int, Event]]:
    query = (
        sa.select(events)
        .where(events.c.tenant == tenant, events.c.position > after, events.c.kind == "labelled")
        .order_by(events.c.position)
        .limit(_AT_ONCE)
    )
    return [(row.position, to_event(row)) for row in tx.execute(query)]


def _texts(
    tx: Connection, *, vault: Vault, tenant: TenantId, labels: Sequence[Event]
) -> Mapping[tuple[str, int], str]:
    """By stream and seq of the message; those that were erased are missing."""
    places = {(one.stream, one.data["of"]) for one in labels}
    refs = {
        (one.stream, one.seq): one.data["text"]["ref"]
        for one in read_events_at(tx, tenant, places)
        if one.kind == "message_received"
    }
    values = vault.get_many(tx, tenant=tenant, ids=refs.values())
    found = {place: values.get(ref) for place, ref in refs.items()}
    return {place: readable(value) for place, value in found.items() if isinstance(value, dict)}
