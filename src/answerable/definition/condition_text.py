"""From a condition as people write it to CEL, keeping track of columns.

`responseTime > 2h` becomes `responseTime > duration("7200s")`, `sentiment < -1` becomes
`sentiment < -1.0`, `customer-request` becomes `customerRequest`, amounts become minor units.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from answerable.definition.duration import parse_elapsed
from answerable.definition.keys import camel


class CelType(Enum):
    """What a variable of a condition may hold.

    MONEY: an integer of minor units (hundredths); conditions compare it with whole amounts.
    """

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    MONEY = "amount"
    STRING = "string"
    DURATION = "duration"
    TIMESTAMP = "timestamp"
    STRINGS = "list of strings"
    DYN = "dyn"


class ConditionError(ValueError):
    """A condition that cannot be compiled; column: 1-based, within the condition's text."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Token:
    """A piece of the source: its kind, its text, and where it starts (0-based)."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, kw_only=True)
class CelText:
    """CEL text, and for each of its pieces where it came from: (offset here, offset there)."""

    text: str
    origins: tuple[tuple[int, int], ...]

    def column(self, offset: int) -> int:
        """The 1-based column in the source of what stands at `offset` (0-based) of `text`."""
        here, there = max((pair for pair in self.origins if pair[0] <= offset), default=(0, 0))
        after = min((pair[1] for pair in self.origins if pair[0] > here), default=None)
        found = there + offset - here
        # A piece may be longer here than there: then its end stands for what lies behind.
        return (found if after is None else min(found, after)) + 1


_TOKENS = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
    |(?P<duration>\d+(?:\.\d+)?(?:
        (?:\s*(?:seconds?|minutes?|hours?|days?|weeks?)|[smhdw])(?![\w.])
        |[hm](?=\d+[ms](?!\w))\d+[ms]))
    |(?P<number>0x[0-9a-fA-F]+u?|\d+\.\d+(?:[eE][+-]?\d+)?|\d+(?:[eE][+-]?\d+)?u?)
    |(?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*(?!\s*\()|[A-Za-z_]\w*)
    |(?P<space>\s+)
    |(?P<operator>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}=&|])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">="})
_NUMERIC = _COMPARING | {"+", "-", "*", "/"}
_MINOR_UNITS = 100


def tokens_of(source: str) -> list[Token]:
    """All tokens but white space. Raises ConditionError at what cannot begin one."""
    found = []
    for match in _TOKENS.finditer(source):
        kind = match.lastgroup or "other"
        if kind == "other":
            wrong = match[0]
            hint = ": close the text with the same quote" if wrong in "'\"" else ""
            raise ConditionError(match.start() + 1, f"{wrong!r} means nothing here{hint}")
        if kind != "space":
            found.append(Token(kind=kind, text=match[0], at=match.start()))
    return found


def to_cel(source: str, variables: Mapping[str, CelType]) -> CelText:
    """`source` as CEL over `variables`. Raises ConditionError."""
    tokens = _joined(tokens_of(source), variables)
    _refuse_other_languages(tokens, variables)
    pieces: list[str] = []
    origins: list[tuple[int, int]] = []
    length, end = 0, 0
    for at, token in enumerate(tokens):
        gap = source[end : token.at]
        written = _written(tokens, at, variables)
        pieces += [gap, written]
        origins.append((length + len(gap), token.at))
        length += len(gap) + len(written)
        end = token.at + len(token.text)
    origins.append((length, end))
    return CelText(text="".join(pieces) + source[end:], origins=tuple(origins))


def _joined(tokens: list[Token], variables: Mapping[str, CelType]) -> list[Token]:
    """Hyphenated names as one token where their camelCase is a variable: `customer-request`."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        end, text = at, tokens[at].text
        while tokens[at].kind == "name" and _hyphenated(tokens, end):
            end += 2
            text += "-" + tokens[end].text
        while end > at and camel(text) not in variables:
            end, text = end - 2, text.rpartition("-")[0]
        result.append(Token(kind=tokens[at].kind, text=text, at=tokens[at].at))
        at = end + 1
    return result


def _hyphenated(tokens: list[Token], at: int) -> bool:
    if at + 2 >= len(tokens) or tokens[at + 1].text != "-" or tokens[at + 2].kind != "name":
        return False
    touches = tokens[at].at + len(tokens[at].text) == tokens[at + 1].at
    return touches and tokens[at + 1].at + 1 == tokens[at + 2].at


_OTHER_WORDS = {"and": "&&", "or": "||", "not": "!"}
_OTHER_SIGNS = {"=": "==", "&": "&&", "|": "||"}


def _refuse_other_languages(tokens: list[Token], variables: Mapping[str, CelType]) -> None:
    for token in tokens:
        words = _OTHER_WORDS if token.kind == "name" else _OTHER_SIGNS
        wanted = words.get(token.text)
        if wanted and token.text not in variables and token.kind in ("name", "operator"):
            raise ConditionError(token.at + 1, f"write {wanted} instead of {token.text}")


def _written(tokens: list[Token], at: int, variables: Mapping[str, CelType]) -> str:
    token = tokens[at]
    if token.kind == "duration":
        seconds = parse_elapsed(token.text).length.total_seconds()
        return f'duration("{seconds:.9g}s")' if seconds < 1e9 else f'duration("{int(seconds)}s")'
    if token.kind == "name":
        return _name(tokens, at, variables)
    if token.kind == "number":
        return _number(tokens, at, variables)
    return token.text


def _name(tokens: list[Token], at: int, variables: Mapping[str, CelType]) -> str:
    text = tokens[at].text
    name = text if text in variables or "-" not in text else camel(text)
    kind = variables.get(name)
    neighbours = _compared_with(tokens, at)
    if kind is CelType.INT and any(_fraction(other) for other in neighbours):
        return f"double({name})"
    if kind is CelType.MONEY:
        amounts = [
            other.kind == "number" or variables.get(other.text) is CelType.MONEY
            for other in neighbours
        ]
        if len(amounts) != 1 or not amounts[0]:
            raise ConditionError(
                tokens[at].at + 1, f"{name} is an amount: compare it with a number ({name} > 100)"
            )
    return name


def _fraction(token: Token) -> bool:
    return token.kind == "number" and ("." in token.text or "e" in token.text.lower())


def _number(tokens: list[Token], at: int, variables: Mapping[str, CelType]) -> str:
    text = tokens[at].text
    kinds = {variables.get(other.text) for other in _compared_with(tokens, at)}
    if CelType.MONEY in kinds:
        amount = Decimal(text) * _MINOR_UNITS if "x" not in text and "u" not in text else None
        if amount is None or amount != int(amount):
            raise ConditionError(tokens[at].at + 1, f"{text} is not an amount: write 100 or 99.50")
        return str(int(amount))
    if CelType.DOUBLE in kinds and text.isdigit():
        return f"{text}.0"
    return text


def _compared_with(tokens: list[Token], at: int) -> list[Token]:
    """The operands beside the one at `at`, past one sign (`sentiment < -1`)."""
    found = []
    before, after = at - 1, at + 1
    if before >= 1 and tokens[before].text == "-" and tokens[before - 1].text in _COMPARING:
        before -= 1
    if before >= 1 and tokens[before].text in _NUMERIC:
        found.append(tokens[before - 1])
    if after + 1 < len(tokens) and tokens[after].text in _NUMERIC:
        after += 1
        if tokens[after].text == "-" and after + 1 < len(tokens):
            after += 1
        found.append(tokens[after])
    return found
