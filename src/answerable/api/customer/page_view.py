"""How the pages behind links look: templates and texts, read once; no script, no foreign file."""

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from answerable.api.customer.page_style import FILES, page_style
from answerable.contacts.documents import ACCEPTED, StoredDocument
from answerable.contacts.entries import FORMS, Field
from answerable.contacts.postal_address import COUNTRIES, POSTAL_CODE_EXAMPLES
from answerable.definition.changes import APP, EMAIL
from answerable.definition.schema import Brand
from answerable.flow.self_service import Visit
from answerable.playbooks.change import (
    APPLIED,
    CODE,
    FORM,
    LINK,
    OPEN_STAGES,
    PENDING_STAGES,
    REVIEW,
)

LANGUAGES = ("en", "de", "fr")

# What to do where "please check this" would not help.
_HINTS = {"street": "letters", "city": "letters", "name": "letters", "phone": "phone",
          "email": "email", "iban": "iban", "card": "card", "limit": "amount", "amount": "amount",
          "booked_on": "day", "first_day": "day", "last_day": "day"}  # fmt: skip

_LOOKS = {
    LINK: ("confirm.html", "confirm_heading"),
    FORM: ("form.html", "form_heading"),
    REVIEW: ("review.html", "review_heading"),
    CODE: ("review.html", "review_heading"),
}

_environment = Environment(
    loader=FileSystemLoader(FILES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@cache
def texts(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FILES / f"{language}.json").read_text(encoding="utf-8"))
    return found


def language_of(*wanted: str | None) -> str:
    """The first of these languages (BCP 47) that there are texts in."""
    for tag in wanted:
        language = (tag or "").split("-")[0].lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def accepted_language(header: str) -> str | None:
    """The first language of Accept-Language that there are texts in."""
    tags = (part.split(";")[0].strip().split("-")[0].lower() for part in header[:200].split(","))
    return next((tag for tag in tags if tag in LANGUAGES), None)


def shown_stage(visit: Visit, *, edit: bool) -> str:
    """What the page of this visit is about. Who did not enter the data is not shown them, so for
    them the form comes again."""
    stage = visit.change.stage
    if stage in (REVIEW, CODE):
        if not visit.change.has_form:
            return LINK if visit.values is None else stage
        return FORM if visit.values is None or edit else stage
    if stage in OPEN_STAGES:
        return stage
    return "done" if stage in (*PENDING_STAGES, APPLIED) else "person"


def render_page(
    visit: Visit,
    *,
    language: str,
    brand: Brand | None,
    form_token: str,
    edit: bool = False,
    notice: str | None = None,
    wrong: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> str:
    """notice: name of a text above the page. wrong, typed: of the form, to be corrected."""
    t = texts(language)
    stage = FORM if wrong else shown_stage(visit, edit=edit)
    told = _notice(t, visit, notice, stage)
    if stage in ("done", "person"):
        said = t["changes"][visit.change.kind] if stage == "done" else {}
        return _ending(stage, language, brand, told, said)
    kind = t["changes"][visit.change.kind]
    template, heading = _LOOKS[stage]
    form = FORMS[visit.change.kind]
    values = {**(visit.values or {}), **_described(t, visit.documents)}
    empty = {field.name: "" for field in form}
    said = _said(t, wrong or {}, (typed or {}).get("country", ""))
    return _environment.get_template(template).render(
        t=t, kind=kind, language=language, brand=_name(brand), style=_style_of(brand), notice=told,
        heading=kind.get(heading, t.get(heading)), form_token=form_token,
        wrong={**empty, **said}, typed={**empty, **(typed or (values if edit else {}))},
        shown={field.name: _shown(t, field, values) for field in form} if values else {},
        form=form, countries=COUNTRIES, asked=stage == CODE, accepted=ACCEPTED,
        by=visit.change.code_by, checking=visit.checking,
        kept={**empty, **{name: values[name] for name in visit.documents}},
        with_files=any(field.control == "document" for field in form),
        seen=visit.change.commitment,
    )  # fmt: skip


def _name(brand: Brand | None) -> str:
    return brand.name if brand is not None else ""


def _style_of(brand: Brand | None) -> str:
    return page_style(brand.color if brand is not None else None)


def _notice(t: dict[str, Any], visit: Visit, notice: str | None, stage: str) -> str | None:
    """The text above the page: of the name, or of what became of an app's digits."""
    if visit.change.code_by == APP:
        notice = notice or (visit.change.verdict if stage == CODE else None)
        if notice in t["app_notices"]:
            return str(t["app_notices"][notice])
    if visit.change.code_by == EMAIL and notice in t["mail_notices"]:
        return str(t["mail_notices"][notice])
    return str(t["notices"][notice]) if notice else None


def _said(t: dict[str, Any], wrong: dict[str, str], country: str) -> dict[str, str]:
    """By field, what is wrong with it, and what to do."""
    said = {field: str(t["wrong"][reason]) for field, reason in wrong.items()}
    example = POSTAL_CODE_EXAMPLES.get(country)
    if wrong.get("postal_code") == "invalid" and example:
        said["postal_code"] = t["wrong"]["postal_code"].format(example=example)
    for field, text in _HINTS.items():
        if wrong.get(field) == "invalid":
            said[field] = t["wrong"][text]
    return said


def _described(t: dict[str, Any], documents: Mapping[str, StoredDocument]) -> dict[str, str]:
    """By field, a document's name and size as people read them."""
    described = {}
    for name, one in documents.items():
        size, unit = one.size_bytes / 1_000_000, t["units"]["megabytes"]
        if size < 1:
            size, unit = one.size_bytes / 1_000, t["units"]["kilobytes"]
        number = f"{max(size, 0.1):.1f}".replace(".", t["units"]["point"])
        described[name] = f"{one.name}, {number} {unit}"
    return described


def _shown(t: dict[str, Any], field: Field, values: Mapping[str, str]) -> str:
    """A value as people read it."""
    value = values[field.name]
    match field.control:
        case "country":
            return COUNTRIES.get(value, value)
        case "choice":
            return str(t["choices"][field.name].get(value, value))
        case "date":
            return f"{date.fromisoformat(value):{t['units']['day']}}"
        case "amount":
            return value.replace(".", t["units"]["point"])
        case _:
            return value


def render_dead(language: str, brand: Brand | None = None) -> str:
    """For a link that is none, or none any more: one page, whatever the reason."""
    return _ending("dead", language, brand, None)


def render_busy(language: str) -> str:
    return _ending("dead", language, None, texts(language)["notices"]["busy"])


def _ending(
    what: str,
    language: str,
    brand: Brand | None,
    notice: str | None,
    of_its_kind: Mapping[str, str] = MappingProxyType({}),
) -> str:
    t = {**texts(language), **of_its_kind}
    return _environment.get_template("end.html").render(
        t=t, language=language, brand=_name(brand), style=_style_of(brand),
        heading=t[f"{what}_heading"], text=t[f"{what}_text"], notice=notice,
    )  # fmt: skip
