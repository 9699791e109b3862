"""Old mail put together again: what a customer wrote, and how it was answered.

Whose side a mail is from is told by its addresses; which mail it answers, by Message-ID,
In-Reply-To and References, but only within the correspondence of one customer: a hundred people who
answer one circular are a hundred threads.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from answerable.understanding.topics.answers import Signature

SAME_MATTER = timedelta(days=30)  # in which a mail with the same subject goes on where the last was
_FEWEST_SENDERS = 3  # who write to an address, before it is taken for an inbox of ours
_SHARE_OF_SENDERS = 0.02
# Domains that everybody may have an address at: one of them says nothing about its neighbours.
_PROVIDERS = """gmail.com googlemail.com outlook.com hotmail.com hotmail.de hotmail.fr live.com
msn.com yahoo.com yahoo.de yahoo.fr yahoo.co.uk ymail.com aol.com icloud.com me.com
gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mail.de
proton.me protonmail.com orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it
virgilio.it tin.it alice.it ziggo.nl kpnmail.nl planet.nl telenet.be skynet.be
bluewin.ch sapo.pt uol.com.br bol.com.br wp.pl o2.pl interia.pl mail.ru yandex.ru
btinternet.com sky.com comcast.net"""
_ANYBODYS = frozenset(_PROVIDERS.split())


@dataclass(kw_only=True, slots=True)
class Letter:
    """What is kept of one mail. Its text is masked and short; addresses are in lower case.

    message_id, answers: numbers of the ids, the mail that it answers first; 0: it has none.
    subject: a number for the subject without "Re:". automatic: why it counts as such, or None.
    body: a number for text and attachments. text: what it asks for; answer, answer_text: the same
    as an answer to others. copies: how often the same mail was found again.
    """

    at: datetime | None
    message_id: int
    answers: tuple[int, ...]
    sender: str
    reply_to: str
    receivers: tuple[str, ...]
    subject: int
    is_answer: bool
    automatic: str | None
    has_attachment: bool
    body: int
    text: str
    answer: Signature | None
    answer_text: str
    copies: int = 0


@dataclass(frozen=True, kw_only=True)
class Ours:
    """Whose addresses are the company's. domains: every address at them is."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @staticmethod
    def named(names: Iterable[str]) -> "Ours":
        """Of what a person gave: addresses, and domains with or without an "@" before them."""
        plain = [name.strip().lower().removeprefix("@") for name in names if name.strip()]
        return Ours(
            addresses=frozenset(name for name in plain if "@" in name),
            domains=frozenset(name for name in plain if "@" not in name),
        )

    def has(self, address: str) -> bool:
        if address in self.addresses:
            return True
        domain = address.rpartition("@")[2]
        while domain:
            if domain in self.domains:
                return True
            domain = domain.partition(".")[2]
        return False

    def __bool__(self) -> bool:
        return bool(self.addresses or self.domains)


def recognised(letters: Iterable[Letter]) -> Ours:
    """The company's addresses, if nobody named them: those to which many different people write.

    With each comes its domain, unless anybody can have an address there.
    """
    senders: defaultdict[str, set[str]] = defaultdict(set)
    everybody: set[str] = set()
    for letter in letters:
        if letter.automatic:
            continue
        everybody.add(letter.sender)
        for address in letter.receivers:
            if address.rpartition("@")[2] != letter.sender.rpartition("@")[2]:
                senders[address].add(letter.sender)
    least = max(_FEWEST_SENDERS, int(_SHARE_OF_SENDERS * len(everybody)))
    shared = [address for address, known in sorted(senders.items()) if len(known) >= least]
    domains = {address.rpartition("@")[2] for address in shared} - _ANYBODYS
    return Ours(addresses=frozenset(shared), domains=frozenset(domains))


@dataclass(kw_only=True)
class Thread:
    """One customer's matter. first: what they wrote first. later: theirs after it.
    replies: people of ours, in order. confirmations: automatic mail of ours. inbox: an address of
    ours that the first mail went to, or empty."""

    customer: str
    inbox: str
    first: Letter
    later: list[Letter] = field(default_factory=list)
    replies: list[Letter] = field(default_factory=list)
    confirmations: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Correspondence:
    """set_apart: by reason, customers' mail that no person wrote. unasked: mail of ours that
    answers nothing that is here. internal: from us to us. copies: the same mail again."""

    threads: list[Thread]
    set_apart: Counter[str]
    unasked: int
    internal: int
    copies: int


