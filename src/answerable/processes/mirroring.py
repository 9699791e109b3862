"""From a definition's integrations to the mirror: which CRM is told, from when, and how much."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from answerable.channels.email.keys_apart import MailKeys
from answerable.definition.schema import Integration
from answerable.desk.cases import OFF, CaseLog, Texts
from answerable.flow.definitions import Definitions
from answerable.flow.ports import Connector
from answerable.flow.service import Service
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.processes.case_lookup import CaseLookup
from answerable.processes.case_mirror import CaseMirror, Mirroring, Target
from answerable.processes.case_reading import CaseReader, Originals, no_originals
from answerable.processes.following import Consumer, Follower
from answerable.processes.forgetting import Forgetting


def mirroring_of(
    service: Service,
    connectors: Mapping[tuple[TenantId, str], Connector],
    follower: Callable[[Consumer, Collection[TenantId]], Follower],
    originals: Originals = no_originals,
    keys: MailKeys | None = None,
) -> Mirroring | None:
    """None if no tenant has a CRM that is to be told. Raises InvalidInput `bad_mirror`.

    originals: mails that are still here. keys: where those of some tenants' mails are.
    """
    targets = _targets(service.definitions, connectors)
    if not targets:
        return None
    mirror = CaseMirror(
        database=service.database,
        clock=service.clock,
        reader=CaseReader(service.database, service.vault, service.definitions, originals),
        targets=targets,
    )
    passing = [tenant for tenant in targets if not service.vault.keeps(tenant)]
    if not passing:
        return Mirroring(mirror=mirror, follower=follower(mirror.consumer, targets.keys()))
    forgetting = Forgetting(
        database=service.database,
        vault=service.vault,
        definitions=service.definitions,
        lookup=service.contacts.lookup,
        clock=service.clock,
        keys=keys,
    )
    return Mirroring(
        mirror=mirror,
        follower=follower(mirror.consumer, targets.keys()),
        closings=follower(forgetting.consumer, passing),
        forgetting=forgetting,
    )


def case_lookup_of(
    service: Service, connectors: Mapping[tuple[TenantId, str], Connector]
) -> CaseLookup:
    """Where the whole texts are read that a CRM has."""
    targets = _targets(service.definitions, connectors)
    whole = {tenant: one.log for tenant, one in targets.items() if one.texts is Texts.WHOLE}
    return CaseLookup(database=service.database, logs=whole)


def check_records(
    definitions: Definitions, connectors: Mapping[tuple[TenantId, str], Connector]
) -> None:
    """Raises InvalidInput `no_record` for a tenant whose texts are nowhere on disk, and that has no
    CRM which is told all of them."""
    targets = _targets(definitions, connectors)
    for tenant in definitions.tenants:
        if definitions.active(tenant).keeping.forget_after is None:
            continue
        target = targets.get(tenant)
        if target is None or target.texts is not Texts.WHOLE:
            raise InvalidInput(
                "no_record",
                f"{tenant} has privacy.store: none, and no CRM that is told what was said: give it "
                "an integration of type salesforce, with its key, and leave `mirror` out",
            )


def _targets(
    definitions: Definitions, connectors: Mapping[tuple[TenantId, str], Connector]
) -> dict[TenantId, Target]:
    """The first CRM of each tenant."""
    found: dict[TenantId, Target] = {}
    for tenant in definitions.tenants:
        for name, integration in definitions.active(tenant).integrations.items():
            connector = connectors.get((tenant, name))
            if tenant in found or not isinstance(connector, CaseLog):
                continue
            keeps = definitions.active(tenant).keeping.forget_after is None
            usual = Texts.MASKED if keeps else Texts.WHOLE
            told = integration.settings.get("mirror", usual)
            told = OFF if told is False else told  # YAML reads a bare off so
            if told not in (*Texts, OFF):
                words = ", ".join((*Texts, OFF))
                raise InvalidInput("bad_mirror", f"integrations.{name}.mirror must be: {words}")
            if told != OFF:
                since = _since(integration)
                found[tenant] = Target(name=name, log=connector, texts=Texts(told), since=since)
    return found


def _since(integration: Integration) -> datetime | None:
    told: Any = integration.settings.get("mirrorSince")
    if told is None:
        return None
    try:
        day = told if isinstance(told, date) else date.fromisoformat(str(told))
    except ValueError as error:
        raise InvalidInput(
            "bad_mirror", f"integrations.{integration.name}.mirrorSince must be like 2026-09-01"
        ) from error
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
