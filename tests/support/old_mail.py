"""Three months of a small bank's mail, with topics that are known: sentences of our own."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

BEGINS = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)  # a Monday
WEEKS = 13
CARDS, ACCOUNTS = "cards@corner.example", "accounts@corner.example"
AGENT, AGENT_NAME = "julia.meier@corner.example", "Julia Meier"
SECRET_NAME, SECRET_IBAN = "Oskar Lindqvist", "DE89 3704 0044 0532 0130 00"

_WHERE = (
    "my card",
    "my new card",
    "the new debit card",
    "my replacement card",
    "the card I ordered",
)
_LATE = (
    "When will {} arrive?",
    "I am still waiting for {}, it has not arrived.",
    "Where is {}? It has not come in the post.",
    "How long does the delivery of {} take?",
    "{} was sent ten days ago and it is still not here.",
    "Can you tell me when {} will be delivered?",
)
_STREET = ("my address", "my postal address", "the address of my account", "my home address")
_MOVED = (
    "I have moved, please change {}.",
    "Please update {}, I moved last week.",
    "How can I change {}? I live somewhere else now.",
    "I would like to change {} because I am moving.",
    "We moved to another town. Please correct {}.",
)
_LOAN = (
    "a mortgage",
    "a mortgage for a house",
    "a house loan",
    "a loan for a flat",
    "a mortgage loan",
)
_BORROW = (
    "What is the interest rate of {}?",
    "I would like an offer for {}.",
    "Which documents do I need for {}?",
    "How much could I borrow with {}?",
    "Can somebody advise me about {}?",
)
_FEE = ("a fee", "an account fee", "a monthly fee", "this fee", "such a high fee")
_CHARGED = (
    "Why was I charged {} this month?",
    "I do not understand {} on my statement.",
    "Please explain {} that you charged.",
    "There is {} on my statement, and I never agreed to it.",
    "What is {} for?",
)
TOPICS = {
    "delivery": (_LATE, _WHERE),
    "address": (_MOVED, _STREET),
    "mortgage": (_BORROW, _LOAN),
    "fee": (_CHARGED, _FEE),
}
_TEMPLATE = (
    "Thank you for your patience. Cards are sent by ordinary post and arrive within eight working"
    " days after they were ordered. You can follow the delivery in the app under Cards, Delivery."
    " If yours is not there by {}, write to us again and we will send another."
)
_ADVICE = (
    "It depends on the value of the house and on your income.",
    "We would have to see the papers first, above all the contract of sale.",
    "My colleague in the branch has time for you on Thursday afternoon.",
    "For a flat of that size we usually finance two thirds of the price.",
    "The rate changes every week, at present it is a little above three.",
    "Please bring your last three pay slips and the plan of the building.",
    "Rented houses are judged in another way than those you live in.",
    "With a fixed rate over fifteen years you would be on the safe side.",
)


def letter(
    number: int, sender: str, to: str, subject: str, text: str, at: datetime, answers: str = ""
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{number}@mail.example>"
    if answers:
        mail["In-Reply-To"] = mail["References"] = answers
    mail.set_content(text)
    return mail


def old_mail(per_topic: int = 30) -> Iterator[EmailMessage]:
    """The same every time. The cards' team answers by a template, a person what mortgages are."""
    chance = random.Random(7)
    number = 0
    for topic, (sentences, things) in TOPICS.items():
        for count in range(per_topic):
            number += 10
            name = SECRET_NAME if count == 3 else f"Customer {chr(65 + count % 26)}ander"
            sender = f"{name} <{topic}{count}@people.example>"
            to = CARDS if topic == "delivery" else ACCOUNTS
            at = BEGINS + timedelta(minutes=chance.randrange(WEEKS * 7 * 24 * 60 - 600))
            said = sentences[count % len(sentences)].format(
                things[count // len(sentences) % len(things)]
            )
            if count == 3:
                said += f" My name is {SECRET_NAME} and my account is {SECRET_IBAN}."
            text = f"Dear Sir or Madam,\n\n{said[0].upper()}{said[1:]}\n\nKind regards\n{name}\n"
            asked = letter(number, sender, to, "A question", text, at)
            yield asked
            answer = _answer(topic, count, chance)
            if answer:
                who = CARDS if topic == "delivery" else f"{AGENT_NAME} <{AGENT}>"
                said = f"Dear {name},\n\n{answer}\n\nKind regards\n{AGENT_NAME}\n\n> {said}\n"
                yield letter(
                    number + 1, who, f"{topic}{count}@people.example", "Re: A question", said,
                    at + timedelta(hours=2 if topic == "delivery" else 30), asked["Message-ID"],
                )  # fmt: skip


def _answer(topic: str, count: int, chance: random.Random) -> str:
    if topic == "delivery":
        return _TEMPLATE.format(f"{count % 28 + 1} October")
    if topic == "mortgage":
        return " ".join(chance.sample(_ADVICE, 3))
    return "I have changed it for you." if topic == "address" and count % 2 else ""


def write_mbox(path: Path, mails: Sequence[EmailMessage | bytes]) -> Path:
    with path.open("wb") as file:
        for mail in mails:
            raw = mail if isinstance(mail, bytes) else mail.as_bytes()
            file.write(b"From somebody@mail.example Mon Aug  3 09:00:00 2026\n")
            file.write(raw.replace(b"\nFrom ", b"\n>From ") + b"\n\n")
    return path
