"""Backup under load and restore: consistent, checked, and silent."""

import asyncio
import json
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from answerable.cli.main import run
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import ContactId, ConversationId
from answerable.kit.testing import FakeMembership, SettableClock
from answerable.ledger.administration import administration_stream
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.reading import read_events
from answerable.ledger.tables import stream
from answerable.playbooks.library import built_in_actions
from answerable.processes.backup import back_up, checksum
from answerable.processes.erasure import erase_contact
from answerable.processes.replaying import replay
from answerable.processes.restore import WHY, restore
from answerable.processes.stored import opened, read_definitions, store_of
from tests.support.backups import Place, keeps_talking
from tests.support.stores import empty_postgres_url
from tests.support.town import TENANT, Town, open_town, shop_definition

EFFECTS = frozenset({"understand", "know_contact", "look_up", "write_reply", "deliver"})


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "postgresql")


@pytest.fixture
def place(server: bool) -> Place:
    return Place(server=server)


async def advance_only(town: Town, conversation: ConversationId) -> None:
    """Up to the commit that leases the effects; the process might end there."""
    advancer = town.service._advancer
    await town.service.database.write(lambda tx: advancer.advance_many(tx, [conversation]))


async def one_round_of_effects(town: Town) -> None:
    """What is due, performed by a process that leaves to others what follows from it."""
    town.clock.advance(timedelta(minutes=2))
    await town.service.sweep()
    await town.service.performer.settle()


