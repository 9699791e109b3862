"""What is known of who writes: the record that their own data is looked for by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_VALUES = 20  # of a kind: more are no person's
LONGEST_VALUE = 200  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnAddress:
    """street: with its number; where the parts are not known, all of the address."""

    street: str = ""
    postal_code: str = ""
    town: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """Of who writes, from their message's header, their session or the back office.

    Each as written there; found whatever the capitals, spaces, accents and punctuation are.
    phones: with the country's prefix, or as within the country. customers: ids by which systems
    know them.
    """

    names: Sequence[str] = ()
    addresses: Sequence[OwnAddress] = ()
    phones: Sequence[str] = ()
    emails: Sequence[str] = ()
    customers: Sequence[str] = ()

    def __repr__(self) -> str:
        return "Record()"

    def with_more(self, other: "Record") -> "Record":
        """What either knows."""
        return Record(
            names=_both(self.names, other.names),
            addresses=tuple(dict.fromkeys((*self.addresses, *other.addresses))),
            phones=_both(self.phones, other.phones),
            emails=_both(self.emails, other.emails),
            customers=_both(self.customers, other.customers),
        )


def _both(these: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*these, *others)))


def record_of(told: object) -> Record:
    """What a connector said, `as_data` of it again, or nothing of what is not like it.

    told: {"names", "phones", "emails", "customers": texts; "addresses": texts, or {"street",
    "postal_code", "town"}}. Too long and too many values are left out.
    """
    if not isinstance(told, Mapping):
        return Record()
    return Record(
        names=_texts(told.get("names")),
        addresses=_addresses(told.get("addresses")),
        phones=_texts(told.get("phones")),
        emails=_texts(told.get("emails")),
        customers=_texts(told.get("customers")),
    )


def as_data(record: Record) -> dict[str, list[str] | list[dict[str, str]]]:
    """For the vault; what there is nothing of is missing."""
    texts = {
        "names": list(record.names),
        "phones": list(record.phones),
        "emails": list(record.emails),
        "customers": list(record.customers),
    }
    addresses = [
        {"street": one.street, "postal_code": one.postal_code, "town": one.town}
        for one in record.addresses
    ]
    found: dict[str, list[str] | list[dict[str, str]]] = {k: v for k, v in texts.items() if v}
    return found | ({"addresses": addresses} if addresses else {})


def _texts(told: object) -> tuple[str, ...]:
    if not isinstance(told, list | tuple):
        return ()
    return tuple(text for one in told[:MOST_VALUES] if (text := _text(one)))


def _text(told: object) -> str:
    return told.strip() if isinstance(told, str) and len(told) <= LONGEST_VALUE else ""


def _addresses(told: object) -> tuple[OwnAddress, ...]:
    if not isinstance(told, list | tuple):
        return ()
    found = []
    for one in told[:MOST_VALUES]:
        if isinstance(one, Mapping):
            parts = (_text(one.get(name)) for name in ("street", "postal_code", "town"))
            street, postal_code, town = parts
            found.append(OwnAddress(street=street, postal_code=postal_code, town=town))
        else:
            found.append(OwnAddress(street=_text(one)))
    return tuple(one for one in found if one != OwnAddress())
