"""Names of persons, towns and streets of many countries, and common words of their languages, as
the package Faker publishes them.

Read when the tagger is built, never after: what ships is the table of words' hashes.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import faker.providers.address
import faker.providers.lorem
import faker.providers.person

# Scripts that part words by spaces and have capital letters: what the tagger can read.
_READABLE = re.compile(r"[A-Za-zÀ-ɏͰ-ϿЀ-ӿ'’\- .]{2,40}")
_SPOKEN = "cs_CZ da_DK de_DE el_GR es_ES fr_FR it_IT nl_BE pl_PL ru_RU uk_UA"


def names(kind: str) -> dict[str, list[str]]:
    """Names by locale ("de_AT"), in alphabetical order. kind: "first" or "last"."""
    return _tables(faker.providers.person, (f"{kind}_name",))


def towns() -> dict[str, list[str]]:
    """Towns by locale."""
    return _tables(faker.providers.address, ("cities", "city_names", "city_name", "towns"))


def streets() -> dict[str, list[str]]:
    """Whole names of streets by locale."""
    return _tables(faker.providers.address, ("streets", "street_names", "street_name"))


def words() -> set[str]:
    """Common words, in lower case, of languages in which customers write; of English our own list
    is longer."""
    tables = _tables(faker.providers.lorem, ("word_list",))
    return {word.lower() for locale in _SPOKEN.split() for word in tables[locale]}


def _tables(package: ModuleType, prefixes: Sequence[str]) -> dict[str, list[str]]:
    found = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(package.__path__)):
        provider = importlib.import_module(f"{package.__name__}.{module}").Provider
        entries = {
            entry
            for attribute in vars(provider)
            if attribute.startswith(tuple(prefixes)) and "format" not in attribute
            for entry in _strings(getattr(provider, attribute))
            if _READABLE.fullmatch(entry)
        }
        if entries:
            found[module] = sorted(entries)
    return found


def _strings(table: Any) -> Iterable[str]:
    """The entries of a table, whichever way it is kept: most are tuples, some weigh each entry."""
    if isinstance(table, Mapping):
        table = table.keys()
    elif not isinstance(table, list | tuple):
        return ()
    return [entry for entry in table if isinstance(entry, str)]
