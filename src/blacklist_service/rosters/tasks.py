"""The worker's part: rosters take turns, one slice at a time, with a pause after each.

If the worker ends at any point, the next one continues: a settled row is in the slices together with its evidence, or neither
is.
"""

import asyncio
from time import perf_counter

import asyncpg
import structlog

from blacklist_service.checks.answers import ListAges
from blacklist_service.checks.fishing import Fishing
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.lanes import SETTINGS
from blacklist_service.database.room import ELSEWHERE, Room
from blacklist_service.problems import Undetermined
from blacklist_service.rosters.asking import SliceAsker
from blacklist_service.rosters.problems import RosterRefused
from blacklist_service.rosters.reading import read_roster
from blacklist_service.rosters.rules import MOST_ATTEMPTS, RosterFault
from blacklist_service.rosters.writing import write_result
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings

LOOK_SECONDS = 0.5
UNANSWERED_SECONDS = 1.0
REST = 0.5
"""The pause as a multiple of the slice's duration, for the sake of single checks."""

NEXT = "SELECT * FROM rosters WHERE state IN ('queued', 'running') ORDER BY turn_at, id LIMIT 1"
ATTEMPT = "UPDATE rosters SET attempts = attempts + 1, turn_at = clock_timestamp() WHERE id = $1 RETURNING attempts"
REFUSE = """
UPDATE rosters SET state = 'refused', problem = $2, finished_at = clock_timestamp() WHERE id = $1
"""

log = structlog.get_logger()


class Screener:
    """The worker's work on rosters, one piece at a time."""

    def __init__(self, secrecy: Secrecy, *, ages: ListAges, numbers_per_name: int, most_rows: int) -> None:
        self._secrecy = secrecy
        self._most_rows = most_rows
        self._asker = SliceAsker(secrecy, ages, Fishing(numbers_per_name, secrecy=secrecy))

    async def rehearse(self, connection: Connection) -> None:
        await self._asker.rehearse(connection)

    async def do_some(self, connection: Connection) -> bool:
        """Read the roster whose turn it is, check some of it, or write its result; return whether there was one.

        Raise `Undetermined` if no checks can be answered.
        """
        roster = await connection.fetchrow(NEXT)
        if roster is None:
            return False
        try:
            if roster["rows"] is None:
                await self._begin(connection, roster)
                await read_roster(connection, roster, secrecy=self._secrecy, most_rows=self._most_rows)
                log.info("roster_read", bytes=roster["bytes"])
            elif await self._asker.ask_some(connection, roster["id"]) is None:
                await self._begin(connection, roster)
                await write_result(connection, roster, secrecy=self._secrecy)
                log.info("roster_screened", rows=roster["rows"])
        except RosterRefused as refusal:
            await _refuse(connection, roster, refusal.fault)
        return True

    async def _begin(self, connection: Connection, roster: asyncpg.Record) -> None:
        """Work that ends the worker again and again is not begun for ever."""
        attempts = await connection.fetchval(ATTEMPT, roster["id"])
        if attempts is not None and attempts > MOST_ATTEMPTS:
            raise RosterRefused(RosterFault.GIVEN_UP)


async def screen_rosters(dsn: str, secrecy: Secrecy, settings: Settings, *, room: Room = ELSEWHERE) -> None:
    """Run until cancelled."""
    screener = Screener(
        secrecy,
        ages=ListAges.of(settings),
        numbers_per_name=settings.numbers_per_name,
        most_rows=settings.screened_rows,
    )
    connection = await connect(dsn, application_name="blacklist-service rosters", **SETTINGS)
    try:
        await screener.rehearse(connection)
        while True:
            await room.wait()
            began = perf_counter()
            try:
                found = await screener.do_some(connection)
            except Undetermined:
                await asyncio.sleep(UNANSWERED_SECONDS)
                continue
            await asyncio.sleep(REST * (perf_counter() - began) if found else LOOK_SECONDS)
    finally:
        connection.terminate()


async def _refuse(connection: Connection, roster: asyncpg.Record, fault: RosterFault) -> None:
    """Delete everything that was uploaded."""
    async with connection.transaction():
        await connection.execute("DELETE FROM roster_parts WHERE roster_id = $1", roster["id"])
        await connection.execute("DELETE FROM roster_slices WHERE roster_id = $1", roster["id"])
        await connection.execute(REFUSE, roster["id"], fault.value)
    log.info("roster_refused", cause=fault.value)
