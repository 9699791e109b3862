"""For the people who watch: the index, what each system received, and faults on demand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from answerable_sandbox.faults import MODES, Mode
from answerable_sandbox.journal import SYSTEMS, Kind, System
from answerable_sandbox.pages import page
from answerable_sandbox.problems import Problem
from answerable_sandbox.systems.authenticator import seconds_left
from answerable_sandbox.systems.crm import recent_cases
from answerable_sandbox.world import World

SHOWN = 200  # entries on a page; the JSON interface gives all
TITLES: dict[System, str] = {
    "core": "Core banking",
    "crm": "CRM",
    "sms": "SMS gateway",
    "mail": "Customers' mail",
}


class FaultWanted(BaseModel):
    """A fault to put in force; see `faults.Fault` for the meaning."""

    model_config = ConfigDict(extra="forbid")
    system: System
    mode: Mode
    times: Annotated[int, Field(ge=1)] | None = 1
    seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    path: str | None = None
    recipient: str | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None


def control_routes(world: World) -> APIRouter:
    """`/`, a page for each system, `/journal` and `/faults`."""
    router = APIRouter(tags=["control"])
    _page_routes(router, world)
    _journal_routes(router, world)
    _fault_routes(router, world)
    _fault_form_routes(router, world)
    return router


def _page_routes(router: APIRouter, world: World) -> None:
    @router.get("/", response_class=HTMLResponse)
    async def index() -> HTMLResponse:
        counts = {
            system: {
                kind: len(world.journal.entries(system=system, kind=kind))
                for kind in ("change", "read", "fault", "report")
            }
            for system in SYSTEMS
        }
        return page(
            "index.html",
            titles=TITLES,
            counts=counts,
            faults=world.faults.in_force(),
            modes=MODES,
            settings=world.settings,
            now=world.clock(),
        )

    async def system_page(system: System) -> HTMLResponse:
        entries = world.journal.entries(system=system)
        return page(
            "system.html",
            title=TITLES[system],
            system=system,
            titles=TITLES,
            entries=entries[: -SHOWN - 1 : -1],
            total=len(entries),
            texts=[
                (message, message.status(world.clock()))
                for message in list(world.sms.messages)[:-51:-1]
            ]
            if system == "sms"
            else None,
            customers=list(world.bank.records.customers.values()) if system == "core" else None,
            apps=world.bank.shown_by_apps(),
            digits_change_in=seconds_left(world.clock()),
            cases=recent_cases(world.crm, most=50) if system == "crm" else None,
            mail_tells=bool(world.settings.crm_hook),
        )

    @router.get("/core", response_class=HTMLResponse)
    async def core_page() -> HTMLResponse:
        return await system_page("core")

    @router.get("/crm", response_class=HTMLResponse)
    async def crm_page() -> HTMLResponse:
        return await system_page("crm")

    @router.get("/sms", response_class=HTMLResponse)
    async def sms_page() -> HTMLResponse:
        return await system_page("sms")

    @router.get("/mail/journal", response_class=HTMLResponse)
    async def mail_journal_page() -> HTMLResponse:
        return await system_page("mail")


def _journal_routes(router: APIRouter, world: World) -> None:
    @router.get("/journal")
    async def journal(
        system: Annotated[System | None, Query()] = None,
        kind: Annotated[Kind | Literal["all"], Query()] = "change",
    ) -> dict[str, Any]:
        entries = world.journal.entries(system=system, kind=None if kind == "all" else kind)
        return {"items": [entry.as_json() for entry in entries]}

    @router.delete("/journal", status_code=204)
    async def clear_journal() -> None:
        world.journal.clear()


def _fault_routes(router: APIRouter, world: World) -> None:
    @router.post("/faults", status_code=201)
    async def add_fault(wanted: FaultWanted) -> dict[str, Any]:
        return world.faults.add(**wanted.model_dump()).as_json()

    @router.get("/faults")
    async def faults() -> dict[str, Any]:
        return {"items": [fault.as_json() for fault in world.faults.in_force()]}

    @router.delete("/faults", status_code=204)
    async def clear_faults(system: System | None = None) -> None:
        world.faults.clear(system)


def _fault_form_routes(router: APIRouter, world: World) -> None:
    @router.post("/faults/form", include_in_schema=False)
    async def add_fault_by_form(
        system: Annotated[System, Form()],
        mode: Annotated[Mode, Form()],
        times: Annotated[str, Form()] = "1",
        seconds: Annotated[str, Form()] = "",
        match: Annotated[str, Form()] = "",
    ) -> RedirectResponse:
        try:
            wanted = FaultWanted(
                system=system,
                mode=mode,
                times=int(times) if times.strip() else None,
                seconds=float(seconds) if seconds.strip() else None,
                path=(match.strip() or None) if system != "mail" else None,
                recipient=(match.strip() or None) if system == "mail" else None,
            )
        except ValueError as error:
            detail = "Calls are a whole number from 1, seconds a number from 0 to 3600."
            raise Problem(422, "fault_invalid", detail) from error
        world.faults.add(**wanted.model_dump())
        return RedirectResponse("../#faults", status_code=303)

    @router.post("/faults/clear", include_in_schema=False)
    async def clear_faults_by_form() -> RedirectResponse:
        world.faults.clear()
        return RedirectResponse("../#faults", status_code=303)
