"""Was the From domain authenticated? Only a mail server of our own may say so (RFC 8601)."""

import re

from answerable.channels.email.parsed_mail import ParsedMail

_DMARC_PASS = re.compile(r"\bdmarc\s*=\s*pass\b", re.IGNORECASE)
_DMARC = re.compile(r"\bdmarc\s*=\s*([a-z]+)", re.IGNORECASE)
_HEADER_FROM = re.compile(r"\bheader\.from\s*=\s*\"?@?([A-Za-z0-9._-]{1,253})", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r'"[^"]*"')


def is_aligned(mail: ParsedMail, *, trusted_server: str | None, hops: int = 1) -> bool:
    """Does our own mail server say that DMARC passed for this mail's one From address?

    trusted_server: the authserv-id that our server writes; None trusts nobody.
    hops: how many Received lines our own servers put above their Authentication-Results at most.

    Only the topmost result of that server counts: one that the sender put into the mail stands
    below it. A mail without exactly one From address is never aligned.
    """
    if trusted_server is None or len(mail.sender) != 1 or len(mail.values("from")) != 1:
        return False
    domain = mail.sender[0].address.rpartition("@")[2]
    received = 0
    for name, value in mail.headers:
        received += name == "received"
        if received > hops:
            return False
        if name == "authentication-results" and _server(value) == trusted_server.lower():
            return _passes(value, domain)
    return False


def _server(value: str) -> str:
    words = _COMMENT.sub(" ", value).partition(";")[0].split()
    return words[0].strip('"').lower() if words else ""


def _passes(value: str, domain: str) -> bool:
    """Comments and quoted values are the sender's to choose, so they are taken out first."""
    if len(value) > 8000:
        return False
    plain = value
    for _ in range(5):
        plain = _COMMENT.sub(" ", plain)
    results = [part for part in _QUOTED.sub(" ", plain).split(";") if _DMARC.search(part)]
    if len(results) != 1 or not _DMARC_PASS.match(results[0].strip()):
        return False
    told = _HEADER_FROM.search(results[0])
    return told is not None and told[1].lower().rstrip(".") == domain
