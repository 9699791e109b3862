"""The doctor's look into the database, which may be in use."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.channels.email.store import MailState, raw_mail
from answerable.kit.errors import AnswerableError, StoreUnavailable
from answerable.kit.ids import TenantId
from answerable.ledger.checkpoint import checkpoint
from answerable.ledger.tables import effect, event, stream
from answerable.ledger.verify import read_outside
from answerable.privacy.rotation import check_master_keys
from answerable.privacy.store import master_key_ids
from answerable.processes.doctor_models import check_models
from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.doctor_server import check_server
from answerable.processes.keys import master_key
from answerable.processes.row_changes import last_link, waiting_changes
from answerable.processes.schema import newest_revision, revision_of
from answerable.processes.settings import PREFIX, Settings
from answerable.processes.stored import opened, shown_store, stored_tenants

CLOCK_SKEW = timedelta(seconds=5)
LATE = timedelta(minutes=2)  # for work that is done within seconds
SEALED_WITHIN = timedelta(minutes=5)  # checkpoints are made every minute
COPIED_WITHIN = timedelta(days=2)  # increments are made every hour, or every night
MANY_ATTEMPTS = 3
KNOCK = timedelta(seconds=2)

Check = Callable[[Connection, Settings, datetime], Iterator[Finding]]


def check_database(store: Path | str, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Everything that can be seen without writing."""
    try:
        with opened(store, patience=KNOCK) as engine, engine.begin() as tx:
            if isinstance(store, str):
                yield from check_server(tx, now)
                current = [_schema(tx)]
            else:
                current = list(_file(tx))
            yield from current
            if any(finding.level == "problem" for finding in current):
                return
            for check in CHECKS:
                yield from check(tx, settings, now)
    except StoreUnavailable as error:
        mend = f"start the server, or correct {PREFIX}DATABASE"
        yield problem("database", error.message, mend)
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
        reason = str(getattr(error, "orig", error))
        mend = "restore a backup"
        yield problem("database", f"{shown_store(store)} cannot be read: {reason}", mend)


def _file(tx: Connection) -> Iterator[Finding]:
    verdict = tx.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        yield problem("integrity", f"the file is damaged: {verdict}", "restore a backup")
        return
    yield ok("integrity", "the file is whole")
    mode = tx.exec_driver_sql("PRAGMA journal_mode").scalar()
    if mode == "wal":
        yield ok("journal", "write-ahead log; each connection of ours asks for synchronous=FULL")
    else:
        yield ok("journal", f"mode {mode}; the next start sets it to wal")
    yield _schema(tx)


def _schema(tx: Connection) -> Finding:
    revision = revision_of(tx)
    if revision == newest_revision():
        return ok("schema", f"revision {revision}")
    told = f"revision {revision}, and this version wants {newest_revision()}"
    return problem("schema", told, "run `answerable migrate`")


