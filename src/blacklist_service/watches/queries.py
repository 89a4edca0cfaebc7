"""Reads of a unit's watches and of its feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.watches.problems import EventsForgotten, UnknownEvent

COLUMNS = """
w.id AS watch_id, coalesce(w.check_id, w.id) AS latest_check_id, w.matter, w.reference, w.decision, w.revision, w.tell,
w.until, w.after_outcome, w.opened_at, w.closed_at, w.cause
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch as its unit sees it, with the id of the watched check; `latest_check_id` has the newest answer."""

    watch_id: UUID
    latest_check_id: UUID
    matter: str
    reference: str
    decision: str
    revision: int
    tell: str
    until: date
    after_outcome: bool
    opened_at: datetime
    closed_at: datetime | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of a feed; `sequence` counts from 1."""

    sequence: int
    at: datetime
    type: str
    watch_id: UUID | None
    revision: int | None
    check_id: UUID
    reference: str
    matter: str
    before: str | None
    after: str | None
    list_version: int | None
    notices_version: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Feed:
    """How far a unit's feed goes, and how far the unit acknowledged it; events up to `forgotten` are deleted."""

    last_sequence: int
    acknowledged: int
    forgotten: int


async def list_watches(
    connection: Connection, member: str, *, state: str | None, reference: str | None, before: UUID, limit: int
) -> list[Watch]:
    """Newest check first, below `before`. With a reference they are found through the ledger's index of references."""
    by_reference = """
        FROM (SELECT DISTINCT id FROM ledger_entries WHERE reference = $5 AND agency = $1 AND action = 'check') AS e
        JOIN watches w ON w.id = e.id
    """
    is_open = {"open": True, "closed": False, None: None}[state]
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} {by_reference if reference is not None else "FROM watches w"}
        WHERE w.member_code = $1 AND w.id < $2 AND ($3::boolean IS NULL OR (w.closed_at IS NULL) = $3)
        ORDER BY w.id DESC LIMIT $4
        """,
        *(member, before, is_open, limit),
        *([reference] if reference is not None else []),
    )
    return [_watch(row) for row in rows]


async def find_watch(connection: Connection, watch_id: UUID, member: str) -> Watch | None:
    [*found] = await find_watches(connection, [watch_id], member)
    return found[0] if found else None


async def find_watches(connection: Connection, ids: Sequence[UUID], member: str) -> list[Watch]:
    """In the order of `ids`."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM watches w WHERE id = ANY($1::uuid[]) AND member_code = $2",
        *(ids, member),
    )
    found = {row["watch_id"]: _watch(row) for row in rows}
    return [found[one] for one in ids if one in found]


async def get_feed(connection: Connection, member: str) -> Feed:
    row = await connection.fetchrow(
        "SELECT last_sequence, acknowledged, forgotten FROM watch_feeds WHERE member_code = $1", member
    )
    return Feed(**row) if row else Feed(0, 0, 0)


async def list_events(connection: Connection, member: str, *, after: int, limit: int) -> list[EventRow]:
    """In order, above `after`."""
    rows = await connection.fetch(
        """
        SELECT sequence, at, type, watch_id, revision, check_id, reference, matter, before, after, list_version,
               notices_version, cause
        FROM watch_events WHERE member_code = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
        """,
        *(member, after, limit),
    )
    return [EventRow(**{**row, "at": row["at"].astimezone(UTC)}) for row in rows]


async def require_place(connection: Connection, member: str, after: int) -> None:
    """Raise `EventsForgotten` if some of the following events are deleted, `UnknownEvent` for a position that this feed never
    reached.
    """
    feed = await get_feed(connection, member)
    require_kept(feed, after)
    if after not in {0, feed.forgotten} and not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM watch_events WHERE member_code = $1 AND sequence = $2)", member, after
    ):
        raise UnknownEvent


def require_kept(feed: Feed, after: int) -> None:
    """Raise `EventsForgotten` if some of the following events are deleted: a reader would take the rest for all of them."""
    if after < feed.forgotten:
        raise EventsForgotten(feed.forgotten)


async def sum_of_feeds(connection: Connection) -> int:
    """Rises with every event of any unit."""
    total: int = await connection.fetchval("SELECT coalesce(sum(last_sequence), 0)::bigint FROM watch_feeds")
    return total


def _watch(row: Any) -> Watch:
    closed_at = row["closed_at"]
    return Watch(
        **{
            **row,
            "opened_at": row["opened_at"].astimezone(UTC),
            "closed_at": closed_at and closed_at.astimezone(UTC),
        }
    )
