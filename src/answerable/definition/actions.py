"""What an action declares of itself, so that definitions can be checked against it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
    "mail-inbox",
    "any",
]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A key of a step. kind: what its value must be, or the name of what it must name.

    default: what holds where it is left out. only_by: the values of the parameter `by` with which
    alone this one means something; none: with all.
    """

    kind: ParameterKind = "any"
    required: bool = False
    default: str | None = None
    only_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """What an action does, and what it must not do without.

    reads, writes: what it touches, in the words of the platform. proof: the least proof that the
    contact must have given; proof_by: the same for values of the parameter `by`, where it is more.
    needs_code: what was entered must have been proven by a code, one that is enough for its kind
    of change. needs_approval: an agent must consent before it takes effect.
    gives_proof, gives_approval: what the steps after it have by it; gives_code: the parameter `by`
    says what. gives_notice: the number on record is told of a change; gives_time: time passes in
    which somebody may object.
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
    proof_by: Mapping[str, Proof] = field(default_factory=dict)
    needs_code: bool = False
    needs_approval: bool = False
    gives_proof: Proof = Proof.ANONYMOUS
    gives_code: bool = False
    gives_approval: bool = False
    gives_notice: bool = False
    gives_time: bool = False
    after: str | None = None
    puts_aside: bool = False
    listens: bool = False
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    open_parameters: bool = False
    gives: tuple[str, ...] = ()

    def way_of(self, parameters: Mapping[str, Any]) -> str:
        """What the parameter `by` of a step says, or is where it is left out; else ""."""
        by = self.parameters.get("by")
        said = parameters.get("by", by.default) if by is not None else None
        return said if isinstance(said, str) else ""

    def proof_for(self, parameters: Mapping[str, Any]) -> Proof:
        """The least proof that a step with these parameters must have."""
        more = self.proof_by.get(self.way_of(parameters), self.proof)
        return max(self.proof, more, key=lambda one: one.rank)


ActionCatalogue = Mapping[str, ActionSpec]
"""All actions that steps may name, by kebab-case name."""
