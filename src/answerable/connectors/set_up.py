"""How connectors of a type are set up: what can be said before the first call.

What an entry point of `answerable.connectors` names may be a `ConnectorType` instead of a plain
function; then definitions and installations are checked for what this type needs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from answerable.connectors.registry import Secrets, factories
from answerable.definition.check_playbooks import error, warning
from answerable.definition.explain import did_you_mean
from answerable.definition.problem import Finding
from answerable.definition.schema import Integration, ServiceDefinition, Where
from answerable.flow.ports import Connector
from answerable.kit.web_address import in_the_clear, web_address

C = TypeVar("C", bound=Connector, covariant=True)
Check = Callable[[Integration, ServiceDefinition], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Secret:
    """What an integration is trusted with, beside what its definition says.

    what: it is. without: what becomes of the integration. least_bytes: a shorter one is no good.
    wanted: whether this integration has a use for it.
    """

    what: str
    without: str
    least_bytes: int = 1
    wanted: Callable[[Integration], bool] = lambda _: True


def _nothing(integration: Integration, definition: ServiceDefinition) -> Iterator[Finding]:
    yield from ()


@dataclass(frozen=True, kw_only=True)
class ConnectorType(Generic[C]):
    """Makes connectors, and knows what they need.

    create: as `registry.Factory`. needs, settings: keys that a definition must, and may, write.
    check: what is wrong with their values; they need not be there. Pure.
    key: what is under ANSWERABLE_CONNECTOR_<NAME>_KEY. hook_secret: under …_HOOK_SECRET.
    callback: the key whose value is an address of ours.
    """

    create: Callable[[Integration, str, Secrets], C]
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    check: Check = _nothing
    key: Secret | None = None
    hook_secret: Secret | None = None
    callback: str | None = None

    def __call__(self, integration: Integration, address: str, secrets: Secrets) -> C:
        return self.create(integration, address, secrets)


def set_up_of(type_: str) -> ConnectorType[Connector] | None:
    """What is known of a type; None for one that is not installed, or does not say."""
    found = factories().get(type_)
    return found if isinstance(found, ConnectorType) else None


def check_integrations(definition: ServiceDefinition) -> Iterator[Finding]:
    """What a definition says of its integrations that cannot work, as far as it shows without
    secrets and calls."""
    known = sorted(factories())
    for integration in definition.integrations.values():
        if integration.type not in known:
            hint = did_you_mean(integration.type, known)
            yield warning(
                (*integration.where, "type"),
                f"no connector of the type {integration.type} is installed{hint}",
            )
            continue
        if integration.url is not None:
            yield from check_address(integration.url, (*integration.where, "url"))
        yield from check_settings(integration, definition)


def check_settings(integration: Integration, definition: ServiceDefinition) -> Iterator[Finding]:
    """As `check_integrations`, of one integration, without its address."""
    set_up = set_up_of(integration.type)
    if set_up is None:
        return
    keys = [*set_up.needs, *set_up.settings]
    for key in integration.settings:
        if key not in keys:
            told = f"{integration.type} has no setting {key}{did_you_mean(key, keys)}"
            yield warning((*integration.where, key), told, at_key=True)
    for key in set_up.needs:
        if integration.settings.get(key) in (None, ""):
            told = f"{integration.type} needs {key}: add `{key}: ...`"
            yield error(integration.where, told, at_key=True)
    yield from set_up.check(integration, definition)


def check_address(address: object, where: Where) -> Iterator[Finding]:
    """Of the other system. Nothing of it is repeated: it may hold a password."""
    key = where[-1]
    parts = web_address(address)
    if parts is None:
        yield error(where, f"{key} is no address: write one such as https://bank.example/api")
        return
    if parts.username or parts.password:
        yield error(where, f"{key} holds a password: remove it, secrets come from settings")
    if in_the_clear(parts):
        yield warning(where, f"{key} is not encrypted: keys and customers' data can be read on "
                             "their way; write https")  # fmt: skip
