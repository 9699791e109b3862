"""Below HTTP: connections that can be cut, faults that strike calls, headers that protect pages."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from answerable_sandbox.faults import Fault, Faults
from answerable_sandbox.journal import Journal, System
from answerable_sandbox.problems import Problem

FAULTY: tuple[System, ...] = ("core", "crm", "sms")  # mail has no paths: see the SMTP receiver
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class Connections:
    """The open HTTP connections by the peer's address, so that one can be cut without an answer."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """uvicorn's HTTP protocol, registering its connections here."""
        registered = self._open

        class RegisteredProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                registered[transport.get_extra_info("peername")[:2]] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                peer = self.transport.get_extra_info("peername")[:2]
                # The port may belong to a new connection already, if this one was cut.
                if registered.get(peer) is self.transport:
                    del registered[peer]
                super().connection_lost(exc)

        return RegisteredProtocol

    def cut(self, peer: tuple[str, int] | None) -> bool:
        """Abort the peer's connection; False if it is not known (no real socket)."""
        transport = self._open.pop(peer, None) if peer else None
        if transport is None:
            return False
        transport.abort()
        return True

    def cut_all(self) -> None:
        """Abort every open connection."""
        for peer in list(self._open):
            self.cut(peer)


class FaultMiddleware:
    """Lets the faults in force strike the calls to the outside systems."""

    def __init__(
        self, app: ASGIApp, *, faults: Faults, journal: Journal, connections: Connections
    ) -> None:
        self._app = app
        self._faults = faults
        self._journal = journal
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the call, struck by a fault if one matches."""
        fault = self._fault_for(scope)
        if fault is None:
            await self._app(scope, receive, send)
            return
        self._journal.record(
            fault.system,
            f"fault {fault.mode}",
            {"method": scope["method"], "path": scope["path"]},
            idempotency_key=_header(scope, b"idempotency-key"),
            kind="fault",
        )
        match fault.mode:
            case "slow":
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)
            case "hang":
                await _until_gone(receive, fault.seconds)
                await self._cut(scope, receive)
            case "apply-then-lose":
                await self._app(scope, receive, _swallow)
                await self._cut(scope, receive)
            case "garbage":
                await self._app(scope, receive, _swallow)
                await _answer_nonsense(send)
            case _:
                await _answer(send, fault)

    def _fault_for(self, scope: Scope) -> Fault | None:
        if scope["type"] != "http":
            return None
        for system in FAULTY:
            if scope["path"].startswith(f"/{system}/"):
                return self._faults.take(system, path=scope["path"])
        return None

    async def _cut(self, scope: Scope, receive: Receive) -> None:
        client = scope.get("client")
        if not self._connections.cut(tuple(client[:2]) if client else None):
            raise ConnectionResetError("the sandbox lost the answer")
        # uvicorn would answer 500 for us if we returned before it noticed that the peer is gone.
        await _until_gone(receive, 5)


class HeadersMiddleware:
    """Protective headers on every response; a route's own policy wins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the call with the headers added."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", PAGE_POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _until_gone(receive: Receive, seconds: float) -> None:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        async with asyncio.timeout(seconds):
            await gone()
    except TimeoutError:
        pass


async def _swallow(message: Message) -> None:
    del message


async def _answer_nonsense(send: Send) -> None:
    """As a proxy on the way does, which has something to say to people."""
    body = b"<!doctype html><title>200</title><p>Welcome to the guest network"
    headers = [
        (b"content-type", b"text/html"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(send: Send, fault: Fault) -> None:
    headers = [(b"content-type", b"application/json")]
    match fault.mode:
        case "rate-limit":
            problem = Problem(429, "too_many", "Too many requests; see Retry-After.")
            headers.append((b"retry-after", str(math.ceil(fault.seconds)).encode()))
        case "refuse":
            problem = Problem(fault.status or 422, "refused", "The sandbox was told to refuse.")
        case _:
            problem = Problem(fault.status or 500, "failed", "The sandbox was told to fail.")
    body = json.dumps(_in_dialect(fault.system, problem)).encode()
    headers.append((b"content-length", str(len(body)).encode()))
    start = {"type": "http.response.start", "status": problem.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _in_dialect(system: System, problem: Problem) -> Any:
    if system == "crm":
        return [{"errorCode": problem.code.upper(), "message": problem.detail}]
    if system == "sms":
        code = 20429 if problem.status == 429 else 20500
        return {"code": code, "message": problem.detail, "status": problem.status}
    return problem.as_json()


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None
