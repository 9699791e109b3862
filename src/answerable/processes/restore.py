"""Restore of a backup into a new directory: checked, and with nothing in it that would be sent.

What was under way when the copy was made may have been finished by the original since: the mail
sent, the answer read. A copy cannot know. So whatever was under way becomes work for a person.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.channels.email.store import MailState, raw_mail
from answerable.contacts.store import get_contact
from answerable.definition.load import load_definition
from answerable.desk.inbox_counts import count_anew
from answerable.desk.summary_store import write_summaries
from answerable.flow.advance import summarise
from answerable.flow.definitions import service_definition
from answerable.flow.hand_off import fallback_team
from answerable.flow.state import ConversationState, evolve
from answerable.kit.clock import Clock
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.ledger.administration import record_administration
from answerable.ledger.append import Appender
from answerable.ledger.event import Effect, Event, NewEvent
from answerable.ledger.outbox import finish_effects, release_leases, to_effect
from answerable.ledger.reading import read_events, read_state
from answerable.ledger.tables import effect, stream
from answerable.ledger.verify import verify
from answerable.playbooks.library import installed_actions
from answerable.privacy.keys import MasterKey
from answerable.privacy.vault import Vault
from answerable.processes.backup import (
    Manifest,
    copy_database,
    copy_file,
    count_tables,
    new_directory,
)
from answerable.processes.backup_chain import Chain, add_files, read_chain
from answerable.processes.chain_check import check_chains
from answerable.processes.change_files import apply_changes, compare_positions
from answerable.processes.erasure import erase_stored
from answerable.processes.schema import revision_of, transaction, upgrade_connection
from answerable.processes.stored import DATABASE_NAME, opened, shown_store, stored_tenants
from answerable.processes.table_files import TABLES, clean_up, copy_rows, read_tables

WHY = "restored from a backup: may have been sent"
UNREAD = "restored from a backup before it was read; it may have been answered"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """held: effects that will not be performed; handed: conversations that people now have.

    manifest: of the whole backup; made_at, master_keys: of the last increment, if there are any.
    """

    manifest: Manifest
    made_at: str = ""
    increments: int = 0
    master_keys: tuple[str, ...] = ()
    held: int = 0
    handed: int = 0
    unread_mails: int = 0
    erased: int = 0
    keys: bool = False


def restore(
    backup: Path,
    data: Path,
    clock: Clock,
    *,
    increments: Sequence[Path] = (),
    database: str | None = None,
    erasures: Path | None = None,
) -> Restored:
    """Make the new data directory `data` from a backup.

    increments: those that follow the backup, in order; the copy is as the last of them.
    database: URL of an empty database on a server, to which the data goes. A backup of a server
    needs one; with a backup of a file, the installation moves to a server.
    erasures: an export of the original's ledger (`audit export`) made after the last of them;
    contacts that were erased since then are erased here too.
    Raises InvalidInput if a backup is damaged, its chains are broken, increments do not follow one
    another, or `data` or the database is not empty; then nothing is left there.
    """
    chain = read_chain([backup, *increments])
    _check_kind(backup, chain.whole, database)
    new_directory(data)
    try:
        for name in chain.whole.files:
            if not name.startswith((DATABASE_NAME, TABLES)):
                (data / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                copy_file(backup / name, data / name)
        add_files(chain, data)
        if database is None:
            return _restore_file(backup, data / DATABASE_NAME, clock, chain, erasures)
        return _restore_tables(backup, database, clock, chain, erasures)
    except BaseException:
        shutil.rmtree(data)
        raise


def _restore_file(
    backup: Path, path: Path, clock: Clock, chain: Chain, erasures: Path | None
) -> Restored:
    copy_database(backup / DATABASE_NAME, path)
    _check_database(path)
    with transaction(path) as tx:
        _bring_up(tx, chain)
        upgrade_connection(tx)
        return _tame(tx, clock, chain, erasures)


def _restore_tables(
    backup: Path, url: str, clock: Clock, chain: Chain, erasures: Path | None
) -> Restored:
    """In one transaction: nobody can start on a copy that would send what was under way."""
    with transaction(url) as tx:
        if sa.inspect(tx).get_table_names():
            raise InvalidInput(
                "not_empty", f"{shown_store(url)} is not empty; name a database without tables"
            )
        upgrade_connection(tx, to=chain.whole.schema)
        if DATABASE_NAME in chain.whole.files:
            with opened(backup / DATABASE_NAME) as file, file.begin() as source:
                copy_rows(source, tx)
        else:
            read_tables(tx, backup / TABLES)
        _bring_up(tx, chain)
        upgrade_connection(tx)
        done = _tame(tx, clock, chain, erasures)
    clean_up(url)
    return done


def _bring_up(tx: Connection, chain: Chain) -> None:
    """From the whole backup's state to that of the last increment; checked before and after."""
    if revision_of(tx) == chain.whole.schema:
        _compare_counts(tx, chain.whole)
    for folder, increment in chain.increments:
        apply_changes(tx, folder, increment)
    if chain.increments:
        compare_positions(tx, chain.increments[-1][1])
    wrong = check_chains(tx)
    if wrong:
        raise InvalidInput("bad_backup", "the ledger is not whole:\n" + "\n".join(wrong))


