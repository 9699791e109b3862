"""Conversations, told from the outside: what is said, what happens, who has it."""

import asyncio
from datetime import timedelta

import pytest

from answerable.contacts.threading import Evidence
from answerable.flow.acts import LONGEST_REPLY
from answerable.flow.message import ThreadHints
from answerable.kit.errors import Conflict, ConnectorUnavailable, InvalidInput
from tests.support.town import Town


async def test_a_question_with_everything_in_it_is_answered_with_data(town: Town) -> None:
    at = await town.says("Where is my parcel P-1234?")

    assert await town.kinds(at.conversation) == [
        "conversation_opened",
        "message_received",
        "understood",
        "decided",
        "playbook_started",
        "answered",
        "looked_up",
        "reply_written",
        "step_skipped",
        "playbook_ended",
    ]
    assert await town.replies(at.conversation) == [
        "An automated assistant answers.\n\nParcel P-1234 is on its way, due Friday."
    ]
    assert await town.owner(at.conversation) == "assistant"


async def test_what_is_missing_is_asked_for_and_the_answer_goes_on(town: Town) -> None:
    at = await town.says("Where is my parcel?")
    assert (await town.replies(at.conversation))[-1].endswith("Which parcel?")

    await town.says("it is P-5678")

    assert (await town.replies(at.conversation))[-1] == ("Parcel P-5678 is on its way, due Friday.")


async def test_an_answer_that_does_not_come_hands_the_conversation_to_people(town: Town) -> None:
    at = await town.says("Where is my parcel?")

    await town.time_passes(timedelta(hours=24, seconds=1))

    assert await town.owner(at.conversation) == "queue:parcels"
    assert (await town.last(at.conversation, "playbook_ended")).data["outcome"] == "timed_out"


async def test_two_useless_answers_hand_the_conversation_to_people(town: Town) -> None:
    at = await town.says("Where is my parcel?")
    await town.says("no idea, parcel")
    await town.says("really no idea, parcel")

    assert await town.owner(at.conversation) == "queue:parcels"


async def test_fraud_goes_to_its_team_at_once_without_a_draft(town: Town) -> None:
    at = await town.says("This is fraud!")

    handed = await town.last(at.conversation, "handed_off")
    assert handed.data["team"] == "security"
    assert handed.data["priority"] == "urgent"
    assert town.alarm.rung == [("security",)]
    assert "draft_written" not in await town.kinds(at.conversation)


async def test_a_matter_for_people_comes_with_a_draft_and_the_contact_is_told(town: Town) -> None:
    at = await town.says("I want a refund")

    assert await town.owner(at.conversation) == "queue:money"
    draft = await town.last(at.conversation, "draft_written")
    assert await town.text(draft) == "We are open."
    assert (await town.replies(at.conversation))[-1].endswith("A colleague takes over.")


async def test_an_unsure_reading_is_clarified_twice_and_then_handed_off(town: Town) -> None:
    at = await town.says("perhaps")
    assert "Where is my parcel?" in (await town.replies(at.conversation))[-1]
    await town.says("perhaps")
    await town.says("perhaps")

    assert await town.owner(at.conversation) == "queue:parcels"


async def test_out_of_scope_is_asked_once_and_then_handed_off(town: Town) -> None:
    at = await town.says("Sing me a song")
    await town.says("Sing another song")
    await town.says("And another song")

    assert await town.owner(at.conversation) == "queue:service"


async def test_a_missing_proof_is_asked_for(town: Town) -> None:
    at = await town.says("later please")

    assert (await town.replies(at.conversation))[-1].endswith("Please sign in.")
    assert (await town.last(at.conversation, "decided")).data["reasons"][-1]["rule"] == "proof"


async def test_a_wait_is_a_row_and_goes_on_when_it_is_over(town: Town) -> None:
    at = await town.says("later please", by="C-1", signed_in=True)
    assert await town.replies(at.conversation) == []

    await town.time_passes(timedelta(hours=2))

    assert len(await town.replies(at.conversation)) == 1


async def test_after_a_take_over_the_assistant_is_silent(town: Town) -> None:
    at = await town.says("Where is my parcel?")
    await town.takes_over(at.conversation)
    before = await town.replies(at.conversation)

    await town.says("P-1234")
    await town.time_passes(timedelta(days=2))

    assert await town.replies(at.conversation) == before
    assert await town.owner(at.conversation) == "agent:agt_1"


