"""Reads of webhooks and deliveries, and of what units were not told yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.database.connections import Connection
from blacklist_service.problems import NotYours
from blacklist_service.webhooks.problems import WebhookNotFound
from blacklist_service.webhooks.rules import SUPERSEDES, DeliveryState
from blacklist_service.webhooks.waits import DisabledBy, Health, State

COLUMNS = """
id AS webhook_id, member_code AS member, url, types, state, cause, cursor, failures, failing_since, next_try_at,
made_at, approved_at, verified_at, disabled_at, closed_at, last_secret_until,
test_asked_at, test_tried_at, test_status, test_fault, test_milliseconds
"""

IS_SUPERSEDED = " OR ".join(
    f"(n.type, d.type) = ('{later}', '{kind}')" for later, earlier in SUPERSEDES.items() for kind in earlier
)
"""Whether the delivery `n` supersedes an earlier one of its line, `d`."""
# An event is told once its unit acknowledged it, or an endpoint of its unit accepted it, or a later one that supersedes it.
IS_TOLD = """
EXISTS (SELECT FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id AND d.sequence = e.sequence
        WHERE w.member_code = e.member_code AND d.state IN ('delivered', 'superseded'))
"""
UNTOLD_EVENTS = f"""
FROM watch_feeds f LEFT JOIN webhook_told t ON t.member_code = f.member_code
JOIN watch_events e ON e.member_code = f.member_code AND e.sequence > greatest(f.acknowledged, coalesce(t.through, 0))
WHERE f.last_sequence > greatest(f.acknowledged, coalesce(t.through, 0)) AND NOT {IS_TOLD}
"""
UNTOLD = f"""
SELECT e.member_code AS member, count(*) AS events, count(*) FILTER (WHERE e.at < $1) AS late, min(e.at) AS since
{UNTOLD_EVENTS} GROUP BY e.member_code ORDER BY since, member
"""
TOLD = f"""
SELECT e.member_code AS member, count(*) AS events,
       count(*) FILTER (WHERE e.sequence <= greatest(f.acknowledged, coalesce(t.through, 0)) OR {IS_TOLD}) AS told,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM (
           SELECT min(d.settled_at) FROM webhooks w
           JOIN webhook_deliveries d ON d.webhook_id = w.id AND d.sequence = e.sequence
           WHERE w.member_code = e.member_code AND d.state = 'delivered') - e.at))::float8 AS median_seconds
FROM watch_events e JOIN watch_feeds f ON f.member_code = e.member_code
LEFT JOIN webhook_told t ON t.member_code = e.member_code
WHERE e.at >= $1 AND e.at < $2 GROUP BY e.member_code
"""
ADVANCE_TOLD = f"""
INSERT INTO webhook_told AS held (member_code, through)
SELECT f.member_code, coalesce(next.sequence - 1, f.last_sequence)
FROM watch_feeds f LEFT JOIN webhook_told t ON t.member_code = f.member_code
LEFT JOIN LATERAL (
    SELECT e.sequence FROM watch_events e
    WHERE e.member_code = f.member_code AND e.sequence > greatest(f.acknowledged, coalesce(t.through, 0)) AND NOT {IS_TOLD}
    ORDER BY e.sequence LIMIT 1
) AS next ON true
WHERE f.last_sequence > coalesce(t.through, 0)
ON CONFLICT (member_code) DO UPDATE SET through = excluded.through WHERE held.through < excluded.through
"""


@dataclass(frozen=True, slots=True)
class Untold:
    """Events that nobody has told a unit of; `late` of them for more than an hour, the oldest of these since `since`."""

    member: str
    events: int
    late: int
    since: datetime


async def get_webhook(connection: Connection, webhook_id: UUID, caller: Principal) -> asyncpg.Record:
    """A caller's own webhook, or any for a caller that approves them; raise `WebhookNotFound` or `NotYours`."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM webhooks WHERE id = $1", webhook_id)
    return _owned(row, caller)


async def lock_webhook(connection: Connection, webhook_id: UUID, caller: Principal) -> asyncpg.Record:
    row = await connection.fetchrow(f"SELECT {COLUMNS}, secret FROM webhooks WHERE id = $1 FOR UPDATE", webhook_id)
    return _owned(row, caller)


