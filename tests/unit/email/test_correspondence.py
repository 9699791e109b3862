"""Old mail put together again: whose it is, and what answers what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from answerable.channels.email.correspondence import (
    Letter,
    Ours,
    Thread,
    put_together,
    recognised,
)

START = datetime(2026, 8, 3, 9, tzinfo=UTC)
BANK = Ours.named(["@bank.example", "Shop@gmail.com"])
US = "help@bank.example"


def letter(
    number: int, sender: str, to: str, *, answers: tuple[int, ...] = (), subject: int = 1,
    hours: float = 0, dated: bool = True, automatic: str | None = None,
) -> Letter:  # fmt: skip
    return Letter(
        at=START + timedelta(hours=hours) if dated else None,
        message_id=number,
        answers=answers,
        sender=sender,
        reply_to="",
        receivers=(to,),
        subject=subject,
        is_answer=bool(answers),
        automatic=automatic,
        has_attachment=False,
        body=number,
        text="",
        answer=None,
        answer_text="",
    )


def put(*letters: Letter) -> list[Thread]:
    return put_together(letters, BANK).threads


def test_an_answer_of_ours_and_what_follows_is_one_thread_in_whatever_order_it_lies() -> None:
    letters = [
        letter(3, "a@x.example", US, answers=(2, 1), hours=5),
        letter(2, US, "a@x.example", answers=(1,), hours=2),
        letter(1, "a@x.example", US),
    ]

    (thread,) = put(*letters)

    assert thread.first.message_id == 1
    assert [one.message_id for one in thread.replies] == [2]
    assert [one.message_id for one in thread.later] == [3]
    assert thread.inbox == US


def test_a_hundred_who_answer_one_circular_are_a_hundred_threads() -> None:
    answers = [letter(n, f"c{n}@x.example", US, answers=(9_999,)) for n in range(1, 101)]

    assert len(put(*answers)) == 100


def test_two_answers_of_one_customer_to_a_mail_that_is_not_here_are_one_thread() -> None:
    first = letter(1, "a@x.example", US, answers=(99,))
    second = letter(2, "a@x.example", US, answers=(99,), hours=1, subject=2)

    assert len(put(first, second)) == 1


def test_nobody_joins_the_thread_of_somebody_else() -> None:
    theirs = letter(1, "a@x.example", US)
    foreign = letter(2, "eve@y.example", US, answers=(1,), hours=1)

    assert len(put(theirs, foreign)) == 2


def test_without_references_the_subject_tells_for_a_month() -> None:
    asked = letter(1, "a@x.example", US, subject=7)
    replied = letter(2, US, "a@x.example", subject=7, hours=4)
    late = letter(3, US, "a@x.example", subject=7, hours=24 * 40)
    anew = letter(4, "a@x.example", US, subject=7, hours=6)

    together = put_together([asked, replied, anew, late], BANK)

    assert [len(one.replies) for one in together.threads] == [1, 0]
    assert together.unasked == 1


def test_a_confirmation_is_no_reply_but_what_a_help_desk_marks_is() -> None:
    asked = letter(1, "a@x.example", US)
    robot = letter(2, US, "a@x.example", answers=(1,), automatic="auto-submitted")
    agent = letter(3, US, "a@x.example", answers=(1,), automatic="response-suppressed", hours=1)

    (thread,) = put(asked, robot, agent)

    assert thread.confirmations == 1
    assert [one.message_id for one in thread.replies] == [3]


def test_a_form_on_our_site_writes_for_the_customer() -> None:
    form = replace(letter(1, "noreply@bank.example", US), reply_to="a@x.example")
    reply = letter(2, US, "a@x.example", answers=(1,), hours=1)

    (thread,) = put(form, reply)

    assert thread.customer == "a@x.example"
    assert len(thread.replies) == 1


def test_the_same_mail_in_two_inboxes_is_one_and_one_id_with_another_text_is_another() -> None:
    one = letter(1, "a@x.example", US)
    together = put_together([one, replace(one), replace(one, body=77)], BANK)

    assert together.copies == 1
    assert len(together.threads) == 2


def test_mail_without_a_date_stays_where_it_lay() -> None:
    asked = letter(1, "a@x.example", US)
    replied = letter(2, US, "a@x.example", answers=(1,), dated=False)

    (thread,) = put(asked, replied)

    assert len(thread.replies) == 1


def test_robots_and_what_is_among_us_are_counted_and_no_thread() -> None:
    together = put_together(
        [
            letter(1, "news@x.example", US, automatic="mailing-list"),
            letter(2, "anna@bank.example", US),
        ],
        BANK,
    )

    assert together.threads == []
    assert together.set_apart == {"mailing-list": 1}
    assert together.internal == 1


def test_domains_cover_what_is_below_them_and_addresses_only_themselves() -> None:
    assert BANK.has("x@mail.bank.example")
    assert BANK.has("shop@gmail.com")
    assert not BANK.has("other@gmail.com")
    assert not BANK.has("x@notbank.example")


def test_ours_are_those_to_whom_many_write() -> None:
    letters = [letter(n, f"c{n}@x{n}.example", US) for n in range(1, 40)]
    letters += [letter(n, US, f"c{n}@x{n}.example") for n in range(41, 80)]
    letters += [letter(n, f"d{n}@y{n}.example", "shop@gmail.com") for n in range(81, 100)]

    known = recognised(letters)

    assert known.has("somebody@bank.example")
    assert known.has("shop@gmail.com")
    assert not known.has("neighbour@gmail.com")
    assert not known.has("c1@x1.example")