# Our own agents' mail carries these too, where a help desk sends it.
_STILL_A_PERSON = frozenset({"response-suppressed", "mailing-list", "precedence"})


def put_together(letters: Sequence[Letter], ours: Ours) -> Correspondence:
    """Threads in the order of their first mails. letters: in the order in which they were found."""
    single = _without_copies(letters)
    gathered = _Gathered(ours)
    for letter in _in_time(single):
        gathered.add(letter)
    return Correspondence(
        threads=gathered.threads,
        set_apart=gathered.set_apart,
        unasked=gathered.unasked,
        internal=gathered.internal,
        copies=len(letters) - len(single),
    )


def _without_copies(letters: Sequence[Letter]) -> list[Letter]:
    """A mail to two inboxes lies in both: with the same id and text it is one mail."""
    known: dict[tuple[int, int], Letter] = {}
    single: list[Letter] = []
    for letter in letters:
        key = (letter.message_id, letter.body)
        if letter.message_id and key in known:
            known[key].copies += 1
            continue
        known[key] = letter
        single.append(letter)
    return single


def _in_time(letters: Sequence[Letter]) -> list[Letter]:
    """By date; a mail without one stays behind the one before it in its file."""
    dated: list[tuple[datetime, int, Letter]] = []
    first = next((one.at for one in letters if one.at is not None), datetime.max)
    for number, letter in enumerate(letters):
        first = letter.at or first
        dated.append((first.replace(tzinfo=None), number, letter))
    return [letter for _, _, letter in sorted(dated, key=lambda one: one[:2])]


class _Gathered:
    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self._by_id: dict[tuple[int, str], Thread] = {}
        self._by_subject: dict[tuple[int, str], Thread] = {}
        self.threads: list[Thread] = []
        self.set_apart: Counter[str] = Counter()
        self.unasked = 0
        self.internal = 0

    def add(self, letter: Letter) -> None:
        if self._ours.has(letter.sender) and not self._is_form(letter):
            self._add_ours(letter)
        else:
            self._add_theirs(letter)

    def _is_form(self, letter: Letter) -> bool:
        """A form on the web site writes in our name, and names the customer in Reply-To."""
        return bool(letter.reply_to) and not self._ours.has(letter.reply_to)

    def _add_theirs(self, letter: Letter) -> None:
        form = self._ours.has(letter.sender)
        if letter.automatic and not form:
            self.set_apart[letter.automatic] += 1
            return
        customer = letter.reply_to if form else letter.sender
        thread = self._thread(letter, customer, by_subject=letter.is_answer)
        if thread is None:
            inbox = next((one for one in letter.receivers if self._ours.has(one)), "")
            thread = Thread(customer=customer, inbox=inbox, first=letter)
            self.threads.append(thread)
        else:
            thread.later.append(letter)
        self._note(letter, customer, thread)

    def _add_ours(self, letter: Letter) -> None:
        customers = [one for one in letter.receivers if not self._ours.has(one)]
        if not customers:
            self.internal += 1
            return
        for customer in customers:
            thread = self._thread(letter, customer, by_subject=True)
            if thread is None:
                continue
            if letter.automatic and letter.automatic not in _STILL_A_PERSON:
                thread.confirmations += 1
            else:
                thread.replies.append(letter)
            self._note(letter, customer, thread)
            return
        self.unasked += 1

    def _thread(self, letter: Letter, customer: str, *, by_subject: bool) -> Thread | None:
        for answered in letter.answers:
            if (answered, customer) in self._by_id:
                return self._by_id[answered, customer]
        thread = self._by_subject.get((letter.subject, customer)) if by_subject else None
        if thread is None or letter.at is None or thread.last_at is None:
            return thread
        return thread if letter.at - thread.last_at <= SAME_MATTER else None

    def _note(self, letter: Letter, customer: str, thread: Thread) -> None:
        # What it answers, too: the next who answers the same mail of ours, which is not here, may
        # be the same customer in the same matter.
        for number in (letter.message_id, *letter.answers):
            if number:
                self._by_id.setdefault((number, customer), thread)
        self._by_subject[letter.subject, customer] = thread
        thread.last_at = letter.at or thread.last_at
