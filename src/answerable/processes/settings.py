"""Settings from the environment: typed, read once, and refused when they make no sense.

Every name begins with ANSWERABLE_. A secret may come from a file named by <NAME>_FILE. A name that
is not known stops the start: a slip must not become a silent default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from answerable.contacts.customer_token import SECRET_BYTES
from answerable.kit.errors import InvalidInput

PREFIX = "ANSWERABLE_"

SETTINGS: Mapping[str, str] = {
    "DATA": "Directory for the database, keys, models and checkpoints. Default: ./data",
    "DATABASE": (
        "postgresql://user:password@host:port/name, for several processes; secret. Default: a "
        "SQLite file in DATA"
    ),
    "BROKER": "amqp(s)://user:password@host:port/vhost, joins processes. Secret. Default: none",
    "REDIS": (
        "redis(s)://user:password@host:port, for news among processes, and for the texts of "
        "definitions that keep nothing. Secret. Default: none"
    ),
    "ROLE": "all, gateway, worker, connector or scheduler. Default: all",
    "MASTER_KEY": "32 bytes in base64 that wrap the contacts' keys. Secret; or MASTER_KEY_FILE.",
    "SIGNING_KEY_FILE": "File with the key that signs checkpoints. Default: DATA/keys/signing.key",
    "CHECKPOINT_FILE": "Checkpoints outside the database. Default: DATA/checkpoints.jsonl",
    "MODELS": "Directory of trained models. Default: DATA/models",
    "ENCODER": (
        "Directory of another sentence encoder, or https:// address of an embeddings endpoint. "
        "Default: the shipped one"
    ),
    "ENCODER_MODEL": "Name of the model at the endpoint that ENCODER names. Default: none",
    "ENCODER_KEY": "Bearer for the endpoint that ENCODER names. Secret.",
    "LOG_LEVEL": "debug, info, warning or error. Default: info",
    "LOG_FORMAT": "json or text. Default: json",
    "PUBLIC_URL": (
        "https://host at which customers reach this service, for the links in mails. Default: "
        "none, and playbooks that send a link hand over to people"
    ),
    "IMAP_URL": "imaps://user:password@host/INBOX of the only mail inbox. Secret.",
    "SMTP_URL": "smtp://user:password@host:port for replies by mail. Secret.",
    "MAIL_AUTHSERV": (
        "authserv-id of the mail server whose Authentication-Results are believed; with it a mail "
        "joins a conversation only if its From domain passed DMARC. Default: none"
    ),
    "SMTP_IN": "host:port on which mail is received by SMTP. Default: none",
    "METRICS_TOKEN": "Bearer that /metrics asks for. Secret. Default: only this machine may read",
    "DESK_ORIGINS": "Further origins of the console, separated by commas. Default: none",
    "FIRST_ADMIN": (
        "E-mail address of an administrator, made at the start of a tenant without agents; with "
        "several tenants tenant=address, separated by commas"
    ),
    "FIRST_ADMIN_PASSWORD": "Password of FIRST_ADMIN, to be changed after logging in. Secret.",
}
PATTERNS: Mapping[str, str] = {
    "IMAP_URL_<TENANT>_<INBOX>": "As IMAP_URL, for one of several (in capitals, - as _).",
    "BUS_SECRET_<TENANT>": (
        "What a tenant's services sign their commands with, 32 bytes or more. Secret; or "
        "BUS_SECRET_<TENANT>_FILE."
    ),
    "CONNECTOR_<NAME>_URL": "Address of an integration, instead of the definition's.",
    "CONNECTOR_<NAME>_KEY": (
        "Key of an integration, for processes that speak with it (role connector). Secret; or "
        "CONNECTOR_<NAME>_KEY_FILE."
    ),
    "CONNECTOR_<NAME>_HOOK_SECRET": (
        "What an integration's own calls at our hooks are signed with, for processes that are "
        "called (role gateway). Secret; or CONNECTOR_<NAME>_HOOK_SECRET_FILE."
    ),
}
# For tests and build scripts, never for service; FAILPOINT: see kit/failpoints.py.
FOREIGN = ("LEAVE_NOTHING_OUT", "SKIP_WEB", "FAILPOINT")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a process was told. values: by name without the prefix; secrets never printed."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def data(self) -> Path:
        return Path(self.values.get("DATA", "data"))

    @property
    def database(self) -> str | None:
        """URL of a database on a server; None: a file in `data`."""
        return self.values.get("DATABASE")

    @property
    def models(self) -> Path:
        return Path(self.values.get("MODELS", self.data / "models"))

    @property
    def signing_key_file(self) -> Path:
        return Path(self.values.get("SIGNING_KEY_FILE", self.data / "keys" / "signing.key"))

    @property
    def checkpoint_file(self) -> Path:
        return Path(self.values.get("CHECKPOINT_FILE", self.data / "checkpoints.jsonl"))

    @property
    def public_url(self) -> str | None:
        """Raises InvalidInput for what is no address of a web server."""
        url = self.values.get("PUBLIC_URL")
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InvalidInput(
                "bad_public_url", f"{PREFIX}PUBLIC_URL must be like https://help.bank.example"
            )
        return url

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def named_secret(self, name: str) -> str | None:
        """A secret whose name a definition chose, such as a chat's: NAME or NAME_FILE."""
        if self.environment.get(name):
            return self.environment[name]
        file = self.environment.get(f"{name}_FILE")
        return _file(name, file) if file else None

    def bus_secret(self, tenant: str) -> str | None:
        """Raises InvalidInput for one that is too short."""
        name = f"BUS_SECRET_{capitals(tenant)}"
        secret = self.values.get(name)
        if secret is not None and len(secret.encode()) < SECRET_BYTES:
            raise InvalidInput(
                "short_secret", f"{PREFIX}{name} must have at least {SECRET_BYTES} bytes"
            )
        return secret

    def connector_url(self, integration: str) -> str | None:
        return self.values.get(f"CONNECTOR_{capitals(integration)}_URL")

    def hook_secret(self, integration: str) -> str | None:
        return self.values.get(f"CONNECTOR_{capitals(integration)}_HOOK_SECRET")

    def connector_key(self, integration: str) -> str | None:
        return self.values.get(f"CONNECTOR_{capitals(integration)}_KEY")


