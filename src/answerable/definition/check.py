"""What a definition says that cannot be, or that will surprise: names, rules, examples, texts."""

from collections.abc import Iterator

from jinja2 import TemplateSyntaxError

from answerable.definition.actions import ActionCatalogue
from answerable.definition.check_codes import check_codes
from answerable.definition.check_limits import check_limits
from answerable.definition.check_offers import check_offers
from answerable.definition.check_playbooks import (
    check_playbooks,
    check_team,
    error,
    warning,
)
from answerable.definition.color import LEGIBLE, contrast
from answerable.definition.examples import check_examples
from answerable.definition.explain import did_you_mean
from answerable.definition.problem import Finding
from answerable.definition.schema import Intent, ServiceDefinition, Team, Where
from answerable.definition.templates import check_template
from answerable.definition.terms import OTHER_SYSTEMS


def check(definition: ServiceDefinition, actions: ActionCatalogue | None) -> Iterator[Finding]:
    """All findings, in no particular order. Pure.

    actions: what steps may name; None leaves out the checks that need to know it.
    """
    yield from _check_thresholds(definition)
    yield from _check_brand(definition)
    yield from _check_channels(definition)
    yield from _check_teams(definition)
    for intent in definition.intents.values():
        yield from _check_intent(intent, definition)
    yield from check_examples(definition)
    yield from _check_routing(definition)
    yield from _check_triggers(definition)
    yield from _check_templates(definition)
    for kind in definition.entities:
        if not (kind.shapes or kind.values or kind.builtin):
            yield error(kind.where, f"{kind.name} is never recognised: add shapes or values")
    yield from check_limits(definition)
    yield from _check_record(definition)
    yield from check_playbooks(definition, actions)
    yield from check_codes(definition, actions)
    yield from check_offers(definition, actions or {})


def _check_thresholds(definition: ServiceDefinition) -> Iterator[Finding]:
    clarify, confidence = definition.thresholds.clarify, definition.thresholds.confidence
    if clarify > confidence:
        yield error(
            ("classification", "clarify"),
            f"clarify ({clarify:g}) must not be above confidence ({confidence:g})",
        )
    for intent in definition.intents.values():
        if intent.confidence is not None and intent.confidence < clarify:
            yield error(
                (*intent.where, "confidence"),
                f"confidence ({intent.confidence:g}) must not be below clarify ({clarify:g})",
            )


def _check_brand(definition: ServiceDefinition) -> Iterator[Finding]:
    color = definition.brand.color
    if color is not None and (found := contrast(color, "#ffffff")) < LEGIBLE:
        message = (
            f"white words on {color} cannot be read by everybody (contrast {found:.1f}, "
            f"{LEGIBLE} are needed): take a darker colour"
        )
        yield error(("brand", "color"), message)


def _check_record(definition: ServiceDefinition) -> Iterator[Finding]:
    """With texts nowhere on disk a CRM is the only record of what was said. Whether a connector of
    somebody else's keeps cases is seen at the start."""
    if definition.keeping.forget_after is None:
        return
    others = [one for one in definition.integrations.values() if one.type not in OTHER_SYSTEMS]
    if not others:
        yield error(
            ("privacy", "store"),
            "store: none needs a CRM, which then has the only record: add an integration of type "
            "salesforce",
        )
    for one in others:
        if one.type == "salesforce" and one.settings.get("mirror", "whole") != "whole":
            message = "the CRM has the only record (privacy.store: none): write whole, or leave it"
            yield error((*one.where, "mirror"), message)


def _check_channels(definition: ServiceDefinition) -> Iterator[Finding]:
    names: set[str] = set()
    keys: set[str] = set()
    for at, channel in enumerate(definition.channels):
        where: Where = ("channels", at)
        if channel.name in names:
            message = f"two channels are called {channel.name}: give one a name of its own"
            yield error((*where, "name"), message)
        names.add(channel.name)
        if channel.key and channel.key in keys:
            yield error((*where, "key"), "another channel has this key: keys are unique")
        keys.add(channel.key or "")
        if channel.team:
            yield from check_team(channel.team, (*where, "team"), definition)
        if channel.address and "@" not in channel.address:
            yield error((*where, "address"), f"{channel.address!r} is no e-mail address")


