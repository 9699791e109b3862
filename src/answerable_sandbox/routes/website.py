"""The website of Northwind Bank, with the chat on it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from joserfc import jwt
from joserfc.jwk import OctKey

from answerable_sandbox.pages import STATIC, page
from answerable_sandbox.settings import Clock, utc_now
from answerable_sandbox.systems.bank_records import Customer
from answerable_sandbox.systems.seed import CUSTOMERS, seed_records

_ORIGIN = re.compile(r"https?://[\w.\-\[\]:]+")
AUDIENCE = "northwind-bank"
WIDGET_KEY = "wk_northwind_demo"
TOKEN_SECONDS = 3600
SIGN_INS = ("C-1001", "C-1002")  # offered on the page; tokens can be had for every customer
FILES = {"bank.css": "text/css", "bank.js": "text/javascript", "mark.svg": "image/svg+xml"}


def customer_token(customer: Customer, secret: str, *, clock: Clock = utc_now) -> str:
    """A signed statement (JWT, HS256) that this customer is signed in, good for an hour."""
    now = int(clock().timestamp())
    claims = {
        "sub": customer.id,
        "name": customer.name,
        "email": customer.email,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    }
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


def page_policy(answerable_url: str) -> str:
    """The page's Content-Security-Policy: own files, the widget, and Answerable's API.

    answerable_url: an origin; anything that could not be one is left out of the policy.
    """
    if not _ORIGIN.fullmatch(answerable_url.rstrip("/")):
        return _policy("", "")
    parts = urlsplit(answerable_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    socket = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    return _policy(f" {origin}", f" {socket}")


def _policy(origin: str, socket: str) -> str:
    return (
        f"default-src 'none'; script-src 'self'{origin}; style-src 'self'{origin}; "
        f"img-src 'self' data:{origin}; font-src 'self'{origin}; "
        f"connect-src 'self'{origin}{socket}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def bank_pages(
    answerable_url: str, secret: str, *, clock: Clock = utc_now, sandbox_url: str | None = None
) -> APIRouter:
    """`/bank` and what it needs, for the sandbox itself or for another server's own port.

    answerable_url: the origin that serves the chat; "" means this server, whatever it is called.
    secret: signs customer tokens; Answerable must hold the same one.
    sandbox_url: where the customers' mail program is; None: the same server has it.
    """
    router = APIRouter(tags=["bank"])
    customers = {customer.id: customer for customer in CUSTOMERS}

    @router.get("/bank", response_class=HTMLResponse)
    async def bank(request: Request) -> HTMLResponse:
        # Not every browser takes 'self' in a policy to mean the same server's WebSocket too.
        origin = answerable_url or f"{request.url.scheme}://{request.url.netloc}"
        records = seed_records(clock().date())
        return page(
            "bank.html",
            policy=page_policy(origin),
            answerable_url=answerable_url.rstrip("/"),
            widget_key=WIDGET_KEY,
            customers=[customers[id_] for id_ in SIGN_INS],
            branches=records.branches,
            rates=records.rates,
            mail_url=f"{sandbox_url.rstrip('/')}/mail" if sandbox_url else "mail",
        )

    @router.get("/bank/token")
    async def token(customer: str) -> Response:
        found = customers.get(customer)
        if found is None:
            return JSONResponse({"detail": "There is no such customer."}, status_code=404)
        body: dict[str, Any] = {
            "token": customer_token(found, secret, clock=clock),
            "expires_in": TOKEN_SECONDS,
            "customer": {"id": found.id, "name": found.name, "email": found.email},
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    @router.get("/bank/{name}")
    async def file(name: str) -> Response:
        if name not in FILES:
            return JSONResponse({"detail": "There is no such file."}, status_code=404)
        return FileResponse(STATIC / name, media_type=FILES[name])

    return router
