"""Replay: the stored ledger gives the same decisions again, and an altered one does not."""

import json
import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.cli.main import run
from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.flow.acts import HandOffTo, Release
from answerable.kit.canonical import canonical_text
from answerable.kit.errors import ConnectorUnavailable
from answerable.kit.ids import AgentId
from answerable.ledger.tables import stream
from answerable.playbooks.library import built_in_actions
from answerable.processes.replaying import Replayed, replay
from answerable.processes.stored import opened, read_definitions
from tests.support.town import DEFINITION, TENANT, Town, shop_definition


async def everything_happens(town: Town) -> None:
    """Conversations that between them take every way through the rules."""
    await town.says("Where is my parcel P-1234?")
    asked = await town.says("Where is my parcel?", by="ben")
    await town.says("it is P-5678", by="ben")
    await town.says("parcel", by="cleo")
    await town.time_passes(timedelta(hours=25))
    await town.says("This is fraud!", by="dora")
    refund = await town.says("I want a refund", by="eve")
    await town.takes_over(refund.conversation)
    last = (await town.events(refund.conversation))[-1].seq
    await town.answers(refund.conversation, "Here it is.", version=last)
    await town.closes(refund.conversation)
    await town.says("perhaps", by="fritz")
    await town.says("murmur murmur", by="fritz")
    await town.mails("What are your hours?")
    await town.mails("refund please", by="gina@example.com")
    await town.says("later please", by="C-1", signed_in=True)
    await town.says("and the hours?", by="C-1", signed_in=True)
    await town.time_passes(timedelta(hours=3))
    town.warehouse.trouble.append(ConnectorUnavailable("warehouse"))
    await town.says("parcel P-1234", by="hanna")
    await town.takes_over(asked.conversation)
    who: dict[str, Any] = {
        "tenant": TENANT, "conversation": asked.conversation, "agent": AgentId("agt_1"),
        "agent_name": "Sam",
    }  # fmt: skip
    await town.acts(HandOffTo(**who, team="money", note="please look"))
    await town.takes_over(asked.conversation)
    await town.acts(Release(**who))
    await town.time_passes(timedelta(hours=80))
    await town.says("hours?", by="ben")


def replayed(data: Path, definition: ServiceDefinition | None = None) -> Replayed:
    actions = built_in_actions()
    with opened(data / "answerable.db") as engine:
        with engine.begin() as tx:
            definitions = read_definitions(tx, definition or shop_definition(), actions)
        return replay(engine, TENANT, definitions, actions)


def changed(before: bytes, after: bytes) -> ServiceDefinition:
    assert before in DEFINITION
    loaded = load_definition(
        "shop.yaml", DEFINITION.replace(before, after), actions=built_in_actions().catalogue
    )
    assert loaded.definition is not None, "\n".join(map(str, loaded.problems))
    return loaded.definition


async def test_every_way_through_the_rules_replays_byte_for_byte(town: Town, data: Path) -> None:
    await everything_happens(town)

    result = replayed(data)

    assert result.told == []
    assert result.conversations == 10
    assert result.decisions > 10
    assert result.interrupted == 0


async def test_an_altered_decision_is_told_with_what_it_should_be(town: Town, data: Path) -> None:
    at = await town.says("This is fraud!")
    decided = await town.last(at.conversation, "decided")
    forged = canonical_text({**decided.data, "team": "money"})
    with sqlite3.connect(data / "answerable.db") as database:
        database.execute(
            "UPDATE event SET data = ? WHERE stream = ? AND seq = ?",
            (forged, at.conversation, decided.seq),
        )
    database.close()

    result = replayed(data)

    # The decision itself, and the hand-off that does not follow from what it says now.
    assert [(d.seq, d.what) for d in result.told] == [
        (decided.seq, "changed"),
        (decided.seq + 1, "changed"),
    ]
    first = result.told[0]
    assert first.stored is not None
    assert first.now is not None
    assert (first.stored["data"]["team"], first.now["data"]["team"]) == ("money", "security")


async def test_a_removed_or_invented_consequence_is_found(town: Town, data: Path) -> None:
    at = await town.says("This is fraud!")
    handed = await town.last(at.conversation, "handed_off")
    with sqlite3.connect(data / "answerable.db") as database:
        database.execute(
            "UPDATE event SET cause = NULL WHERE stream = ? AND seq = ?",
            (at.conversation, handed.seq),
        )
    database.close()

    assert [d.what for d in replayed(data).told] == ["would be added"]