def _clock(tx: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    last = tx.execute(sa.select(event.c.at).order_by(event.c.position.desc()).limit(1)).scalar()
    if last is not None and last > now + CLOCK_SKEW:
        told = f"the last event is {last - now} in the future"
        yield problem("clock", told, "correct this machine's clock (NTP)")
    else:
        yield ok("clock", "no event is in the future")


def _keys(tx: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    wanted = master_key_ids(tx)
    given = settings.get("MASTER_KEY") is not None
    if not given and not (settings.data / "keys" / "master.key").exists():
        if wanted:
            told = f"there is no key, and texts were written with {', '.join(sorted(wanted))}"
            yield problem("vault", told, f"set {PREFIX}MASTER_KEY_FILE")
        return  # a look must not make one
    try:
        check_master_keys(tx, master_key(settings, fresh=False))
        yield ok("vault", "the master key opens everything in it")
    except AnswerableError as error:
        yield problem("vault", error.message, "set the key that this data was written with")


def _checkpoints(tx: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    file = settings.checkpoint_file
    outside = read_outside(file) if file.exists() else {}
    for tenant in stored_tenants(tx):
        row = tx.execute(
            sa.select(checkpoint)
            .where(checkpoint.c.tenant == tenant)
            .order_by(checkpoint.c.number.desc())
            .limit(1)
        ).first()
        number = row.number if row else 0
        yield from _compared(tx, tenant, outside.get(tenant, {}), number, file)
        unsealed = tx.execute(
            sa.select(sa.func.min(event.c.position)).where(
                event.c.tenant == tenant, event.c.position > (row.position if row else 0)
            )
        ).scalar()
        if unsealed is not None:
            since = tx.execute(sa.select(event.c.at).where(event.c.position == unsealed)).scalar()
            if since is not None and now - since > SEALED_WITHIN:
                yield warning(
                    "checkpoints",
                    f"{tenant}: events since {since:%Y-%m-%d %H:%M} are not sealed",
                    "start the service, or run `answerable audit export`",
                )


def _compared(
    tx: Connection, tenant: TenantId, outside: dict[int, str], number: int, file: Path
) -> Iterator[Finding]:
    last = max(outside, default=0)
    if last > number:
        yield problem(
            "checkpoints",
            f"{tenant}: the file has checkpoint {last}, the database only {number}",
            "the database is older than it should be: restored, or cut? see docs/reference",
        )
        return
    if last < number:
        yield warning(
            "checkpoints",
            f"{tenant}: {file} ends with checkpoint {last}, the database with {number}",
            "the next start completes it; if the file is lost, keep a copy elsewhere",
        )
        return
    stored = tx.execute(
        sa.select(checkpoint.c.hash).where(
            checkpoint.c.tenant == tenant, checkpoint.c.number == last
        )
    ).scalar()
    if last and stored != outside[last]:
        told = f"{tenant}: checkpoint {last} is another in the file than in the database"
        yield problem("checkpoints", told, "one of them was rewritten: keep both and find out")
    else:
        yield ok("checkpoints", f"{tenant}: file and database agree up to {last}")


def _work(tx: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    behind = tx.execute(
        sa.select(sa.func.count(), sa.func.max(stream.c.failures)).where(
            stream.c.kind == "conversation", stream.c.advanced_seq < stream.c.head_seq
        )
    ).one()
    number, failures = behind[0], behind[1] or 0
    if failures:
        told = f"{number} conversations are behind, one after {failures} failures"
        yield problem("conversations", told, "look for advance_failed in the log")
    elif number:
        yield warning("conversations", f"{number} are behind", "start the service")
    else:
        yield ok("conversations", "all are up to date")
    late = tx.execute(sa.select(sa.func.count()).where(effect.c.due_at < now - LATE)).scalar_one()
    if late:
        yield warning("effects", f"{late} should have been done by now", "start the service")
    tried = tx.execute(
        sa.select(effect.c.kind, sa.func.count(), sa.func.max(effect.c.last_error))
        .where(effect.c.failures + effect.c.missing_ends >= MANY_ATTEMPTS)
        .group_by(effect.c.kind)
    ).all()
    for kind, count, error in tried:
        told = f"{count} of kind {kind} were tried {MANY_ATTEMPTS} times or more"
        yield warning("effects", f"{told}: {error or 'no error noted'}", "see to what they need")
    waiting = tx.execute(
        sa.select(effect.c.kind, sa.func.count(), sa.func.min(effect.c.unanswered_since))
        .where(effect.c.unanswered_since < now - LATE)
        .group_by(effect.c.kind)
    ).all()
    for kind, count, since in waiting:
        told = f"{count} of kind {kind} wait for a system that has not answered since {since:%F %R}"
        yield warning("effects", told, "see to that system; they go on as soon as it answers")
    if not late and not tried and not waiting:
        yield ok("effects", "nothing is late")


def _mail(tx: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    unread = tx.execute(
        sa.select(sa.func.count()).where(
            raw_mail.c.state == MailState.STORED, raw_mail.c.received_at < now - LATE
        )
    ).scalar_one()
    if unread:
        yield warning("mail", f"{unread} mails are stored and not read", "start the service")
    else:
        yield ok("mail", "every stored mail was read")


def _tracking(tx: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether somebody copies what is noted for incremental backups, if it is noted."""
    last = last_link(tx)
    if last is None:
        return
    told = f"{waiting_changes(tx)} changed rows wait for the next one"
    if not last.made_at:
        mend = "make a whole backup with --track, or end it with --stop-tracking"
        yield warning("increments", f"{told}, and none can be made: there is no whole one", mend)
    elif now - datetime.fromisoformat(last.made_at) > COPIED_WITHIN:
        mend = "make one: `answerable backup --since`; or end it with --stop-tracking"
        yield warning("increments", f"{told}; the last backup was made at {last.made_at}", mend)
    else:
        yield ok("increments", f"{told}; the last backup was made at {last.made_at}")


CHECKS: tuple[Check, ...] = (_clock, _keys, _checkpoints, _work, _mail, _tracking, check_models)
