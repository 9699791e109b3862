"""Replaces personal data in a text by typed handles such as `<iban:1>`, and puts it back."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from answerable.definition.terms import ALWAYS_DROPPED, PHONE_COUNTRIES, PersonalData, Treatment
from answerable.privacy.detect import find
from answerable.privacy.raw_mail import mask_raw_mail
from answerable.privacy.record import Record
from answerable.privacy.spans import CARD, CVV, TYPES, Span

__all__ = [
    "DEFAULT_POLICY",
    "Masked",
    "Treatment",
    "mask",
    "mask_raw_mail",
    "policy_with",
    "unmask",
]

# PCI DSS 3.3.1: a security code is never kept; 3.4.1: of a card number only the last four digits.
_VAULT: Treatment = "vault"
_DROP: Treatment = "drop"
DEFAULT_POLICY: Mapping[str, Treatment] = dict.fromkeys(TYPES, _VAULT) | dict.fromkeys(
    ALWAYS_DROPPED, _DROP
)

HANDLE = re.compile(r"<([a-z_]{2,20}:\d{1,9})>")
# What a customer typed that looks like a handle gets a backslash, so that it is never one of ours.
_LOOKS_LIKE_A_HANDLE = re.compile(r"<(?=\\*[ ]?[A-Za-z_]{2,20}[ ]?:[ ]?\d)")
_ESCAPED = re.compile(r"<\\(?=\\*[ ]?[A-Za-z_]{2,20}[ ]?:[ ]?\d)")


def policy_with(given: Mapping[PersonalData, Treatment]) -> Mapping[str, Treatment]:
    """The usual treatment of each type, but for those that a definition names."""
    policy = dict(DEFAULT_POLICY)
    for kind, treatment in given.items():
        policy[kind] = treatment
    return policy


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A text without personal data, and what was taken out of it.

    text: handles stand for values; safe for the ledger, the search index, models and logs.
    values: handle ("iban:1") -> as first written. A card: "•••• 1234". A security code: absent.
    normal: handle -> normalised value ("DE89370400440532013000"). A card: its last four digits.
    A type that the policy masks: "•••• 1234" too, never more than a third of the value.
    dropped: handles whose full value was thrown away, e.g. ("card:1", "cvv:1").
    """

    text: str
    values: Mapping[str, str] = field(default_factory=dict)
    normal: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


def mask(
    text: str,
    *,
    number: Callable[[str, str], int],
    policy: Mapping[str, Treatment] = DEFAULT_POLICY,
    spans: Sequence[Span] | None = None,
    record: Record | None = None,
    regions: Sequence[str] = PHONE_COUNTRIES,
) -> Masked:
    """`text` with each personal value replaced by `<type:n>`, except types that `policy` keeps.

    number: called with type and normalised value once per value; must give equal values equal
    numbers. Not called for security codes, of which not even a hash may be kept: they are all
    `<cvv:1>`.
    policy: drop: only the handle stays; vault: the value goes to the vault; mask: of the value only
    its end; keep: the text stays as it is. Of a card four digits stay whenever it is not kept.
    spans: what `find` said about this text, if asked before (outside a transaction, say).
    record, regions: see `find`.
    """
    found = find(text, record=record, regions=regions) if spans is None else spans
    spans = [span for span in found if policy[span.type] != "keep"]
    if not spans and "<" not in text:
        return Masked(text=text)
    pieces: list[str] = []
    handles: dict[tuple[str, str], str] = {}
    values: dict[str, str] = {}
    normal: dict[str, str] = {}
    dropped: dict[str, None] = {}
    end = 0
    for span in spans:
        handle = handles.get((span.type, span.value))
        if handle is None:
            handle = _handle(span, number)
            handles[span.type, span.value] = handle
            if policy[span.type] == "drop":
                dropped[handle] = None
            _keep(span, handle, text[span.start : span.end], policy, values, normal)
        pieces += (_escape(text[end : span.start]), f"<{handle}>")
        end = span.end
    pieces.append(_escape(text[end:]))
    return Masked(text="".join(pieces), values=values, normal=normal, dropped=tuple(dropped))


def _handle(span: Span, number: Callable[[str, str], int]) -> str:
    return f"{CVV}:1" if span.type == CVV else f"{span.type}:{number(span.type, span.value)}"


def _keep(
    span: Span,
    handle: str,
    written: str,
    policy: Mapping[str, Treatment],
    values: dict[str, str],
    normal: dict[str, str],
) -> None:
    if policy[span.type] == "vault" and span.type != CVV:
        values.setdefault(handle, written)
        normal.setdefault(handle, span.value)
    elif span.type == CARD:
        values[handle] = f"•••• {span.value[-4:]}"
        normal[handle] = span.value[-4:]
    elif policy[span.type] == "mask" and span.type != CVV:
        shown = min(4, len(span.value) // 3)
        values.setdefault(handle, f"•••• {span.value[len(span.value) - shown :]}".rstrip())


def _escape(text: str) -> str:
    return _LOOKS_LIKE_A_HANDLE.sub(r"<\\", text) if "<" in text else text


def unmask(masked_text: str, values: Mapping[str, str]) -> str:
    """The text with handles replaced by `values` again; a handle without a value stays.

    The inverse of `mask` where every value was vaulted and written in one way only.
    """
    if "<" not in masked_text:
        return masked_text
    # Handles first: a value that itself looks like an escape must come back unchanged.
    parts = HANDLE.split(masked_text)
    for index in range(0, len(parts), 2):
        parts[index] = _ESCAPED.sub("<", parts[index])
    for index in range(1, len(parts), 2):
        parts[index] = values.get(parts[index], f"<{parts[index]}>")
    return "".join(parts)
