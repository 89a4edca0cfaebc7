"""Reads of the measures in force."""

from blacklist_service.database.connections import Connection
from blacklist_service.measures.rules import Catalogue


async def get_measures_version(connection: Connection) -> int:
    version: int = await connection.fetchval("SELECT version FROM heads WHERE name = 'measures'")
    return version


async def get_catalogue(connection: Connection, version: int) -> Catalogue:
    stored = await connection.fetchval("SELECT catalogue FROM measures_versions WHERE version = $1", version)
    return Catalogue.model_validate(stored or {"matters": []})


async def find_catalogue(connection: Connection, version: int) -> Catalogue | None:
    """The measures of a version, in force or past; None when there was none of that number."""
    stored = await connection.fetchval("SELECT catalogue FROM measures_versions WHERE version = $1", version)
    return None if stored is None else Catalogue.model_validate(stored)
