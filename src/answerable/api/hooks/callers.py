"""Who calls a hook: an integration of a tenant, which shows that it knows its secret.

The address names the tenant and the integration; only the signature under that integration's
secret makes it theirs.
"""

from dataclasses import dataclass
from typing import Annotated, NoReturn

from fastapi import Path
from starlette.requests import Request

from answerable.api.access import api_of
from answerable.api.context import Api
from answerable.definition.schema import Integration, ServiceDefinition
from answerable.kit.errors import AnswerableError, NotAllowed, NotFound
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import HOOKS

Tenant = Annotated[str, Path(min_length=1, max_length=100)]
Name = Annotated[str, Path(min_length=1, max_length=100)]


@dataclass(frozen=True, kw_only=True)
class HookCaller:
    """secret: what its calls are signed with."""

    api: Api
    definition: ServiceDefinition
    integration: Integration
    secret: str

    @property
    def tenant(self) -> TenantId:
        return self.definition.tenant


def caller_of(request: Request, tenant: str, name: str, *, types: tuple[str, ...]) -> HookCaller:
    """types: of integrations that call this hook.

    Raises NotAllowed `hook_signature_invalid` where there is none, as for a wrong signature.
    """
    api = api_of(request)
    try:
        definition = api.service.definitions.active(TenantId(tenant))
    except NotFound:
        unknown()
    integration = definition.integrations.get(name)
    secret = api.settings.hook_secrets.get(name)
    if integration is None or integration.type not in types or not secret:
        unknown()
    return HookCaller(api=api, definition=definition, integration=integration, secret=secret)


def unknown() -> NoReturn:
    raise NotAllowed("hook_signature_invalid", "The signature does not fit.")


def count(hook: str, outcome: str) -> None:
    HOOKS.labels(hook, outcome).inc()


def outcome_of(error: AnswerableError) -> str:
    return "forged" if isinstance(error, NotAllowed) else "refused"