def _check_teams(definition: ServiceDefinition) -> Iterator[Finding]:
    yield from check_team(definition.default_team, ("escalation", "defaultTeam"), definition)
    for team in definition.teams.values():
        if team.calendar and team.calendar not in definition.calendars:
            hint = did_you_mean(team.calendar, definition.calendars)
            yield error((*team.where, "calendar"), f"no calendar is called {team.calendar}{hint}")
        if team.alert_email:
            yield from _check_alert_email(team, definition)


def _check_alert_email(team: Team, definition: ServiceDefinition) -> Iterator[Finding]:
    place = (*team.where, "alertEmail")
    if "@" not in str(team.alert_email):
        yield error(place, f"{team.alert_email!r} is no e-mail address")
    if not any(channel.kind == "email" and channel.address for channel in definition.channels):
        yield warning(place, "no mail is sent: add a channel of type email with the address that "
                             "it is from")  # fmt: skip


def _check_intent(intent: Intent, definition: ServiceDefinition) -> Iterator[Finding]:
    if intent.team:
        place = (*intent.where, "team|assignTo|escalateTo")
        yield from check_team(intent.team, place, definition)
    for at, team in enumerate(intent.alert):
        yield from check_team(team, (*intent.where, "alert|alertSecurity", at), definition)
    kind = intent.resolution_type
    if kind and kind not in definition.resolution_types:
        hint = did_you_mean(kind, definition.resolution_types) or ": add it under resolutionTypes"
        place = (*intent.where, "resolutionType")
        yield error(place, f"no resolution type is called {kind}{hint}")
    if isinstance(intent.sla, str) and intent.sla not in definition.sla:
        hint = did_you_mean(intent.sla, definition.sla) or ": write a duration such as 4h"
        message = f"{intent.sla} is neither a duration nor a class of escalation.sla{hint}"
        yield error((*intent.where, "sla"), message)
    yield from _check_automation(intent, definition)


def _check_automation(intent: Intent, definition: ServiceDefinition) -> Iterator[Finding]:
    if not intent.auto_resolve:
        return
    place = (*intent.where, "autoResolve")
    role = definition.role_of(intent.name)
    if intent.sensitive:
        yield error(place, f"{intent.name} is sensitive: it is never answered automatically")
    elif intent.require_human:
        yield warning(place, "requireHuman is set too, and wins: a person answers")
    elif role in ("human-only", "escalate"):
        yield error(place, f"{intent.resolution_type} is {role}: remove autoResolve")
    elif definition.playbook_for(intent.name) is None:
        yield warning(place, "no enabled playbook fulfils this: it goes to people")


def _check_routing(definition: ServiceDefinition) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    always: int | None = None
    for number, rule in enumerate(definition.routing, start=1):
        place = (*rule.where, "condition")
        words = "".join(rule.condition.source.split())
        if always is not None:
            yield warning(place, f"never reached: rule {always} always holds")
        elif words in seen:
            yield warning(place, f"never reached: rule {seen[words]} has the same condition")
        seen.setdefault(words, number)
        if not rule.condition.names:
            holds = rule.condition.evaluate({})
            always = always or (number if holds else None)
            if not holds:
                yield warning(place, "this condition never holds")
        if rule.team:
            yield from check_team(rule.team, (*rule.where, "team"), definition)
        elif rule.priority is None:
            yield warning(rule.where, "this rule changes nothing: add team or priority")


def _check_triggers(definition: ServiceDefinition) -> Iterator[Finding]:
    for trigger in definition.triggers:
        if trigger.team:
            yield from check_team(trigger.team, (*trigger.where, "team"), definition)
        for at, team in enumerate(trigger.notify):
            yield from check_team(team, (*trigger.where, "notify", at), definition)


def _check_templates(definition: ServiceDefinition) -> Iterator[Finding]:
    for name, sources in definition.templates.items():
        if definition.language not in sources:
            yield error(
                ("templates", name),
                f"the template {name} lacks the default language: add {definition.language}: ...",
                at_key=True,
            )
        for language, source in sources.items():
            try:
                check_template(source)
            except RecursionError:
                where: Where = ("templates", name, language)
                yield error(where, "template syntax: nested too deeply")
            except TemplateSyntaxError as wrong:
                yield Finding(
                    severity="error",
                    where=("templates", name, language),
                    message=f"template syntax: {wrong.message} (line {wrong.lineno} of the text)",
                    text_line=wrong.lineno,
                )
