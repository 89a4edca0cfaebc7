"""Reads a roster's file in a separate process and stores it as sealed slices."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from blacklist_service.checks.screenings import admit_part
from blacklist_service.database.connections import Connection
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.xlsx_file import Child
from blacklist_service.problems import TooManyRequests
from blacklist_service.rosters.keeping import Private, read_part, seal_value
from blacklist_service.rosters.problems import RosterRefused
from blacklist_service.rosters.rules import MOST_ROWS, RosterFault
from blacklist_service.secrecy import Secrecy

PROGRAM = "blacklist_service.rosters.reading_child"

STAGE = "INSERT INTO roster_slices (roster_id, slice, content) VALUES ($1, $2, $3)"
COUNT = "UPDATE rosters SET staged = staged + $2, slices = slices + 1 WHERE id = $1"
BEGIN = """
UPDATE rosters SET state = 'running', rows = staged, private = $2, attempts = 0, began_at = clock_timestamp(),
       turn_at = clock_timestamp()
WHERE id = $1
"""


async def read_roster(connection: Connection, roster: asyncpg.Record, *, secrecy: Secrecy, most_rows: int) -> None:
    """Store all of its rows, and count them as screened by the unit; starts again after an interruption.

    Raise `RosterRefused` if the file cannot be screened, or exceeds what the unit may screen in a day.
    """
    roster_id: UUID = roster["id"]
    async with connection.transaction():
        await connection.execute("DELETE FROM roster_slices WHERE roster_id = $1", roster_id)
        await connection.execute("UPDATE rosters SET staged = 0, slices = 0 WHERE id = $1", roster_id)
    private = Private.open(roster["private"], roster_id, secrecy)
    most = min(most_rows or MOST_ROWS, MOST_ROWS)
    titles = [one or "" for one in private.titles]
    async with _uploaded(connection, roster_id, secrecy) as path:
        child = await asyncio.to_thread(Child, path, roster["kind"], str(most), *titles, program=PROGRAM)
        try:
            private = await _stage(connection, roster_id, child, private, secrecy)
        except UnreadableFile as refusal:
            raise RosterRefused(_fault(refusal.detail)) from None
        finally:
            child.end()
    await _begin(connection, roster, private, secrecy=secrecy, most_rows=most_rows)


async def _stage(connection: Connection, roster_id: UUID, child: Child, private: Private, secrecy: Secrecy) -> Private:
    head: Any = await asyncio.to_thread(child.receive)
    number = 0
    while isinstance(message := await asyncio.to_thread(child.receive), list):
        async with connection.transaction():
            await connection.execute(STAGE, roster_id, number, seal_value(message, roster_id, "slice", number, secrecy))
            await connection.execute(COUNT, roster_id, len(message))
        number += 1
    places = tuple(head["places"])
    return Private(private.file_name, private.titles, tuple(head["header"]), places, tuple(message["passed_over"]))


async def _begin(
    connection: Connection, roster: asyncpg.Record, private: Private, *, secrecy: Secrecy, most_rows: int
) -> None:
    roster_id: UUID = roster["id"]
    async with connection.transaction():
        rows = await connection.fetchval("SELECT staged FROM rosters WHERE id = $1 FOR UPDATE", roster_id)
        if rows is None:
            return  # it was deleted meanwhile
        name = str(roster_id)
        try:
            await admit_part(
                connection, member=roster["member"], screening=name, part=f"roster-{name}", rows=rows, most=most_rows
            )
        except TooManyRequests:
            raise RosterRefused(RosterFault.OVER_QUOTA) from None
        await connection.execute(BEGIN, roster_id, private.seal(roster_id, secrecy))


@asynccontextmanager
async def _uploaded(connection: Connection, roster_id: UUID, secrecy: Secrecy) -> AsyncIterator[Path]:
    """The file, while it is being read. It has no name, so even a kill leaves nothing behind."""
    with tempfile.TemporaryFile(prefix="blacklist-roster-") as file:
        part = 0
        while content := await read_part(connection, roster_id, "upload", part, secrecy=secrecy):
            file.write(content)
            part += 1
        file.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def _fault(code: str) -> RosterFault:
    """The child's message, or else how it died."""
    return RosterFault(code) if code in set(RosterFault) else RosterFault.UNREADABLE
