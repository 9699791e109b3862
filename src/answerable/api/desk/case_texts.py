"""Messages whose texts are not here any more, with the texts that the case in the CRM has."""

import asyncio
from collections.abc import Mapping

from answerable.api.desk.reading import ERASED
from answerable.api.desk.shapes import MessageShape
from answerable.api.ports import CaseTexts
from answerable.definition.schema import ServiceDefinition
from answerable.kit.ids import ConversationId
from answerable.privacy.mask import mask, policy_with

IN_THE_CASE = "(not kept here: see the case in the CRM)"


async def with_case_texts(
    items: list[MessageShape],
    source: CaseTexts,
    definition: ServiceDefinition,
    conversation: ConversationId,
) -> list[MessageShape]:
    """The same messages. Of a tenant whose texts are in the database, nobody is asked; where the
    CRM does not answer, they say where to look."""
    if definition.keeping.forget_after is None or not any(one.text == ERASED for one in items):
        return items
    told = await source.of(definition.tenant, conversation)
    return await asyncio.to_thread(_filled, items, told, definition)


def _filled(
    items: list[MessageShape], told: Mapping[int, str], definition: ServiceDefinition
) -> list[MessageShape]:
    numbers: dict[tuple[str, str], int] = {}
    last: dict[str, int] = {}

    def number(kind: str, value: str) -> int:
        if (kind, value) not in numbers:
            numbers[kind, value] = last[kind] = last.get(kind, 0) + 1
        return numbers[kind, value]

    policy, regions = policy_with(definition.privacy), definition.phone_countries
    filled = []
    for one in items:
        if one.text == ERASED:
            whole = told.get(one.seq)
            # Masked anew, as what stands there is whole; its people may have changed it, too.
            text = (
                mask(whole, number=number, policy=policy, regions=regions).text
                if whole
                else IN_THE_CASE
            )
            one = one.model_copy(update={"text": text})
        filled.append(one)
    return filled
