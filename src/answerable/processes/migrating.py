"""The steps from an older schema to the newest, by Alembic. For `schema` alone."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def migrate(connection: Connection, migrations: Path, *, to: str) -> None:
    """Take every step up to a revision, in a transaction that the caller commits."""
    config = Config()
    # A per cent sign in an installation's path would be read as an interpolation.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
