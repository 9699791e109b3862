"""Doctor: looks at an installation, changes nothing, says what is wrong and how to mend it."""

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from answerable.kit.clock import Clock
from answerable.kit.errors import InvalidInput, NotFound, StoreUnavailable
from answerable.kit.interpreter import is_plainly_compiled
from answerable.kit.resources import model_path, web_path
from answerable.privacy.tagger.model import load as load_tagger
from answerable.processes.doctor_broker import check_broker
from answerable.processes.doctor_database import KNOCK, check_database
from answerable.processes.doctor_redis import check_redis
from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.doctor_services import Source, check_connections, check_service
from answerable.processes.settings import PREFIX, Settings, read_settings
from answerable.processes.stored import DATABASE_NAME, definitions_in_force, opened, store_of

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 37)  # 2021: before it, reading beside the writer had bugs that lost pages
LOW_DISK_BYTES = 1 << 30
NO_DISK_BYTES = 200 << 20


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What is to be looked at. data, database, role: as on the command line. connect: also knock
    at every outside system. services: definitions; none: those in force."""

    environment: Mapping[str, str]
    data: str | None
    services: Sequence[Path]
    connect: bool
    clock: Clock
    database: str | None = None
    role: str | None = None


def examine(visit: Visit) -> Iterator[Finding]:
    """Every finding, good ones too; one check that fails unexpectedly stops no other."""
    settings, wrong = known_settings(
        visit.environment, DATA=visit.data, DATABASE=visit.database, ROLE=visit.role
    )
    yield from wrong
    yield from check_program()
    yield from check_data(settings)
    yield from check_keys(settings)
    store = store_of(settings)
    if isinstance(store, str) or store.is_file():
        yield from check_database(store, settings, visit.clock.now())
    yield from check_broker(settings)
    yield from check_redis(settings)
    for source in [Source(name=str(file)) for file in visit.services] or _in_force(store):
        yield from check_service(source, settings)
        if visit.connect:
            yield from check_connections(source, settings)


def _in_force(store: Path | str) -> list[Source]:
    if isinstance(store, Path) and not store.is_file():
        return []
    try:
        with opened(store, patience=KNOCK) as engine, engine.begin() as tx:
            return [Source(name=name, text=text) for name, text in definitions_in_force(tx)]
    except (StoreUnavailable, SQLAlchemyError, sqlite3.DatabaseError):
        return []  # what ails the database is told already


def known_settings(
    environment: Mapping[str, str], **given: str | None
) -> tuple[Settings, list[Finding]]:
    """Settings without the names that would stop the start, and what is wrong with those. given:
    on the command line."""
    wrong = []
    good = dict(environment)
    for name, value in environment.items():
        if name.startswith(PREFIX):
            try:
                read_settings({name: value})
            except InvalidInput as error:
                wrong.append(problem("settings", error.message, f"correct or unset {name}"))
                del good[name]
    if not wrong:
        wrong.append(ok("settings", "every ANSWERABLE_ name is known"))
    return read_settings(good, **given), wrong


def check_program() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield problem("python", f"version {version}", "use Python 3.11 or newer")
    elif is_plainly_compiled():
        yield warning(
            "python",
            f"{version}, compiled without optimisations: a seventh fewer messages a second",
            "use a distribution's, or compile it with --enable-optimizations",
        )
    else:
        yield ok("python", version)
    if sqlite3.sqlite_version_info[:2] < OLDEST_SQLITE:
        yield problem("sqlite", sqlite3.sqlite_version, "use a Python with SQLite 3.37 or newer")
    elif sqlite3.threadsafety != 3:
        yield problem("sqlite", "not built for threads", "use a Python with a serialised SQLite")
    else:
        yield ok("sqlite", sqlite3.sqlite_version)
    try:
        found = (model_path("encoder") / "encoder.onnx").is_file()
    except NotFound:
        found = False
    if found:
        yield ok("encoder", "the sentence encoder is installed")
    else:
        yield warning(
            "encoder", "missing: models see spelling, not meaning", "run `make setup` or reinstall"
        )
    yield check_tagger()
    for app in ("console", "widget"):
        try:
            web_path(app)
            yield ok(app, "built")
        except NotFound as error:
            yield warning(app, "not built: its pages are not served", error.message)


def check_tagger() -> Finding:
    mend = "run `make setup` or reinstall"
    try:
        found = load_tagger()
    except InvalidInput as error:
        return problem("tagger", error.message, mend)
    if found is None:
        return warning("tagger", "missing: names and addresses are not found", mend)
    return ok("tagger", "names and addresses are found")


def check_data(settings: Settings) -> Iterator[Finding]:
    data = settings.data
    if not data.is_dir():
        yield warning("data", f"{data} does not exist", "it is made at the first start; or --data")
        return
    mode = stat.S_IMODE(data.stat().st_mode)
    if mode & 0o007:
        yield warning(
            "data", f"{data} has mode {mode:04o}: anybody may look in", f"chmod 700 {data}"
        )
    elif not os.access(data, os.W_OK | os.X_OK):
        yield problem("data", f"{data} cannot be written to", "give it to the service's account")
    else:
        yield ok("data", f"{data}")
    store = store_of(settings)
    if isinstance(store, Path) and not store.is_file():
        yield warning("database", "there is none yet", "it is made at the first start")
    free = shutil.disk_usage(data).free
    told = f"{free / (1 << 30):.1f} GiB free"
    if free < NO_DISK_BYTES:
        yield problem("disk", told, "make room: without it nothing is taken in any more")
    elif free < LOW_DISK_BYTES:
        yield warning("disk", told, "make room")
    else:
        yield ok("disk", told)


def check_keys(settings: Settings) -> Iterator[Finding]:
    inside = settings.data / "keys" / "master.key"
    if settings.get("MASTER_KEY") is not None:
        yield ok("master key", "from the settings")
    elif inside.exists():
        yield from _key_file("master key", inside)
        yield warning(
            "master key",
            "lies in the data directory: a copy of the directory can be read by its finder",
            f"move it to a secret store and set {PREFIX}MASTER_KEY_FILE",
        )
    elif settings.database is not None:
        yield problem(
            "master key",
            "none is set, and none is made for a server",
            f"set {PREFIX}MASTER_KEY_FILE",
        )
    elif not (settings.data / DATABASE_NAME).exists():
        yield ok("master key", "none yet; it is made at the first start")
    if settings.signing_key_file.exists():
        yield from _key_file("signing key", settings.signing_key_file)
    elif settings.database is not None:
        yield warning(
            "signing key",
            "missing: no scheduler can start here, and none is made for a server",
            f"set {PREFIX}SIGNING_KEY_FILE where schedulers run",
        )
    elif (settings.data / "checkpoints.jsonl").exists():
        yield problem(
            "signing key", "missing, and there are checkpoints", f"set {PREFIX}SIGNING_KEY_FILE"
        )


def _key_file(name: str, path: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield problem(name, f"{path} has mode {mode:04o}: others may read it", f"chmod 600 {path}")
    else:
        yield ok(name, f"{path} is its owner's alone")
