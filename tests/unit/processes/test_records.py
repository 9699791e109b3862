"""Who keeps nothing needs a CRM that is told everything."""

import pytest

from answerable.connectors.crm.testing import FakeCrm
from answerable.definition.load import load_definition
from answerable.flow.definitions import Definitions
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.playbooks.library import built_in_actions
from answerable.processes.mirroring import check_records
from tests.support.town import DEFINITION

SHOP = TenantId("corner-shop")


def definitions(more: str, *, mirror: str = "") -> Definitions:
    actions = built_in_actions()
    crm = f"integrations:\n  crm: {{type: their-crm{mirror}}}\n".encode()
    source = DEFINITION.replace(b"integrations:\n", crm) + more.encode()
    loaded = load_definition("shop.yaml", source, actions=actions.catalogue)
    assert loaded.definition is not None, "\n".join(map(str, loaded.problems))
    found = Definitions(actions)
    found.add(loaded.definition)
    return found


def test_with_a_crm_that_is_told_everything_it_may_start() -> None:
    check_records(definitions("privacy: {store: none}"), {(SHOP, "crm"): FakeCrm()})  # type: ignore[dict-item]
    check_records(definitions(""), {})


@pytest.mark.parametrize("mirror", ["off", "masked", "without-texts"])
def test_with_a_crm_that_is_told_less_it_does_not(mirror: str) -> None:
    less = definitions("privacy: {store: none}", mirror=f", mirror: {mirror}")

    with pytest.raises(InvalidInput, match="no CRM that is told what was said"):
        check_records(less, {(SHOP, "crm"): FakeCrm()})  # type: ignore[dict-item]


def test_without_a_crm_it_does_not() -> None:
    with pytest.raises(InvalidInput, match="corner-shop"):
        check_records(definitions("privacy: {store: none}"), {})
