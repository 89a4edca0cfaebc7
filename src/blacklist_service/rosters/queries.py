"""Reads of rosters: a unit's own."""

from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.problems import NotFound, NotYours


async def get_roster(connection: Connection, roster_id: UUID, *, member: str) -> asyncpg.Record:
    """Raise `NotFound` where there is none, `NotYours` where another unit handed it in."""
    row = await connection.fetchrow("SELECT * FROM rosters WHERE id = $1", roster_id)
    if row is None:
        raise NotFound
    if row["member"] != member:
        raise NotYours
    return row


async def list_rosters(connection: Connection, *, member: str, limit: int) -> list[asyncpg.Record]:
    """The newest first; after a week there are none left, so nothing is paged."""
    return await connection.fetch(
        "SELECT * FROM rosters WHERE member = $1 AND state <> 'incoming' ORDER BY id DESC LIMIT $2", member, limit
    )
