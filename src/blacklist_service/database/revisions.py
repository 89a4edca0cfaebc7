"""Where the schema stands, without Alembic: every process asks this as it starts, and Alembic takes half a second to load."""

from functools import cache
from pathlib import Path

from blacklist_service.database.connections import Connection

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class MigrationError(Exception):
    """A step could not be made, and nothing of it is left; the message is one clear sentence."""


@cache
def newest_revision(folder: Path = MIGRATIONS) -> str:
    """The revision that this code was written for. Files begin with it: four digits, which sort as they follow."""
    return max(file.name[:4] for file in (folder / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


async def current_revision(connection: Connection) -> str | None:
    """The revision the database is at; None for one that was never migrated."""
    if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision
