"""What contacts may have changed, done or shown by themselves, and what must not be missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from answerable.definition.terms import Proof


@dataclass(frozen=True, kw_only=True)
class ChangeKind:
    """fields: what is entered for it, as back offices name it: what of a customer it replaces, or
    the details of a wish. Without any, something is shown once a code was right, and nothing done.

    code: the least that a code for it must prove, see CODE_WAYS.
    documents: fields of the form for files that show that it is so; only approvers see them.
    protects: whether it only keeps harm from the contact, so that it may be offered to one whose
    matter has gone to people.
    approvers: how many agents must consent. noticed: whether the number on record must be told
    before. delay: how long at least it must be open to objections before it is applied.
    """

    fields: tuple[str, ...]
    code: Proof = Proof.FRESH_ONE_TIME_CODE
    documents: tuple[str, ...] = ()
    protects: bool = False
    approvers: int = 1
    noticed: bool = False
    delay: timedelta = timedelta(0)


SMS, APP, EMAIL = "sms", "app", "email"
# By what a contact proves a change, and what the code proves. One by e-mail shows that somebody
# reads the mailbox, and no more: e-mail is no out-of-band proof (NIST SP 800-63B-4, 3.1.3.1).
CODE_WAYS: Mapping[str, Proof] = {
    SMS: Proof.FRESH_ONE_TIME_CODE,
    APP: Proof.FRESH_ONE_TIME_CODE,
    EMAIL: Proof.EMAIL,
}

CHANGES: Mapping[str, ChangeKind] = {
    "address": ChangeKind(fields=("street", "postal_code", "city", "country")),
    # Whoever has the number gets all later codes, so a stolen telephone must not be enough.
    "phone": ChangeKind(fields=("phone",), approvers=2, noticed=True, delay=timedelta(hours=24)),
    "email": ChangeKind(fields=("email",), noticed=True),
    # Money goes there from then on, so it is guarded like a number.
    "payout-account": ChangeKind(
        fields=("iban",), approvers=2, noticed=True, delay=timedelta(hours=24)
    ),
    "name": ChangeKind(fields=("name",), documents=("document",)),
    # It moves no money, tells nothing, and is taken back as easily; withdrawing consent must not be
    # harder than giving it (GDPR, article 7(3)).
    "marketing-consent": ChangeKind(fields=("marketing",), code=Proof.EMAIL),
    "card-block": ChangeKind(fields=("card",), protects=True),
    "card-replacement": ChangeKind(fields=("card", "reason")),
    "card-limit": ChangeKind(fields=("card", "limit")),
    "dispute": ChangeKind(fields=("merchant", "amount", "booked_on", "problem")),
    # Whoever orders one gets nothing to see: it goes by post to the address on record.
    "statement": ChangeKind(fields=("first_day", "last_day"), code=Proof.EMAIL),
    "balance": ChangeKind(fields=()),
}


def code_is_enough(way: str, kind: str) -> bool:
    """Whether a code that comes this way proves enough for this kind of change."""
    return CODE_WAYS[way].satisfies(CHANGES[kind].code)
