"""The doctor's look at a PostgreSQL server and at the database in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.postgres import READERS, WRITERS
from answerable.processes.doctor_report import Finding, ok, problem, warning

OLDEST_SERVER = 13
CLOCK_SKEW = timedelta(seconds=5)
CONNECTIONS = WRITERS + READERS + 1  # of one process at most: the last is how others see it alive

_ROLE = sa.text("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
_WALLS = sa.text(
    "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AND EXISTS "
    "(SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant_wall') AS stands "
    "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE a.attname = 'tenant' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') "
    "AND pg_table_is_visible(c.oid) ORDER BY c.relname"
)
_FREE = sa.text(
    "SELECT current_setting('max_connections')::int "
    "- current_setting('superuser_reserved_connections')::int - "
    "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
)


def check_server(tx: Connection, now: datetime) -> Iterator[Finding]:
    """What a server must be for the ledger to be safe on it."""
    yield _version(tx)
    yield _primary(tx)
    yield _role(tx)
    yield _wall(tx)
    yield from _durability(tx)
    yield _upkeep(tx)
    yield _statement_log(tx)
    yield _encoding(tx)
    yield _clock(tx, now)
    yield _connections(tx)


def _setting(tx: Connection, name: str) -> str:
    return str(tx.scalar(sa.select(sa.func.current_setting(name))))


def _statement_log(tx: Connection) -> Finding:
    """No parameter is in plain, but a log is kept by other rules than a database."""
    statements = _setting(tx, "log_statement") in ("mod", "all")
    timed = any(
        _setting(tx, name) != "-1"
        for name in ("log_min_duration_statement", "log_min_duration_sample")
    )
    written = []
    if (statements or timed) and _setting(tx, "log_parameter_max_length") != "0":
        written.append("log_parameter_max_length")
    if _setting(tx, "log_parameter_max_length_on_error") != "0":
        written.append("log_parameter_max_length_on_error")
    if not written:
        return ok("statement log", "the server's log has no parameters of statements")
    return warning(
        "statement log",
        "the server writes parameters of statements to its log: sealed texts and mails, and keyed "
        "hashes of addresses, which stay there when a contact is erased",
        f"set {' and '.join(f'{name} = 0' for name in written)}",
    )


def _version(tx: Connection) -> Finding:
    version = _setting(tx, "server_version")
    if int(_setting(tx, "server_version_num")) < OLDEST_SERVER * 10_000:
        return problem(
            "server", f"PostgreSQL {version}", f"use PostgreSQL {OLDEST_SERVER} or newer"
        )
    return ok("server", f"PostgreSQL {version}")


def _primary(tx: Connection) -> Finding:
    if tx.scalar(sa.select(sa.func.pg_is_in_recovery())):
        return problem(
            "primary", "this server is a standby and takes no writes", "name the primary's address"
        )
    return ok("primary", "the server takes writes")


def _role(tx: Connection) -> Finding:
    role = tx.execute(_ROLE).one()
    rights = [
        name
        for name, has in (("SUPERUSER", role.rolsuper), ("BYPASSRLS", role.rolbypassrls))
        if has
    ]
    if rights:
        return problem(
            "role",
            f"{role.rolname} has {' and '.join(rights)}: the wall between tenants does not bind it",
            f"ALTER ROLE {role.rolname} NOSUPERUSER NOBYPASSRLS, or connect as another role",
        )
    return ok("role", f"{role.rolname} is bound by the wall between tenants")


def _wall(tx: Connection) -> Finding:
    walls = tx.execute(_WALLS).all()
    open_ = [row.relname for row in walls if not row.stands]
    if open_:
        return problem(
            "wall",
            f"no wall between tenants on {', '.join(open_)}",
            "as in the revision 0002_tenant_wall: ENABLE and FORCE ROW LEVEL SECURITY, and the "
            "policy tenant_wall",
        )
    return ok("wall", f"stands on all {len(walls)} tables with a tenant")


def _durability(tx: Connection) -> Iterator[Finding]:
    commit = _setting(tx, "synchronous_commit")
    if commit == "off":
        yield problem(
            "durability",
            "synchronous_commit is off: what was acknowledged may be lost",
            "set synchronous_commit = on for the server, the database and the role",
        )
    else:
        yield ok("durability", f"synchronous_commit is {commit}")
    for name in ("fsync", "full_page_writes"):
        if _setting(tx, name) == "off":
            yield problem(
                "durability",
                f"{name} is off: a crash of the machine destroys the database",
                f"set {name} = on in postgresql.conf",
            )
        else:
            yield ok("durability", f"{name} is on")


def _upkeep(tx: Connection) -> Finding:
    if _setting(tx, "autovacuum") == "off":
        return warning(
            "upkeep",
            "autovacuum is off: without statistics the server reads whole tables for a few rows",
            "set autovacuum = on in postgresql.conf, or run VACUUM ANALYZE every hour",
        )
    return ok("upkeep", "autovacuum is on")


def _encoding(tx: Connection) -> Finding:
    encoding = _setting(tx, "server_encoding")
    if encoding != "UTF8":
        return problem(
            "encoding",
            f"the database's encoding is {encoding}: some texts cannot be stored",
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and restore a backup there",
        )
    return ok("encoding", "UTF8")


def _clock(tx: Connection, now: datetime) -> Finding:
    there = tx.scalar(sa.select(sa.func.clock_timestamp()))
    assert isinstance(there, datetime)
    skew = abs(there - now)
    if skew > CLOCK_SKEW:
        return problem(
            "server clock",
            f"differs from this machine's by {skew.total_seconds():.0f} s",
            "correct both by NTP",
        )
    return ok("server clock", "as this machine's")


def _connections(tx: Connection) -> Finding:
    free = int(tx.scalar(_FREE) or 0)
    told = f"{free} are free, and a process takes up to {CONNECTIONS}"
    if free < CONNECTIONS:
        return warning("connections", told, "raise max_connections, or run fewer processes")
    return ok("connections", told)
