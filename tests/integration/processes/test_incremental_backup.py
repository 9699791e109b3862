"""Incremental backups: a chain gives what a whole copy of the same moment gives."""

import asyncio
import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.cli.main import run
from answerable.desk.agent_store import agent
from answerable.kit.clock import Clock
from answerable.kit.errors import Conflict, InvalidInput
from answerable.kit.ids import ContactId
from answerable.kit.testing import FakeMembership, SettableClock
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.export import seal_everything
from answerable.processes.backup import back_up, checksum
from answerable.processes.backup_chain import Increment
from answerable.processes.erasure import erase_contact
from answerable.processes.incremental import back_up_since, copy_changes
from answerable.processes.restore import restore
from answerable.processes.row_changes import Link, last_link, waiting_changes
from answerable.processes.schema import REVISIONS, transaction, upgrade
from answerable.processes.settings import Settings
from answerable.processes.stored import opened, store_of
from answerable.processes.tracking import Notes, record_backup, start_tracking, stop_tracking
from tests.support.backups import Place, keeps_talking
from tests.support.stores import empty_postgres_url
from tests.support.town import DEFINITION, TENANT, Town, open_town, shop_definition

WALLED: tuple[str, ...] = importlib.import_module(
    "answerable.kit.migrations.versions.0002_tenant_wall"
).WALLED
Tables = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "postgresql")


@pytest.fixture
def place(server: bool) -> Place:
    return Place(server=server)


class Series:
    """A whole backup with tracking, and what follows it, in tmp_path/0, 1, 2 …"""

    def __init__(self, place: Place, data: Path, folder: Path, clock: Clock) -> None:
        self.settings, self.folder, self.clock = place.settings(data), folder, clock
        self.links = [folder / "0"]
        back_up(self.settings, self.links[0], clock, track=True)

    def grows(self) -> Increment:
        increment = back_up_since(self.settings, self.next, self.links[-1], self.clock)
        self.links.append(self.next)
        return increment

    @property
    def next(self) -> Path:
        return self.folder / str(len(self.links))


@pytest.fixture
def series(town: Town, data: Path, tmp_path: Path, place: Place) -> Series:
    return Series(place, data, tmp_path, town.clock)


def tables_of(place: Place, data: Path) -> Tables:
    """Every row of every table."""
    with opened(store_of(place.settings(data))) as engine, engine.begin() as tx:
        found = sa.MetaData()
        found.reflect(tx)
        return {
            table.name: sorted((tuple(row) for row in tx.execute(sa.select(table))), key=repr)
            for table in found.sorted_tables
        }


def files_in(data: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(data)): path.read_bytes()
        for path in data.rglob("*")
        if path.is_file() and not path.name.startswith("answerable.db")
    }


def same_as_whole(place: Place, data: Path, series: Series, clock: SettableClock) -> None:
    """A restore of the chain gives the same as one of a whole copy that is made now."""
    place.restore(series.links[0], data.parent / "chain", clock, increments=series.links[1:])
    back_up(series.settings, data.parent / "whole", clock)
    place.restore(data.parent / "whole", data.parent / "copied", clock)
    ours, theirs = data.parent / "chain", data.parent / "copied"

    found, wanted = tables_of(place, ours), tables_of(place, theirs)
    assert found.keys() == wanted.keys()
    assert {name for name in found if found[name] != wanted[name]} == set()
    assert files_in(ours) == files_in(theirs)


async def write(town: Town, unit: Callable[[Connection], object]) -> None:
    await town.service.database.write(unit)


def hire(tx: Connection, *, id: str, email: str, at: datetime) -> None:
    tx.execute(
        sa.insert(agent).values(
            id=id, tenant=TENANT, name="Sam", email=email, password_hash="-", role="agent",
            teams=["service"], suspended=False, known_as=[], created_at=at,
        )
    )  # fmt: skip


async def erase(town: Town, contact: str) -> None:
    service = town.service
    await erase_contact(
        service.database, service.vault, service.clock, tenant=TENANT,
        contact_id=ContactId(contact), by="system",
    )  # fmt: skip


async def a_busy_day(town: Town, data: Path) -> str:
    """Something of everything; the id of a contact who wrote."""
    asked = await town.says("Where is my parcel?")
    mail = await town.mails("refund please")
    await town.takes_over(mail.conversation)
    await town.says("it is P-5678")
    version = data / "models" / TENANT / "versions" / "mdl_1"
    version.mkdir(parents=True)
    (version / "head.bin").write_bytes(b"\x00 weights")
    key = SigningKey.load_or_create(data / "keys" / "signing.key")
    at = town.clock.now()
    await write(town, lambda tx: seal_everything(tx, TENANT, key, at=at))
    await write(town, partial(hire, id="agt_2", email="sam@shop.example", at=at))
    return str((await town.events(asked.conversation))[0].data["contact"])


