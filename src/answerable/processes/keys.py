"""The keys of an installation: read, or made on the first start; never in the database."""

from answerable.kit.telemetry import get_logger
from answerable.ledger.checkpoint import SigningKey
from answerable.privacy.keys import MasterKey, create_key_file
from answerable.processes.settings import PREFIX, Settings

log = get_logger("processes")


def master_key(settings: Settings) -> MasterKey:
    """From the setting MASTER_KEY, else from DATA/keys/master.key, made if it is missing.

    Whoever loses it loses every text: keep a copy where backups of the database are not.
    """
    given = settings.get("MASTER_KEY")
    if given is not None:
        return MasterKey.from_settings({f"{PREFIX}MASTER_KEY": given})
    path = settings.data / "keys" / "master.key"
    if path.exists():
        return MasterKey.from_file(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    log.warning("master_key_created", advice="move it to a secret store; see docs/how-to/keys.md")
    return create_key_file(path)


def signing_key(settings: Settings) -> SigningKey:
    return SigningKey.load_or_create(settings.signing_key_file)