async def test_each_decision_is_replayed_under_the_definition_of_its_time(
    town: Town, data: Path
) -> None:
    """Three times in force: the first, a changed one, and the first again."""
    first = shop_definition()
    second = changed(b"priority: urgent, team: security", b"priority: high, team: senior")
    sources = {
        first.hash: DEFINITION,
        second.hash: DEFINITION.replace(
            b"priority: urgent, team: security", b"priority: high, team: senior"
        ),
    }
    definitions = town.service.definitions
    for definition in (first, second, first):
        definitions._active.clear()
        definitions.add(definition)
        at = town.clock.now()
        activate = partial(
            definitions.activate,
            definition=definition,
            name="shop.yaml",
            source=sources[definition.hash],
            at=at,
        )
        await town.service.database.write(activate)
        await town.says("This is fraud!", by=f"contact-{at}")
        await town.mails("This is fraud!", by=f"{at.timestamp()}@example.com")
        await town.says("Where is my parcel?", by=f"other-{at}")
        town.clock.advance(timedelta(minutes=5))
    await town.says("P-1234", by=f"other-{town.clock.now() - timedelta(minutes=10)}")

    assert replayed(data, first).told == []
    assert replayed(data, second).told == []


async def test_a_definition_that_was_lost_is_said_and_not_guessed(town: Town, data: Path) -> None:
    await town.says("This is fraud!")
    with sqlite3.connect(data / "answerable.db") as database:
        database.execute("DELETE FROM service_definition")
    database.close()
    other = changed(b"priority: urgent, team: security", b"priority: high, team: senior")

    result = replayed(data, other)

    assert result.differences
    assert any("is not stored here" in difference.what for difference in result.told)


async def test_what_is_not_yet_advanced_over_is_no_difference(town: Town, data: Path) -> None:
    await town.says("Where is my parcel P-1234?", settle=False)

    assert replayed(data).told == []


async def test_a_conversation_given_up_by_an_error_replays(town: Town, data: Path) -> None:
    definitions = town.service.definitions
    kept, advancer = definitions._known.copy(), town.service._advancer
    rules = advancer._rules
    advancer._rules = lambda *_: (_ for _ in ()).throw(RuntimeError("a bug"))  # type: ignore[method-assign]
    at = await town.says("hello", settle=False)  # nothing follows yet: nothing runs meanwhile
    await town.service.database.write(lambda tx: tx.execute(sa.update(stream).values(failures=4)))
    await town.service.settle()
    advancer._rules = rules  # type: ignore[method-assign]
    assert definitions._known == kept
    assert await town.owner(at.conversation) == "queue:service"

    result = replayed(data)

    assert result.told == []
    assert result.interrupted == 1


async def test_the_command_says_what_it_found(
    town: Town, data: Path, service_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await everything_happens(town)

    assert run(["replay", str(service_file), "--data", str(data)]) == 0
    assert "10 conversations" in capsys.readouterr().out
    assert run(["replay", str(service_file), "--data", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == 0


async def test_another_definition_is_compared_before_it_goes_live(
    town: Town, data: Path, service_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await everything_happens(town)
    other = tmp_path / "other.yaml"
    other.write_bytes(DEFINITION.replace(b"autoResolve: true, team: parcels", b"team: parcels"))

    command = ["replay", str(service_file), "--against", str(other), "--data", str(data)]
    assert run(command) == 0
    shown = capsys.readouterr().out
    assert "run_playbook (parcelStatus, normal) -> draft (parcelStatus, parcels, normal)" in shown
    assert run([*command[:3], str(service_file), *command[4:]]) == 0
    assert "0 would be others" in capsys.readouterr().out


async def test_a_sensitive_matter_that_would_be_lost_is_a_warning(
    town: Town, data: Path, service_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await everything_happens(town)
    other = tmp_path / "other.yaml"
    other.write_bytes(
        DEFINITION.replace(b"sensitive: fraud,", b"autoResolve: true,")
        .replace(b"resolutionType: fraud-suspicion", b"resolutionType: information")
        .replace(b"  refund:\n    proof", b"  fraud:\n    intents: [fraud, refund]\n    proof")
    )

    capsys.readouterr()
    command = ["replay", str(service_file), "--against", str(other), "--data", str(data), "--json"]
    assert run(command) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["lost_sensitive"] == 1
    assert {"before": "hand_off", "after": "run_playbook", "count": 1} in result["moves"]


def test_a_directory_without_a_database_is_said(tmp_path: Path, service_file: Path) -> None:
    assert run(["replay", str(service_file), "--data", str(tmp_path / "nothing")]) == 1
