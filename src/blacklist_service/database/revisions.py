"""Where the schema stands, without Alembic: every process asks this as it starts, and Alembic takes half a second to load."""

from functools import cache
from pathlib import Path

from blacklist_service.database.connections import Connection

PACKAGE = Path(__file__).parent.parent


def _migrations_of(package: Path) -> Path:
    """The folder in an installed package, else the one at the top of the checkout.

    By the place of this file alone: an editable install leaves a copy in site-packages that goes stale. Not by the folder
    alone: an older checkout may have left an empty one.
    """
    inside = package / "migrations"
    return inside if (inside / "env.py").is_file() else package.parent.parent / "migrations"


MIGRATIONS = _migrations_of(PACKAGE)


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
