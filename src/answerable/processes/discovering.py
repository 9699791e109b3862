"""Old mail from files, read in child processes, masked, put together, and its topics found."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from answerable.channels.email.archive import ArchivedMail, NoMail, mails_of
from answerable.channels.email.automatic import OwnNames, automatic_reason
from answerable.channels.email.correspondence import (
    Correspondence,
    Letter,
    Ours,
    Thread,
    put_together,
    recognised,
)
from answerable.channels.email.parsed_mail import ParsedMail
from answerable.channels.email.reader import MailReader, Read, Unparsable
from answerable.privacy.detect import find
from answerable.privacy.mask import mask
from answerable.privacy.record import Record
from answerable.processes.discovered_handlers import Handlers, is_person, shown_of
from answerable.understanding.language import LanguageReader
from answerable.understanding.ports import Encoder
from answerable.understanding.topics.answers import signature
from answerable.understanding.topics.discovery import find_topics
from answerable.understanding.topics.matter import Matter, Topics
from answerable.understanding.topics.request import bare_subject, folded, is_answer, request_of

NAMED = 20  # files and mails that are told one by one; beyond, they are counted
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "cs", "ro", "tr", "ru")
_AT_ONCE = 32
_BYTES_AT_ONCE = 16 * 2**20
_READERS = 2
_MOST_MASKED = 6_000  # characters of a mail
_NEWSLETTERS = frozenset({"mailing-list", "precedence"})
_BOUNCES = frozenset({"bounce", "mailer-daemon"})

Told = Callable[[str], None]


@dataclass(kw_only=True)
class _Archive:
    letters: list[Letter] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    no_mail: list[tuple[str, str]] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    names: Counter[tuple[str, str]] = field(default_factory=Counter)  # display name, address

    def number(self, text: str) -> int:
        """The same for the same text, from 1 on; 0 for none."""
        return self.ids.setdefault(text, len(self.ids) + 1) if text else 0


@dataclass(frozen=True, kw_only=True)
class Found:
    """mails: read. unreadable, no_mail: mails and files, where and why. ours: addresses and
    domains; shown: of these, what is nobody's own; recognised: nobody named them. set_apart: mail
    that is no customer's request, by kind."""

    topics: Topics
    mails: int
    unreadable: tuple[tuple[str, str], ...]
    no_mail: tuple[tuple[str, str], ...]
    ours: Ours
    shown: tuple[str, ...]
    recognised: bool
    set_apart: dict[str, int]

    def to_data(self) -> dict[str, Any]:
        return {
            "mails": self.mails,
            "unreadable": dict(Counter(why for _, why in self.unreadable)),
            "no_mail": dict(Counter(why for _, why in self.no_mail)),
            "ours": list(self.shown),
            "ours_recognised": self.recognised,
            "set_apart": self.set_apart,
            **self.topics.to_data(),
        }


async def discover(
    paths: Sequence[Path],
    encoder: Encoder,
    *,
    ours: Sequence[str] = (),
    told: Told = lambda _: None,
) -> Found:
    """The topics of the mail in these files and folders.

    ours: the company's addresses and domains; none: they are recognised. told: how far it is.
    Raises OSError for a path that cannot be read; a mail that cannot is named and passed over.
    """
    archive = await _read(paths, told)
    named = Ours.named(ours)
    known = named or recognised(archive.letters)
    together = put_together(archive.letters, known)
    handlers = Handlers.of(together.threads, known, given=named)
    languages = LanguageReader(_LANGUAGES)
    matters = [_matter(thread, handlers, languages, archive) for thread in together.threads]
    agents = _agents_names(archive, known)
    topics = find_topics(
        matters,
        encoder,
        never=_words_of(agents),
        shown=lambda text: _without_names(text, agents),
        told=lambda done, of: told(f"{done:,} of {of:,} requests understood"),
    )
    return Found(
        topics=topics,
        mails=len(archive.letters),
        unreadable=tuple(archive.unreadable),
        no_mail=tuple(archive.no_mail),
        ours=known,
        shown=shown_of(known, given=named),
        recognised=not named,
        set_apart=_set_apart(together, topics.spam),
    )


async def _read(paths: Sequence[Path], told: Told) -> _Archive:
    archive = _Archive()
    reader = MailReader(workers=_READERS)
    try:
        for batch in _batches(mails_of(paths)):
            archive.no_mail += [
                (str(one.file), one.why) for one in batch if isinstance(one, NoMail)
            ]
            mails = [one for one in batch if isinstance(one, ArchivedMail)]
            read = await asyncio.gather(*(reader.read(one.raw) for one in mails))
            for mail, result in zip(mails, read, strict=True):
                _keep(archive, mail, result)
            told(f"{len(archive.letters):,} mails read")
    finally:
        await reader.close()
    return archive


