"""The search of a service under test: the index brought up to date, and asked."""

from answerable.api.desk.reading import Reader
from answerable.api.desk.search_shapes import SearchHit, SearchPage
from answerable.api.desk.searching import Search
from answerable.flow.service import Service
from answerable.kit.ids import TenantId
from answerable.processes.following import Follower
from answerable.processes.search_index import search_index


def indexer(service: Service) -> Follower:
    return Follower(
        search_index(service.database, service.vault, service.contacts.lookup),
        database=service.database,
        live=service.live,
        tenants=lambda: service.definitions.tenants,
        leads=lambda: True,
        now=service.clock.now,
    )


async def indexed(service: Service) -> None:
    assert await indexer(service).hand_on()


async def searched(
    service: Service, tenant: TenantId, query: str, *, before: int | None = None, limit: int = 30
) -> SearchPage:
    reader = Reader(
        vault=service.vault, tenant=tenant, definition=service.definitions.active(tenant)
    )
    search = Search(reader=reader, lookup=service.contacts.lookup)
    return await service.database.read(
        lambda tx: search.page(tx, query, before=before, limit=limit), tenant=tenant
    )


def ids(page: SearchPage) -> list[str]:
    return [hit.conversation.id for hit in page.items]


def shown(hit: SearchHit) -> str:
    """An excerpt as text, with what was looked for in brackets."""
    assert hit.excerpt is not None
    return "".join(f"[{p.text}]" if p.marked else p.text for p in hit.excerpt.parts)