def _tame(tx: Connection, clock: Clock, chain: Chain, erasures: Path | None) -> Restored:
    """What a copy must not do is given to people; what was erased since is erased again."""
    erased = _erased_since(erasures) if erasures else []
    held = hold_everything(tx, clock.now())
    again = _erase_again(tx, clock, erased)
    _record(tx, chain.made_at, held, clock.now())
    return replace(
        held,
        manifest=chain.whole,
        made_at=chain.made_at,
        increments=len(chain.increments),
        master_keys=chain.master_keys,
        keys=chain.with_keys,
        erased=again,
    )


def _check_kind(backup: Path, manifest: Manifest, database: str | None) -> None:
    if DATABASE_NAME in manifest.files:
        return
    if not any(name.startswith(TABLES) for name in manifest.files):
        raise InvalidInput("bad_backup", f"{backup} holds no database")
    if database is None:
        raise InvalidInput(
            "bad_backup", f"{backup} is of a server's database: name an empty one with --database"
        )


def _check_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise InvalidInput("bad_backup", f"the database of the backup is damaged: {verdict}")


def _compare_counts(tx: Connection, manifest: Manifest) -> None:
    known = set(sa.inspect(tx).get_table_names())
    if not known.issuperset(manifest.tables):
        raise InvalidInput("bad_backup", "the database has not the tables that the manifest names")
    if count_tables(tx) != dict(manifest.tables):
        raise InvalidInput("bad_backup", "the database has not the rows that the manifest names")


def hold_everything(tx: Connection, now: datetime) -> Restored:
    """Give all work under way to people. Timers that are not due yet stay, and the one that only
    closes a silent conversation stays."""
    rows = tx.execute(sa.select(effect).order_by(effect.c.stream, effect.c.seq, effect.c.key))
    held: dict[ConversationId, list[Effect]] = {}
    for row in rows:
        pending = to_effect(row)
        if not _may_stay(pending, now):
            held.setdefault(pending.stream, []).append(pending)
    behind = tx.scalars(
        sa.select(stream.c.id).where(
            stream.c.kind == "conversation", stream.c.advanced_seq < stream.c.head_seq
        )
    )
    streams = list(dict.fromkeys([*held, *map(ConversationId, behind)]))
    handed = _Holding(tx).hold(streams, held)
    finish_all(tx, [one.key for effects in held.values() for one in effects])
    release_leases(tx)
    unread = tx.execute(
        sa.update(raw_mail).where(raw_mail.c.state == MailState.STORED).values(note=UNREAD)
    ).rowcount
    return Restored(
        manifest=_NO_MANIFEST, held=sum(map(len, held.values())), handed=handed, unread_mails=unread
    )


def finish_all(tx: Connection, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), 500):
        finish_effects(tx, keys[start : start + 500])


def _may_stay(pending: Effect, now: datetime) -> bool:
    if pending.kind != "wake":
        return False
    return pending.payload.get("why") == "silence" or pending.due_at > now