async def test_an_agent_answers_and_closes_and_the_contact_reopens(town: Town) -> None:
    at = await town.says("I want a refund")
    taken = await town.takes_over(at.conversation)
    await town.answers(at.conversation, "Done.", version=taken.seq)
    await town.closes(at.conversation)
    assert (await town.state(at.conversation))["status"] == "closed"

    again = await town.mails("nothing to do with it")

    assert again.conversation != at.conversation


async def test_an_agent_does_not_answer_blind(town: Town) -> None:
    at = await town.says("I want a refund")
    taken = await town.takes_over(at.conversation)
    await town.says("No, wait!")

    with pytest.raises(Conflict, match="said since"):
        await town.answers(at.conversation, "Done.", version=taken.seq)


async def test_a_reply_of_an_agent_has_its_limits(town: Town) -> None:
    at = await town.says("refund")
    await town.takes_over(at.conversation)
    version = (await town.events(at.conversation))[-1].seq
    for text in ("", "x" * (LONGEST_REPLY + 1)):
        with pytest.raises(InvalidInput, match="characters"):
            await town.answers(at.conversation, text, version=version)
    await town.answers(at.conversation, "x" * LONGEST_REPLY, version=version)


async def test_two_agents_cannot_have_the_same_conversation(town: Town) -> None:
    at = await town.says("I want a refund")
    await town.takes_over(at.conversation, agent="agt_1")

    with pytest.raises(Conflict, match="colleague"):
        await town.takes_over(at.conversation, agent="agt_2")


async def test_the_same_message_twice_is_one_event(town: Town) -> None:
    first = await town.says("hours?", client_id="c-1")
    second = await town.says("hours?", client_id="c-1")

    assert second.duplicate
    assert (second.conversation, second.seq) == (first.conversation, first.seq)
    assert (await town.kinds(first.conversation)).count("message_received") == 1


async def test_the_same_message_twice_at_once_is_one_event(town: Town) -> None:
    told = await asyncio.gather(*(town.says("hours?", client_id="c-1") for _ in range(3)))

    assert sorted(one.duplicate for one in told) == [False, True, True]
    assert len({(one.conversation, one.seq) for one in told}) == 1
    assert (await town.kinds(told[0].conversation)).count("message_received") == 1


async def test_a_mail_is_answered_and_the_answer_finds_its_way_back(town: Town) -> None:
    at = await town.mails("What are your hours?", subject="Hours")

    sent = town.post.sent[-1]
    assert sent.subject == "Re: Hours"
    assert sent.automatic
    assert sent.in_reply_to == "<1@example.com>"

    answer = await town.mails(
        "thanks, hours again?",
        thread=ThreadHints(references=(f"<{sent.key}@shop.example>",), aligned=True),
    )
    assert answer.conversation == at.conversation


async def test_another_person_does_not_get_into_a_conversation_with_its_references(
    town: Town,
) -> None:
    at = await town.mails("What are your hours?")
    sent = town.post.sent[-1]

    forged = await town.mails(
        "and what did she ask?",
        by="mallory@example.net",
        thread=ThreadHints(
            conversation=at.conversation,
            references=(f"<{sent.key}@shop.example>",),
            aligned=True,
            required=Evidence.REFERENCE,
        ),
    )

    assert forged.conversation != at.conversation


async def test_automatic_mail_is_never_answered(town: Town) -> None:
    at = await town.mails("I am on holiday", automatic="auto-submitted: auto-replied")

    assert town.post.sent == []
    assert (await town.state(at.conversation))["status"] == "closed"
    assert (await town.last(at.conversation, "set_aside")).data["why"] == "automatic mail"


async def test_two_automatic_replies_a_day_are_enough_for_one_mail_conversation(
    town: Town,
) -> None:
    at = await town.mails("hours?")
    for _ in range(4):
        key = town.post.sent[-1].key
        await town.mails(
            "hours?", thread=ThreadHints(references=(f"<{key}@shop.example>",), aligned=True)
        )

    assert len(town.post.sent) == 2
    assert "reply_suppressed" in await town.kinds(at.conversation)
    assert (await town.owner(at.conversation)).startswith("queue:")


async def test_a_mail_that_cannot_be_read_is_put_before_a_person(town: Town) -> None:
    at = await town.mails("", unparsable="2,000 nested parts")

    assert await town.owner(at.conversation) == "queue:service"


async def test_a_bounce_comes_back_to_its_conversation(town: Town) -> None:
    at = await town.mails("hours?")
    key = town.post.sent[-1].key

    bounced = await town.mails(
        "undelivered", by="mailer-daemon@example.com", bounce_of=f"<{key}@shop.example>"
    )

    assert bounced.conversation == at.conversation
    assert "bounced" in await town.kinds(at.conversation)
    assert (await town.owner(at.conversation)).startswith("queue:")


