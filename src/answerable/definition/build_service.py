"""Teams, calendars, promises and texts, from the file's shape."""

import re
from collections.abc import Mapping
from datetime import date, timedelta

from phonenumbers import SUPPORTED_REGIONS

from answerable.definition.calendar import BusinessCalendar, read_calendar
from answerable.definition.document import CalendarEntry, ServiceDocument
from answerable.definition.duration import parse_elapsed
from answerable.definition.explain import did_you_mean, shown
from answerable.definition.keys import camel
from answerable.definition.reading import Notes
from answerable.definition.schema import Intent, Keeping, SlaClass, Team, Where
from answerable.definition.terms import (
    ALWAYS_DROPPED,
    PHONE_COUNTRIES,
    PRIORITIES,
    PersonalData,
    Priority,
    Treatment,
)

IN_PLACE = "businessHours"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_FORGET_AFTER = "24h"
_LEAST_KEPT, _MOST_KEPT = timedelta(minutes=10), timedelta(days=90)
_SLA_KEYS = ("firstResponse", "resolution")


def build_teams(
    document: ServiceDocument, intents: Mapping[str, Intent], notes: Notes
) -> tuple[dict[str, Team], str]:
    """All teams, and the one that takes what no rule places.

    A definition without `teams` has the teams that it mentions.
    """
    teams: dict[str, Team] = {}
    for at, entry in enumerate(document.teams):
        where: Where = ("teams", at)
        if entry.name in teams:
            notes.error((*where, "name"), f"two teams are called {entry.name}: rename one")
        teams[entry.name] = Team(
            name=entry.name,
            title=entry.title or _title(entry.name),
            calendar=entry.calendar,
            alert_email=entry.alert_email,
            languages=entry.languages,
            skills=entry.skills,
            where=where,
        )
    if not document.teams:
        mentioned = _mentioned(document, intents)
        teams = {name: Team(name=name, title=_title(name)) for name in mentioned}
        if teams:
            listed = ", ".join(teams)
            notes.warning((), f"no teams are declared: taken as they are written: {listed}")
    first = next(iter(teams)) if document.teams else "support"
    default = document.escalation.default_team or first
    if not document.teams:
        teams.setdefault(default, Team(name=default, title=_title(default)))
    if document.escalation.default_team is None and document.escalation.routing:
        notes.warning(
            ("escalation",), f"defaultTeam is missing: what no rule places goes to {default}"
        )
    return teams, default


def _mentioned(document: ServiceDocument, intents: Mapping[str, Intent]) -> list[str]:
    names: list[str | None] = []
    for intent in intents.values():
        names += [intent.team, *intent.alert]
    for rule in document.escalation.routing:
        names.append(rule.team)
    for trigger in document.escalation.triggers:
        names += [trigger.team, *trigger.notify]
    for policy in document.escalation.policies.values():
        names += [policy.route_to, *policy.notify]
    return [name for name in dict.fromkeys(names) if name]


def _title(name: str) -> str:
    return name.replace("-", " ").capitalize()


def build_calendars(
    document: ServiceDocument, notes: Notes
) -> tuple[dict[str, BusinessCalendar], str | None]:
    """All calendars, and the name of the one that applies without a team's own."""
    calendars: dict[str, BusinessCalendar] = {}
    for name, entry in document.calendars.items():
        calendars |= _calendar(name, entry, document.timezone, ("calendars", name), notes)
    hours = document.escalation.business_hours
    if hours is None:
        return calendars, None
    where: Where = ("escalation", "businessHours")
    if hours.calendar is None:
        calendars |= _calendar(IN_PLACE, hours, document.timezone, where, notes)
        return calendars, IN_PLACE if IN_PLACE in calendars else None
    if hours.calendar not in document.calendars:
        hint = did_you_mean(hours.calendar, document.calendars)
        notes.error(where, f"no calendar is called {hours.calendar}{hint}")
        return calendars, None
    return calendars, hours.calendar


def _calendar(
    name: str, entry: CalendarEntry, timezone: str, where: Where, notes: Notes
) -> dict[str, BusinessCalendar]:
    holidays = set()
    for at, day in enumerate(entry.holidays):
        try:
            holidays.add(date.fromisoformat(day))
        except ValueError:
            notes.error((*where, "holidays", at), f"{shown(day)} is no date: write 2026-12-25")
    try:
        calendar = read_calendar(entry.timezone or timezone, entry.schedule, frozenset(holidays))
    except ValueError as error:
        key = "timezone" if "time zone" in str(error) else "schedule"
        notes.error((*where, key), str(error))
        return {}
    if not any(calendar.week):
        notes.error(
            (*where, "schedule"), "this calendar never opens: add monday-friday: '9:00-17:00'"
        )
        return {}
    return {name: calendar}