async def test_a_chain_gives_what_a_whole_copy_gives(
    town: Town, data: Path, place: Place, series: Series
) -> None:
    contact = await a_busy_day(town, data)
    (data / "checkpoints.jsonl").write_text('{"number":1}\n')
    town.clock.advance(timedelta(hours=1))
    series.grows()

    again = await town.says("parcel P-1234", by="berta")
    await town.takes_over(again.conversation)
    await town.closes(again.conversation)
    await erase(town, contact)
    await write(town, lambda tx: tx.execute(sa.delete(agent).where(agent.c.id == "agt_2")))
    await write(
        town, partial(hire, id="agt_3", email="sam@shop.example", at=town.clock.now())
    )  # the address goes over to another row
    changed = DEFINITION.replace(b"We are open.", b"We are closed.")
    activate = partial(
        town.service.definitions.activate, definition=shop_definition(changed), name="shop.yaml",
        source=changed, at=town.clock.now(),
    )  # fmt: skip
    await write(town, activate)
    with (data / "checkpoints.jsonl").open("a") as file:
        file.write('{"number":2}\n')
    version = data / "models" / TENANT / "versions" / "mdl_2"
    version.mkdir(parents=True)
    (version / "head.bin").write_bytes(b"other weights")
    last = series.grows()

    same_as_whole(place, data, series, town.clock)
    assert last.changes["agent"] == {"rows": 1, "gone": 1}
    names = set(last.files)
    assert "checkpoints.jsonl" in names
    assert f"models/{TENANT}/versions/mdl_2/head.bin" in names
    assert f"models/{TENANT}/versions/mdl_1/head.bin" not in names


async def test_an_increment_holds_what_changed_and_nothing_else(
    town: Town, data: Path, place: Place, series: Series
) -> None:
    for number in range(5):
        await town.says("parcel P-1234", by=f"c{number}")
    first = series.grows()

    await town.says("hours", by="new")
    second, third = series.grows(), series.grows()

    assert first.changes["conversation"] == {"rows": 5, "gone": 0}
    assert second.changes["conversation"] == {"rows": 1, "gone": 0}
    assert third.changes == {}
    assert third.positions == second.positions
    same_as_whole(place, data, series, town.clock)


