"""One table says who may do what."""

import pytest

from answerable.desk.agent import Agent, Role
from answerable.desk.permission import (
    PERMITTED,
    AgentIdentity,
    Anonymous,
    ContactIdentity,
    Identity,
    Permission,
    authorise,
)
from answerable.kit.errors import NotAllowed, NotFound
from answerable.kit.ids import AgentId, TenantId

HERE, ELSEWHERE = TenantId("here"), TenantId("elsewhere")


def agent(role: Role, *, suspended: bool = False) -> AgentIdentity:
    person = Agent(
        id=AgentId("agt_1"),
        tenant=HERE,
        name="Sam",
        email="sam@here.example",
        role=role,
        teams=(),
        suspended=suspended,
    )
    return AgentIdentity(agent=person, session="ses_1")


def test_every_permission_stands_in_the_table() -> None:
    assert set(PERMITTED) == set(Permission)


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_nobody_reaches_another_tenant(permission: Permission, role: Role) -> None:
    with pytest.raises((NotFound, NotAllowed)):
        authorise(agent(role), permission, tenant=ELSEWHERE)


@pytest.mark.parametrize("permission", [p for p in Permission if "anonymous" not in PERMITTED[p]])
def test_without_a_credential_one_is_asked_to_sign_in(permission: Permission) -> None:
    with pytest.raises(NotAllowed) as refusal:
        authorise(Anonymous(), permission, tenant=HERE)
    assert refusal.value.code == "not_signed_in"


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR])
def test_only_administrators_manage_agents(role: Role) -> None:
    with pytest.raises(NotAllowed) as refusal:
        authorise(agent(role), Permission.MANAGE_AGENTS, tenant=HERE)
    assert refusal.value.code == "not_permitted"
    authorise(agent(Role.ADMINISTRATOR), Permission.MANAGE_AGENTS, tenant=HERE)


def test_supervisors_see_who_the_agents_are_and_agents_do_not() -> None:
    for role in (Role.SUPERVISOR, Role.ADMINISTRATOR):
        authorise(agent(role), Permission.READ_AGENTS, tenant=HERE)
    with pytest.raises(NotAllowed) as refusal:
        authorise(agent(Role.AGENT), Permission.READ_AGENTS, tenant=HERE)
    assert refusal.value.code == "not_permitted"


@pytest.mark.parametrize("permission", [p for p in Permission if Role.AGENT in PERMITTED[p]])
def test_a_suspended_agent_may_do_nothing(permission: Permission) -> None:
    with pytest.raises(NotAllowed):
        authorise(agent(Role.AGENT, suspended=True), permission, tenant=HERE)


def test_a_contact_chats_and_does_nothing_else() -> None:
    contact: Identity = ContactIdentity(tenant=HERE, session="cse_1")
    allowed = []
    for permission in Permission:
        try:
            authorise(contact, permission, tenant=HERE)
        except NotAllowed:
            continue
        allowed.append(permission)
    assert allowed == [
        Permission.PUBLIC, Permission.SIGN_IN, Permission.CALL_HOOK, Permission.OPEN_LINK,
        Permission.OPEN_CHAT,
        Permission.CHAT,
    ]  # fmt: skip
