"""Reads of the measures in force."""

from blacklist_service.database.connections import Connection
from blacklist_service.database.servers import Server, server_of
from blacklist_service.measures.rules import Catalogue


async def get_measures_version(connection: Connection) -> int:
    version: int = await connection.fetchval("SELECT version FROM heads WHERE name = 'measures'")
    return version


async def get_catalogue(connection: Connection, version: int) -> Catalogue:
    stored = await connection.fetchval("SELECT catalogue FROM measures_versions WHERE version = $1", version)
    return Catalogue.model_validate(stored or {"matters": []})


class NewestCatalogue:
    """Caches the catalogue that was read last. A version never changes; but another server may have another under the same
    number, if a failover lost the one that was read.
    """

    def __init__(self) -> None:
        self._place: tuple[Server, int] | None = None
        self._catalogue = Catalogue(matters=[])

    async def get(self, connection: Connection, version: int) -> Catalogue:
        place = server_of(connection), version
        if place != self._place:
            self._catalogue = await get_catalogue(connection, version)
            self._place = place
        return self._catalogue


async def find_catalogue(connection: Connection, version: int) -> Catalogue | None:
    """The measures of a version, in force or past; None if there is no such version."""
    stored = await connection.fetchval("SELECT catalogue FROM measures_versions WHERE version = $1", version)
    return None if stored is None else Catalogue.model_validate(stored)


async def newest_founding_edition(connection: Connection) -> int:
    """The newest founding edition that was ever in force here; those from before they were numbered count as 1."""
    edition: int = await connection.fetchval(
        "SELECT coalesce(max((catalogue ->> 'founding_edition')::integer), 1) FROM measures_versions"
    )
    return edition
