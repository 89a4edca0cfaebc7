"""Appends events to the feeds of units, each gapless and in commit order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.telemetry import WATCH_EVENTS
from blacklist_service.watches.rules import Cause, EventType


class Event(NamedTuple):
    """An event for a unit. `before` and `after` are decisions; nothing here identifies a person."""

    member_code: str
    type: EventType
    watch_id: UUID | None
    revision: int | None
    check_id: UUID
    reference: str
    matter: str
    before: str | None
    after: str | None
    list_version: int | None
    notices_version: int | None
    cause: Cause


RESERVE = """
INSERT INTO watch_feeds AS feed (member_code, last_sequence, open)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
ON CONFLICT (member_code) DO UPDATE
SET last_sequence = feed.last_sequence + excluded.last_sequence, open = feed.open + excluded.open
RETURNING member_code, last_sequence
"""
WRITE = """
INSERT INTO watch_events (at, member_code, sequence, type, watch_id, revision, check_id, reference, matter, before, after,
                          list_version, notices_version, cause)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::uuid[], $6::integer[], $7::uuid[], $8::text[],
                         $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::text[])
"""


async def tell(
    connection: Connection, events: Sequence[Event], *, at: datetime, fewer: Mapping[str, int] | None = None
) -> None:
    """Append events to their feeds; for each member, `fewer` is by how many its open watches decrease.

    This must be the last step of a transaction: it locks the feeds until the commit, so that sequence numbers are in that
    order.
    """
    if not events:
        return
    numbers = Counter(event.member_code for event in events)
    last = await _reserve(connection, numbers, {member: -number for member, number in (fewer or {}).items()})
    next_ones = {member: last[member] - number + 1 for member, number in numbers.items()}
    written = []
    for event in events:
        member = event.member_code
        written.append((member, next_ones[member], *event[1:]))
        next_ones[member] += 1
    await connection.execute(WRITE, at, *zip(*written, strict=True))
    for cause, number in Counter(event.cause for event in events).items():
        WATCH_EVENTS.labels(cause.value).inc(number)


async def count_opened(connection: Connection, opened: Mapping[str, int]) -> None:
    """Increase the count of each member's open watches."""
    await _reserve(connection, {}, opened)


async def _reserve(connection: Connection, numbers: Mapping[str, int], opened: Mapping[str, int]) -> Mapping[str, int]:
    """Lock the feeds, advance them, and return each one's last sequence number."""
    members = sorted({*numbers, *opened})  # sorted: two transactions in opposite orders would deadlock
    columns = ([of.get(member, 0) for member in members] for of in (numbers, opened))
    rows = await connection.fetch(RESERVE, members, *columns)
    return {row["member_code"]: row["last_sequence"] for row in rows}