def _owned(row: asyncpg.Record | None, caller: Principal) -> asyncpg.Record:
    if row is None:
        raise WebhookNotFound
    if row["member"] != caller.member and not caller.may(Scope.WEBHOOKS_APPROVE):
        raise NotYours
    return row


async def list_webhooks(
    connection: Connection, *, member: str | None, state: State | None, before: UUID, limit: int
) -> list[asyncpg.Record]:
    """Newest first; of every member if `member` is None."""
    return await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM webhooks
        WHERE ($1::text IS NULL OR member_code = $1) AND ($2::text IS NULL OR state = $2) AND id < $3
        ORDER BY id DESC LIMIT $4
        """,
        *(member, state and state.value, before, limit),
    )


async def count_open(connection: Connection, member: str) -> int:
    """Webhooks that are not closed; locks the member's rows, so that two concurrent callers count one after the other."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"webhooks {member}")
    number: int = await connection.fetchval(
        "SELECT count(*) FROM webhooks WHERE member_code = $1 AND state <> 'closed'", member
    )
    return number


async def last_sequence(connection: Connection, member: str) -> int:
    """The newest event's number in the member's feed; 0 if there is none."""
    return await connection.fetchval("SELECT last_sequence FROM watch_feeds WHERE member_code = $1", member) or 0


async def count_events(connection: Connection, member: str, start: int) -> int:
    """How many events there are from a sequence number on."""
    number: int = await connection.fetchval(
        "SELECT count(*) FROM watch_events WHERE member_code = $1 AND sequence >= $2", member, start
    )
    return number


async def count_deliveries(connection: Connection, webhook_id: UUID) -> dict[str, int]:
    rows = await connection.fetch(
        "SELECT state, count(*) AS deliveries FROM webhook_deliveries WHERE webhook_id = $1 GROUP BY state", webhook_id
    )
    return dict.fromkeys((state.value for state in DeliveryState), 0) | {
        row["state"]: row["deliveries"] for row in rows
    }


async def list_deliveries(
    connection: Connection, webhook_id: UUID, *, state: DeliveryState | None, before: int, limit: int
) -> list[asyncpg.Record]:
    """Newest event first, without the bodies."""
    wanted = "" if state is None else f"AND state = '{state.value}'"  # a literal, so that partial indexes match
    return await connection.fetch(
        f"""
        SELECT sequence, type, state, pending_since, due_at, tries, tried_at, status, fault AS error, milliseconds,
               settled_at
        FROM webhook_deliveries WHERE webhook_id = $1 AND sequence < $2 {wanted} ORDER BY sequence DESC LIMIT $3
        """,
        *(webhook_id, before, limit),
    )


async def list_untold(connection: Connection, *, at: datetime, late_after: timedelta) -> list[Untold]:
    """Units with events they were not told of, longest first."""
    return [Untold(**row) for row in await connection.fetch(UNTOLD, at - late_after)]


async def count_states(connection: Connection) -> dict[str, int]:
    """Webhooks that are not closed, by their state."""
    rows = await connection.fetch(
        "SELECT state, count(*) AS webhooks FROM webhooks WHERE state <> 'closed' GROUP BY state"
    )
    return {row["state"]: row["webhooks"] for row in rows}


async def count_told(connection: Connection, first: datetime, last: datetime) -> dict[str, asyncpg.Record]:
    """For the events from `first` to before `last`, by unit: how many, how many told, and the median of the seconds until an
    endpoint accepted one; an acknowledgement shows that an event was told, not when it was read.
    """
    return {row["member"]: row for row in await connection.fetch(TOLD, first, last)}


async def list_endpoints(connection: Connection, members: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The members' webhooks that are not closed."""
    rows = await connection.fetch(
        "SELECT member_code, id AS webhook_id, state, failing_since FROM webhooks"
        " WHERE member_code = ANY($1) AND state <> 'closed' ORDER BY member_code, id",
        list(members),
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        endpoint = dict(row)
        found.setdefault(endpoint.pop("member_code"), []).append(endpoint)
    return found


async def advance_told(connection: Connection) -> None:
    """Store up to where everybody was told without a gap, so that earlier events need not be searched."""
    await connection.execute(ADVANCE_TOLD)


def health_of(row: asyncpg.Record) -> Health:
    cause = row["cause"]
    return Health(
        State(row["state"]),
        row["failures"],
        row["failing_since"],
        row["next_try_at"],
        row["width"],
        None if cause is None else DisabledBy(cause),
    )
