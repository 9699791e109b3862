"""Payment card numbers and security codes."""

import re

from answerable.privacy import context
from answerable.privacy.spans import CARD, CVV
from answerable.privacy.view import View

# (first prefix, last prefix, lengths): ISO/IEC 7812 ranges as the schemes publish them.
_RANGES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 17, 18, 19)),  # Diners Club
    ("3095", "3095", (14, 16, 17, 18, 19)),
    ("36", "36", (14, 15, 16, 17, 18, 19)),
    ("38", "39", (14, 16, 17, 18, 19)),
    ("6011", "6011", (16, 17, 18, 19)),  # Discover
    ("644", "649", (16, 17, 18, 19)),
    ("65", "65", (16, 17, 18, 19)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("8100", "8171", (16, 17, 18, 19)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("2200", "2205", (16, 17, 18, 19)),  # Mir
    ("508", "508", (16,)),  # RuPay
    ("60", "60", (16,)),
    ("8172", "8299", (16,)),
    ("353", "353", (16,)),
    ("9792", "9792", (16,)),  # Troy
    ("9860", "9860", (16,)),  # Humo
    ("8600", "8600", (16,)),  # UzCard
    ("636", "639", (16, 17, 18, 19)),  # InterPayment, InstaPayment
    # Maestro, and the debit schemes in its ranges
    ("50", "50", (13, 14, 15, 16, 17, 18, 19)),
    ("56", "58", (13, 14, 15, 16, 17, 18, 19)),
    ("63", "63", (13, 14, 15, 16, 17, 18, 19)),
    ("67", "67", (13, 14, 15, 16, 17, 18, 19)),
)
_BY_FIRST_DIGIT = {
    digit: tuple(r for r in _RANGES if r[0][0] <= digit <= r[1][0]) for digit in "2345689"
}
_DOUBLED = {str(n): sum(divmod(2 * n, 10)) for n in range(10)}
_LUHN_EVEN = {str(n): n for n in range(10)}

_CLUSTER = re.compile(r"\d[\d \t\r\n.\-_/,*|:+]{11,}")
_RARE_SEPARATOR = re.compile(r"[,*|:+]")  # these also part lists and times: usual groupings only
_DECIMALS = re.compile(r"(?<!\d)\d{1,3}\.$")
_GROUP = re.compile(r"\d+")
# How card numbers are printed and read out; any other grouping must fill its whole cluster or
# stand beside a word for card.
_GROUPINGS = {
    (4, 4, 4, 4),
    (4, 6, 5),
    (4, 6, 4),
    (4, 4, 5),
    (4, 4, 4, 3),
    (4, 4, 4, 4, 1),
    (4, 4, 4, 4, 2),
    (4, 4, 4, 4, 3),
    (4, 4, 4, 1),
    (6, 13),
    (8, 8),
    (4, 12),
    (6, 10),
}
_MOST_SEPARATORS = 3
_LETTERS_BEFORE = re.compile(r"([a-z]+)([-_/]?)$")
_CARD_WORDS = """card visa amex mastercard maestro karte carte tarjeta carta kaart karta number
nummer numero nr no num pan cc discover jcb is ist cardno kartennr ending"""
_CARD_WORD_ENDS = tuple(_CARD_WORDS.split())
_ORDER_LABEL = re.compile(
    r"(?:order|tracking|invoice|parcel|shipment|reference|booking|transaction|serial|imei|bestell|"
    r"rechnungs|auftrags|sendungs|paket|vorgangs|referenz|commande|pedido|ordine|suivi)"
    r"[ \-]?(?:number|numbers|no|nr|id|code|nummer|num|numéro|número|numero|#)"
    r"[ .:#]{0,3}(?:is |was |ist |lautet |es |est )?[#: ]{0,3}$"
)
# The code on the back, written right behind the card: "4111 1111 1111 1111 12/27 123".
_TRAILING_CVV = re.compile(
    r"[ ,;|/\-\n]{1,4}(?:(?:exp|valid|gültig|good)[a-zäöü. :]{0,12})?"
    r"(?:(?:0[1-9]|1[0-2])[ ]?[/.\-|][ ]?(?:20)?\d\d[ ,;|/\-\n]{1,4})?"
    r"(\d{3,4})(?!\d|[.:/\-]\d|,\d(?!\d?[/|])|[A-Za-z]| ?[€$£%]|"
    r" ?(?:eur|usd|gbp|chf|dollars?|pounds?|euros?|times|days|mal|tage)\b)",
    re.IGNORECASE,
)
_CVV_WORD = re.compile(
    r"\bcv[vcn]2?\b|\bcvv2?|\bcvc2?|\bcsc\b|\bcid\b|security (?:code|number|digits)|securitycode|"
    r"card verification|verification value|card code|prüf(?:nummer|ziffer|zahl)|"
    r"pruef(?:nummer|ziffer|zahl)|sicherheitscode|cryptogramme|code (?:de )?sécurité|código de "
    r"seguridad|codigo de seguridad|codice di sicurezza|código de segurança|beveiligingscode|"
    r"veiligheidscode|kod (?:bezpieczeństwa|cvv)|säkerhetskod|sikkerhedskode|3[- ]digit|"
    r"(?:three|last (?:3|three)) digits on the back|chiffres au dos"
)
# Beside a card number a code is this one, if nothing else has been named.
_CODE_WORD = re.compile(
    r"(?<!zip )(?<!post )(?<!postal )(?<!promo )(?<!sort )(?<!area )(?<!voucher )(?<!discount )"
    r"(?<!country )(?<!booking )\bcode\b"
)
_CVV_AFTER = re.compile(
    r"[^\d]{0,48}(?:(?:0[1-9]|1[0-2]) ?/ ?(?:20)?\d\d[^\d]{1,12})?"
    r"(?<![\d.,/\-#])(\d[ .\-]?\d[ .\-]?\d(?:[ .\-]?\d)?)(?![ .,/:\-]?\d|[A-Za-z%€$£])"
)
_CVV_BEFORE = re.compile(r"(?<![\d.,/\-])(\d{3,4})[^\d\n]{1,16}$")
_CVV_HINT = re.compile(
    "cv[vcn]|csc|cid|ecur|écur|verif|card code|pr[üu]e?f|sicher|crypt|segur|sicur"
    "|eilig|bezp|säker|sikker|digit|dos"
)
_YEAR = re.compile(r"(?:19|20)\d\d")


def luhn(digits: str) -> bool:
    """True if the last digit is the Luhn check digit of the others."""
    total = sum(map(_LUHN_EVEN.__getitem__, digits[::-2]))
    return (total + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))) % 10 == 0


