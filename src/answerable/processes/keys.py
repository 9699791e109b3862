"""The keys of an installation: read, or made on the first start; never in the database."""

from answerable.kit.errors import InvalidInput
from answerable.kit.telemetry import get_logger
from answerable.ledger.checkpoint import SigningKey
from answerable.privacy.keys import MasterKey, create_key_file
from answerable.processes.settings import PREFIX, Settings

log = get_logger("processes")

HOW = "`openssl rand -base64 32` makes one; see docs/how-to/keys.md"


def master_key(settings: Settings, *, fresh: bool) -> MasterKey:
    """From the setting MASTER_KEY, else from DATA/keys/master.key.

    fresh: there is no data yet, so that a missing key may be made. Raises InvalidInput otherwise,
    and on a server, where each process would make another one.

    Whoever loses it loses every text: keep a copy where backups of the database are not.
    """
    given = settings.get("MASTER_KEY")
    if given is not None:
        return MasterKey.from_settings({f"{PREFIX}MASTER_KEY": given})
    path = settings.data / "keys" / "master.key"
    if path.exists():
        return MasterKey.from_file(path)
    if settings.database is not None:
        raise InvalidInput(
            "no_master_key",
            "processes that share a database server share the master key: give each "
            f"{PREFIX}MASTER_KEY or {PREFIX}MASTER_KEY_FILE ({HOW})",
        )
    if not fresh:
        raise InvalidInput(
            "no_master_key",
            f"the data in {settings.data} was encrypted, but there is no {path}: bring the key "
            f"back, or set {PREFIX}MASTER_KEY or {PREFIX}MASTER_KEY_FILE",
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    log.warning("master_key_created", advice="move it to a secret store; see docs/how-to/keys.md")
    return create_key_file(path)


def signing_key(settings: Settings, *, sealed: bool) -> SigningKey:
    """The key that signs checkpoints; made only where there are none yet.

    sealed: there are checkpoints. Raises InvalidInput if then the key is missing.
    """
    path = settings.signing_key_file
    if settings.database is not None and not path.exists():
        raise InvalidInput(
            "no_signing_key",
            "processes that share a database server share the signing key, and there is no "
            f"{path}: name its file with {PREFIX}SIGNING_KEY_FILE ({HOW})",
        )
    if sealed and not path.exists():
        raise InvalidInput(
            "no_signing_key",
            f"the ledger in {settings.data} is sealed, but there is no {path}: bring the key back; "
            "an auditor would refuse checkpoints of another one",
        )
    return SigningKey.load_or_create(path)
