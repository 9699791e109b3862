"""E-mail and IP addresses."""

import ipaddress
import re

from answerable.privacy.spans import EMAIL, IP
from answerable.privacy.view import View

_LOCAL_REVERSED = re.compile(r"[\w.+%'*~!#$\-]{1,64}")
_DOMAIN = re.compile(r"[\w.\-]{3,253}")
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,24}|xn--[a-z0-9\-]{2,59}", re.IGNORECASE)
# "anna (at) example dot com", "anna @ example.com". In words it needs both, or a bracket.
_AT = r" ?[(\[{<] ?(?:at|@|ät|arroba|chiocciola|arobase|malpa) ?[)\]}>] ?"
_DOT = (
    r" ?[(\[{<] ?(?:dot|punkt|point|punto|kropka|\.) ?[)\]}>] ?| (?:dot|punkt|point|punto|kropka) "
)
_LOCAL = r"(?<![\w.+\-])[\w+\-]{1,32}(?:(?:\." + "|" + _DOT + r")[\w+\-]{1,32}){0,3}"
_SPELT = re.compile(
    rf"{_LOCAL}(?:(?:{_AT})[\w\-]{{1,63}}(?:(?:\.|{_DOT})[\w\-]{{1,63}}){{1,3}}"
    r"| (?:at|ät|arroba|chiocciola|arobase|malpa) "
    rf"[\w\-]{{1,63}}(?:(?:{_DOT})[\w\-]{{1,63}}){{1,3}}"
    rf"|(?: @ ?| ?@ )[\w\-]{{1,63}}(?:(?:\.|{_DOT})[\w\-]{{1,63}}){{1,3}})"
    r"(?![\w@])"
)
_SPELT_HINT = re.compile(
    r"[(\[{<] ?(?:at|@|ät|arro|chio|arob|malpa)|(?: |\w)@ | @ ?\w"
    r"|(?:[\])}>]| )(?:dot|punkt|point|punto|kropka)[ \])}>]"
)
_AT_WORDS = re.compile(rf"{_AT}| (?:at|ät|arroba|chiocciola|arobase|malpa) | ?@ ?")
_DOT_WORDS = re.compile(_DOT)
_ENDS = """com org net de fr uk io eu es it nl pl at ch be ie us ca au in tr pt se no dk fi cz info
biz example test co gov edu me app dev online"""
_COMMON_ENDS = frozenset(_ENDS.split())
# Punctuation that may legally begin a local part but in running text is a bracket or a quote.
_NOT_AT_START = ".'!*~#$%-"

_V4 = re.compile(r"(?<![\w.\-])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w\-]|\.\d)")
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}\.\d{1,3}\.\d{1,3})?(?![\w:])")
_VERSION_BEFORE = re.compile(r"(?:version|ver\.?|release|firmware|build|update|\bv) ?$")


def find_emails(view: View) -> None:
    text = view.text
    at = text.find("@")
    while at >= 0:
        local = _LOCAL_REVERSED.match(text[max(0, at - 64) : at][::-1])
        domain = _DOMAIN.match(text, at + 1)
        if local is not None and domain is not None:
            name = local[0][::-1].lstrip(_NOT_AT_START)
            host = domain[0].rstrip("._-")
            if name and not name.endswith(".") and _is_host(host):
                value = f"{name}@{host}".lower()
                view.add(EMAIL, at - len(name), at + 1 + len(host), value)
        at = text.find("@", at + 1)


def find_spelt_emails(view: View) -> None:
    """Addresses with "at" and "dot" in words or brackets, or with spaces around the sign."""
    if not _SPELT_HINT.search(view.lower):
        return
    for found in _SPELT.finditer(view.lower):
        value = _DOT_WORDS.sub(".", _AT_WORDS.sub("@", found[0], count=1))
        host = value.partition("@")[2]
        ends_well = host.rpartition(".")[2] in _COMMON_ENDS
        if ends_well and _is_host(host) and view.is_free(*found.span()):
            view.add(EMAIL, *found.span(), value)


def _is_host(host: str) -> bool:
    labels = host.split(".")
    return (
        len(labels) > 1
        and all(label and label[0] != "-" and len(label) <= 63 for label in labels)
        and _TOP_LEVEL.fullmatch(labels[-1]) is not None
    )


def find_ip_addresses(view: View) -> None:
    for candidate in _V4.finditer(view.text):
        version = _VERSION_BEFORE.search(
            view.lower, max(0, candidate.start() - 12), candidate.start()
        )
        if version is None:
            _add_if_valid(view, candidate)
    if view.text.count(":") > 1:
        for candidate in _V6.finditer(view.text):
            # "a::b" in running text is code, "10:30:59" a time: three groups with a digit at least.
            groups = [group for group in candidate[0].split(":") if group]
            if len(groups) > 2 and any(c.isdigit() for c in candidate[0]):
                _add_if_valid(view, candidate)


def _add_if_valid(view: View, candidate: re.Match[str]) -> None:
    try:
        address = ipaddress.ip_address(candidate[0])
    except ValueError:
        return
    view.add(IP, *candidate.span(), str(address))