class _Holding:
    """Appends to conversations what holds them; no rule follows from it."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self._appender = Appender(tx)
        self._fallback: dict[TenantId, str] = {}

    def hold(
        self, streams: Sequence[ConversationId], held: dict[ConversationId, list[Effect]]
    ) -> int:
        """How many conversations were handed to people."""
        handed = 0
        summaries = []
        self._appender.load(streams)
        for name in streams:
            row = read_state(self._tx, name)
            assert row is not None
            new = self._read_all(name, row.advanced_seq)
            state, last = self._append(ConversationState.from_data(row.state), new, name, held)
            state, last, given = self._hand(TenantId(row.tenant), state, last, new, held.get(name))
            handed += given
            self._appender.save_state(name, last.seq, state.as_data())
            summaries.append(summarise(name, TenantId(row.tenant), state, last.seq))
        self._appender.flush()
        write_summaries(self._tx, new=[], changed=summaries)
        count_anew(self._tx)
        return handed

    def _read_all(self, name: ConversationId, after: int) -> list[Event]:
        found: list[Event] = []
        while page := read_events(self._tx, name, after=after):
            found += page
            after = page[-1].seq
        return found

    def _append(
        self,
        state: ConversationState,
        new: Iterable[Event],
        name: ConversationId,
        held: dict[ConversationId, list[Effect]],
    ) -> tuple[ConversationState, Event]:
        last: Event | None = None
        for last in new:
            state = evolve(state, last)
        assert state.updated_at is not None
        for one in held.get(name, ()):
            data: dict[str, Any] = {
                "of": one.kind, "error": WHY, "attempts": one.failures + one.missing_ends,
                "effect": one.key,
            }  # fmt: skip
            if one.kind == "deliver":
                data["reply"] = one.payload["reply"]
            kind = "reply_failed" if one.kind == "deliver" else "effect_failed"
            # At the time of the last event: nothing in the ledger may depend on the restore's.
            last = self._appender.append(name, NewEvent(kind=kind, data=data), at=state.updated_at)
            state = evolve(state, last)
        assert last is not None
        return state, last

    def _hand(
        self,
        tenant: TenantId,
        state: ConversationState,
        last: Event,
        new: Sequence[Event],
        held: Sequence[Effect] | None,
    ) -> tuple[ConversationState, Event, int]:
        unread = any(event.kind == "message_received" for event in new)
        undone = any(one.kind != "wake" for one in held or ())
        has_person = state.owner.kind == "agent" and state.status == "open"
        if has_person or (state.status == "closed" and not (unread or undone)):
            return state, last, 0
        cause = last
        if state.status == "closed":
            reopened = NewEvent(kind="conversation_reopened", data={"why": WHY})
            last = self._appender.append(last.stream, reopened, at=cause.at, cause=cause.seq)
            state = evolve(state, last)
        handed = NewEvent(
            kind="handed_off",
            data={
                "team": state.team or self._team(tenant), "priority": state.priority, "why": WHY,
                "reasons": [{"rule": "restored", "text": WHY}],
            },
        )  # fmt: skip
        last = self._appender.append(last.stream, handed, at=cause.at, cause=cause.seq)
        return evolve(state, last), last, 1

    def _team(self, tenant: TenantId) -> str:
        if tenant not in self._fallback:
            self._fallback[tenant] = _default_team(self._tx, tenant)
        return self._fallback[tenant]


def _default_team(tx: Connection, tenant: TenantId) -> str:
    table = service_definition.c
    row = tx.execute(
        sa.select(service_definition)
        .where(table.tenant == tenant)
        .order_by(table.activated_at.desc())
        .limit(1)
    ).first()
    if row is not None:
        loaded = load_definition(row.name, row.source, actions=installed_actions().catalogue)
        if loaded.definition is not None:
            return fallback_team(loaded.definition)
    return "people"


def _erased_since(export: Path) -> list[tuple[TenantId, ContactId]]:
    """Contacts that an export says were erased. Raises InvalidInput if it is not whole."""
    with export.open("rb") as file:
        findings = verify(file).findings
    if findings:
        raise InvalidInput("bad_export", f"{export}: {findings[0].meaning}")
    found = []
    with export.open("rb") as file:
        for line in file:
            record = json.loads(line)
            if record.get("kind") == "contact_erased":
                found.append((TenantId(record["tenant"]), ContactId(record["data"]["contact"])))
    return found


def _erase_again(tx: Connection, clock: Clock, erased: Sequence[tuple[TenantId, ContactId]]) -> int:
    vault = Vault(MasterKey.generate(), clock=clock)  # it destroys keys, and needs none
    number = 0
    for tenant, contact in erased:
        known = get_contact(tx, tenant, contact)
        if known is None:
            continue
        erase_stored(tx, vault, clock, tenant=tenant, contact_id=contact)
        event = NewEvent(kind="contact_erased", data={"contact": contact, "why": "restored"})
        record_administration(tx, tenant, event, at=clock.now())
        number += 1
    return number


def _record(tx: Connection, made_at: str, held: Restored, at: datetime) -> None:
    data = {"made_at": made_at, "held": held.held, "handed": held.handed}
    for tenant in stored_tenants(tx):
        record_administration(tx, tenant, NewEvent(kind="backup_restored", data=data), at=at)


_NO_MANIFEST = Manifest(
    format="", product="", schema=None, made_at="", tables={}, tenants={}, master_keys=(), files={}
)
