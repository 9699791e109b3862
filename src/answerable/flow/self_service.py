"""What contacts do on the pages that a link opens: look, confirm, enter, ask for a code, type it.

To look changes nothing, however often. Each act is checked against the conversation as it stands,
under its lock, and becomes an event in the same transaction with what it spends: a try, a code.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from answerable.contacts.documents import (
    Document,
    StoredDocument,
    Upload,
    documents_in,
    read_documents,
)
from answerable.contacts.documents_store import put_document
from answerable.contacts.entries import read_entry
from answerable.contacts.links import token_hash
from answerable.contacts.links_store import StoredLink, find_link
from answerable.contacts.one_time_codes import TRIES, Bound, Codes, Verdict
from answerable.contacts.one_time_codes_store import (
    count_try,
    find_code,
    read_standing,
    save_standing,
    use_code,
)
from answerable.definition.changes import APP, CHANGES, EMAIL, SMS
from answerable.flow.advance import Advancer, Changes
from answerable.flow.state import ConversationState, evolve
from answerable.kit.errors import Conflict, NotFound
from answerable.kit.ids import TenantId, new_id
from answerable.ledger.append import Appender
from answerable.ledger.event import CONTACT, NewEvent
from answerable.ledger.reading import read_events, read_state
from answerable.playbooks.change import CODE, FORM, LINK, LOCKED, REVIEW, Change
from answerable.privacy.vault import Erased, Vault

MOST_EDITS = 20  # of one change
MOST_CODES = 10  # asked for, for one change
MOST_CHECKS = 30  # how often digits of an app are entered for one change, whatever comes of it
CODE_EVERY = timedelta(seconds=30)
_ENTERED = (REVIEW, CODE)


@dataclass(frozen=True, kw_only=True)
class _Act:
    """token: from the link. session: the browser's, by which it is known again."""

    token: str = field(repr=False)
    session: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Confirm(_Act):
    """Yes, this is what I want."""


@dataclass(frozen=True, kw_only=True)
class Decline(_Act):
    """No, it is not."""


@dataclass(frozen=True, kw_only=True)
class Enter(_Act):
    """The new data, as they were typed, and files as they were chosen."""

    fields: Mapping[str, str] = field(repr=False)
    documents: Mapping[str, Upload] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class AskForCode(_Act):
    """Send me a code for what I see. seen: its commitment."""

    seen: str


@dataclass(frozen=True, kw_only=True)
class EnterCode(_Act):
    """These are the digits, for what I see."""

    seen: str
    digits: str = field(repr=False)


