"""Reads of a unit's own rosters."""

from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.problems import NotFound, NotYours


async def get_roster(connection: Connection, roster_id: UUID, *, member: str) -> asyncpg.Record:
    """Raise `NotFound` if there is none, `NotYours` if another unit uploaded it."""
    row = await connection.fetchrow("SELECT * FROM rosters WHERE id = $1", roster_id)
    if row is None:
        raise NotFound
    if row["member"] != member:
        raise NotYours
    return row


async def list_rosters(connection: Connection, *, member: str, limit: int) -> list[asyncpg.Record]:
    """Newest first; they are deleted after a week, so there are no pages."""
    return await connection.fetch(
        "SELECT * FROM rosters WHERE member = $1 AND state <> 'incoming' ORDER BY id DESC LIMIT $2", member, limit
    )