def is_card_number(digits: str) -> bool:
    """True if an issuer's range, its length and the check digit agree; `digits` are 0-9 only."""
    length = len(digits)
    return (
        13 <= length <= 19
        and any(
            first <= digits[: len(first)] <= last and length in lengths
            for first, last, lengths in _BY_FIRST_DIGIT.get(digits[0], ())
        )
        and luhn(digits)
        and digits.count(digits[0]) < length
    )


def find_cards(view: View) -> None:
    for cluster in _CLUSTER.finditer(view.text):
        for groups in _runs(view.text, cluster):
            _cards_in(view, groups)


def _runs(text: str, cluster: re.Match[str]) -> list[list[tuple[int, int]]]:
    """Groups of digits that stand close enough together to be one number."""
    runs: list[list[tuple[int, int]]] = [[]]
    end = cluster.start()
    for group in _GROUP.finditer(text, cluster.start(), cluster.end()):
        if group.start() - end > _MOST_SEPARATORS:
            runs.append([])
        runs[-1].append(group.span())
        end = group.end()
    return runs


def _cards_in(view: View, groups: list[tuple[int, int]]) -> None:
    digits = "".join([view.text[start:end] for start, end in groups])
    lengths = [end - start for start, end in groups]
    position = offset = 0
    while position < len(groups):
        last = None
        if digits[offset] in _BY_FIRST_DIGIT:
            last = _last_group(view, groups, lengths, digits, position, offset)
        following = position + 1 if last is None else last + 1
        offset += sum(lengths[position:following])
        position = following