def _batches(
    mails: Iterable[ArchivedMail | NoMail],
) -> Iterator[list[ArchivedMail | NoMail]]:
    """Many small mails at once, few large ones."""
    batch: list[ArchivedMail | NoMail] = []
    held = 0
    for mail in mails:
        batch.append(mail)
        held += len(mail.raw) if isinstance(mail, ArchivedMail) else 0
        if len(batch) >= _AT_ONCE or held >= _BYTES_AT_ONCE:
            yield batch
            batch, held = [], 0
    yield batch


def _keep(archive: _Archive, found: ArchivedMail, result: Read | Unparsable) -> None:
    where = f"{found.file}, mail {found.number}"
    if isinstance(result, Unparsable):
        archive.unreadable.append((where, result.reason))
    elif not result.mail.sender:
        archive.unreadable.append((where, "no sender"))
    else:
        archive.letters.append(_letter(archive, result))


def _letter(archive: _Archive, read: Read) -> Letter:
    mail = read.mail
    sender = mail.sender[0]
    archive.names[sender.name, sender.key] += 1
    subject, text = _masked(mail, read.reply_text)
    answered = [*reversed(mail.in_reply_to[-1:]), *reversed(mail.references)]
    return Letter(
        at=mail.date,
        message_id=archive.number(mail.message_id or ""),
        answers=tuple(dict.fromkeys(archive.number(one) for one in answered)),
        sender=sender.key,
        reply_to=mail.reply_to[0].key if mail.reply_to else "",
        receivers=tuple(dict.fromkeys(one.key for one in (*mail.to, *mail.cc))),
        subject=archive.number(f"subject {bare_subject(mail.subject).casefold()}"),
        is_answer=is_answer(mail.subject) or bool(mail.in_reply_to or mail.references),
        automatic=automatic_reason(mail, OwnNames()),
        has_attachment=bool(mail.attachments),
        body=archive.number(f"body {mail.body_digest}"),
        text=request_of(subject, text),
        answer=signature(text),
        answer_text=request_of("", text),
    )


def _masked(mail: ParsedMail, text: str) -> tuple[str, str]:
    """Subject and text without personal data; nothing else of the mail is kept."""
    numbers: dict[tuple[str, str], int] = {}

    def number(kind: str, value: str) -> int:
        return numbers.setdefault((kind, value), len(numbers) + 1)

    record = Record(names=[one.name for one in (*mail.sender, *mail.to) if " " in one.name])
    subject = mask(mail.subject, number=number, spans=find(mail.subject, record=record)).text
    short = text[:_MOST_MASKED]
    return subject, mask(short, number=number, spans=find(short, record=record)).text


def _matter(
    thread: Thread, handlers: Handlers, languages: LanguageReader, archive: _Archive
) -> Matter:
    first, replies = thread.first, thread.replies
    reply = replies[0] if replies else None
    waited = None
    if reply is not None and reply.at is not None and first.at is not None:
        waited = max(reply.at, first.at) - first.at
    theirs = [first, *thread.later]
    return Matter(
        text=first.text,
        language=languages.language(first.text),
        at=first.at.astimezone(UTC) if first.at else None,
        customer=archive.number(f"customer {thread.customer}"),
        inbox=handlers.inbox(thread.inbox),
        handler=handlers.handler(reply.sender) if reply else "",
        first_reply=waited,
        replies=len(replies),
        later_mails=len(thread.later),
        has_attachment=any(one.has_attachment for one in theirs),
        answer=reply.answer if reply else None,
        answer_text=reply.answer_text if reply else "",
    )


def _agents_names(archive: _Archive, ours: Ours) -> tuple[str, ...]:
    """Of people of ours, as their mail programs write them."""
    own = {one for one in archive.names if ours.has(one[1])}
    return tuple(sorted({name for name, address in own if is_person(name, address)}))


def _words_of(names: Iterable[str]) -> frozenset[str]:
    """No topic is called after who answers it."""
    return frozenset(word for name in names for word in folded(name).split())


def _without_names(text: str, names: Sequence[str]) -> str:
    """Masked once more: who answers stands in customers' mails, too."""
    pieces, end = [], 0
    for span in find(text, record=Record(names=names)):
        pieces += [text[end : span.start], f"<{span.type}>"]
        end = span.end
    return "".join([*pieces, text[end:]])


def _set_apart(together: Correspondence, spam: int) -> dict[str, int]:
    """What is no customer's request, by kind."""
    reasons = together.set_apart
    newsletters = sum(reasons[one] for one in _NEWSLETTERS)
    bounces = sum(reasons[one] for one in _BOUNCES)
    return {
        "newsletters": newsletters,
        "bounces": bounces,
        "automatic": reasons.total() - newsletters - bounces,
        "spam": spam,
        "internal": together.internal,
        "ours_without_question": together.unasked,
        "copies": together.copies,
    }
