"""Who of the company answered, as a report may say it: inboxes by name, people by number."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from answerable.channels.email.correspondence import Ours, Thread
from answerable.understanding.topics.request import folded

# Beginnings of what inboxes are called for: nobody's name.
_ROLES = re.compile(
    r"^(?:account|admin|anfrage|assist|atencion|ayuda|bank|beratung|beschwerde|bill|book|buchhaltung|card|"
    r"care|carte|chargeback|client|collection|complain|compliance|contact|credit|customer|data|"
    r"desk|dispute|dsgvo|finance|forder|fraud|betrug|front|gdpr|general|hallo|hello|help|hilfe|hotline|info|"
    r"inbox|insur|invest|invoice|it|karte|konto|kontakt|kredit|kunde|legal|recht|loan|mail|"
    r"market|mortgage|office|ombud|onboard|online|operation|order|pay|zahlung|premium|press|privacy|"
    r"rechnung|reclam|rekl|refund|return|retour|sales|secur|sepa|service|shop|supp|tax|team|tech|transfer|"
    r"treasury|trade|trading|ueberweis|uberweis|verkauf|versicher|vertrag|web|welcome|wire|zentrale)"
)


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """labels: by address of ours, what it is called."""

    labels: Mapping[str, str]

    @staticmethod
    def of(threads: Sequence[Thread], ours: Ours, *, given: Ours) -> "Handlers":
        """given: addresses that a person named as inboxes; the others are judged by their names."""
        inboxes = Counter(one.inbox for one in threads if one.inbox)
        replied = Counter(letter.sender for one in threads for letter in one.replies[:1])
        shown = [
            one
            for one in dict.fromkeys([*inboxes, *replied])
            if one in given.addresses or _is_role(one)
        ]
        labels = _told_apart(shown)
        people = [address for address, _ in replied.most_common() if address not in labels]
        boxes = [address for address, _ in inboxes.most_common() if address not in labels]
        numbered = {one: f"person {number}" for number, one in enumerate(people, start=1)}
        others = [one for one in boxes if one not in numbered]
        numbered |= {one: f"inbox {number}" for number, one in enumerate(others, start=1)}
        return Handlers(labels=labels | numbered)

    def inbox(self, address: str) -> str:
        return self.labels.get(address, "")

    def handler(self, address: str) -> str:
        return self.labels.get(address, "")


def shown_of(ours: Ours, *, given: Ours) -> tuple[str, ...]:
    """What is ours, as a report may say it: a colleague's own address is left out."""
    if given:
        return (*sorted(given.domains), *sorted(given.addresses))
    return (*sorted(ours.domains), *sorted(one for one in ours.addresses if _is_role(one)))


def is_person(name: str, address: str) -> bool:
    """Whether a display name is somebody's, and not the company's or a team's."""
    words = re.findall(r"[^\W\d_]+", folded(name))
    domain = folded(address.rpartition("@")[2])
    return len(words) > 1 and not any(_ROLES.match(word) or word in domain for word in words)


def _is_role(address: str) -> bool:
    local = folded(address.partition("@")[0])
    return any(_ROLES.match(part) for part in re.split(r"[^a-z]+", local)[:1])


def _told_apart(addresses: Sequence[str]) -> dict[str, str]:
    """The part before the "@"; with the domain where two are called the same."""
    locals_ = Counter(one.partition("@")[0] for one in addresses)
    return {
        one: local if locals_[local := one.partition("@")[0]] == 1 else one for one in addresses
    }
