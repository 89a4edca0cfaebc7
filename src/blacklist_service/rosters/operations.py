"""Uploading a roster, and deleting it."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection, Pool
from blacklist_service.database.room import ELSEWHERE, Room
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import Undetermined
from blacklist_service.rosters.keeping import INSERT_PART, PART_BYTES, Private, seal_part
from blacklist_service.rosters.problems import RosterTooLarge, TooManyRosters
from blacklist_service.rosters.queries import get_roster
from blacklist_service.rosters.rules import KEPT, MOST_FILE_BYTES, MOST_WAITING, Titles
from blacklist_service.secrecy import Secrecy

ADD = """
INSERT INTO rosters (id, member, once, key_id, operator, request_id, matter, role, kind, identifier_type, state, private,
                     queued_at, turn_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'incoming', $11, $12, $12)
"""


@dataclass(frozen=True, slots=True)
class RosterTerms:
    """What is the same for every row."""

    matter: str
    role: str
    kind: str
    identifier_type: str
    titles: Titles = field(default_factory=Titles)


async def begin_roster(
    connection: Connection, wanted: RosterTerms, *, file_name: str, once: str, actor: Actor, secrecy: Secrecy
) -> tuple[UUID, bool]:
    """Create a roster; return whether it is new: the same form, submitted again, finds the existing one.

    Raise `TooManyRosters` if the unit already has the most unfinished rosters.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"rosters {actor.member}")
    held = await connection.fetchval("SELECT id FROM rosters WHERE member = $1 AND once = $2", actor.member, once)
    if held is not None:
        return held, False
    waiting = await connection.fetchval(
        "SELECT count(*) FROM rosters WHERE member = $1 AND state IN ('incoming', 'queued', 'running')", actor.member
    )
    if waiting >= MOST_WAITING:
        raise TooManyRosters
    at = await database_clock(connection)
    roster_id = new_id(at)
    titles = (wanted.titles.reference, wanted.titles.name, wanted.titles.number)
    await connection.execute(
        ADD,
        *(roster_id, actor.member, once, actor.key_id, actor.operator, actor.request_id),
        *(wanted.matter, wanted.role, wanted.kind, wanted.identifier_type),
        *(Private(file_name, titles).seal(roster_id, secrecy), at),
    )
    return roster_id, True


async def keep_upload(
    pool: Pool, roster_id: UUID, content: AsyncIterator[bytes], *, secrecy: Secrecy, room: Room = ELSEWHERE
) -> None:
    """Store the file, part by part, and start the screening; no connection is held while a slow client sends.

    Raise `RosterTooLarge`, or `Undetermined` if there is no room. Whatever is raised, nothing of it remains.
    """
    try:
        parts, size, digest = 0, 0, hashlib.sha256()
        async for part in content:
            size += len(part)
            _require_room(room, size)
            digest.update(part)
            sealed = seal_part(part, roster_id, "upload", parts, secrecy)
            await pool.execute(INSERT_PART, roster_id, "upload", parts, sealed)
            parts += 1
        await pool.execute(
            "UPDATE rosters SET state = 'queued', bytes = $2, file_sha256 = $3 WHERE id = $1",
            *(roster_id, size, digest.digest()),
        )
    except BaseException:
        await pool.execute("DELETE FROM rosters WHERE id = $1", roster_id)
        raise


def _require_room(room: Room, size: int) -> None:
    if not room.is_spare():
        raise Undetermined("there is no room for files on the disk", retry_after_seconds=60)
    if size > MOST_FILE_BYTES:
        raise RosterTooLarge


async def delete_roster(connection: Connection, roster_id: UUID, *, member: str) -> None:
    """Delete everything of it; a running screening stops. The checks stay in the ledger."""
    await get_roster(connection, roster_id, member=member)
    await connection.execute("DELETE FROM rosters WHERE id = $1", roster_id)


async def forget_rosters(connection: Connection, _secrecy: Secrecy) -> bool:
    """After a week delete everything of a roster, and of an upload that was never completed."""
    await connection.execute(
        "DELETE FROM rosters WHERE queued_at < clock_timestamp() - $1::interval"
        " OR (state = 'incoming' AND queued_at < clock_timestamp() - interval '1 hour')",
        KEPT,
    )
    return False


async def in_parts(read: Any) -> AsyncIterator[bytes]:
    """The parts of a file that is read by `await read(bytes)`."""
    while part := await read(PART_BYTES):
        yield part