async def test_a_backup_under_load_is_a_consistent_cut(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    stop = asyncio.Event()
    talking = asyncio.create_task(keeps_talking(town, stop))
    await asyncio.sleep(0.3)
    manifest = await asyncio.to_thread(back_up, place.settings(data), tmp_path / "copy", town.clock)
    stop.set()
    said = await talking
    await town.service.settle()

    done = place.restore(tmp_path / "copy", tmp_path / "new", town.clock)

    counts = manifest.tenants[TENANT]
    assert 0 < counts["conversations"] <= said
    assert manifest.tables["event"] == counts["events"]
    async with place.opened(tmp_path / "new", town.clock) as copy:
        query = sa.select(sa.func.count()).where(stream.c.kind == "conversation")
        number = await copy.service.database.read(lambda tx: tx.scalar(query))
    assert number == counts["conversations"]
    assert done.handed > 0


async def test_a_restored_copy_sends_nothing_that_was_under_way(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    """Copies are made at every step of a mail's way; the original finishes, the copy is silent."""
    taking = open_town(
        data / "answerable.db", clock=town.clock, postgres=place.server,
        membership=FakeMembership("prc_taking"), leaves=EFFECTS,
    )  # fmt: skip
    doing = open_town(
        data / "answerable.db", clock=town.clock, postgres=place.server,
        membership=FakeMembership("prc_doing"), advances=False,
    )  # fmt: skip
    at = await taking.mails("parcel P-1234", settle=False)
    for step in range(20):
        folder = tmp_path / str(step)
        folder.mkdir()
        new, done = place.copied(town, data, folder)
        clock = SettableClock(town.clock.now() + timedelta(minutes=10))
        async with place.opened(new, clock) as copy:
            await copy.service.settle()
            assert copy.post.sent == []
            assert await copy.owner(at.conversation) == "queue:service"
            handed = await copy.last(at.conversation, "handed_off")
            assert handed.data["reasons"] == [{"rule": "restored", "text": WHY}]
        assert done.handed == 1
        actions = built_in_actions()
        with opened(store_of(place.settings(new))) as engine:
            with engine.begin() as tx:
                definitions = read_definitions(tx, shop_definition(), actions)
            assert replay(engine, TENANT, definitions, actions).told == []
        if "reply_delivered" in await town.kinds(at.conversation):
            break
        if step % 2:
            await advance_only(taking, at.conversation)
        else:
            await one_round_of_effects(doing)
    assert step >= 6
    assert len(doing.post.sent) == 1
    await taking.service.database.close()
    await doing.service.database.close()


async def test_a_settled_conversation_is_restored_as_it_was_and_goes_on(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    at = await town.mails("parcel P-1234")
    asked = await town.says("Where is my parcel?")

    new, done = place.copied(town, data, tmp_path)

    assert (done.held, done.handed) == (0, 0)
    async with place.opened(new, town.clock) as copy:
        assert await copy.events(at.conversation) == await town.events(at.conversation)
        await copy.says("it is P-5678", client_id="new")
        assert "P-5678" in (await copy.replies(asked.conversation))[-1]
        assert copy.post.sent == []


async def test_a_timer_that_was_due_while_nobody_looked_goes_to_a_person(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    asked = await town.says("Where is my parcel?")
    back_up(place.settings(data), tmp_path / "copy", town.clock)
    clock = SettableClock(town.clock.now() + timedelta(hours=30))

    place.restore(tmp_path / "copy", tmp_path / "new", clock)

    async with place.opened(tmp_path / "new", clock) as copy:
        await copy.service.settle()
        assert await copy.owner(asked.conversation) == "queue:service"
        assert (await copy.last(asked.conversation, "effect_failed")).data["error"] == WHY


async def test_what_people_have_stays_with_them(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    mail = await town.mails("refund please")
    await town.takes_over(mail.conversation)
    last = (await town.events(mail.conversation))[-1].seq
    town.post.trouble += [RuntimeError("down")] * 3
    await town.answers(mail.conversation, "Here it is.", version=last)

    new, done = place.copied(town, data, tmp_path)

    assert (done.held, done.handed) == (1, 0)
    async with place.opened(new, SettableClock(town.clock.now() + timedelta(days=1))) as copy:
        await copy.service.settle()
        assert copy.post.sent == []
        assert await copy.owner(mail.conversation) == "agent:agt_1"
        failed = await copy.last(mail.conversation, "reply_failed")
        assert failed.data["error"] == WHY


async def test_erasures_after_the_backup_are_done_again(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    mail = await town.mails("parcel P-1234")
    contact = ContactId((await town.events(mail.conversation))[0].data["contact"])
    back_up(place.settings(data), tmp_path / "copy", town.clock)
    service = town.service
    await erase_contact(
        service.database,
        service.vault,
        service.clock,
        tenant=TENANT,
        contact_id=contact,
        by="system",
    )
    export = tmp_path / "later.jsonl"
    SigningKey.load_or_create(data / "keys" / "signing.key")
    command = ["audit", "export", *place.options(data), "--out", str(export)]
    assert await asyncio.to_thread(run, command) == 0

    done = place.restore(tmp_path / "copy", tmp_path / "new", town.clock, erasures=export)

    assert done.erased == 1
    async with place.opened(tmp_path / "new", town.clock) as copy:
        received = await copy.last(mail.conversation, "message_received")
        with pytest.raises(AssertionError):
            await copy.text(received)
        recorded = await copy.service.database.read(
            lambda tx: read_events(tx, administration_stream(TENANT))
        )
        assert [e.kind for e in recorded][1:] == ["contact_erased", "backup_restored"]
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(export.read_bytes()[:-10])
    with pytest.raises(InvalidInput):
        place.restore(tmp_path / "copy", tmp_path / "other", town.clock, erasures=cut)
    assert not (tmp_path / "other").exists()


def cut_last_row(path: Path, how: str) -> None:
    if path.suffix == ".csv":
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
        return
    with closing(sqlite3.connect(path)) as copy, copy:
        table = "event" if how == "event" else "vault_value"
        copy.execute(f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")


@pytest.mark.parametrize("how", ["byte", "event", "row", "missing", "manifest"])
async def test_a_damaged_backup_is_refused_and_leaves_nothing(
    town: Town, data: Path, tmp_path: Path, place: Place, how: str
) -> None:
    await town.says("parcel P-1234")
    back_up(place.settings(data), tmp_path / "copy", town.clock)
    path, manifest = tmp_path / "copy" / "answerable.db", tmp_path / "copy" / "manifest.json"
    if place.server:
        table = "event" if how == "event" else "vault_value"
        path = tmp_path / "copy" / "tables" / f"{table}.csv"
    match how:
        case "byte":
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        case "event" | "row":
            cut_last_row(path, how)
            told = json.loads(manifest.read_text())
            name = str(path.relative_to(tmp_path / "copy"))
            told["files"][name] = {"sha256": checksum(path), "size_bytes": 0}
            manifest.write_text(json.dumps(told))
        case "missing":
            path.unlink()
        case "manifest":
            manifest.write_text("{}")

    with pytest.raises(InvalidInput):
        place.restore(tmp_path / "copy", tmp_path / "new", town.clock)
    assert not (tmp_path / "new").exists()


async def test_keys_are_copied_only_when_asked_for(
    town: Town, data: Path, tmp_path: Path, place: Place
) -> None:
    keys = data / "keys"
    keys.mkdir(mode=0o700)
    (keys / "master.key").write_text("secret")
    (data / "checkpoints.jsonl").write_text("{}\n")

    back_up(place.settings(data), tmp_path / "without", town.clock)
    back_up(place.settings(data), tmp_path / "with", town.clock, with_keys=True)
    place.restore(tmp_path / "with", tmp_path / "new", town.clock)

    names = sorted(path.name for path in (tmp_path / "without").iterdir())
    database = "tables" if place.server else "answerable.db"
    assert names == sorted([database, "checkpoints.jsonl", "manifest.json"])
    assert (tmp_path / "new" / "keys" / "master.key").read_text() == "secret"
    for path in [*(tmp_path / "with").rglob("*"), *(tmp_path / "new").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_the_commands_say_what_they_did(
    town: Town, data: Path, tmp_path: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    await town.says("parcel P-1234")
    copy, new = str(tmp_path / "copy"), tmp_path / "new"

    out = ["backup", *place.options(data), "--out", copy]
    assert await asyncio.to_thread(run, out) == 0
    assert "1 conversations" in capsys.readouterr().err
    assert await asyncio.to_thread(run, out) == 2
    into = place.options(new)
    if place.server:
        assert await asyncio.to_thread(run, ["backup", "--restore", copy, *into]) == 2
        assert "is not empty" in capsys.readouterr().err
        empty_postgres_url(new / "answerable.db")
    assert await asyncio.to_thread(run, ["backup", "--restore", copy, *into, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["manifest"]["tenants"][TENANT]["conversations"] == 1
    assert "Put the keys" in shown.err
    assert await asyncio.to_thread(run, ["backup", "--restore", copy, "--data", str(new)]) == 2
    assert await asyncio.to_thread(run, ["backup", "--data", str(data)]) == 2


async def test_a_backup_of_a_file_is_restored_on_a_server_and_goes_on_there(
    tmp_path: Path, data: Path, town: Town, place: Place
) -> None:
    if place.server:
        back_up(place.settings(data), tmp_path / "copy", town.clock)
        with pytest.raises(InvalidInput, match="name an empty one with --database"):
            restore(tmp_path / "copy", tmp_path / "new", town.clock)
        return
    on_server = Place(server=True)
    mail = await town.mails("parcel P-1234")
    asked = await town.says("Where is my parcel?")
    back_up(place.settings(data), tmp_path / "copy", town.clock)

    done = on_server.restore(tmp_path / "copy", tmp_path / "new", town.clock)

    assert (done.held, done.handed) == (0, 0)
    async with on_server.opened(tmp_path / "new", town.clock) as copy:
        assert await copy.events(mail.conversation) == await town.events(mail.conversation)
        await copy.says("it is P-5678", client_id="new")
        assert "P-5678" in (await copy.replies(asked.conversation))[-1]
        assert copy.post.sent == []
