"""The taxonomy: categories and intents, from the file's shape."""

from answerable.definition.document import IntentEntry, ServiceDocument
from answerable.definition.duration import AnyDuration, parse_duration
from answerable.definition.reading import Notes
from answerable.definition.schema import Category, Intent, Where
from answerable.definition.terms import PRIORITIES, Priority, Proof

# `classification.categories` is a list of intents that belong to no named category.
UNNAMED = "categories"
GENERAL = "general"
SECURITY_TEAM = "security-team"


def build_categories(document: ServiceDocument, notes: Notes) -> tuple[Category, ...]:
    """All categories with their intents; of two intents with one name the first counts."""
    seen: dict[str, Where] = {}
    result = []
    for key, entry in document.classification.groups.items():
        name = GENERAL if key == UNNAMED else key
        intents = []
        for at, given in enumerate(entry.categories):
            where: Where = ("classification", key, "categories", at)
            if given.name in seen:
                message = f"two intents are called {given.name}: rename one"
                notes.error((*where, "name"), message)
                continue
            seen[given.name] = where
            intents.append(_intent(given, name, where, notes))
        result.append(
            Category(
                name=name,
                title=entry.title or _title(name),
                intents=tuple(intents),
                where=("classification", key),
            )
        )
    return tuple(result)


def _intent(entry: IntentEntry, category: str, where: Where, notes: Notes) -> Intent:
    alert = entry.alert
    if entry.alert_security and SECURITY_TEAM not in alert:
        alert = (*alert, SECURITY_TEAM)
    return Intent(
        name=entry.name,
        title=entry.title or _title(entry.name),
        description=entry.description,
        category=category,
        resolution_type=entry.resolution_type,
        keywords=entry.keywords,
        examples=entry.examples,
        team=_team(entry, where, notes),
        priority=_priority(entry, where, notes),
        sla=_sla(entry.sla),
        auto_resolve=entry.auto_resolve,
        require_human=entry.require_human or entry.requires_human,
        sensitive=entry.sensitive,
        confidence=entry.confidence,
        alert=alert,
        courtesy=entry.courtesy,
        proof=_proof(entry),
        where=where,
    )


def _title(name: str) -> str:
    return name.replace("-", " ").replace("_", " ").capitalize()


def _team(entry: IntentEntry, where: Where, notes: Notes) -> str | None:
    given = {
        key: team
        for key, team in (
            ("team", entry.team),
            ("assignTo", entry.assign_to),
            ("escalateTo", entry.escalate_to),
        )
        if team
    }
    if len(set(given.values())) > 1:
        last = list(given)[-1]
        notes.error((*where, last), f"{' and '.join(given)} name different teams: keep one")
    return next(iter(given.values()), None)


def _priority(entry: IntentEntry, where: Where, notes: Notes) -> Priority:
    if entry.urgent and entry.priority not in (None, "urgent"):
        notes.error((*where, "urgent"), f"urgent contradicts priority: {entry.priority}: keep one")
    return "urgent" if entry.urgent else entry.priority or "normal"


def _sla(text: str | None) -> str | AnyDuration | None:
    """A duration, or the name of a class (checked once all classes are known)."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError:
        return "urgent" if text == "critical" and text not in PRIORITIES else text


def _proof(entry: IntentEntry) -> Proof:
    """The strongest proof that any of the entry's ways of asking for one asks for."""
    asked = [entry.proof or Proof.ANONYMOUS]
    if entry.requires_auth or entry.authentication_required:
        asked.append(Proof.SIGNED_IN)
    if entry.require_verification or entry.authentication == "strict":
        asked.append(Proof.ONE_TIME_CODE)
    return max(asked, key=lambda proof: proof.rank)
