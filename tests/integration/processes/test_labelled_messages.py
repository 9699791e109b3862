"""An agent says what messages ask for; the next model is trained with it."""

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from answerable.flow.acts import Close, Label
from answerable.kit.errors import InvalidInput, NotFound
from answerable.kit.ids import AgentId, ConversationId, TenantId
from answerable.processes.labelled_messages import LabelledMessages, labelled_messages
from answerable.understanding.examples import read_examples, write_examples
from tests.support.town import TENANT, Town, shop_definition

pytestmark = pytest.mark.parametrize("server", [False, True], ids=["file", "server"])


def label(conversation: ConversationId, message: int, *intents: str, by: str = "agt_1") -> Label:
    return Label(
        tenant=TENANT, conversation=conversation, agent=AgentId(by), agent_name="Sam",
        message=message, intents=intents,
    )  # fmt: skip


async def learnt(town: Town) -> LabelledMessages:
    service = town.service
    return await labelled_messages(service.database, service.vault, shop_definition())


async def test_what_agents_say_becomes_examples_with_masked_texts(
    town: Town, tmp_path: Path
) -> None:
    one = await town.says("murmur: my IBAN is DE89 3704 0044 0532 0130 00", by="anna")
    two = await town.says("murmur: sing me a song", by="ben")
    await town.acts(label(one.conversation, one.seq, "refund", "parcel-status"))
    await town.acts(label(two.conversation, two.seq))

    found = await learnt(town)
    write_examples(tmp_path / "labels.jsonl", found.examples)

    said = {example.text: example.intents for example in read_examples(tmp_path / "labels.jsonl")}
    assert said == {
        "murmur: my IBAN is <iban:1>": ("refund", "parcel-status"),
        "murmur: sing me a song": (),
    }
    assert (found.erased, found.outdated) == (0, 0)
    assert stat.S_IMODE((tmp_path / "labels.jsonl").stat().st_mode) == 0o600


async def test_the_latest_word_on_a_message_counts(town: Town) -> None:
    said = await town.says("murmur")
    await town.acts(label(said.conversation, said.seq, "refund"))
    await town.acts(label(said.conversation, said.seq, "fraud", by="agt_2"))

    (example,) = (await learnt(town)).examples

    assert example.intents == ("fraud",)


async def test_a_label_changes_nothing_in_the_conversation(town: Town) -> None:
    said = await town.says("where is my parcel? murmur")
    before, kinds = await town.state(said.conversation), await town.kinds(said.conversation)
    town.clock.advance(timedelta(hours=1))

    await town.acts(label(said.conversation, said.seq, "refund"))

    assert await town.state(said.conversation) == before
    assert await town.kinds(said.conversation) == [*kinds, "labelled"]


async def test_a_settled_matter_can_be_labelled_and_stays_settled(town: Town) -> None:
    said = await town.says("fraud")
    await town.takes_over(said.conversation)
    await town.acts(
        Close(
            tenant=TENANT, conversation=said.conversation, agent=AgentId("agt_1"), agent_name="Sam"
        )
    )

    await town.acts(label(said.conversation, said.seq, "fraud"))

    assert (await town.state(said.conversation))["status"] == "closed"


async def test_wrong_labels_are_refused_with_the_reason(town: Town) -> None:
    said = await town.says("murmur")

    with pytest.raises(InvalidInput, match="no intent 'moon'"):
        await town.acts(label(said.conversation, said.seq, "moon"))
    with pytest.raises(InvalidInput, match="no message 1"):
        await town.acts(label(said.conversation, 1, "refund"))
    with pytest.raises(InvalidInput, match="no message 999"):
        await town.acts(label(said.conversation, 999, "refund"))
    with pytest.raises(NotFound):
        await town.acts(
            replace(label(said.conversation, said.seq, "refund"), tenant=TenantId("other"))
        )


async def test_what_was_erased_or_is_no_intent_any_more_is_left_out_and_counted(town: Town) -> None:
    gone = await town.says("murmur, forget me", by="anna")
    old = await town.says("murmur, of before", by="ben")
    await town.acts(label(gone.conversation, gone.seq, "refund"))
    await town.acts(label(old.conversation, old.seq, "later"))
    contact = (await town.state(gone.conversation))["contact"]
    service, shop = town.service, shop_definition()
    await service.database.write(
        lambda tx: service.vault.erase(tx, tenant=TENANT, contact_id=contact)
    )
    fewer = {name: one for name, one in shop.intents.items() if name != "later"}

    found = await labelled_messages(
        service.database, service.vault, shop.model_copy(update={"intents": fewer})
    )

    assert found == LabelledMessages(examples=[], erased=1, outdated=1)


async def test_a_file_that_cannot_be_written_is_told(town: Town, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Is a directory"):
        write_examples(tmp_path, (await learnt(town)).examples)
