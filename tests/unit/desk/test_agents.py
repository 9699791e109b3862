"""Agents come and go."""

import pytest

from answerable.desk.agent import Role
from answerable.kit.errors import Conflict, InvalidInput, NotFound
from answerable.kit.ids import AgentId, TenantId
from tests.unit.desk.conftest import PASSWORD, TENANT, Office


async def test_an_address_signs_in_one_person_only(office: Office) -> None:
    with pytest.raises(Conflict) as refusal:
        await office.agents.create(
            TenantId("elsewhere"),
            name="Sam",
            email=" SAM@here.example ",
            password=PASSWORD,
            role=Role.AGENT,
        )
    assert refusal.value.code == "email_taken"


@pytest.mark.parametrize(
    ("name", "email", "password", "code"),
    [
        ("", "a@b.example", PASSWORD, "invalid_name"),
        ("\u202eeve", "a@b.example", PASSWORD, "invalid_name"),
        ("A" * 101, "a@b.example", PASSWORD, "invalid_name"),
        ("Ann", "no address", PASSWORD, "invalid_email"),
        ("Ann", "a@b\nBcc: c@d.example", PASSWORD, "invalid_email"),
        ("Ann", "a@b.example", "too short", "invalid_password"),
        ("Ann", "a@b.example", "aaaaaaaaaaaaaaaa", "invalid_password"),
        ("Ann", "a@b.example", "abcdefgh" * 40, "invalid_password"),
    ],
)
async def test_what_cannot_be_a_person_is_refused(
    office: Office, name: str, email: str, password: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await office.agents.create(
            TENANT, name=name, email=email, password=password, role=Role.AGENT
        )
    assert refusal.value.code == code


async def test_nobody_suspends_themselves(office: Office) -> None:
    with pytest.raises(Conflict):
        await office.agents.suspend(TENANT, office.sam.id, by=office.sam.id)


@pytest.mark.parametrize("tenant", [TENANT, TenantId("elsewhere")])
async def test_agents_of_other_tenants_do_not_exist(office: Office, tenant: TenantId) -> None:
    agent_id = office.sam.id if tenant != TENANT else AgentId("agt_nobody")
    with pytest.raises(NotFound):
        await office.agents.suspend(tenant, agent_id)


async def test_nobody_says_by_what_they_are_known_themselves(office: Office) -> None:
    with pytest.raises(Conflict):
        await office.agents.note_known_as(TENANT, office.sam.id, [], by=office.sam.id)


async def test_what_an_agent_is_known_by_is_replaced_and_stands_in_no_event(
    office: Office,
) -> None:
    admin = AgentId("agt_admin")
    for lookups in (["one", "two", "one"], ["three"]):
        agent = await office.agents.note_known_as(TENANT, office.sam.id, lookups, by=admin)

    assert agent.known_as == ("three",)
    events = [e for e in await office.administration() if e.kind == "agent_known_as_changed"]
    assert [(event.actor, event.data["agent"]) for event in events] == [
        ("agent:agt_admin", office.sam.id)
    ] * 2
    assert "three" not in str(events)


async def test_suspending_twice_is_one_event(office: Office) -> None:
    await office.agents.suspend(TENANT, office.sam.id)
    await office.agents.suspend(TENANT, office.sam.id)
    kinds = [event.kind for event in await office.administration()]
    assert kinds == ["agent_created", "agent_suspended"]
