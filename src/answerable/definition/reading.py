"""One reading of a document: what was found so far, and conditions compiled where they stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from answerable.definition.condition import Condition, ConditionError
from answerable.definition.condition_text import CelType, tokens_of
from answerable.definition.duration import AnyDuration, parse_duration
from answerable.definition.problem import Finding
from answerable.definition.schema import Where


@dataclass(kw_only=True)
class Notes:
    """Findings of one reading, and the names that conditions are checked against."""

    intents: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)

    def error(self, where: Where, message: str, *, at_key: bool = False, offset: int = 0) -> None:
        self.findings.append(
            Finding(severity="error", where=where, message=message, at_key=at_key, offset=offset)
        )

    def warning(self, where: Where, message: str, *, at_key: bool = False) -> None:
        self.findings.append(
            Finding(severity="warning", where=where, message=message, at_key=at_key)
        )

    def condition(
        self, source: str, where: Where, variables: Mapping[str, CelType]
    ) -> Condition | None:
        """The condition, or None with an error noted."""
        try:
            return Condition.compile(source, variables, read_as=self.read_as(source))
        except ConditionError as error:
            self.error(where, error.message, offset=error.column - 1)
            return None

    def duration(self, text: str | None, where: Where) -> AnyDuration | None:
        """The duration, or None if there is none or, with an error noted, it cannot be read."""
        try:
            return None if text is None else parse_duration(text)
        except ValueError as error:
            self.error(where, str(error))
            return None

    def read_as(self, text: str) -> str:
        """`category == 'payment-issues'` means the intent, where that is an intent's name.

        The reference definitions call their intents categories. Positions are kept.
        """
        try:
            tokens = tokens_of(text)
        except ConditionError:
            return text
        for name, sign, value in zip(tokens, tokens[1:], tokens[2:], strict=False):
            named = value.text[1:-1]
            is_intent = named in self.intents and named not in self.categories
            if name.text == "category" and sign.text in ("==", "!=") and is_intent:
                after = name.at + len(name.text)
                text = text[: name.at] + "intent  " + text[after:]
        return text


def criterion(value: str | Mapping[str, Any]) -> str:
    """The condition that a criterion or trigger means, however it is written.

    `confidence < 0.7` is one; `{loyaltyTier: platinum}` means equality, `{confidence-threshold:
    0.9}` a confidence below; `customer-request` alone is the variable of that name.
    Raises ValueError for values that nothing can be compared with.
    """
    if isinstance(value, str):
        return value
    return " && ".join(_equalities(value))


def _equalities(value: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in value.items():
        match wanted:
            case int() | float() if name.endswith(("threshold", "Threshold")):
                measured = name.removesuffix("threshold").removesuffix("Threshold").rstrip("-")
                yield f"{measured} < {wanted}"
            case bool():
                yield f"{name} == {str(wanted).lower()}"
            case int() | float():
                yield f"{name} == {wanted}"
            case str():
                quoted = wanted.replace("\\", "\\\\").replace('"', '\\"')
                yield f'{name} == "{quoted}"'
            case _:
                raise ValueError(f"{name} must be a text, a number, true or false")