async def test_what_an_erased_person_said_is_not_in_a_copy_restored_up_to_there(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    mail = await town.mails("parcel P-1234")
    series.grows()
    await erase(town, (await town.events(mail.conversation))[0].data["contact"])
    series.grows()

    place.restore(series.links[0], tmp_path / "new", town.clock, increments=series.links[1:])

    async with place.opened(tmp_path / "new", town.clock) as copy:
        received = await copy.last(mail.conversation, "message_received")
        with pytest.raises(AssertionError):
            await copy.text(received)
    found = tables_of(place, tmp_path / "new")
    original = tables_of(place, data)
    for name in ("vault_key", "vault_value", "contact_address", "customer_session", "handle"):
        assert found[name] == original[name], name


async def test_killed_before_its_notes_are_forgotten_the_next_one_holds_them_again(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    await town.says("parcel P-1234")
    with Notes() as notes:
        lost = copy_changes(series.settings, tmp_path / "lost", series.links[0], town.clock, notes)
    await town.says("hours", by="berta")

    again = series.grows()

    assert again.previous == lost.previous
    assert lost.changes["conversation"]["rows"] == 1
    assert again.changes["conversation"]["rows"] == 2
    with pytest.raises(InvalidInput, match="is not the last backup"):
        back_up_since(series.settings, tmp_path / "next", tmp_path / "lost", town.clock)
    same_as_whole(place, data, series, town.clock)


async def test_killed_before_a_whole_copy_was_recorded_the_chain_of_before_goes_on(
    town: Town, data: Path, place: Place, series: Series
) -> None:
    await town.says("parcel P-1234")
    start_tracking(store_of(series.settings))

    assert series.grows().changes["conversation"]["rows"] == 1
    same_as_whole(place, data, series, town.clock)


async def test_changes_during_the_copy_are_in_the_next_one(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    """Customers talk all the while; a chain of what was copied meanwhile is whole."""
    stop = asyncio.Event()
    talking = asyncio.create_task(keeps_talking(town, stop))
    for _ in range(3):
        await asyncio.to_thread(series.grows)
        place.restore(
            series.links[0], tmp_path / f"at{len(series.links)}", town.clock,
            increments=series.links[1:],
        )  # fmt: skip
    stop.set()
    said = await talking
    await town.service.settle()
    last = series.grows()

    assert len(tables_of(place, data)["conversation"]) == said
    assert last.changes
    same_as_whole(place, data, series, town.clock)


async def test_what_changes_between_copy_and_forgetting_stays_noted(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    settings = place.settings(data)
    back_up(settings, tmp_path / "0", town.clock, track=True)
    await town.says("Where is my parcel?", by="anna")
    with Notes() as notes:
        done = copy_changes(settings, tmp_path / "1", tmp_path / "0", town.clock, notes)
        await town.says("it is P-5678", by="anna")
        from_before = await changes_waiting(place, data)
        with pytest.raises(Conflict) as error:
            record(settings, replace(done, previous="another"), notes)
        record(settings, done, notes)

    assert error.value.code == "backup_overtaken"
    left = await changes_waiting(place, data)
    assert 0 < left < from_before
    back_up_since(settings, tmp_path / "2", tmp_path / "1", town.clock)
    assert await changes_waiting(place, data) == 0


async def test_of_two_increments_at_once_one_is_refused(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    await town.says("parcel P-1234")

    def one(name: str) -> Increment | InvalidInput | Conflict:
        try:
            return back_up_since(series.settings, tmp_path / name, series.links[0], town.clock)
        except (InvalidInput, Conflict) as error:
            assert not (tmp_path / name).exists()
            return error

    done = await asyncio.gather(*(asyncio.to_thread(one, name) for name in ("a", "b", "c")))

    made = [name for name, told in zip("abc", done, strict=True) if isinstance(told, Increment)]
    assert len(made) == 1
    series.links.append(tmp_path / made[0])
    same_as_whole(place, data, series, town.clock)


async def test_a_backup_that_is_not_the_last_one_is_not_followed(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    untracked = tmp_path / "untracked"
    back_up(series.settings, untracked, town.clock)
    series.grows()

    for since in (series.links[0], untracked):
        with pytest.raises(InvalidInput, match="is not the last backup"):
            back_up_since(series.settings, tmp_path / "new", since, town.clock)
        assert not (tmp_path / "new").exists()
    with pytest.raises(InvalidInput, match="holds no backup"):
        back_up_since(series.settings, tmp_path / "new", tmp_path / "nothing", town.clock)
    (series.links[-1] / "manifest.json").write_text("{}")
    with pytest.raises(InvalidInput):
        back_up_since(series.settings, tmp_path / "new", series.links[-1], town.clock)
    assert not (tmp_path / "new").exists()


async def test_a_backup_of_which_a_file_is_missing_is_not_followed(
    town: Town, tmp_path: Path, series: Series
) -> None:
    await town.says("parcel P-1234")
    series.grows()
    (series.links[-1] / "changes" / "event.jsonl").unlink()

    with pytest.raises(InvalidInput, match="whole backup with --track instead"):
        series.grows()
    assert not series.next.exists()


async def test_a_whole_backup_begins_a_new_chain(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    await town.says("parcel P-1234")
    again = Series(place, data, tmp_path / "again", town.clock)
    assert await changes_waiting(place, data) == 0
    await town.says("hours", by="berta")

    with pytest.raises(InvalidInput, match="is not the last backup"):
        series.grows()
    again.grows()

    same_as_whole(place, data, again, town.clock)


async def test_after_tracking_was_stopped_nothing_can_follow_and_nothing_is_left(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    tables = set(tables_of(place, data))
    assert {"row_change", "backup_link"} < tables

    assert stop_tracking(store_of(series.settings))
    assert not stop_tracking(store_of(series.settings))

    assert set(tables_of(place, data)) == tables - {"row_change", "backup_link"}
    assert triggers_in(place, data) == []
    await town.says("parcel P-1234")
    with pytest.raises(InvalidInput, match="changes are not noted here"):
        series.grows()
    assert not series.next.exists()


async def test_of_who_begins_and_who_ends_the_tracking_at_once_none_stops_the_service(
    town: Town, place: Place, data: Path, series: Series
) -> None:
    store, refused = store_of(series.settings), set[str]()

    async def at_once(change: Callable[[Path | str], object]) -> None:
        try:
            await asyncio.to_thread(change, store)
        except Conflict as error:
            refused.add(error.code)

    for turn in range(6):
        stop_tracking(store)
        await asyncio.gather(at_once(start_tracking), at_once(stop_tracking))
        await town.says("parcel P-1234", by=f"berta-{turn}")
        with opened(store) as engine, engine.begin() as tx:
            notes_are_there = last_link(tx) is not None
        assert notes_are_there or triggers_in(place, data) == []

    assert refused <= {"tracking_changed", "tracking_refused"}
    start_tracking(store)
    await town.says("hours", by="berta")
    assert await changes_waiting(place, data) > 0


async def test_a_copy_of_a_store_that_tracks_does_not_track(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    await town.says("parcel P-1234")
    back_up(series.settings, tmp_path / "plain", town.clock)
    series.grows()

    place.restore(tmp_path / "plain", tmp_path / "a", town.clock)
    place.restore(series.links[0], tmp_path / "b", town.clock, increments=series.links[1:])

    for new in (tmp_path / "a", tmp_path / "b"):
        assert "row_change" not in tables_of(place, new)
        assert triggers_in(place, new) == []
    assert await changes_waiting(place, data) == 0


async def test_another_schema_and_a_migration_end_a_chain(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    store = store_of(series.settings)
    manifest = series.links[0] / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"schema": "0000_before"}))
    with pytest.raises(InvalidInput, match="another schema"):
        series.grows()
    manifest.write_text(json.dumps(told))

    with transaction(store) as tx:
        tx.execute(sa.update(REVISIONS).values(version_num="0001_first"))
        for name in WALLED if place.server else ():
            tx.exec_driver_sql(f"DROP POLICY tenant_wall ON {name}")
    upgrade(store)

    assert triggers_in(place, data) == []
    with opened(store) as engine, engine.begin() as tx:
        assert last_link(tx) is None
    with pytest.raises(InvalidInput, match="changes are not noted here"):
        series.grows()
    assert not series.next.exists()


@pytest.mark.parametrize("how", ["missing", "order", "twice", "whole", "foreign"])
async def test_a_chain_that_is_none_is_refused_and_leaves_nothing(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series, how: str
) -> None:
    for number in range(3):
        await town.says("parcel P-1234", by=f"c{number}")
        series.grows()
    whole, first, second, third = series.links
    if how == "foreign":
        back_up(series.settings, tmp_path / "other", town.clock, track=True)
        whole = tmp_path / "other"
    links = {
        "missing": [first, third],
        "order": [second, first, third],
        "twice": [first, first, second],
        "whole": [first, whole],
        "foreign": [first, second],
    }[how]

    with pytest.raises(InvalidInput, match=r"in the order|one chain only"):
        place.restore(whole, tmp_path / "new", town.clock, increments=links)
    assert not (tmp_path / "new").exists()
    if place.server:
        assert place.restore(series.links[0], tmp_path / "new", town.clock).increments == 0


def mark(folder: Path, name: str, **also: object) -> None:
    """Let the manifest agree to what was done to a file."""
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    path = folder / name
    told["files"][name] = {"sha256": checksum(path), "size_bytes": path.stat().st_size}
    manifest.write_text(json.dumps(told | also))


@pytest.mark.parametrize("how", ["byte", "gone", "row", "text", "column", "table", "name", "up"])
async def test_a_damaged_increment_is_refused_and_leaves_nothing(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series, how: str
) -> None:
    await town.says("parcel P-1234")
    series.grows()
    folder = series.links[-1]
    path = folder / "changes" / "event.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    match how:
        case "byte":
            path.write_text("".join(lines).replace("message", "massage", 1))
        case "gone":
            path.unlink()
        case "row":
            path.write_text("".join(lines[:-1]))
            mark(folder, "changes/event.jsonl")
        case "text":
            path.write_text("".join(lines[:-1]) + '[["x"],["y"]]\n')
            mark(folder, "changes/event.jsonl")
        case "column":
            path.write_text("".join(lines).replace('"actor"', '"actress"', 1))
            mark(folder, "changes/event.jsonl")
        case "table":
            path.rename(path.with_name("nobody.jsonl"))
            told = json.loads((folder / "manifest.json").read_text())
            del told["files"]["changes/event.jsonl"]
            (folder / "manifest.json").write_text(json.dumps(told))
            mark(folder, "changes/nobody.jsonl")
        case "name":
            (folder / "answerable.db").write_text("mine")
            mark(folder, "answerable.db")
        case "up":
            told = json.loads((folder / "manifest.json").read_text())
            told["files"]["models/../../x"] = {"sha256": "", "size_bytes": 0}
            (folder / "manifest.json").write_text(json.dumps(told))

    with pytest.raises(InvalidInput):
        place.restore(series.links[0], tmp_path / "new", town.clock, increments=series.links[1:])
    assert not (tmp_path / "new").exists()


async def test_a_forged_event_in_an_increment_is_found_by_the_chain(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    await town.says("parcel P-1234")
    series.grows()
    path = series.links[-1] / "changes" / "event.jsonl"
    path.write_text(path.read_text().replace("message_received", "message_forgotten"))
    mark(series.links[-1], "changes/event.jsonl")

    with pytest.raises(InvalidInput, match="the ledger is not whole"):
        place.restore(series.links[0], tmp_path / "new", town.clock, increments=series.links[1:])


async def test_every_way_to_change_a_row_is_noted(
    town: Town, data: Path, place: Place, series: Series
) -> None:
    """Also a change of the key itself, a swap of what is unique, and other conflict clauses."""
    at = town.clock.now()
    for number in range(4):
        await write(town, partial(hire, id=f"agt_{number}", email=f"{number}@shop.example", at=at))
    series.grows()

    def change(tx: Connection) -> None:
        def rename(old: str, **new: str) -> None:
            tx.execute(sa.update(agent).where(agent.c.id == old).values(**new))

        rename("agt_0", id="agt_9")
        rename("agt_1", email="x@shop.example")
        rename("agt_2", email="1@shop.example")
        rename("agt_1", email="2@shop.example")
        tx.execute(sa.delete(agent).where(agent.c.id == "agt_3"))
        columns = (
            "id, tenant, name, email, password_hash, role, teams, suspended, known_as, created_at"
        )
        values = f"'agt_2', '{TENANT}', 'Kim', 'k@shop.example', '-', 'agent', '[]', false, '[]', 0"
        tx.exec_driver_sql(
            f"INSERT INTO agent ({columns}) VALUES ({values}) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name"
        )
        if not place.server:
            tx.exec_driver_sql("UPDATE OR IGNORE agent SET role = 'supervisor' WHERE id = 'agt_1'")

    await write(town, change)
    done = series.grows()

    assert done.changes["agent"] == {"rows": 3, "gone": 2}
    same_as_whole(place, data, series, town.clock)


async def test_what_is_rolled_back_is_not_noted(
    town: Town, data: Path, place: Place, series: Series
) -> None:
    def regret(tx: Connection) -> None:
        hire(tx, id="agt_1", email="1@shop.example", at=town.clock.now())
        raise InvalidInput("no", "no")

    with pytest.raises(InvalidInput):
        await write(town, regret)

    assert series.grows().changes == {}


async def test_a_tenants_transaction_is_noted_behind_its_wall(
    town: Town, data: Path, place: Place, series: Series
) -> None:
    unit = partial(hire, id="agt_1", email="1@shop.example", at=town.clock.now())
    await town.service.database.write(unit, tenant=TENANT)

    assert series.grows().changes == {"agent": {"rows": 1, "gone": 0}}


async def test_a_checkpoint_file_that_is_another_one_is_copied_whole(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    file = data / "checkpoints.jsonl"
    file.write_text('{"number":1}\n{"number":2}\n')
    series = Series(place, data, tmp_path, town.clock)
    file.write_text('{"number":3}\n')
    shorter = series.grows()
    file.write_text('{"number":3}\n{"num')
    series.grows()
    file.write_text('{"number":3}\n{"number":4}\n')
    series.grows()

    assert shorter.checkpoints == {"from": 0, "until": 13}
    same_as_whole(place, data, series, town.clock)
    assert (data.parent / "chain" / "checkpoints.jsonl").read_bytes() == file.read_bytes()


async def test_two_processes_and_a_backup_do_not_wait_for_each_other_in_a_circle(
    town: Town, data: Path, place: Place, series: Series
) -> None:
    other = town
    if place.server:
        membership = FakeMembership("prc_other")
        other = open_town(
            data / "answerable.db", clock=town.clock, postgres=True, membership=membership
        )
    conversation = (await town.says("Where is my parcel?")).conversation

    async def talk(through: Town, name: str) -> None:
        for number in range(15):
            await through.says("parcel P-1234", by=f"{name}{number % 3}", settle=False)
            await through.service.advance()

    async def keep_copying() -> None:
        for _ in range(4):
            await asyncio.to_thread(series.grows)

    await asyncio.gather(talk(town, "a"), talk(other, "b"), keep_copying())
    await town.service.settle()
    await other.service.settle()
    series.grows()

    assert await town.kinds(conversation)
    if place.server:
        await other.service.database.close()
    same_as_whole(place, data, series, town.clock)


async def test_a_file_and_its_increments_are_restored_on_a_server(
    town: Town, data: Path, tmp_path: Path, place: Place, series: Series
) -> None:
    mail = await town.mails("parcel P-1234")
    series.grows()
    asked = await town.says("Where is my parcel?")
    series.grows()
    if place.server:
        with pytest.raises(InvalidInput, match="name an empty one with --database"):
            restore(series.links[0], tmp_path / "new", town.clock, increments=series.links[1:])
        return
    on_server = Place(server=True)

    done = on_server.restore(
        series.links[0], tmp_path / "new", town.clock, increments=series.links[1:]
    )

    assert (done.held, done.handed, done.increments) == (0, 0, 2)
    async with on_server.opened(tmp_path / "new", town.clock) as copy:
        assert await copy.events(mail.conversation) == await town.events(mail.conversation)
        await copy.says("it is P-5678", client_id="new")
        assert "P-5678" in (await copy.replies(asked.conversation))[-1]
        assert copy.post.sent == []


async def test_a_table_that_is_held_for_long_is_not_waited_for(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    """Whoever waits for it would hold up everybody who comes later."""
    if not place.server:
        return
    settings = place.settings(data)
    with transaction(store_of(settings)) as holding:
        holding.exec_driver_sql("LOCK TABLE vault_value IN ROW EXCLUSIVE MODE")
        with pytest.raises(Conflict, match="try again"):
            start_tracking(store_of(settings))
    back_up(settings, tmp_path / "untracked", town.clock)
    with pytest.raises(InvalidInput, match="changes are not noted here"):
        back_up_since(settings, tmp_path / "1", tmp_path / "untracked", town.clock)

    series = Series(place, data, tmp_path, town.clock)
    await town.says("parcel P-1234")
    series.grows()
    same_as_whole(place, data, series, town.clock)


async def test_the_commands_say_what_they_did(
    town: Town, data: Path, tmp_path: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    async def command(*arguments: str) -> tuple[int, str]:
        code = await asyncio.to_thread(run, ["backup", *arguments])
        return code, capsys.readouterr().err

    store = place.options(data)
    whole, first, second = (str(tmp_path / name) for name in ("whole", "first", "second"))
    assert (await command(*store, "--out", whole, "--track"))[0] == 0
    await town.says("parcel P-1234")
    code, told = await command(*store, "--out", first, "--since", whole)
    assert (code, "23 rows are new or changed, 3 are gone" in told) == (0, True), told
    assert (await command(*store, "--out", second, "--since", whole))[0] == 2
    assert (await command(*store, "--out", second, "--since", first, "--with-keys"))[0] == 0
    new = tmp_path / "new"
    into = place.options(new)
    if place.server:
        empty_postgres_url(new / "answerable.db")
    code, told = await command("--restore", whole, first, second, *into)
    assert (code, "are right" in told) == (0, True), told
    assert (await command(*store, "--stop-tracking"))[1] == "Changes are not noted any more.\n"
    assert (await command(*store, "--stop-tracking"))[1] == "Changes were not noted.\n"
    for wrong in (
        ["--track", "--restore", whole], ["--since", whole, "--stop-tracking"],
        ["--out", whole, "--track", "--since", whole],
    ):  # fmt: skip
        assert (await command(*store, *wrong))[0] == 2


# What the stories look at


def record(settings: Settings, increment: Increment, notes: Notes) -> None:
    from_store = store_of(settings)
    link = Link(id=increment.id, made_at=increment.made_at)
    record_backup(from_store, previous=increment.previous, link=link, notes=notes)


async def changes_waiting(place: Place, data: Path) -> int:
    with opened(store_of(place.settings(data))) as engine, engine.begin() as tx:
        return waiting_changes(tx)


def triggers_in(place: Place, data: Path) -> list[str]:
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION ALL "
        "SELECT proname FROM pg_proc WHERE proname LIKE 'row_change%%'"
        if place.server
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with opened(store_of(place.settings(data))) as engine, engine.begin() as tx:
        return list(tx.exec_driver_sql(query).scalars())