PageAct = Confirm | Decline | Enter | AskForCode | EnterCode


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a page may show.

    values, documents: what was entered, to the browser in which it was; else none. Where nothing is
    to be entered, they are empty in the browser in which the wish was confirmed.
    checking: whether another system is being asked about digits of an app.
    """

    tenant: TenantId
    language: str | None
    change: Change
    checking: bool
    values: Mapping[str, str] | None = field(repr=False)
    documents: Mapping[str, StoredDocument] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Served:
    """What came of an act. wrong: fields that cannot be taken, and why; typed: what was typed.

    verdict: on a code. left: tries that are left of it. asked: another system is asked for it.
    """

    wrong: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    verdict: Verdict | None = None
    left: int = 0
    asked: bool = False


class SelfService:
    def __init__(self, vault: Vault, advancer: Advancer, codes: Codes) -> None:
        self._vault = vault
        self._advancer = advancer
        self._codes = codes

    def find(self, tx: Connection, token: str, now: datetime) -> StoredLink:
        """Whose link it is. Raises NotFound `link_dead` for one that is none, or none any more."""
        link = find_link(tx, token_hash(token))
        if link is None or link.expires_at <= now:
            raise dead()
        return link

    def look(self, tx: Connection, link: StoredLink, session: str | None, now: datetime) -> Visit:
        """Raises NotFound `link_dead` if the conversation says that it is over."""
        row = read_state(tx, link.conversation)
        if row is None:
            raise dead()
        state = self._current(tx, link, row.state, row.advanced_seq)
        change = _live(state, link)
        mine = session is not None and change.session == session
        entered = self._entered(tx, link, change) if mine else {}
        nothing: dict[str, str] | None = {} if mine and not change.has_form else None
        return Visit(
            tenant=link.tenant, language=state.language, change=change,
            values=entered.get("fields", nothing), documents=documents_in(entered),
            checking=change.is_checking(now),
        )  # fmt: skip

    def act(
        self, tx: Connection, act: PageAct, link: StoredLink, *, at: datetime
    ) -> tuple[Served, list[Changes]]:
        """Raises NotFound `link_dead`, Conflict `not_now` for what is not the next step (any more),
        `other_data` if something else was entered than what was on the screen."""
        before = self._advancer.catch_up(tx, link.conversation)
        appender = Appender(tx)
        appender.load([link.conversation], states=True)
        head = appender.head(link.conversation)
        state = self._current(tx, link, head.state, head.advanced)
        served, event = self._event(tx, act, link, state, _live(state, link), at)
        if event is None:
            return served, [before]
        appender.append(link.conversation, event, at=at)
        return served, [before, self._advancer.conclude(appender, always=True)]

    def _entered(self, tx: Connection, link: StoredLink, change: Change) -> Mapping[str, Any]:
        """The change's value in the vault; an empty one if there is none."""
        if not change.payload:
            return {}
        value = self._vault.get(tx, tenant=link.tenant, id=change.payload)
        return {} if isinstance(value, Erased) else value

    def _current(
        self, tx: Connection, link: StoredLink, data: Mapping[str, Any] | None, advanced: int
    ) -> ConversationState:
        state = ConversationState.from_data(data)
        for pending in read_events(tx, link.conversation, after=advanced):
            state = evolve(state, pending)
        return state

    def _event(
        self,
        tx: Connection,
        act: PageAct,
        link: StoredLink,
        state: ConversationState,
        change: Change,
        at: datetime,
    ) -> tuple[Served, NewEvent | None]:
        match act:
            case Confirm():
                return Served(), _confirmed(act, change)
            case Decline():
                _require(change, LINK)
                return Served(), _said("intent_declined", change)
            case Enter():
                _require(change, FORM, *(_ENTERED if change.has_form else ()))
                return self._enter(tx, act, link, state, change)
            case AskForCode():
                _require(change, REVIEW, CODE)
                _require_seen(act, change)
                _require_by(change, SMS, EMAIL)
                return self._ask_for_code(change, at)
            case EnterCode():
                _require(change, CODE)
                _require_seen(act, change)
                if change.code_by == APP:
                    return self._enter_app_code(tx, act, link, state, change, at)
                return self._enter_code(tx, act, link, state, change, at)

    def _enter(
        self,
        tx: Connection,
        act: Enter,
        link: StoredLink,
        state: ConversationState,
        change: Change,
    ) -> tuple[Served, NewEvent | None]:
        entered, mine = self._entered(tx, link, change), act.session == change.session
        before = documents_in(entered)
        kept = before if mine else {}
        values, wrong = read_entry(change.kind, act.fields)
        wanted = CHANGES[change.kind].documents
        chosen, refused = read_documents(wanted, act.documents, kept=kept)
        if wrong or refused:
            # A file is put away only with all the rest, and no browser sends it again by itself.
            again = dict.fromkeys(chosen, "not_kept")
            return Served(wrong={**wrong, **refused, **again}, typed=values), None
        if mine and not chosen and entered.get("fields") == values:
            # Sent twice: it does not take the code away that was asked for in between.
            return Served(), None
        if change.edits >= MOST_EDITS:
            raise Conflict("not_now", "this was changed too often; ask for another link")
        documents = {**kept, **self._put_away(tx, link, state, chosen)}
        replaced = [one.ref for name, one in before.items() if documents.get(name) != one]
        self._vault.remove(tx, tenant=link.tenant, ids=replaced)
        reference = self._vault.put(
            tx,
            tenant=link.tenant,
            contact_id=state.contact,
            conversation_id=link.conversation,
            value=_value(change, values, documents),
        )
        more = {
            "kind": change.kind,
            "fields": sorted([*values, *documents]),
            "payload": {"ref": reference.id, "commitment": reference.commitment},
            "session": act.session,
        }
        return Served(), _said("change_entered", change, **more)

    def _put_away(
        self,
        tx: Connection,
        link: StoredLink,
        state: ConversationState,
        chosen: Mapping[str, Document],
    ) -> dict[str, StoredDocument]:
        return {
            name: put_document(
                tx, self._vault, one, tenant=link.tenant, contact=state.contact,
                conversation=link.conversation,
            )
            for name, one in chosen.items()
        }  # fmt: skip

    def _ask_for_code(self, change: Change, at: datetime) -> tuple[Served, NewEvent | None]:
        """Too soon or too often, nothing happens, and the page is the same."""
        asked = change.asked_for_code_at
        if change.codes >= MOST_CODES or (asked is not None and at - asked < CODE_EVERY):
            return Served(), None
        more = {"code": new_id("cod"), "commitment": change.commitment, "by": change.code_by}
        return Served(), _said("code_requested", change, **more)

    def _enter_code(
        self,
        tx: Connection,
        act: EnterCode,
        link: StoredLink,
        state: ConversationState,
        change: Change,
        at: datetime,
    ) -> tuple[Served, NewEvent | None]:
        tenant = link.tenant
        code = find_code(tx, tenant, change.code)
        person = code.person if code is not None else ""
        standing = read_standing(tx, tenant, person)
        wanted = Bound(
            tenant=tenant, conversation=link.conversation, contact=state.contact, sent_to="",
            commitment=change.commitment,
        )  # fmt: skip
        verdict = self._codes.judge(code, act.digits, wanted=wanted, standing=standing, now=at)
        about = {"code": change.code}
        if code is not None and verdict is Verdict.ACCEPTED:
            use_code(tx, tenant, code.id, at)
            save_standing(tx, tenant, person, standing.after_right())
            more = {"commitment": change.commitment, "by": change.code_by}
            accepted = _said("code_accepted", change, **about, **more)
            return Served(verdict=verdict), accepted
        if code is not None and verdict is Verdict.WRONG:
            count_try(tx, tenant, code.id)
            after = standing.after_wrong(at)
            save_standing(tx, tenant, person, after)
            left = TRIES - code.tries - 1
            if not after.is_locked(at):
                refused = _said("code_refused", change, **about, why="wrong", left=left)
                return Served(verdict=verdict, left=left), refused
            verdict = Verdict.LOCKED
        if verdict is Verdict.LOCKED:
            locked = _said("code_refused", change, **about, why=LOCKED, left=0)
            return Served(verdict=verdict), locked
        return Served(verdict=verdict), None

    def _enter_app_code(
        self,
        tx: Connection,
        act: EnterCode,
        link: StoredLink,
        state: ConversationState,
        change: Change,
        at: datetime,
    ) -> tuple[Served, NewEvent | None]:
        """Whether they are right another system knows (`flow.app_codes`); one try at a time."""
        if change.is_checking(at):
            raise Conflict("not_now", "the digits that were entered before are being looked at")
        if change.codes >= MOST_CHECKS:
            raise Conflict("not_now", "codes were entered too often; ask for another link")
        reference = self._vault.put(
            tx, tenant=link.tenant, contact_id=state.contact, conversation_id=link.conversation,
            value={"digits": act.digits},
        )  # fmt: skip
        more = {"code": new_id("cod"), "commitment": change.commitment, "by": APP}
        entered = _said("code_entered", change, **more, digits=reference.id)
        return Served(asked=True), entered


