"""/c/…: the pages behind links in mails, as HTML that needs no script.

To look at a link changes nothing, by whatever method and however often: mail scanners look too.
What changes something is a form with the token of its own page. Every link that opens nothing is
answered alike.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from answerable.api.access import Open, api_of, same_origin
from answerable.api.customer.page_form import (
    PageForm,
    is_multipart,
    read_form,
    read_form_with_files,
)
from answerable.api.customer.page_style import page_policy
from answerable.api.customer.page_view import (
    accepted_language,
    language_of,
    render_busy,
    render_dead,
    render_page,
)
from answerable.api.shield import UPLOAD_BYTES, declared_size
from answerable.contacts.links import PATH, token_hash
from answerable.contacts.one_time_codes import Verdict, typed_digits
from answerable.definition.changes import CHANGES
from answerable.desk.permission import Permission
from answerable.flow.pages import Pages
from answerable.flow.self_service import (
    AskForCode,
    Confirm,
    Decline,
    Enter,
    EnterCode,
    PageAct,
    Served,
    Visit,
    dead,
)
from answerable.kit.errors import Conflict, NotFound
from answerable.playbooks.change import CODE, FORM, REVIEW

router = APIRouter(include_in_schema=False)
_opened = Depends(Open(Permission.OPEN_LINK))
COOKIE_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class _Page:
    """One request to a page. cookie: the browser's own, or a new one; known: whether it had it."""

    request: Request
    token: str
    cookie: str
    known: bool

    @property
    def pages(self) -> Pages:
        return api_of(self.request).service.pages

    @property
    def session(self) -> str:
        name = self.pages.sessions.name_of(self.token, self.cookie)
        assert name is not None
        return name

    async def visit(self) -> Visit:
        return await self.pages.visit(self.token, self.session)

    def shown(
        self,
        visit: Visit,
        *,
        status: int = 200,
        edit: bool = False,
        notice: str | None = None,
        served: Served | None = None,
    ) -> Response:
        definition = api_of(self.request).service.definitions.active(visit.tenant)
        html = render_page(
            visit,
            language=language_of(visit.language, definition.language),
            brand=definition.brand,
            form_token=self.pages.sessions.form_token(self.token, self.cookie),
            edit=edit,
            notice=notice,
            wrong=dict(served.wrong) if served else None,
            typed=dict(served.typed) if served else None,
        )
        return self._with_cookie(_html(html, status, definition.brand.color))

    def _with_cookie(self, response: Response) -> Response:
        if not self.known:
            response.set_cookie(
                _cookie_name(self.token),
                self.cookie,
                max_age=COOKIE_SECONDS,
                path=PATH,
                secure=self.pages.links.is_secure,
                httponly=True,
                samesite="strict",
            )
        return response


@router.api_route(PATH + "{token}", methods=["GET", "HEAD"])
async def look(token: str, request: Request, _: Annotated[None, _opened]) -> Response:
    if (busy := _too_many(request)) is not None:
        return busy
    page = _page(request, token)
    try:
        visit = await page.visit()
    except NotFound:
        return _dead(request)
    return page.shown(visit, edit=request.query_params.get("edit") == "1")


@router.post(PATH + "{token}")
async def act(token: str, request: Request, _: Annotated[None, _opened]) -> Response:
    if (busy := _too_many(request)) is not None:
        return busy
    page = _page(request, token)
    try:
        if is_multipart(request):
            return await _act_with_files(page)
        return await _act(page, await read_form(request))
    except NotFound:
        return _dead(request)


async def _act_with_files(page: _Page) -> Response:
    """A body as large as a file is read only from a browser that has the page, only where it asks
    for a file, and not from all at once."""
    visit = await page.visit()
    wanted = CHANGES[visit.change.kind].documents
    if not (page.known and wanted and visit.change.stage in (FORM, REVIEW, CODE)):
        return page.shown(visit, status=403, notice="again")
    if declared_size(page.request.scope) > UPLOAD_BYTES:
        too_large = Served(wrong=dict.fromkeys(wanted, "too_large"))
        return page.shown(visit, status=413, notice="check", served=too_large)
    uploads, link = api_of(page.request).uploads, token_hash(page.token)
    if not uploads.take(link):
        return _html(render_busy(_asked_language(page.request)), 429)
    try:
        return await _act(page, await read_form_with_files(page.request, wanted))
    finally:
        uploads.leave(link)


async def _act(page: _Page, form: PageForm) -> Response:
    fields = form.fields
    sessions = page.pages.sessions
    origin = page.request.headers.get("origin")
    ours = origin is None or origin == "null" or same_origin(page.request, origin)
    fits = sessions.form_token_fits(page.token, page.cookie, fields.get("form", ""))
    if not (page.known and fits and ours):
        return page.shown(await page.visit(), status=403, notice="again")
    wanted = _wanted(page, form)
    if wanted is None:
        return page.shown(await page.visit(), status=422, notice="digits")
    try:
        served = await page.pages.serve(wanted)
    except Conflict:
        return page.shown(await page.visit(), status=409, notice="moved_on")
    if served.wrong:
        return page.shown(await page.visit(), status=422, notice="check", served=served)
    if served.verdict not in (None, Verdict.ACCEPTED, Verdict.LOCKED):
        status = 503 if served.verdict is Verdict.NOT_CHECKED else 422
        return page.shown(await page.visit(), status=status, notice=served.verdict.value)
    return RedirectResponse(PATH + page.token, 303)


def _wanted(page: _Page, form: PageForm) -> PageAct | None:
    """None for digits that can be no code, which cost no try."""
    fields = form.fields
    token, session, seen = page.token, page.session, fields.get("seen", "")
    match fields.get("act"):
        case "confirm":
            return Confirm(token=token, session=session)
        case "decline":
            return Decline(token=token, session=session)
        case "enter":
            return Enter(token=token, session=session, fields=fields, documents=form.files)
        case "send-code":
            return AskForCode(token=token, session=session, seen=seen)
        case "code":
            digits = typed_digits(fields.get("digits", ""))
            if digits is None:
                return None
            return EnterCode(token=token, session=session, seen=seen, digits=digits)
        case _:
            raise dead()


def _page(request: Request, token: str) -> _Page:
    sessions = api_of(request).service.pages.sessions
    given = request.cookies.get(_cookie_name(token), "")
    known = sessions.name_of(token, given) is not None
    return _Page(
        request=request, token=token, cookie=given if known else sessions.open(token), known=known
    )


def _cookie_name(token: str) -> str:
    """Of its own for each link, so that two may be open; the name tells nothing about the link."""
    return f"answerable_page_{token_hash(token)[:12]}"


def _too_many(request: Request) -> Response | None:
    """The answer to whoever asks too often; before anything is looked up or worked out."""
    api = api_of(request)
    address = request.client.host if request.client else ""
    wait = api.visits.take(address, api.chat.seconds())
    if wait is None:
        return None
    answer = _html(render_busy(_asked_language(request)), 429)
    answer.headers["Retry-After"] = str(max(1, math.ceil(wait.total_seconds())))
    return answer


def _asked_language(request: Request) -> str:
    return language_of(accepted_language(request.headers.get("accept-language", "")))


def _dead(request: Request) -> Response:
    return _html(render_dead(_asked_language(request)), 404)


def _html(text: str, status: int, color: str | None = None) -> Response:
    return HTMLResponse(text, status, headers={"Content-Security-Policy": page_policy(color)})