def capitals(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")


def read_settings(environment: Mapping[str, str], **given: str | None) -> Settings:
    """Settings from the environment; `given` (from the command line) wins, "" as: not set.

    Raises InvalidInput for a name that is not known, or a file that cannot be read.
    """
    values: dict[str, str] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or not value:
            continue
        short = name.removeprefix(PREFIX)
        if short in SETTINGS or _matches_pattern(short):
            values[short] = value
        elif short.endswith("_FILE") and _is_known(short.removesuffix("_FILE")):
            values[short.removesuffix("_FILE")] = _file(name, value)
        elif short not in FOREIGN:
            raise InvalidInput("unknown_setting", _unknown(name))
    values.update({name: value for name, value in given.items() if value is not None})
    values = {name: value for name, value in values.items() if value}
    if "DATABASE" in values:
        values["DATABASE"] = _database_url(values["DATABASE"])
    return Settings(values=values, environment=dict(environment))


def _database_url(text: str) -> str:
    """Raises InvalidInput, which does not repeat what may hold a password."""
    try:
        parts = urlsplit(text.strip())
        _ = parts.port
        good = parts.scheme in ("postgresql", "postgres") and len(parts.path) > 1
    except ValueError:
        good = False
    if not good:
        raise InvalidInput(
            "bad_database_url",
            f"{PREFIX}DATABASE (or --database) must be like postgresql://user:password@host/name; "
            "characters such as @ : / # in a password are written as %40 %3A %2F %23",
        )
    return "postgresql:" + text.strip().partition(":")[2]


def _is_known(short: str) -> bool:
    return short in SETTINGS or _matches_pattern(short)


def _matches_pattern(short: str) -> bool:
    if short.startswith("IMAP_URL_") and len(short) > len("IMAP_URL_"):
        return not short.endswith("_FILE")
    if short.startswith("BUS_SECRET_") and len(short) > len("BUS_SECRET_"):
        return not short.endswith("_FILE")
    return short.startswith("CONNECTOR_") and short.endswith(("_URL", "_KEY", "_HOOK_SECRET"))


def _file(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise InvalidInput("unreadable_setting", f"{name}: cannot read {path}: {reason}") from error


def _unknown(name: str) -> str:
    near = get_close_matches(name, [PREFIX + known for known in SETTINGS], n=1)
    hint = f"; did you mean {near[0]}?" if near else "; see docs/reference/settings.md"
    return f"{name} is not a setting{hint}"
