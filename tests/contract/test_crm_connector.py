"""What every CRM does that cases are written to: Salesforce's dialect over HTTP, and the fake."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from answerable.connectors.crm.connector import Salesforce, create
from answerable.connectors.crm.mapping import CrmMapping, mark_of
from answerable.connectors.crm.rest import REST_AT_LIMIT, Rest, judge_of
from answerable.connectors.crm.session import Credentials, Session
from answerable.connectors.crm.testing import FakeCrm
from answerable.connectors.http import Ambassador, AnswerLost, Breaker
from answerable.definition.schema import Integration
from answerable.definition.terms import Proof
from answerable.desk.cases import (
    MOST_AT_ONCE,
    CaseComment,
    CaseLog,
    CasePerson,
    CaseRefused,
    CaseStatus,
    CaseTask,
    CaseUpdate,
    CaseWritten,
)
from answerable.flow.ports import Question
from answerable.kit.errors import (
    ConnectorRefused,
    ConnectorUnavailable,
    InvalidInput,
    NotAllowed,
)
from answerable.kit.testing import SettableClock
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import Settings
from answerable_sandbox.world import build_world

CLIENT, USER = Settings().crm_client_id, Settings().crm_username
AUDIENCE = "https://login.salesforce.com"
GRAPH = "/crm/services/data/v61.0/composite/graph"


@cache
def key() -> RSAKey:
    return RSAKey.generate_key(2048, private=True)


@cache
def other_key() -> RSAKey:
    return RSAKey.generate_key(2048, private=True)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def sandbox(clock: SettableClock) -> AsyncIterator[Sandbox]:
    settings = Settings(crm_public_key=key().as_pem(private=False).decode())
    async with Sandbox(build_world(settings, clock=clock.now)) as running:
        yield running


@dataclass
class Office:
    """Opens connectors to one CRM, and closes them."""

    sandbox: Sandbox
    clock: SettableClock

    def __post_init__(self) -> None:
        self.opened: list[Salesforce] = []

    def opens(
        self,
        *,
        seconds: float | None = None,
        mapping: CrmMapping | None = None,
        breaker: Breaker | None = None,
        share: float = 0.9,
        **credentials: Any,
    ) -> Salesforce:
        told = {"client": CLIENT, "username": USER, "audience": AUDIENCE, "key": key()}
        ambassador = Ambassador(
            name="crm",
            base_url=f"{self.sandbox.url}/crm",
            judge=judge_of("crm"),
            breaker=breaker or Breaker(now=lambda: self.clock.now().timestamp()),
            call_seconds=seconds,
        )
        session = Session(ambassador, Credentials(**{**told, **credentials}), now=self.clock.now)
        rest = Rest(ambassador, session, version="v61.0", share=share)
        self.opened.append(Salesforce(rest, mapping or CrmMapping(queues={"cards": "00GCARDS"})))
        return self.opened[-1]


@pytest.fixture
async def office(sandbox: Sandbox, clock: SettableClock) -> AsyncIterator[Office]:
    office = Office(sandbox, clock)
    yield office
    for one in office.opened:
        await one.close()


@pytest.fixture(params=["sandbox", "fake"])
def crm(request: pytest.FixtureRequest) -> CaseLog:
    if request.param == "fake":
        return FakeCrm()
    opened: CaseLog = request.getfixturevalue("office").opens()
    return opened


def records(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    return list(sandbox.world.crm.records[name].values())


def calls(sandbox: Sandbox) -> int:
    return sandbox.world.crm.api_usage


OPENED = CaseUpdate(
    key="cnv_1",
    channel="email",
    subject="I moved",
    description="Please update my address.",
    status=CaseStatus.OPEN,
    comments=(CaseComment(key="cnv_1:4", text="Understood as “Change of address”."),),
)


async def test_a_case_is_created_once_however_often_it_is_written(crm: CaseLog) -> None:
    [first] = await crm.write([OPENED])
    [again] = await crm.write([CaseUpdate(**{**vars(OPENED), "again": True})])

    assert isinstance(first, CaseWritten)
    assert isinstance(again, CaseWritten)
    assert first.case == again.case == await crm.find("cnv_1")
    assert await crm.find("cnv_2") is None


async def test_comments_are_read_back_by_our_keys_the_oldest_first(crm: CaseLog) -> None:
    lines = "first\n\n  second\n[answerable cnv_9:1]"
    more = CaseUpdate(key="cnv_1", comments=(CaseComment(key="cnv_1:5/1", text=lines),))
    [written] = await crm.write([OPENED])
    assert isinstance(written, CaseWritten)
    await crm.write([more])

    by_key = await crm.comments("cnv_1")

    assert list(by_key) == [*OPENED.comments, *more.comments]
    assert await crm.comments("cnv_1", case=written.case) == by_key
    assert list(await crm.comments("cnv_2")) == []


async def test_who_wrote_stands_in_the_case_where_it_is_told(
    office: Office, sandbox: Sandbox
) -> None:
    crm = office.opens()
    by_mail = CasePerson(name="Anna Schmidt", email="anna@example.com")
    by_chat = CasePerson(name="Ben", customer="C-1001")

    await crm.write(
        [CaseUpdate(key="cnv_1", person=by_mail), CaseUpdate(key="cnv_2", person=by_chat)]
    )

    first, second = records(sandbox, "Case")
    assert (first["SuppliedName"], first["SuppliedEmail"]) == ("Anna Schmidt", "anna@example.com")
    assert second["SuppliedName"] == "Ben (C-1001)"
    assert "SuppliedEmail" not in second


async def test_what_stands_in_the_crm(office: Office, sandbox: Sandbox) -> None:
    crm = office.opens()
    [outcome] = await crm.write([OPENED])
    handed = CaseUpdate(
        key="cnv_1",
        status=CaseStatus.HANDED_OFF,
        priority="urgent",
        team="cards",
        tasks=(CaseTask(key="cnv_1:9", subject="Call back", team="cards"),),
    )
    await crm.write([handed])
    await crm.write([handed])

    [case] = records(sandbox, "Case")
    [comment] = records(sandbox, "CaseComment")
    [task] = records(sandbox, "Task")
    assert outcome == CaseWritten(case=case["Id"], writes=2)
    told = ("Subject", "Description", "Origin", "Status", "Priority", "OwnerId")
    assert [case[name] for name in told] == [
        "I moved", "Please update my address.", "Email", "Escalated", "High", "00GCARDS",
    ]  # fmt: skip
    assert comment["ParentId"] == task["WhatId"] == case["Id"]
    assert comment["IsPublished"] is False
    assert comment["CommentBody"].splitlines() == [
        "Understood as “Change of address”.", mark_of("cnv_1:4"),
    ]  # fmt: skip
    assert (task["Subject"], task["OwnerId"]) == ("Call back", "00GCARDS")
    assert calls(sandbox) == 3, "each write is one call"


async def test_many_cases_are_one_call(office: Office, sandbox: Sandbox) -> None:
    crm = office.opens()
    updates = [
        CaseUpdate(
            key=f"cnv_{n}",
            subject=f"Matter {n}",
            comments=[CaseComment(key=f"cnv_{n}:{m}", text="…") for m in range(3)],
        )
        for n in range(MOST_AT_ONCE)
    ]
    outcomes = await crm.write(updates)

    assert all(isinstance(one, CaseWritten) and one.writes == 4 for one in outcomes)
    assert len({one.case for one in outcomes if isinstance(one, CaseWritten)}) == MOST_AT_ONCE
    assert (len(records(sandbox, "Case")), calls(sandbox)) == (MOST_AT_ONCE, 1)
    with pytest.raises(ValueError, match="too many"):
        await crm.write([*updates, OPENED])


async def test_a_comment_is_there_once_though_its_answer_was_lost(
    office: Office, sandbox: Sandbox
) -> None:
    crm = office.opens()
    comment = CaseComment(key="cnv_1:7:0", text="Decided to hand off to Cards.")
    for mode in ("apply-then-lose", "garbage", "fail"):
        sandbox.world.faults.add("crm", mode, path=GRAPH)  # type: ignore[arg-type]
        with pytest.raises(AnswerLost):
            await crm.comment("cnv_1", comment)
    await crm.comment("cnv_1", comment)
    await crm.comment("cnv_1", CaseComment(key="cnv_1:8:0", text=comment.text))

    marks = [one["CommentBody"].splitlines()[-1] for one in records(sandbox, "CaseComment")]
    assert sorted(marks) == [mark_of("cnv_1:7:0"), mark_of("cnv_1:8:0")]


async def test_one_who_writes_another_s_mark_hides_nothing(
    office: Office, sandbox: Sandbox
) -> None:
    crm = office.opens()
    await crm.comment("cnv_1", CaseComment(key="a", text=f"{mark_of('b')}\nsaid the customer"))
    await crm.comment("cnv_1", CaseComment(key="b", text="Decided."))

    assert len(records(sandbox, "CaseComment")) == 2


async def test_a_case_that_the_crm_gave_is_written_into_and_none_is_created(
    office: Office, sandbox: Sandbox
) -> None:
    given = sandbox.world.crm.create("Case", {"Subject": "Mail"}, idempotency_key=None)["id"]
    crm = office.opens()
    update = CaseUpdate(
        key="cnv_1",
        case=given,
        channel="email",
        status=CaseStatus.CLOSED,
        comments=[CaseComment(key="k", text="Closed.")],
    )
    assert await crm.write([update]) == [CaseWritten(case=given, writes=2)]
    only_comment = CaseUpdate(key="cnv_1", case=given, comments=[CaseComment(key="l", text="…")])
    assert await crm.write([only_comment]) == [CaseWritten(case=given, writes=1)]
    assert await crm.write([CaseUpdate(key="cnv_1", case=given)]) == [
        CaseWritten(case=given, writes=0)
    ]

    [case] = records(sandbox, "Case")
    assert (case["Status"], case["Subject"], len(records(sandbox, "CaseComment"))) == (
        "Closed", "Mail", 2,
    )  # fmt: skip


async def test_what_is_refused_is_refused_alone_and_nothing_of_it_stays(
    office: Office, sandbox: Sandbox
) -> None:
    crm = office.opens()
    gone = CaseUpdate(
        key="cnv_1", case="500000000009999AAA", comments=[CaseComment(key="k", text="…")]
    )
    refused, written = await crm.write([gone, CaseUpdate(**{**vars(OPENED), "key": "cnv_2"})])

    assert refused == CaseRefused(reason="INVALID_CROSS_REFERENCE_KEY")
    assert isinstance(written, CaseWritten)
    bad = CrmMapping(external_id="No_Such")
    [refused] = await office.opens(mapping=bad).write([OPENED])
    assert refused == CaseRefused(reason="INVALID_FIELD")
    with pytest.raises(ConnectorRefused, match="INVALID_FIELD"):
        await office.opens(mapping=bad).comment("cnv_3", CaseComment(key="k", text="…"))
    assert len(records(sandbox, "Case")) == 1


async def test_texts_in_any_writing_and_of_any_length_fit(office: Office, sandbox: Sandbox) -> None:
    long = "Straße — 東京 🏦 'quoted' \\ \n" * 3_000
    update = CaseUpdate(
        key="cnv_'1\\",
        subject=long,
        description=long,
        comments=[CaseComment(key="k'1", text=long), CaseComment(key="k2", text="@{case.id}")],
    )
    crm = office.opens()
    [outcome] = await crm.write([update])
    [again] = await crm.write([CaseUpdate(**{**vars(update), "again": True})])

    assert isinstance(outcome, CaseWritten)
    assert isinstance(again, CaseWritten)
    assert outcome.case == again.case
    [case] = records(sandbox, "Case")
    first, second = records(sandbox, "CaseComment")
    assert case["Subject"].startswith("Straße — 東京 🏦")
    assert len(first["CommentBody"].encode()) <= 4_000
    assert first["CommentBody"].endswith(mark_of("k'1"))
    assert case["Id"] not in second["CommentBody"]


async def test_comments_may_be_feed_items(office: Office, sandbox: Sandbox) -> None:
    crm = office.opens(mapping=CrmMapping(comments="FeedItem"))
    for _ in range(2):
        await crm.comment("cnv_1", CaseComment(key="k", text="Decided."))

    [item] = records(sandbox, "FeedItem")
    assert item["Body"] == f"Decided.\n{mark_of('k')}"


async def test_one_token_is_asked_for_by_one_for_all(office: Office, sandbox: Sandbox) -> None:
    crm = office.opens()
    await asyncio.gather(*(crm.find(f"cnv_{n}") for n in range(20)))
    assert sandbox.world.crm_sessions.granted == 1

    sandbox.world.crm_sessions.end_all()  # in the middle of everything
    found = await asyncio.gather(*(crm.find(f"cnv_{n}") for n in range(20)))
    assert found == [None] * 20
    assert sandbox.world.crm_sessions.granted == 2


async def test_one_who_goes_away_takes_the_token_from_nobody(
    office: Office, sandbox: Sandbox
) -> None:
    crm = office.opens()
    sandbox.world.faults.add("crm", "slow", path="/services/oauth2", seconds=0.2)
    first = asyncio.create_task(crm.find("cnv_1"))
    second = asyncio.create_task(crm.find("cnv_2"))
    await asyncio.sleep(0)
    first.cancel()

    assert await second is None
    assert sandbox.world.crm_sessions.granted == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"client": "somebody-else"}, "invalid_client_id"),
        ({"username": "mallory@northwind.example"}, "invalid_grant"),
        ({"audience": "https://evil.example"}, "invalid_grant"),
        ({"key": other_key}, "invalid_grant"),
    ],
)
async def test_a_statement_that_is_not_believed_is_a_refusal(
    office: Office, wrong: dict[str, Any], reason: str
) -> None:
    told = {name: value() if callable(value) else value for name, value in wrong.items()}

    with pytest.raises(ConnectorRefused, match=reason):
        await office.opens(**told).write([OPENED])


async def test_a_statement_is_not_good_for_long(office: Office, sandbox: Sandbox) -> None:
    early = SettableClock()
    late = Office(sandbox, early)
    early.advance(timedelta(minutes=-4))

    with pytest.raises(ConnectorRefused, match="invalid_grant"):
        await late.opens().write([OPENED])
    for one in late.opened:
        await one.close()


async def test_when_the_day_s_calls_are_used_up_nobody_asks_for_a_while(
    office: Office, sandbox: Sandbox, clock: SettableClock
) -> None:
    crm = office.opens(share=2.0)
    await crm.write([OPENED])
    sandbox.world.crm.daily_calls = calls(sandbox)
    with pytest.raises(ConnectorUnavailable) as refused:
        await crm.write([OPENED])
    assert refused.value.retry_after == REST_AT_LIMIT

    sandbox.world.crm.daily_calls += 10
    clock.advance(REST_AT_LIMIT - timedelta(seconds=1))
    with pytest.raises(ConnectorUnavailable):
        await crm.find("cnv_1")
    clock.advance(timedelta(seconds=1))
    assert await crm.find("cnv_1") is not None


async def test_the_last_of_the_day_s_calls_are_for_what_people_wait_for(
    office: Office, sandbox: Sandbox, clock: SettableClock
) -> None:
    crm = office.opens(share=0.9)
    sandbox.world.crm.daily_calls = 10
    for _ in range(9):
        await crm.find("cnv_1")
    with pytest.raises(ConnectorUnavailable) as refused:
        await crm.write([OPENED])
    assert refused.value.retry_after == REST_AT_LIMIT

    assert await crm.find("cnv_1") is None  # the tenth
    sandbox.world.crm.daily_calls = 10_000
    clock.advance(REST_AT_LIMIT)
    [written] = await crm.write([OPENED])
    assert isinstance(written, CaseWritten)


@pytest.mark.parametrize("mode", ["rate-limit", "fail"])
async def test_a_time_that_the_crm_names_is_kept(
    office: Office, sandbox: Sandbox, clock: SettableClock, mode: str
) -> None:
    crm = office.opens()
    await crm.find("cnv_1")
    status = None if mode == "rate-limit" else 503
    sandbox.world.faults.add("crm", mode, seconds=90, status=status)  # type: ignore[arg-type]
    with pytest.raises(ConnectorUnavailable) as refused:
        await crm.write([OPENED])
    if mode == "rate-limit":
        assert refused.value.retry_after == timedelta(seconds=90)
        clock.advance(timedelta(seconds=89))
        with pytest.raises(ConnectorUnavailable):
            await crm.write([OPENED])
        clock.advance(timedelta(seconds=1))
    assert not isinstance(refused.value, AnswerLost)
    [written] = await crm.write([OPENED])
    assert isinstance(written, CaseWritten)
    assert len(sandbox.world.journal.entries(system="crm", kind="fault")) == 1


async def test_a_crm_that_hangs_keeps_nobody(office: Office, sandbox: Sandbox) -> None:
    crm = office.opens(seconds=0.2, breaker=Breaker())
    sandbox.world.faults.add("crm", "hang", times=None, seconds=600)
    for _ in range(8):
        with pytest.raises(ConnectorUnavailable):
            await crm.write([OPENED])

    assert len(sandbox.world.journal.entries(system="crm", kind="fault")) == 5


@pytest.mark.parametrize("path", ["/services/oauth2", "/services/data"])
async def test_garbage_is_no_answer(office: Office, sandbox: Sandbox, path: str) -> None:
    sandbox.world.faults.add("crm", "garbage", path=path)
    crm = office.opens()

    with pytest.raises(ConnectorUnavailable):
        await crm.find("cnv_1")
    assert await crm.find("cnv_1") is None


def question(operation: str, *fields: str, **other: Any) -> Question:
    told = {
        "subject": ("customer", "C-1001"),
        "proof": Proof.SIGNED_IN,
        "parameters": {},
        "key": "k",
        **other,
    }
    return Question(operation=operation, fields=fields, **told)


async def a_case_of(sandbox: Sandbox, customer: str, **fields: str) -> str:
    crm = sandbox.world.crm
    contact = crm.find("Contact", "Customer_Id__c", customer)
    assert contact is not None
    made = crm.create("Case", {"ContactId": contact["Id"], **fields}, idempotency_key=None)
    return str(crm.get("Case", made["id"])["CaseNumber"])


async def test_a_playbook_reads_the_fields_it_names_of_the_contact_s_own_cases(
    office: Office, sandbox: Sandbox
) -> None:
    number = await a_case_of(sandbox, "C-1001", Subject="My card")
    await a_case_of(sandbox, "C-1001", Subject="Old", Status="Closed")
    hers = await a_case_of(sandbox, "C-1002", Subject="Not Anna's")
    crm = office.opens()

    listed = await crm.read(question("open-cases", "number", "subject"))
    one = await crm.read(question("case", "status", parameters={"number": number}))
    other = await crm.read(question("case", "status", parameters={"number": hers}))
    sly = {"number": f"x' OR CaseNumber = '{hers}"}
    injected = await crm.read(question("case", "status", parameters=sly))

    assert dict(listed.facts) == {"found": True, "count": 1}
    assert listed.values == {"items": [{"number": number, "subject": "My card"}]}
    assert (dict(one.facts), dict(one.values)) == ({"found": True, "status": "New"}, {})
    assert dict(other.facts) == dict(injected.facts) == {"found": False}


async def test_who_has_proven_too_little_reads_nothing(office: Office, sandbox: Sandbox) -> None:
    crm = office.opens()
    with pytest.raises(NotAllowed, match="needs signed-in"):
        await crm.read(question("open-cases", "number", proof=Proof.EMAIL))
    with pytest.raises(NotAllowed):
        await crm.read(question("open-cases", "number", subject=("email", "a@example.com")))
    with pytest.raises(ConnectorRefused):
        await crm.read(question("all-cases"))
    with pytest.raises(ConnectorRefused):
        await crm.read(question("case", "status"))
    assert calls(sandbox) == 0


def integration(**settings: Any) -> Integration:
    told = {"clientId": CLIENT, "username": USER, **settings}
    kept = {name: value for name, value in told.items() if value is not None}
    return Integration(name="crm", type="salesforce", settings=kept)


def test_what_the_definition_must_say_and_may_not() -> None:
    pem = key().as_pem(private=True).decode()
    for wrong in ({"clientId": None}, {"comments": "Note"}, {"externalId": "a' OR"}, {"queues": 1}):
        with pytest.raises(InvalidInput):
            create(integration(**wrong), "http://crm.example", lambda _: pem)
    for bad in ("no key", key().as_pem(private=False).decode()):
        with pytest.raises(InvalidInput) as refused:
            create(integration(), "http://crm.example", lambda _, bad=bad: bad)  # type: ignore[misc]
        assert bad not in str(refused.value)


async def test_without_a_key_it_refuses_and_the_operator_is_told() -> None:
    with capture_logs() as logged:
        crm = create(integration(), "http://crm.example", lambda _: None)

    assert not isinstance(crm, CaseLog)
    with pytest.raises(ConnectorRefused, match="no key"):
        await crm.read(question("open-cases", "number"))
    assert [one["setting"] for one in logged] == ["ANSWERABLE_CONNECTOR_CRM_KEY"]
