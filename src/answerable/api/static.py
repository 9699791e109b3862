"""The built console and widget, read once at start: no path of a request meets the file system."""

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from answerable.api.access import Open, api_of
from answerable.api.plain_route import PlainRoute
from answerable.desk.permission import Permission
from answerable.kit.errors import NotFound
from answerable.kit.resources import web_path

# The console shows what strangers wrote: only its own scripts run, and it talks to nobody else.
CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"


@dataclass(frozen=True, kw_only=True)
class File:
    content: bytes
    media_type: str
    etag: str


def read_files(folder: Path) -> dict[str, File]:
    """path within the folder -> file; empty if it was not built."""
    files = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if not path.is_file():
            continue
        content = path.read_bytes()
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if media_type.startswith("text/") or media_type.endswith("javascript"):
            media_type += "; charset=utf-8"
        files[path.relative_to(folder).as_posix()] = File(
            content=content,
            media_type=media_type,
            etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        )
    return files


def built_files(app: str) -> dict[str, File]:
    """The files of a built front end; none where it was not built: the API serves without it."""
    try:
        return read_files(web_path(app))
    except NotFound:
        return {}


def static_routes(console: dict[str, File], widget: dict[str, File]) -> APIRouter:
    """/, /console/… and /widget/…"""
    router = APIRouter(route_class=PlainRoute, include_in_schema=False)
    opened = Depends(Open(Permission.PUBLIC))

    @router.get("/")
    async def home(request: Request, _: Annotated[None, opened]) -> Response:
        return RedirectResponse(api_of(request).settings.home, 307)

    @router.get("/console")
    async def console_home(_: Annotated[None, opened]) -> Response:
        return RedirectResponse("/console/", 307)

    @router.get("/console/{path:path}")
    async def console_file(path: str, request: Request, _: Annotated[None, opened]) -> Response:
        # Paths without a file are the console's own addresses: it finds its way from there.
        is_asset = path.startswith("assets/")
        file = console.get(path) or (None if is_asset else console.get("index.html"))
        headers = {"Content-Security-Policy": CONSOLE_POLICY}
        return _sent(file, request, _FOREVER if is_asset else _ASK, headers)

    @router.get("/widget/{path:path}")
    async def widget_file(path: str, request: Request, _: Annotated[None, opened]) -> Response:
        headers = {
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",  # a public script; it carries no credential
        }
        return _sent(widget.get(path), request, _ASK, headers)

    return router


def _sent(file: File | None, request: Request, cached: str, headers: dict[str, str]) -> Response:
    if file is None:
        raise NotFound("not_found", "There is no such page. Was the console built?")
    headers = {**headers, "Cache-Control": cached, "ETag": file.etag}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
