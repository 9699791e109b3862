"""A model's life as an operator leads it: trained, added, tried in shadow, promoted, taken back."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from answerable.cli.main import run
from answerable.definition.schema import ServiceDefinition
from answerable.kit.errors import InvalidInput
from answerable.kit.testing import SettableClock
from answerable.ledger.administration import administration_stream
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events
from answerable.processes.backup import back_up
from answerable.processes.doctor_database import check_database
from answerable.processes.live_versions import LOOK_EVERY, LiveVersions
from answerable.processes.models import examples_of, languages_of
from answerable.processes.restore import restore
from answerable.processes.settings import Settings
from answerable.understanding.examples import data_hash
from answerable.understanding.local_reader import LocalReader
from answerable.understanding.shadow import MOST_WAITING, Shadow
from answerable.understanding.shadow_record import shadow_summary
from answerable.understanding.train_model import model_for, train_files
from answerable.understanding.version_files import load_version, manifest_digest
from answerable.understanding.version_store import record_version
from answerable.understanding.versions import ADDED, PROMOTED
from tests.support.stores import postgres_url
from tests.support.town import DEFINITION, TENANT, Town, shop_definition

SENTENCES = {
    "parcel-status": ["where is my {}", "my {} has not come", "when does the {} arrive"],
    "refund": ["I want my money back for the {}", "refund the {}", "please pay back the {}"],
    "opening-hours": ["when are you open on {}", "opening hours on {}", "do you close on {}"],
    "later": ["remind me later about the {}", "not now, later with the {}", "do the {} later"],
    "fraud": ["somebody stole the {}", "this {} is a fraud", "a criminal bought the {}"],
}
THINGS = ("parcel", "shoes", "lamp", "order", "Monday", "coat", "table", "radio")
Rows = list[tuple[str, str]]


def rows(things: tuple[str, ...]) -> Rows:
    return [
        (sentence.format(thing), intent)
        for intent, sentences in SENTENCES.items()
        for sentence in sentences
        for thing in things
    ]


ASKED = [(f"hello, {text}", intent) for text, intent in rows(THINGS[:2])]


def write_rows(path: Path, labelled: Rows) -> Path:
    lines = [json.dumps({"text": text, "intents": [intent]}) for text, intent in labelled]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def trained(path: Path, labelled: Rows) -> Path:
    file = write_rows(path.with_suffix(".jsonl"), labelled)
    definition = shop_definition()
    train_files([file], path, examples=examples_of(definition), languages=languages_of(definition))
    return path


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("good") / "model", rows(THINGS[:6]))


@pytest.fixture(scope="session")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whoever labelled this took refunds for later matters."""
    labelled = [(text, "later" if name == "refund" else name) for text, name in rows(THINGS[:6])]
    return trained(tmp_path_factory.mktemp("bad") / "model", labelled)


