"""No mail gets into another person's conversation."""

import pytest

from answerable.contacts.threading import Candidate, Evidence, may_join
from answerable.kit.ids import ContactId, ConversationId

ANNA, MALLORY = ContactId("cnt_anna"), ContactId("cnt_mallory")
HERS = ConversationId("cnv_hers")
BY_TOKEN = Candidate(conversation=HERS, contact=ANNA, by_token=True)
BY_ID = Candidate(conversation=HERS, contact=ANNA)
T, F = True, False


@pytest.mark.parametrize(
    ("sender", "aligned", "candidate", "required", "joins"),
    [
        (ANNA, T, BY_TOKEN, Evidence.ALIGNED, T),
        (ANNA, T, BY_ID, Evidence.ALIGNED, T),
        (ANNA, F, BY_TOKEN, Evidence.ALIGNED, F),
        (ANNA, F, BY_ID, Evidence.ALIGNED, F),
        (ANNA, F, BY_TOKEN, Evidence.TOKEN, T),
        (ANNA, F, BY_ID, Evidence.TOKEN, F),
        (ANNA, F, BY_ID, Evidence.REFERENCE, T),
        (MALLORY, T, BY_TOKEN, Evidence.REFERENCE, F),
        (MALLORY, F, BY_TOKEN, Evidence.TOKEN, F),
        (MALLORY, F, BY_ID, Evidence.REFERENCE, F),
        (None, T, BY_TOKEN, Evidence.REFERENCE, F),
    ],
)
def test_only_the_contact_with_enough_evidence_joins(
    sender: ContactId | None, aligned: bool, candidate: Candidate, required: Evidence, joins: bool
) -> None:
    decision = may_join(sender=sender, aligned=aligned, candidates=[candidate], required=required)

    assert (decision.conversation == HERS) is joins
    assert joins or decision.related == HERS


def test_a_mail_that_points_to_nothing_opens_its_own() -> None:
    decision = may_join(sender=ANNA, aligned=True, candidates=[])

    assert (decision.conversation, decision.related) == (None, None)
    assert decision.reason == "nothing-referenced"


def test_a_conversation_without_a_contact_takes_nobody() -> None:
    nobody = Candidate(conversation=HERS, contact=None, by_token=True)

    assert may_join(sender=None, aligned=True, candidates=[nobody]).conversation is None


def test_ones_own_conversation_is_found_behind_anothers() -> None:
    mine = Candidate(conversation=ConversationId("cnv_mine"), contact=MALLORY)

    decision = may_join(sender=MALLORY, aligned=True, candidates=[BY_TOKEN, mine])

    assert decision.conversation == mine.conversation
