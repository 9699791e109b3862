"""Idempotency keys: a POST sent again is answered as before, and carried out once.

The first definite answer to a key is stored for a day, and only a hash of the request with it. An
answer that means "later" (429, 503, a fault of ours) is not stored: the same key may try again.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse

from answerable.api.access import Caller, api_of
from answerable.api.errors import problem_of, problem_response
from answerable.kit.canonical import canonical_text
from answerable.kit.clock import Clock
from answerable.kit.database import (
    Database,
    JsonText,
    UtcDateTime,
    lock_until_commit,
    metadata,
)
from answerable.kit.errors import Conflict, InvalidInput, NotFound
from answerable.kit.ids import TenantId

KEPT = timedelta(hours=24)
IN_FLIGHT = timedelta(seconds=60)  # a process that died holds its key no longer than this
_DEFINITE = (Conflict, InvalidInput, NotFound)

idempotency_key = sa.Table(
    "idempotency_key",
    metadata,
    sa.Column("lookup", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("status", sa.Integer),  # null while in flight
    sa.Column("body", JsonText),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
)


@dataclass(frozen=True, kw_only=True)
class _Stored:
    status: int
    body: Any


class Once:
    """One request's way through the table. `lookup` None: the sender gave no key."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        tenant: TenantId,
        lookup: str | None,
        fingerprint: str,
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._clock = clock
        self._lookup = lookup
        self._fingerprint = fingerprint

    async def run(
        self, work: Callable[[], Awaitable[BaseModel]], *, status: int = 200
    ) -> JSONResponse:
        """The answer of `work`, or the one that this key had before.

        Raises InvalidInput `idempotency_key_reused`, Conflict `request_in_flight`.
        """
        if self._lookup is None:
            return JSONResponse((await work()).model_dump(mode="json"), status)
        at = self._clock.now()
        before = await self._claim(self._lookup, at)
        if before is not None:
            answer = JSONResponse if before.status < 400 else problem_response_from
            return answer(before.body, before.status)
        try:
            body = (await work()).model_dump(mode="json")
        except _DEFINITE as error:
            refused, problem, headers = problem_of(error)
            await self._keep(self._lookup, at, refused, problem)
            return problem_response(refused, problem, headers)
        except BaseException:
            await self._release(self._lookup, at)
            raise
        await self._keep(self._lookup, at, status, body)
        return JSONResponse(body, status)

    async def _claim(self, lookup: str, now: datetime) -> _Stored | None:
        table = idempotency_key.c

        def claim(tx: Connection) -> _Stored | None:
            lock_until_commit(tx, [f"idempotency {lookup}"])
            tx.execute(sa.delete(idempotency_key).where(table.at < now - KEPT))
            row = tx.execute(sa.select(idempotency_key).where(table.lookup == lookup)).first()
            if row is not None and row.fingerprint != self._fingerprint:
                raise InvalidInput(
                    "idempotency_key_reused", "This idempotency key was used for another request."
                )
            if row is not None and row.status is not None:
                return _Stored(status=row.status, body=row.body)
            if row is not None and now - row.at < IN_FLIGHT:
                raise Conflict("request_in_flight", "The same request is being carried out.")
            tx.execute(sa.delete(idempotency_key).where(table.lookup == lookup))
            tx.execute(
                sa.insert(idempotency_key).values(
                    lookup=lookup, fingerprint=self._fingerprint, status=None, body=None, at=now
                )
            )
            return None

        return await self._database.write(claim, tenant=self._tenant)

    async def _keep(self, lookup: str, at: datetime, status: int, body: Any) -> None:
        await self._database.write(
            lambda tx: tx.execute(
                sa.update(idempotency_key)
                .where(*_claimed(lookup, at))
                .values(status=status, body=body)
            ),
            tenant=self._tenant,
        )

    async def _release(self, lookup: str, at: datetime) -> None:
        await self._database.write(
            lambda tx: tx.execute(sa.delete(idempotency_key).where(*_claimed(lookup, at))),
            tenant=self._tenant,
        )


def _claimed(lookup: str, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Of who claimed it then: after IN_FLIGHT another may have taken it over."""
    return idempotency_key.c.lookup == lookup, idempotency_key.c.at == at


def problem_response_from(body: Any, status: int) -> JSONResponse:
    return problem_response(status, body)


async def once(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Names one intention, best a UUID: the same key is carried out once.",
        ),
    ] = None,
) -> Once:
    """The dependency of routes that change something. Keys of different agents are apart."""
    api = api_of(request)
    caller: Caller = request.state.caller  # put there by ByAgent, which routes declare before us
    owner = caller.identity.agent.id
    body = await request.body()
    where = [request.method, request.url.path]
    lookup = _digest([owner, key]) if key is not None else None
    fingerprint = _digest([*where, hashlib.sha256(body).hexdigest(), key])
    return Once(
        api.service.database,
        api.service.clock,
        tenant=caller.tenant,
        lookup=lookup,
        fingerprint=fingerprint,
    )


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(canonical_text(parts).encode()).hexdigest()
