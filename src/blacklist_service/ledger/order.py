"""Verifies that leaves are in the order of their timestamps. An export of a period is complete only if they are, or if it
names the exceptions.

Leaves are in the order of their transactions, none of which lasts `DISORDER`. A leaf with a timestamp older than that (the
clock was set back, or somebody wrote a backdated entry), or with one in the future, is displaced. Sealing it is right: it was
committed, and a log that refused it would stop for good. But a search by its time does not find it. So the sequencer examines
what it sealed and stores where displaced leaves are, and the worker records them in an entry of the ledger, under the next
signed checkpoint; exports of their period include them, and verifiers look for them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

import orjson
import structlog

from blacklist_service.access.principals import Actor
from blacklist_service.clock import wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.secrecy import Secrecy

DISORDER = timedelta(seconds=60)
MOST_AT_ONCE = 20_000
MOST_IN_A_NOTE = 200
GATHERED_FOR = timedelta(seconds=15)
"""A run of displaced leaves may grow this long before it is recorded: after a clock was set back, every leaf is displaced."""

STATE = "SELECT looked_to, newest, clock_timestamp() AS now FROM ledger_order FOR UPDATE"
"""How far leaves were examined; whoever reads it may examine more, until the transaction ends."""

log = structlog.get_logger()


class Displaced(NamedTuple):
    """A run of displaced leaves: the indices from `first` to before `end`, and their timestamps."""

    first: int
    end: int
    earliest: datetime
    latest: datetime

    @property
    def wire(self) -> list[object]:
        return [self.first, self.end, wire_instant(self.earliest), wire_instant(self.latest)]

    @classmethod
    def of_wire(cls, wire: list[Any]) -> Self:
        first, end, earliest, latest = wire
        return cls(first, end, datetime.fromisoformat(earliest), datetime.fromisoformat(latest))


def find_displaced(
    leaves: Iterable[tuple[int, datetime]], *, newest: datetime | None, now: datetime
) -> tuple[list[Displaced], datetime | None]:
    """The displaced among neighbouring leaves, and the newest timestamp of the others; `newest` is the one before them."""
    found: list[Displaced] = []
    for index, at in leaves:
        if at <= now + DISORDER and (newest is None or at >= newest - DISORDER):
            newest = at if newest is None else max(at, newest)
        elif found and found[-1].end == index:
            last = found[-1]
            found[-1] = Displaced(last.first, index + 1, min(last.earliest, at), max(last.latest, at))
        else:
            found.append(Displaced(index, index + 1, at, at))
    return found, newest


async def look_at_new(connection: Connection, first: int, ats: Sequence[datetime]) -> bool:
    """Examine leaves in the transaction that appends them, from `first` on; `ats` are their timestamps. Return False, and do
    nothing, if leaves before them were not examined yet: all of them are then left to `look_over`.
    """
    state = await connection.fetchrow(STATE)
    if state is None or state["looked_to"] != first:
        return False
    await _examine(connection, list(enumerate(ats, first)), newest=state["newest"], now=state["now"])
    return True


async def look_over(connection: Connection, size: int) -> bool:
    """Examine some of the leaves below `size` that were not examined yet; return whether that was all of them."""
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")  # if this is lost, the leaves are examined again
        state = await connection.fetchrow(STATE)
        if state is None or state["looked_to"] >= size:
            return True
        end: int = min(size, state["looked_to"] + MOST_AT_ONCE)
        leaves = await connection.fetch(
            "SELECT idx, at FROM ledger_leaves WHERE idx >= $1 AND idx < $2 ORDER BY idx", state["looked_to"], end
        )
        stored = [(row["idx"], row["at"]) for row in leaves]
        await _examine(connection, stored, newest=state["newest"], now=state["now"])
    return end == size


async def is_looked_over(connection: Connection, size: int) -> bool:
    return bool(await connection.fetchval("SELECT looked_to >= $1 FROM ledger_order", size))


async def list_displaced(connection: Connection, size: int) -> list[Displaced]:
    """All runs below `size`, in the log's order: those in the table, and those recorded in the ledger, in case somebody
    changed the table.
    """
    rows = await connection.fetch("SELECT first_idx, end_idx, earliest, latest FROM ledger_displaced")
    kept = {Displaced(*row) for row in rows}
    notes = await connection.fetch("SELECT leaf FROM ledger_entries WHERE action = $1", Action.ENTRIES_DISPLACED.value)
    noted = {Displaced.of_wire(one) for note in notes for one in orjson.loads(note["leaf"])["facts"]["displaced"]}
    return sorted(run for run in kept | noted if run.end <= size)


async def count_displaced(connection: Connection, *, since: timedelta | None = None) -> int:
    """How many leaves are displaced; `since`: found within that time."""
    count: int = await connection.fetchval(
        """
        SELECT coalesce(sum(end_idx - first_idx), 0)::bigint FROM ledger_displaced
        WHERE $1::interval IS NULL OR found_at > clock_timestamp() - $1
        """,
        since,
    )
    return count


async def note_displaced(connection: Connection, secrecy: Secrecy, *, after: timedelta = GATHERED_FOR) -> bool:
    """Record displaced leaves in the ledger, each run once; return whether there may be more."""
    rows = await connection.fetch(
        """
        SELECT first_idx, end_idx, earliest, latest FROM ledger_displaced
        WHERE noted_by IS NULL AND found_at <= clock_timestamp() - $1::interval
        ORDER BY first_idx LIMIT $2 FOR NO KEY UPDATE
        """,
        after,
        MOST_IN_A_NOTE,
    )
    if not rows:
        return False
    entry = Entry(Action.ENTRIES_DISPLACED, Actor(), facts={"displaced": [Displaced(*row).wire for row in rows]})
    at = await connection.fetchval("SELECT clock_timestamp()")
    [entry_id] = await record(connection, [entry], at=at, secrecy=secrecy)
    await connection.execute(
        "UPDATE ledger_displaced SET noted_by = $1 WHERE first_idx = ANY($2::bigint[])",
        entry_id,
        [row["first_idx"] for row in rows],
    )
    return len(rows) == MOST_IN_A_NOTE


async def _examine(
    connection: Connection, leaves: Sequence[tuple[int, datetime]], *, newest: datetime | None, now: datetime
) -> None:
    """Store the displaced among these leaves, which follow those that were examined."""
    found, newest = find_displaced(leaves, newest=newest, now=now)
    for run in found:
        await _keep(connection, run)
    await connection.execute("UPDATE ledger_order SET looked_to = $1, newest = $2", leaves[-1][0] + 1, newest)
    if found:
        log.error("entries_bear_another_time", size=sum(run.end - run.first for run in found))


async def _keep(connection: Connection, run: Displaced) -> None:
    """Store a run, merged with the run before it if that is not recorded yet."""
    lengthened = await connection.execute(
        """
        UPDATE ledger_displaced SET end_idx = $2, earliest = least(earliest, $3), latest = greatest(latest, $4)
        WHERE end_idx = $1 AND noted_by IS NULL
        """,
        *run,
    )
    if lengthened == "UPDATE 0":
        await connection.execute(
            """
            INSERT INTO ledger_displaced AS kept (first_idx, end_idx, earliest, latest) VALUES ($1, $2, $3, $4)
            ON CONFLICT (first_idx) DO UPDATE SET end_idx = greatest(kept.end_idx, $2),
                earliest = least(kept.earliest, $3), latest = greatest(kept.latest, $4)
            """,
            *run,
        )