async def test_a_system_that_is_down_hands_a_chat_over_at_once(town: Town) -> None:
    town.warehouse.trouble = [ConnectorUnavailable("warehouse")]

    at = await town.says("parcel P-1234")

    assert await town.owner(at.conversation) == "queue:parcels"
    assert (await town.replies(at.conversation))[-1].endswith("A colleague takes over.")


async def test_a_mail_waits_for_a_system_that_is_down_under_one_key(town: Town) -> None:
    town.warehouse.trouble = [ConnectorUnavailable("warehouse")] * 5

    await town.mails("parcel P-1234")
    for _ in range(6):
        await town.time_passes(timedelta(minutes=10))

    assert town.post.sent[-1].text.endswith("Parcel P-1234 is on its way, due Friday.")
    assert len(town.warehouse.asked) == 6
    assert len({question.key for question in town.warehouse.asked}) == 1


async def test_a_second_question_during_a_playbook_has_its_turn(town: Town) -> None:
    await town.says("Where is my parcel P-1234?", settle=False)
    at = await town.says("and what are your hours?")

    replies = await town.replies(at.conversation)
    assert [reply.splitlines()[-1] for reply in replies] == [
        "Parcel P-1234 is on its way, due Friday.",
        "We are open.",
    ]


async def test_an_old_reference_does_not_answer_a_new_question(town: Town) -> None:
    at = await town.says("Where is my parcel P-1234?")
    await town.says("and the other parcel?")

    assert (await town.replies(at.conversation))[-1] == "Which parcel?"


async def test_work_that_raises_is_tried_five_times_and_becomes_work_for_a_person(
    town: Town,
) -> None:
    town.warehouse.trouble = [ValueError("a bug of ours")] * 9

    at = await town.mails("parcel P-1234")
    for _ in range(9):
        await town.time_passes(timedelta(minutes=20))

    assert len(town.warehouse.asked) == 5
    failed = await town.last(at.conversation, "effect_failed")
    assert failed.data["error"] == "internal error (ValueError)"
    assert (await town.owner(at.conversation)).startswith("queue:")


async def test_card_numbers_are_dropped_and_ibans_put_into_the_vault(town: Town) -> None:
    at = await town.says(
        "hours? my card 4111 1111 1111 1111, cvv 123, IBAN DE89 3704 0044 0532 0130 00"
    )

    received = await town.last(at.conversation, "message_received")
    masked = await town.text(received)
    assert "4111" not in masked
    assert "<card:1>" in masked
    assert "<iban:1>" in masked
    assert "DE89 3704 0044 0532 0130 00" in await town.text(received, whole=True)
    assert "4111 1111" not in await town.text(received, whole=True)


async def test_a_customer_keeps_one_handle_through_a_conversation(town: Town) -> None:
    first = await town.says("hello, my name is Odalys Brennecke, I live at 45 Elm Street, Hull")
    again = await town.last(first.conversation, "message_received")
    assert await town.text(again) == "hello, my name is <name:1>, I live at <address:1>"

    await town.says("Hello, my name is Odalys  Brennecke. Regards, Tomasz Zielinski")

    received = await town.last(first.conversation, "message_received")
    assert await town.text(received) == "Hello, my name is <name:1>. Regards, <name:2>"


async def test_a_vip_goes_to_the_senior_team(town: Town) -> None:
    town.warehouse.tiers["C-7"] = "gold"

    at = await town.says("I want a refund", by="C-7", signed_in=True)

    assert await town.owner(at.conversation) == "queue:senior"


async def test_spam_is_set_aside_without_a_word(town: Town) -> None:
    at = await town.says("you won the lottery")

    assert await town.replies(at.conversation) == []
    assert (await town.state(at.conversation))["status"] == "closed"


async def test_an_angry_person_gets_a_person(town: Town) -> None:
    at = await town.says("I am furious about the opening hours")

    assert await town.owner(at.conversation) == "queue:service"


async def test_an_answered_conversation_closes_after_three_silent_days(town: Town) -> None:
    at = await town.says("hours?")

    await town.time_passes(timedelta(hours=73))

    assert (await town.state(at.conversation))["status"] == "closed"


async def test_seq_has_no_gap_and_every_hash_names_its_predecessor(town: Town) -> None:
    at = await town.says("Where is my parcel P-1234?")
    await town.says("hours?")

    events = await town.events(at.conversation)

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len({event.hash for event in events}) == len(events)
