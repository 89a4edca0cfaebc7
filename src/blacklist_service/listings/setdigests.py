"""The digest of the whole set that a copy of the feed must hold: computed once for each list version, in slices."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.database.servers import Server, server_of
from blacklist_service.web.courtesy import Piece

IN_FEED = "ended IS NULL AND is_published AND suspended_on IS NULL"
"""Whether a copy of the change feed holds a row of `listings`; `selects.IN_FEED` is the same."""

LINES = f"""
SELECT string_agg(id::text || ' ' || list_version || E'\\n', '' ORDER BY id) AS lines, count(*) AS lines_count,
       (array_agg(id ORDER BY id DESC))[1] AS last
FROM (SELECT id, list_version FROM listings WHERE {IN_FEED} AND id > $1 ORDER BY id LIMIT $2) AS page
"""
PAGE = 2000


@dataclass(frozen=True, slots=True)
class SetDigest:
    """How many listings, and the SHA-256 of a line `listing_id list_version` for each, by id."""

    count: int
    sha256: str


NONE_YET = (-1, SetDigest(0, ""))
MOST_SERVERS = 4
"""A primary and its standbys; those that were renewed longest ago are forgotten."""


class SetDigests:
    """Caches the digest of the newest version requested of a server; concurrent callers wait for the same computation.

    Of each server apart: if a failover lost a version that was read, the next server has another under the same number.
    """

    def __init__(self) -> None:
        self._newest: dict[Server, tuple[int, SetDigest]] = {}
        self._turn = asyncio.Lock()

    async def get(self, connection: Connection, version: int, work: Piece) -> SetDigest:
        """The digest for the caller's snapshot, whose list version is `version`."""
        server = server_of(connection)
        async with self._turn:
            known, digest = self._newest.get(server, NONE_YET)
            if version != known:
                digest = await _put_together(connection, work)
            if version > known:
                self._newest.pop(server, None)
                self._newest[server] = version, digest
                self._forget()
            return digest

    def _forget(self) -> None:
        for oldest in list(self._newest)[:-MOST_SERVERS]:
            del self._newest[oldest]


async def read_lines(connection: Connection) -> AsyncIterator[tuple[bytes, int]]:
    """The lines of the whole set in the caller's snapshot, by id, in pages; each with its number of lines."""
    last = UUID(int=0)
    while True:
        page = await connection.fetchrow(LINES, last, PAGE)
        if page is None or not page["lines_count"]:
            return
        yield page["lines"].encode(), page["lines_count"]
        last = page["last"]


async def _put_together(connection: Connection, work: Piece) -> SetDigest:
    digest, count = hashlib.sha256(), 0
    async for lines, lines_count in read_lines(connection):
        digest.update(lines)
        count += lines_count
        await work.give_way()
    return SetDigest(count, digest.hexdigest())