@pytest.fixture
def own(data: Path) -> Path:
    """The definition's own model is there, as after the first start of the service."""
    definition = shop_definition()
    examples = examples_of(definition)
    place = data / "models" / definition.tenant
    model_for(data_hash(examples), examples, place, languages=languages_of(definition))
    return place


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Labelled messages that no model has learnt."""
    return write_rows(tmp_path / "asked.jsonl", ASKED)


class Operator:
    """At the command line, beside the running service."""

    def __init__(self, service: Path, store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        self._service = service
        self._store = store
        self._capsys = capsys
        self.told = ""

    async def __call__(self, command: str, *more: str | Path) -> str:
        """Its standard output; what it says to people is in `told`."""
        assert await self.tries(command, *more) == 0, self.told
        return self._said

    async def tries(self, command: str, *more: str | Path) -> int:
        given = ["models", command, str(self._service), *map(str, more), *self._store]
        self._capsys.readouterr()  # what the service beside it has logged
        code = await asyncio.to_thread(run, given)
        self._said, self.told = self._capsys.readouterr()
        return code


@pytest.fixture
def operator(
    town: Town, own: Path, service_file: Path, data: Path, server: bool,
    capsys: pytest.CaptureFixture[str],
) -> Operator:  # fmt: skip
    store = ["--data", str(data)]
    if server:
        store += ["--database", postgres_url(data / "answerable.db")]
    return Operator(service_file, store, capsys)


@pytest.fixture
async def versions(town: Town, data: Path) -> LiveVersions:
    return LiveVersions(Settings(values={"DATA": str(data)}), town.service.database, town.clock)


@pytest.fixture
async def reader(versions: LiveVersions) -> AsyncIterator[LocalReader]:
    reader = LocalReader(versions.live)
    yield reader
    reader.close()


async def model_that_reads(reader: LocalReader, definition: ServiceDefinition) -> str:
    (understood,) = await reader.understand(definition, ["where is my parcel"])
    return understood.model


async def recorded(town: Town) -> list[Event]:
    stream = administration_stream(TENANT)
    events = await town.service.database.read(lambda tx: read_events(tx, stream))
    return [event for event in events if event.kind.startswith("model_")]


@pytest.mark.parametrize("server", [False, True], ids=["file", "server"])
async def test_a_promoted_version_reads_without_a_restart_and_goes_back(
    town: Town, operator: Operator, reader: LocalReader, good: Path, asked: Path
) -> None:
    definition = shop_definition()
    before = await model_that_reads(reader, definition)
    name = (await operator("add", good)).strip()

    await operator("promote", name, "--examples", asked)

    assert await model_that_reads(reader, definition) == before  # it looks every few seconds
    town.clock.advance(LOOK_EVERY)
    assert await model_that_reads(reader, definition) == name
    await operator("rollback", "--why", "customers complain")
    town.clock.advance(LOOK_EVERY)
    assert await model_that_reads(reader, definition) == before


@pytest.mark.parametrize("server", [False, True], ids=["file", "server"])
async def test_an_auditor_sees_which_model_decided_and_why_it_came(
    town: Town, operator: Operator, good: Path, asked: Path
) -> None:
    name = (await operator("add", good)).strip()
    await operator("add", good)  # twice is once
    await operator("shadow", name)
    await operator("promote", name, "--examples", asked)
    await operator("rollback", "--why", "a try")

    added, shadowed, promoted, back = await recorded(town)

    assert (added.kind, shadowed.data["name"]) == ("model_added", name)
    assert added.data["facts"]["data_sha256"]
    assert added.data["facts"]["metrics"]["messages"] > 50
    assert promoted.data["before"] == "definition"
    assert promoted.data["compared"]["overall"]["messages"] == len(ASKED)
    assert promoted.data["forced"] is None
    assert (back.kind, back.data["name"], back.data["reason"]) == (
        "model_rolled_back", "definition", "a try",
    )  # fmt: skip


async def test_a_worse_version_is_refused_by_intent_and_can_be_forced_with_a_reason(
    town: Town, operator: Operator, good: Path, bad: Path, asked: Path
) -> None:
    fine = (await operator("add", good)).strip()
    worse = (await operator("add", bad)).strip()
    await operator("promote", fine, "--examples", asked)

    assert await operator.tries("promote", worse, "--examples", asked) == 1

    assert "refund: 6 of 6 right before, 0 now (6 lost, 0 won" in operator.told
    assert json.loads(await operator("list", "--json"))["live"] == fine
    await operator("promote", worse, "--examples", asked, "--force", "refunds are gone")
    promoted = (await recorded(town))[-1]
    assert promoted.data["forced"] == "refunds are gone"
    assert "refund" in [one["intent"] for one in promoted.data["compared"]["worse"]]


async def test_without_examples_the_messages_of_both_trainings_are_compared(
    operator: Operator, good: Path, tmp_path: Path, asked: Path
) -> None:
    fine = (await operator("add", good)).strip()
    await operator("promote", fine, "--examples", asked)
    more = await asyncio.to_thread(trained, tmp_path / "more", rows(THINGS[:7]))
    name = (await operator("add", more)).strip()

    said = await operator("promote", name)

    assert said.startswith("all messages: ")
    learnt_by_both = len(rows(THINGS[:6])) + 25  # and the definition's own
    assert f" of {learnt_by_both} right before" in said


async def test_what_a_model_has_learnt_is_no_proof_for_it(
    operator: Operator, good: Path, tmp_path: Path
) -> None:
    name = (await operator("add", good)).strip()
    known = write_rows(tmp_path / "known.jsonl", rows(THINGS[:2]))

    assert await operator.tries("promote", name, "--examples", known) == 1
    assert "without having learnt it" in operator.told


async def test_a_model_of_other_intents_is_refused(operator: Operator, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "other.jsonl", [*rows(THINGS[:2]), ("a loan please", "loan")])
    train_files([file], tmp_path / "other")

    assert await operator.tries("add", tmp_path / "other") == 2
    assert "the definition has no intents loan" in operator.told


async def test_a_version_whose_files_were_changed_does_not_read(
    operator: Operator, reader: LocalReader, own: Path, good: Path, asked: Path
) -> None:
    name = (await operator("add", good)).strip()
    await operator("promote", name, "--examples", asked)
    with (own / "versions" / name / "arrays.npz").open("ab") as file:
        file.write(b"x")

    with pytest.raises(InvalidInput, match="not what its manifest says"):
        await model_that_reads(reader, shop_definition())


async def test_a_definition_with_another_intent_is_read_by_its_own_model(
    operator: Operator, reader: LocalReader, good: Path, asked: Path
) -> None:
    name = (await operator("add", good)).strip()
    await operator("promote", name, "--examples", asked)
    loan = b"    - {name: loan, title: A loan, examples: [f1, f2, f3, f4, f5]}\n"
    changed = shop_definition(DEFINITION.replace(b"entities:", loan + b"entities:", 1))

    assert await model_that_reads(reader, changed) != name


async def test_after_an_upgrade_a_version_of_the_old_release_gives_way(
    town: Town, operator: Operator, reader: LocalReader, own: Path, good: Path
) -> None:
    """It was live when the program was replaced by one with other files."""
    name = (await operator("add", good)).strip()
    path = own / "versions" / name / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))

    def live_since_long(tx: Connection) -> None:
        data = {"name": name, "manifest_sha256": manifest_digest(path.parent), "facts": {}}
        for kind in (ADDED, PROMOTED):
            record_version(tx, TENANT, kind, data, by="system", at=town.clock.now())

    await town.service.database.write(live_since_long)

    assert await model_that_reads(reader, shop_definition()) not in (name, "")
    await operator("rollback")


async def read_in_shadow(
    reader: LocalReader, shadow: Shadow, texts: list[str], *, conversation: str = "cnv_1"
) -> None:
    definition = shop_definition()
    said = await reader.understand(definition, texts)
    shadow.saw(definition, [conversation] * len(texts), texts, said)
    await shadow.settle()


async def test_a_shadow_reads_what_the_live_model_reads_and_tells_the_difference(
    town: Town, operator: Operator, reader: LocalReader, versions: LiveVersions, own: Path,
    good: Path, bad: Path, asked: Path, tmp_path: Path,
) -> None:  # fmt: skip
    fine = (await operator("add", good)).strip()
    await operator("promote", fine, "--examples", asked)
    name = (await operator("add", bad)).strip()
    await operator("shadow", name)
    shadow = Shadow(reader, versions.shadow, town.clock, rest=0)

    await read_in_shadow(reader, shadow, ["where is my lamp", "refund the secret lamp"])

    summary = shadow_summary(own / "versions" / name / "shadow.jsonl")
    (difference,) = summary.differences
    assert (summary.read, summary.same) == (2, 1)
    assert (difference.live.intent, difference.shadow.intent) == ("refund", "later")
    assert difference.conversations == ("cnv_1",)
    kept = b"".join(path.read_bytes() for path in (own / "versions" / name).iterdir())
    assert b"secret" not in kept
    shown = await operator("show", name, "--html", tmp_path / "report.html")
    assert "read 2 messages, 1 of them as the live model did" in shown
    assert "cnv_1" in (tmp_path / "report.html").read_text().replace("<wbr>", "")
    data: dict[str, Any] = json.loads(await operator("show", name, "--json"))
    assert data["shadow"]["read"] == 2


async def test_a_shadow_that_fails_leaves_the_live_model_alone(
    town: Town, operator: Operator, reader: LocalReader, versions: LiveVersions, own: Path,
    good: Path,
) -> None:  # fmt: skip
    name = (await operator("add", good)).strip()
    await operator("shadow", name)
    (own / "versions" / name / "arrays.npz").unlink()
    shadow = Shadow(reader, versions.shadow, town.clock, rest=0)

    await read_in_shadow(reader, shadow, ["where is my lamp"])
    await read_in_shadow(reader, shadow, ["where is my lamp"])

    assert await model_that_reads(reader, shop_definition())


async def test_a_burst_is_sampled_and_what_was_left_out_is_counted(
    town: Town, operator: Operator, reader: LocalReader, versions: LiveVersions, own: Path,
    good: Path,
) -> None:  # fmt: skip
    name = (await operator("add", good)).strip()
    await operator("shadow", name)
    shadow = Shadow(reader, versions.shadow, town.clock, rest=0)

    await read_in_shadow(reader, shadow, ["where is my lamp"] * (MOST_WAITING + 7))

    summary = shadow_summary(own / "versions" / name / "shadow.jsonl")
    assert (summary.read, summary.left_out) == (MOST_WAITING, 7)


async def test_what_is_switched_off_reads_no_more(
    town: Town, operator: Operator, reader: LocalReader, versions: LiveVersions, own: Path,
    good: Path, town_clock: SettableClock,
) -> None:  # fmt: skip
    name = (await operator("add", good)).strip()
    await operator("shadow", name)
    await operator("shadow", "off")
    shadow = Shadow(reader, versions.shadow, town_clock, rest=0)

    town.clock.advance(timedelta(minutes=1))
    await read_in_shadow(reader, shadow, ["where is my lamp"])

    assert not (own / "versions" / name / "shadow.jsonl").exists()


async def test_wrong_usage_is_told(operator: Operator) -> None:
    assert await operator.tries("promote", "m4-0123456789ab") == 1
    assert "there are: none" in operator.told
    assert await operator.tries("rollback") == 1
    assert "no model was promoted" in operator.told
    assert await operator("list") != ""


async def test_a_restored_copy_has_the_version_that_its_ledger_calls_live(
    town: Town, operator: Operator, data: Path, good: Path, asked: Path, tmp_path: Path
) -> None:
    name = (await operator("add", good)).strip()
    await operator("promote", name, "--examples", asked)
    settings = Settings(values={"DATA": str(data)})

    back_up(settings, tmp_path / "backup", town.clock, with_keys=True)
    restore(tmp_path / "backup", tmp_path / "copy", town.clock)

    kept = tmp_path / "copy" / "models" / TENANT
    ledger = json.loads(await operator("list", "--json"))["versions"][0]
    assert load_version(kept, name, ledger["manifest_sha256"]).name == name


async def test_the_doctor_finds_a_live_version_without_its_files(
    town: Town, operator: Operator, data: Path, own: Path, good: Path, asked: Path
) -> None:
    name = (await operator("add", good)).strip()
    await operator("promote", name, "--examples", asked)

    def found() -> list[tuple[str, str]]:
        settings = Settings(values={"DATA": str(data)})
        told = check_database(data / "answerable.db", settings, town.clock.now())
        return [(one.level, one.text) for one in told if one.check == "model version"]

    assert found() == [("ok", f"{TENANT}: {name} is live")]
    (own / "versions" / name / "manifest.json").unlink()
    ((level, text),) = found()
    assert level == "problem"
    assert "models rollback" in text
