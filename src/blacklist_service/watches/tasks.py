"""The worker's part: every 0.2 s it follows the lists, rechecks due watches, and tells their units.

Publishing does nothing for watches: a NOTIFY would take a database-wide lock in the commit of every act.
"""

import asyncio

import structlog

from blacklist_service.checks.answers import ListAges
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.installation import are_digests_of_now
from blacklist_service.database.lanes import SETTINGS
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.calendar import EvenClock
from blacklist_service.problems import Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.telemetry import WATCH_LAG, WATCHES_OPEN
from blacklist_service.watches.asking import WatchAsker
from blacklist_service.watches.following import (
    follow,
    glance,
    note_dated,
    note_doubted,
    note_other_rules,
    sweep,
)
from blacklist_service.watches.operations import end_watches
from blacklist_service.watches.rules import Cause
from blacklist_service.watches.withdrawals import tell_withdrawn

LOOK_SECONDS = 0.2
NOW_AND_THEN_SECONDS = 5.0
UNANSWERED_SECONDS = 1.0
MOST_ENDED = 128
MOVES = ("list_moved", "notices_moved", "measures_moved", "day_began", "lineage_grew", "has_unprimed")

MEASURED = """
SELECT coalesce((SELECT sum(open) FROM watch_feeds), 0) + (SELECT count(*) FROM watches_unprimed) AS open,
       extract(epoch FROM clock_timestamp() - least(
           (SELECT min(since) FROM watches_due),
           (SELECT v.at FROM watch_cursor c JOIN listing_versions v ON v.list_version > c.list_version
            ORDER BY v.list_version LIMIT 1)))::float8 AS lag
"""

log = structlog.get_logger()


class WatchKeeper:
    """One worker's rounds. `clock` says whether the date can be trusted, because a watch ends for good."""

    def __init__(self, secrecy: Secrecy, ages: ListAges, clock: EvenClock | None = None) -> None:
        self._asker = WatchAsker(secrecy, ages)
        self._soft_age = ages.soft
        self._clock = clock or EvenClock()
        self._has_noted_rules = False

    async def do_round(self, connection: Connection) -> bool:
        """Process what has changed since the last round. Return whether there is more to do at once.

        Raise `Undetermined` if no checks can be answered; due watches stay due.
        """
        seen = await glance(connection)
        has_moved = any(seen[name] for name in MOVES)
        if has_moved:
            await follow(connection)
        elif not seen["has_due"] and seen["has_sweeps"]:
            await sweep(connection)
        if seen["has_dated"]:
            await note_dated(connection)
        # Nearly always there is nothing, and finding that out under the cursor's lock would cost a durable commit.
        is_due = has_moved or seen["has_due"] or seen["has_sweeps"] or seen["has_dated"]
        is_more = is_due and await self._asker.ask_some(connection) > 0
        if seen["has_withdrawals"]:
            is_more = await tell_withdrawn(connection) or is_more
        if seen["has_ended"]:
            is_more = await self.end_some(connection) or is_more
        return is_more or has_moved or seen["has_sweeps"]

    async def end_some(self, connection: Connection) -> bool:
        """End watches whose last day is over, once the date can be trusted. Return whether there are more."""
        at = await database_clock(connection)
        if not self._clock.is_even(at):
            return False
        async with connection.transaction():
            rows = await connection.fetch(
                "SELECT * FROM watches WHERE until < $1 AND closed_at IS NULL ORDER BY id LIMIT $2 FOR UPDATE",
                *(legal_date(at), MOST_ENDED),
            )
            if rows:
                await end_watches(connection, [(row, Cause.UNTIL) for row in rows], at=at)
        return len(rows) == MOST_ENDED

    async def do_now_and_then(self, connection: Connection) -> None:
        self._clock.is_even(await database_clock(connection))
        if not self._has_noted_rules and await are_digests_of_now(connection):
            await note_other_rules(connection)
            self._has_noted_rules = True
        await self._asker.take_up_again(connection)
        if self._soft_age is not None:
            await note_doubted(connection, self._soft_age)
        measured = await connection.fetchrow(MEASURED)
        if measured is not None:
            WATCHES_OPEN.set(measured["open"])
            WATCH_LAG.set(max(measured["lag"] or 0.0, 0.0))


async def keep_watching(dsn: str, secrecy: Secrecy, ages: ListAges) -> None:
    """Run until cancelled; raises when a round fails."""
    connection = await connect(dsn, application_name="blacklist-service watches", **SETTINGS)
    try:
        follower, loop, next_time = WatchKeeper(secrecy, ages), asyncio.get_running_loop(), 0.0
        while True:
            if loop.time() >= next_time:
                await follower.do_now_and_then(connection)
                next_time = loop.time() + NOW_AND_THEN_SECONDS
            try:
                is_more = await follower.do_round(connection)
            except Undetermined:
                await asyncio.sleep(UNANSWERED_SECONDS)
            else:
                await asyncio.sleep(0.0 if is_more else LOOK_SECONDS)
    finally:
        connection.terminate()
