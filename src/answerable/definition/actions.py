"""What an action declares of itself, so that definitions can be checked against it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from answerable.definition.terms import Proof

ParameterKind = Literal[
    "text",
    "name",
    "names",
    "number",
    "boolean",
    "duration",
    "mapping",
    "template",
    "team",
    "integration",
    "priority",
    "any",
]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A key of a step. kind: what its value must be, or the name of what it must name."""

    kind: ParameterKind = "any"
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """What an action does, and what it must not do without.

    reads, writes: what it touches, in the words of the platform. proof: the least proof that the
    contact must have given. needs_approval: an agent must consent before it takes effect.
    parameters: by camelCase key; any other key is an error unless `open_parameters`.
    gives: names that conditions of later steps may use, beside `as` and `slot`.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    proof: Proof = Proof.ANONYMOUS
    needs_approval: bool = False
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    open_parameters: bool = False
    gives: tuple[str, ...] = ()


ActionCatalogue = Mapping[str, ActionSpec]
"""All actions that steps may name, by kebab-case name."""
