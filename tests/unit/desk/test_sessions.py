"""Signing in, staying signed in, and being signed out."""

import asyncio
from datetime import timedelta
from typing import cast

import pytest
import sqlalchemy as sa

from answerable.desk.agent import Role
from answerable.desk.passwords import COMPUTATIONS, Passwords
from answerable.desk.session_store import agent_session
from answerable.desk.sessions import OpenedSession, Sessions, csrf_fits, csrf_token
from answerable.kit.database import Database
from answerable.kit.errors import NotAllowed, TooMany
from tests.support.rivals import Slow
from tests.unit.desk.conftest import PASSWORD, TENANT, Office


async def signs_in(office: Office, password: str = PASSWORD, ip: str = "10.0.0.1") -> OpenedSession:
    return await office.sessions.open("sam@here.example", password, ip=ip)


async def fails(office: Office, *, ip: str = "10.0.0.1", email: str = "sam@here.example") -> str:
    with pytest.raises((NotAllowed, TooMany)) as refusal:
        await office.sessions.open(email, "wrong", ip=ip)
    return refusal.value.code


async def test_a_session_is_found_by_its_token_and_stored_as_a_hash(office: Office) -> None:
    opened = await signs_in(office)

    found = await office.sessions.find(opened.token)

    assert found is not None
    assert found.agent == office.sam
    rows = await office.database.read(lambda tx: tx.execute(sa.select(agent_session)).all())
    assert opened.token not in str(rows)
    assert opened.token not in repr(opened)


async def test_signing_in_and_out_are_events_without_personal_data(office: Office) -> None:
    opened = await signs_in(office)
    await office.sessions.close(opened.token, opened.identity)
    await office.sessions.close(opened.token, opened.identity)

    events = await office.administration()

    assert [event.kind for event in events] == ["agent_created", "session_opened", "session_closed"]
    assert "here.example" not in str(events)
    assert "Sam" not in str(events)
    assert await office.sessions.find(opened.token) is None


async def test_a_session_ends_after_eight_idle_hours(office: Office) -> None:
    opened = await signs_in(office)
    office.clock.advance(timedelta(hours=7, minutes=59))
    assert await office.sessions.find(opened.token) is not None
    office.clock.advance(timedelta(hours=7, minutes=59))
    assert await office.sessions.find(opened.token) is not None
    office.clock.advance(timedelta(hours=8))
    assert await office.sessions.find(opened.token) is None


async def test_a_session_ends_after_a_day_however_busy(office: Office) -> None:
    opened = await signs_in(office)
    for _ in range(23):
        office.clock.advance(timedelta(hours=1))
        assert await office.sessions.find(opened.token) is not None
    office.clock.advance(timedelta(hours=1))
    assert await office.sessions.find(opened.token) is None


async def test_suspension_ends_all_sessions_and_refuses_new_ones(office: Office) -> None:
    first, second = await signs_in(office), await signs_in(office)

    await office.agents.suspend(TENANT, office.sam.id)

    assert await office.sessions.find(first.token) is None
    assert await office.sessions.find(second.token) is None
    assert await fails(office) == "wrong_credentials"
    with pytest.raises(NotAllowed):
        await signs_in(office)
    await office.agents.resume(TENANT, office.sam.id)
    assert await office.sessions.find(first.token) is None
    assert await office.sessions.find((await signs_in(office)).token) is not None


async def test_a_change_of_role_ends_all_sessions(office: Office) -> None:
    opened = await signs_in(office)

    await office.agents.change_role(TENANT, office.sam.id, Role.SUPERVISOR)

    assert await office.sessions.find(opened.token) is None


async def test_a_change_of_role_ends_a_session_that_is_being_opened(office: Office) -> None:
    async def nothing() -> None:
        """While the attempt is counted."""

    async def changes() -> None:
        await office.agents.change_role(TENANT, office.sam.id, Role.SUPERVISOR)

    meanwhile = iter([nothing, changes])
    slow = Slow(office.database, then=lambda: next(meanwhile)())
    sessions = Sessions(cast(Database, slow), office.clock, office.passwords)

    opened = await sessions.open("sam@here.example", PASSWORD, ip="10.0.0.1")

    assert await office.sessions.find(opened.token) is None


async def test_signing_in_again_ends_the_session_that_the_browser_held(office: Office) -> None:
    planted = await signs_in(office)

    fresh = await office.sessions.open(
        "sam@here.example", PASSWORD, ip="10.0.0.1", replaced=planted.token
    )

    assert fresh.token != planted.token
    assert await office.sessions.find(planted.token) is None


async def test_ten_failures_close_the_door_for_address_and_ip(office: Office) -> None:
    assert [await fails(office) for _ in range(10)] == ["wrong_credentials"] * 10

    assert await fails(office) == "too_many_failed_sign_ins"
    with pytest.raises(TooMany) as refusal:
        await signs_in(office)  # even with the right password
    assert refusal.value.retry_after == timedelta(minutes=15)
    await signs_in(office, ip="10.0.0.2")  # the person is not locked out elsewhere
    office.clock.advance(timedelta(minutes=15))
    await signs_in(office)


async def test_many_attempts_at_once_do_not_slip_through(office: Office) -> None:
    codes = await asyncio.gather(*(fails(office) for _ in range(15)))

    assert codes.count("wrong_credentials") == 10
    assert codes.count("too_many_failed_sign_ins") == 5


async def test_success_forgets_the_failures_before_it(office: Office) -> None:
    for _ in range(9):
        await fails(office)
    await signs_in(office)
    assert [await fails(office) for _ in range(10)] == ["wrong_credentials"] * 10


async def test_one_ip_cannot_try_many_addresses(office: Office) -> None:
    codes = [await fails(office, email=f"{n}@here.example") for n in range(101)]
    assert codes[99] == "wrong_credentials"
    assert codes[100] == "too_many_failed_sign_ins"


@pytest.mark.parametrize("email", ["nobody@here.example", "no address", "", "a@b\x00", "é@" * 40])
async def test_unknown_addresses_are_answered_as_wrong_passwords(
    office: Office, email: str
) -> None:
    assert await fails(office, email=email) == "wrong_credentials"


async def test_unknown_addresses_cost_the_same_hashing(office: Office) -> None:
    counted = CountingPasswords()
    office.sessions._passwords = counted

    await fails(office, email="nobody@here.example")
    await fails(office)

    assert counted.verified == 2


class CountingPasswords(Passwords):
    verified = 0

    async def verify(self, password: str, hashed: str | None) -> bool:
        self.verified += 1
        return False


async def test_more_hashing_than_may_wait_is_refused(office: Office) -> None:
    passwords = Passwords(waiting=0)
    codes = await asyncio.gather(
        *(passwords.hash("something long") for _ in range(COMPUTATIONS + 3)),
        return_exceptions=True,
    )
    passwords.close()

    assert sum(isinstance(code, TooMany) for code in codes) == 3


async def test_being_too_busy_costs_no_attempt(office: Office) -> None:
    busy = Passwords(waiting=-COMPUTATIONS)
    working, office.sessions._passwords = office.sessions._passwords, busy
    for _ in range(20):
        assert await fails(office) == "too_many_sign_ins"
    office.sessions._passwords = working
    await signs_in(office)


def test_a_csrf_token_fits_its_session_only() -> None:
    assert csrf_fits("token", csrf_token("token"))
    assert not csrf_fits("token", csrf_token("other"))
    assert not csrf_fits("token", "")
    assert not csrf_fits("token", "é")