def build_sla(document: ServiceDocument, notes: Notes) -> dict[str, SlaClass]:
    """Promises by class name; where they differ by plan, by `plan/priority`."""
    classes: dict[str, SlaClass] = {}
    for name, given in document.escalation.sla.items():
        where: Where = ("escalation", "sla", name)
        if isinstance(given, dict) and not _is_promise(given):
            for level, inner in given.items():
                priority = _priority(level)
                key = f"{name}/{priority or level}"
                if priority is None:
                    hint = did_you_mean(level, PRIORITIES)
                    notes.error((*where, level), f"{level} is no priority{hint}", at_key=True)
                found = _promise(key, inner, (*where, level), notes)
                classes[key] = found.model_copy(update={"plan": name, "priority": priority})
        else:
            found = _promise(name, given, where, notes)
            classes[_priority(name) or name] = found.model_copy(
                update={"name": _priority(name) or name, "priority": _priority(name)}
            )
    return classes


def _priority(word: str) -> Priority | None:
    word = "urgent" if word == "critical" else word
    return next((priority for priority in PRIORITIES if priority == word), None)


def _is_promise(given: Mapping[str, object]) -> bool:
    """Whether the keys are those of one class, not priorities of a plan (in doubt, a class)."""
    return not given or not any(_priority(key) for key in given)


def _promise(name: str, given: object, where: Where, notes: Notes) -> SlaClass:
    """A duration alone is the time until the first response."""
    if isinstance(given, str):
        first = notes.duration(given, where)
        return SlaClass(name=name, first_response=first, where=where)
    if not isinstance(given, dict):
        notes.error(where, f"{name} must be a duration such as 4h, not {shown(given)}")
        return SlaClass(name=name, where=where)
    given = {camel(str(key)): value for key, value in given.items()}
    for key in given:
        if key not in _SLA_KEYS:
            hint = did_you_mean(key, _SLA_KEYS)
            notes.error((*where, key), f"unknown key {key}{hint}", at_key=True)
    return SlaClass(
        name=name,
        first_response=notes.duration(given.get("firstResponse"), (*where, "firstResponse")),
        resolution=notes.duration(given.get("resolution"), (*where, "resolution")),
        where=where,
    )


def build_templates(document: ServiceDocument, notes: Notes) -> dict[str, dict[str, str]]:
    """Texts by name and language; a text alone is in the default language."""
    result: dict[str, dict[str, str]] = {}
    for name, sources in document.templates.items():
        for tag in sources:
            if tag and not _LANGUAGE.fullmatch(tag):
                message = f"{tag} is no language tag: write en or pt-BR"
                notes.error(("templates", name, tag), message, at_key=True)
        result[name] = {tag or document.language: text for tag, text in sources.items()}
    return result


def build_privacy(document: ServiceDocument, notes: Notes) -> dict[PersonalData, Treatment]:
    """Treatments that differ from the usual; weaker ones of card data are refused (PCI DSS 3.3)."""
    given = document.privacy.treatments
    for kind in ALWAYS_DROPPED:
        if given.get(kind, "drop") != "drop":
            notes.error(("privacy", kind), f"{kind} is always dropped: write drop, or leave it out")
    return {kind: how for kind, how in given.items() if kind not in ALWAYS_DROPPED}


def build_phone_countries(document: ServiceDocument, notes: Notes) -> tuple[str, ...]:
    """The usual ones where the definition names none."""
    given = document.privacy.phone_countries
    if given is None:
        return PHONE_COUNTRIES
    known: list[str] = []
    for place, written in enumerate(given):
        country, where = written.upper(), ("privacy", "phoneCountries", place)
        if country not in SUPPORTED_REGIONS:
            notes.error(where, f"{written} is no country with telephone numbers: write DE or US")
        elif country in known:
            notes.warning(where, f"{written} is there twice")
        else:
            known.append(country)
    return tuple(known)


def build_keeping(document: ServiceDocument, notes: Notes) -> Keeping:
    """Where texts are, and for how long where they are nowhere on disk."""
    given, where = document.privacy, ("privacy", "forgetAfter")
    if given.store == "database":
        if given.forget_after is not None:
            notes.error(where, "nothing is forgotten by itself in the database: write store: none")
        return Keeping()
    try:
        lasts = parse_elapsed(given.forget_after or _FORGET_AFTER).approximate
    except ValueError as error:
        notes.error(where, str(error))
        return Keeping(forget_after=_LEAST_KEPT)
    if not _LEAST_KEPT <= lasts <= _MOST_KEPT:
        notes.error(where, f"{given.forget_after} is not between 10m and 90 days")
    return Keeping(forget_after=lasts)
