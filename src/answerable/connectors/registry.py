"""From a definition's integrations to connectors. Ours and third parties' enter by one door."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from answerable.definition.schema import Integration, ServiceDefinition
from answerable.flow.ports import Connector, Finding, Question
from answerable.kit.errors import ConnectorRefused, InvalidInput
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import get_logger

log = get_logger("connectors")

Secrets = Callable[[str], str | None]
"""A connector's own secrets by name; `key` is the setting ANSWERABLE_CONNECTOR_<NAME>_KEY."""
Factory = Callable[[Integration, str, Secrets], Connector]
"""(integration, its address, its secrets) -> connector; `set_up.ConnectorType` is one."""


def factories() -> dict[str, Factory]:
    """Every connector type installed here, by the `type` that definitions name."""
    return {point.name: point.load() for point in entry_points(group="answerable.connectors")}


def build_connectors(
    definition: ServiceDefinition,
    *,
    addresses: Mapping[str, str],
    secrets: Callable[[str], Secrets],
) -> dict[tuple[TenantId, str], Connector]:
    """A connector for each integration whose type is installed; others stay without.

    addresses: by integration name, instead of the definition's url. secrets: of an integration.
    """
    known = factories()
    built: dict[tuple[TenantId, str], Connector] = {}
    for name, integration in definition.integrations.items():
        factory = known.get(integration.type)
        if factory is None:
            continue  # `check` has said so; playbooks that need it hand off
        address = addresses.get(name) or integration.url
        if not address:
            setting = f"ANSWERABLE_CONNECTOR_{name.upper().replace('-', '_')}_URL"
            raise InvalidInput(
                "connector_without_address",
                f"the integration {name!r} has no url: write it into the definition or set "
                f"{setting}",
            )
        built[(definition.tenant, name)] = factory(integration, address, secrets(name))
    return built


def needed(integration: Integration, name: str) -> str:
    """A setting of the integration that its connector cannot do without. Raises InvalidInput."""
    value = integration.settings.get(name)
    if value in (None, ""):
        raise InvalidInput(
            "connector_setting_missing",
            f"the integration {integration.name!r} ({integration.type}) needs {name}",
        )
    return str(value)


class NotSetUp:
    """Stands for a connector without its key: refuses everything."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def read(self, question: Question) -> Finding:
        raise ConnectorRefused(self._name, f"no key is set for {self._name}")

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        return {}


def warn_without_key(integration: str) -> None:
    """Of a connector that will refuse everything; the service goes on without it."""
    setting = f"ANSWERABLE_CONNECTOR_{integration.upper().replace('-', '_')}_KEY"
    log.warning("connector_without_key", connector=integration, setting=setting)
