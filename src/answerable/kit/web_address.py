"""Addresses on the web, as people write them into files and settings."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def web_address(text: object) -> SplitResult | None:
    """The parts of an address with http or https and a host; None for anything else."""
    if not isinstance(text, str) or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def in_the_clear(parts: SplitResult) -> bool:
    """Whether what is sent there can be read on its way: http, and not to this same machine."""
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether the name or number is this same machine's, whoever resolves it (RFC 6761, 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