def dead() -> NotFound:
    """The same whatever the reason: who tries tokens learns nothing."""
    return NotFound("link_dead", "This link is not valid any more.")


def _value(
    change: Change, values: Mapping[str, str], documents: Mapping[str, StoredDocument]
) -> dict[str, Any]:
    """What the change's commitment is of: documents by their own commitments, so that the file
    itself is read only by whoever looks at it."""
    shown = {name: one.as_data() for name, one in documents.items()}
    entered = {"kind": change.kind, "fields": dict(values)}
    return {**entered, "documents": shown} if shown else entered


def _said(event: str, change: Change, /, **more: Any) -> NewEvent:
    return NewEvent(kind=event, actor=CONTACT, data={"change": change.id, **more})


def _confirmed(act: Confirm, change: Change) -> NewEvent:
    """Where nothing is to be entered, this browser's wish to be shown it is what a code is for; in
    another browser it is confirmed again."""
    if change.has_form:
        _require(change, LINK)
        return _said("intent_confirmed", change)
    _require(change, LINK, *_ENTERED)
    wish = hashlib.sha256(f"{change.kind} {change.id} {act.session}".encode()).hexdigest()
    return _said("intent_confirmed", change, session=act.session, commitment=wish)


def _live(state: ConversationState, link: StoredLink) -> Change:
    change = state.change
    if change is None or change.id != link.change or state.status == "closed":
        raise dead()
    if change.is_open and state.aside is None:
        raise dead()
    return change


def _require(change: Change, *stages: str) -> None:
    if change.stage not in stages:
        raise Conflict("not_now", "this was done already, or is not the next step")


def _require_by(change: Change, *ways: str) -> None:
    if change.code_by not in ways:
        raise Conflict("not_now", f"this change is not proven by {' or '.join(ways)}")


def _require_seen(act: AskForCode | EnterCode, change: Change) -> None:
    if act.seen != change.commitment or act.session != change.session:
        raise Conflict("other_data", "something else was entered meanwhile; look at it first")
