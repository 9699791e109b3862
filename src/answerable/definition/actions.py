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
    "count",
    "boolean",
    "duration",
    "mapping",
    "template",
    "team",
    "integration",
    "priority",
    "change",
    "code-way",
    "any",
]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A key of a step. kind: what its value must be, or the name of what it must name.

    default: what holds where it is left out. only_by: the value of the parameter `by` with which
    alone this one means something.
    """

    kind: ParameterKind = "any"
    required: bool = False
    default: str | None = None
    only_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """What an action does, and what it must not do without.

    reads, writes: what it touches, in the words of the platform. proof: the least proof that the
    contact must have given. needs_approval: an agent must consent before it takes effect.
    gives_proof, gives_approval: what the steps after it have by it. gives_notice: the number on
    record is told of a change; gives_time: time passes in which somebody may object.
    after: the action that must come earlier in the same playbook.
    puts_aside: the steps after it are carried out beside the conversation, so none of them may be
    one that listens: that waits for a message of the contact.
    parameters: by camelCase key; any other key is an error unless `open_parameters`.
    gives: names that conditions of later steps may use, beside `as` and `slot`.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    proof: Proof = Proof.ANONYMOUS
    needs_approval: bool = False
    gives_proof: Proof = Proof.ANONYMOUS
    gives_approval: bool = False
    gives_notice: bool = False
    gives_time: bool = False
    after: str | None = None
    puts_aside: bool = False
    listens: bool = False
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    open_parameters: bool = False
    gives: tuple[str, ...] = ()


ActionCatalogue = Mapping[str, ActionSpec]
"""All actions that steps may name, by kebab-case name."""
