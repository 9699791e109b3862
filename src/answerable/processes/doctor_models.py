"""The doctor's look at model versions: what the ledger calls live must be there."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable, InvalidInput
from answerable.kit.ids import TenantId
from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.encoders import encoder_of
from answerable.processes.settings import Settings
from answerable.processes.stored import stored_tenants
from answerable.understanding.version_files import load_version
from answerable.understanding.version_store import read_versions
from answerable.understanding.versions import Versions


def check_models(tx: Connection, settings: Settings, _: datetime) -> Iterator[Finding]:
    """The live version of each tenant that has one, and the one in shadow."""
    for tenant in stored_tenants(tx):
        versions = read_versions(tx, tenant)
        for name in (versions.live, versions.shadow):
            if name is not None:
                yield _version(settings, tenant, versions, name)


def _version(settings: Settings, tenant: TenantId, versions: Versions, name: str) -> Finding:
    state, version = versions.state(name), versions.get(name)
    try:
        encoder = encoder_of(settings)
        load_version(settings.models / tenant, name, version.manifest_sha256, encoder)
    except (ConnectorUnavailable, ConnectorRefused) as error:
        told = f"{tenant}: {name} is {state}, and its encoder cannot be asked: {error.message}"
        return problem("model version", told, "look at ANSWERABLE_ENCODER and what it names")
    except InvalidInput as error:
        if error.code == "foreign_model":
            told = f"{tenant}: {name} is {state}, and another model reads: {error.message}"
            return warning("model version", told, "train, add and promote a version anew")
        told = f"{tenant}: {name} is {state}, and cannot read: {error.message}"
        return problem(
            "model version", told, "copy its folder there, or `answerable models rollback`"
        )
    return ok("model version", f"{tenant}: {name} is {state}")
