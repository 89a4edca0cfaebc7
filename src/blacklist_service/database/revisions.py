"""The schema's revision, without Alembic: every process reads it at its start, and loading Alembic takes half a second."""

from functools import cache
from pathlib import Path

from blacklist_service.database.connections import Connection

PACKAGE = Path(__file__).parent.parent


def _migrations_of(package: Path) -> Path:
    """The directory in an installed package, or else the one at the top of the checkout.

    It is chosen by the location of this file: an editable install leaves a copy in site-packages that becomes outdated, and
    an older checkout may have left an empty directory.
    """
    inside = package / "migrations"
    return inside if (inside / "env.py").is_file() else package.parent.parent / "migrations"


MIGRATIONS = _migrations_of(PACKAGE)


class MigrationError(Exception):
    """A migration failed and left nothing behind; the message is one sentence."""


@cache
def newest_revision(folder: Path = MIGRATIONS) -> str:
    """The revision that this code was written for. File names begin with it: four digits, which sort in order."""
    return max(file.name[:4] for file in (folder / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


async def current_revision(connection: Connection) -> str | None:
    """The revision of the database; None if it was never migrated."""
    if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision
