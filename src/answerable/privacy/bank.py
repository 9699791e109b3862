"""IBANs and BICs."""

import re

from answerable.privacy.spans import BIC, IBAN
from answerable.privacy.view import View

# Total lengths, from the IBAN registry (ISO 13616).
_LENGTHS = """AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22
DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22
IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27
MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24
SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"""
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}
_IBAN_START = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=iban)|(?<=IBAN))[A-Za-z] ?[A-Za-z][ .\-]?\d[ ]?\d"
)
# Its digits and the letter before them, which hardly any text holds: to look for digits is cheap.
_IBAN_HINT = re.compile(r"\d(?:(?<=[A-Za-z]\d)|(?<=[A-Za-z][ .\-]\d))[ ]?\d")
_CHARACTER_VALUES = {c: str(int(c, 36)) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_SEPARATORS = " .-/\n\t\r"

_COUNTRY_CODES = """AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BM
BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM CN CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE
EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT
HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
LT LU LV LY MA MC MD ME MG MH MK ML MM MN MO MQ MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL NO
NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SI SK
SL SM SN SO SR SS ST SV SY SZ TC TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE
VG VI VN VU WF WS XK YE YT ZA ZM ZW"""
_COUNTRIES = frozenset(_COUNTRY_CODES.split())
_BIC_WORD = re.compile(r"(?<![a-z])(?:bic|swift)(?![a-z])(?:[ /\-]?(?:code|bic|swift|nummer))?")
_BIC_CODE = re.compile(
    r"[^A-Za-z0-9]{0,4}(?:(?:is|ist|lautet|est|es|code|number|für|for) ?[^A-Za-z0-9]{0,4})?"
    r"([A-Za-z]{6}[A-Za-z0-9]{2}(?:[A-Za-z0-9]{3})?)(?![A-Za-z0-9])"
)


_HEAD_OFFICE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{6}[A-Z0-9]{2}XXX(?![A-Za-z0-9])")


def is_iban(value: str) -> bool:
    """True if country, length and the mod-97 check agree; `value` in capitals without spaces."""
    if IBAN_LENGTHS.get(value[:2]) != len(value) or not value[2:4].isdigit():
        return False
    try:
        return int("".join([_CHARACTER_VALUES[c] for c in value[4:] + value[:4]])) % 97 == 1
    except KeyError:
        return False


def find_ibans(view: View) -> None:
    if not _IBAN_HINT.search(view.text):
        return
    end = 0
    for start in _IBAN_START.finditer(view.text):
        if start.start() < end:
            continue
        length = IBAN_LENGTHS.get(start[0].replace(" ", "")[:2].upper())
        found = _read(view.text, start.start(), length) if length is not None else None
        if found is not None and is_iban(found[0]):
            end = found[1]
            view.add(IBAN, start.start(), end, found[0])


def _read(text: str, start: int, length: int) -> tuple[str, int] | None:
    """`length` letters and digits from `start` on, skipping separators, and where they end."""
    collected: list[str] = []
    gap = 0
    for index in range(start, min(len(text), start + 3 * length)):
        character = text[index]
        if character in _SEPARATORS:
            gap += 1
            if gap > 2:
                return None
            continue
        if not (character.isascii() and character.isalnum()):
            return None
        gap = 0
        collected.append(character)
        if len(collected) == length:
            following = text[index + 1 : index + 2]
            # "…3000und": a word run into a spaced IBAN; run into an unspaced one it may be an id.
            if following.isdigit() or (following.isalpha() and index - start < length):
                return None
            return "".join(collected).upper(), index + 1
    return None


def find_bics(view: View) -> None:
    """Bank codes named as such. In small letters only behind a colon or an equals sign; one of a
    head office is its own proof, once a bank code is spoken of."""
    for word in _BIC_WORD.finditer(view.lower):
        code = _BIC_CODE.match(view.text, word.end())
        if code is None or code[1][4:6].upper() not in _COUNTRIES:
            continue
        between = view.text[word.end() : code.start(1)].strip()
        named = word[0] != "swift" or between != ""  # "SWIFT DELIVERY" is no code
        if between in (":", "=") or (named and code[1].isupper()):
            view.add(BIC, *code.span(1), code[1].upper())
    for code in _HEAD_OFFICE.finditer(view.text):
        if code[0][4:6] in _COUNTRIES and view.is_free(*code.span()):
            view.add(BIC, *code.span(), code[0])