def _last_group(
    view: View,
    groups: list[tuple[int, int]],
    lengths: list[int],
    digits: str,
    position: int,
    offset: int,
) -> int | None:
    """The last group of the card that begins at `position`, which is then added; None if none."""
    count = 0
    for last in range(position, len(groups)):
        count += lengths[last]
        if count > 19:
            return None
        number = digits[offset : offset + count]
        # The cheap arithmetic first: it leaves little for the judgement of spelling.
        if count < 13 or not is_card_number(number):
            continue
        start, end = groups[position][0], groups[last][1]
        shape = tuple(lengths[position : last + 1])
        if (
            len(shape) == 1
            or shape in _GROUPINGS
            or (
                _RARE_SEPARATOR.search(view.text, start, end) is None
                and (
                    len(shape) == len(groups)
                    or _even(shape)
                    or context.CARD in view.labels_before(groups[0][0])
                )
            )
        ) and _accept(view, start, end, number, plain_number=len(shape) == 1):
            return last
    return None


def _even(shape: tuple[int, ...]) -> bool:
    """Digits in ones, twos or threes throughout ("4 1 1 1 ..."), whatever follows the number."""
    return shape[0] <= 3 and len(set(shape[:-1])) == 1 and shape[-1] <= shape[0]


def _accept(view: View, start: int, end: int, digits: str, *, plain_number: bool) -> bool:
    if not _stands_alone(view, start, end, plain_number=plain_number) or (
        plain_number and _ORDER_LABEL.search(view.lower, max(0, start - 40), start)
    ):
        return False
    # A number in international notation has at most 15 digits.
    if view.text[max(0, start - 1) : start] == "+" and len(digits) <= 15:
        return False
    view.add(CARD, start, end, digits)
    return True


def _stands_alone(view: View, start: int, end: int, *, plain_number: bool) -> bool:
    """False inside ORD-4111…, 4111…AB, 0.4111…; true behind "visa" or "no" without a space."""
    if plain_number and view.text[end : end + 1].isalpha():
        return view.labels_before(start).get(context.CARD, 9) <= 3
    attached = _LETTERS_BEFORE.search(view.lower, max(0, start - 24), start)
    if attached is None:
        return _DECIMALS.search(view.text, max(0, start - 5), start) is None
    return any(attached[1].endswith(word) for word in _CARD_WORD_ENDS)


def find_security_codes(view: View) -> None:
    """Codes beside a word for them, or right behind a card number found before."""
    cards = [span for span in view.found if span.type == CARD]
    for card in cards:
        if trailing := _TRAILING_CVV.match(view.text, card.end):
            _add_code(view, trailing)
    words = [_CODE_WORD] if cards and "code" in view.lower else []
    if _CVV_HINT.search(view.lower):
        words.append(_CVV_WORD)
    if not words:
        return
    # Card numbers between the word and the code must not be taken for it.
    text = list(view.lower)
    for span in view.found:
        text[span.start : span.end] = "\0" * (span.end - span.start)
    blanked = "".join(text)
    for word in (found for pattern in words for found in pattern.finditer(blanked)):
        code = _CVV_AFTER.match(blanked, word.end())
        if code is None:
            start = max(0, word.start() - 22)
            code = _CVV_BEFORE.search(blanked, start, word.start())
        if code is not None and not _is_year(blanked, word.end(), code):
            _add_code(view, code)


def _is_year(text: str, word_end: int, code: re.Match[str]) -> bool:
    between = text[word_end : code.start(1)]
    return _YEAR.fullmatch(code[1]) is not None and (
        re.search(r"\b(?:in|since|from|von|im|seit|en|depuis)\s$", between) is not None
    )


def _add_code(view: View, code: re.Match[str]) -> None:
    if view.is_free(*code.span(1)):
        view.add(CVV, *code.span(1), re.sub(r"\D", "", code[1]))
