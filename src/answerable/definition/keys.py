"""The common ground of all models: camelCase keys, written in kebab-case, with spaces or as is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

_BREAK = re.compile(r"[-_\s]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def camel(key: str) -> str:
    """`welcome-message`, `welcome message` and `welcomeMessage` are all `welcomeMessage`."""
    first, *rest = _BREAK.split(key.strip())
    return first[:1].lower() + first[1:] + "".join(part[:1].upper() + part[1:] for part in rest)


def kebab(name: str) -> str:
    """`extractOrderNumber` and `extract order number` are `extract-order-number`."""
    return "-".join(
        part.lower() for word in _BREAK.split(name.strip()) for part in _HUMP.split(word) if part
    )


@dataclass
class Reading:
    """Which model read which mapping of the document (by identity), for later explanations."""

    models: dict[int, type["Model"]] = field(default_factory=dict)


class Model(BaseModel):
    """A part of a definition: immutable, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,  # the whole document's validator holds its parts': built once, not twice
    )

    @model_validator(mode="before")
    @classmethod
    def _read_keys(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict) or not isinstance(info.context, Reading):
            return data
        info.context.models[id(data)] = cls
        known = cls.keys()
        renamed: dict[Any, Any] = {}
        for key, value in data.items():
            name = camel(key) if isinstance(key, str) and camel(key) in known else key
            if name in renamed:
                raise PydanticCustomError(
                    "key_twice", "{key} is given twice in two spellings", {"key": name}
                )
            renamed[name] = value
        return cls.reshape(renamed)

    @classmethod
    def reshape(cls, data: dict[Any, Any]) -> dict[Any, Any]:
        """For models whose mapping mixes known keys with names: gathers the names under one key."""
        return data

    @classmethod
    @cache
    def keys(cls) -> Mapping[str, str]:
        """The keys a definition may write here, each with the attribute that holds it."""
        return {
            info.alias or name: name for name, info in cls.model_fields.items() if not _inner(info)
        }

    @classmethod
    @cache
    def waiting_keys(cls) -> frozenset[str]:
        """Keys that are read and checked, but that nothing acts on yet."""
        return frozenset(
            info.alias or name
            for name, info in cls.model_fields.items()
            if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("waiting")
        )

    @classmethod
    def names_wait(cls) -> bool:
        """Whether the entries under names of one's own are what nothing acts on yet."""
        return any(
            _inner(info) and bool(info.json_schema_extra.get("waiting"))  # type: ignore[union-attr]
            for info in cls.model_fields.values()
        )


def waiting(default: Any = None, **options: Any) -> Any:
    """A key that is read and checked, but that nothing acts on yet: a warning says so."""
    return Field(default=default, json_schema_extra={"waiting": True}, **options)


def inner(default: Any = None, **options: Any) -> Any:
    """An attribute that is computed, not written in the definition."""
    return Field(default=default, json_schema_extra={"inner": True}, **options)


def _inner(info: Any) -> bool:
    return isinstance(info.json_schema_extra, dict) and bool(info.json_schema_extra.get("inner"))
