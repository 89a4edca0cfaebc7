"""Acts on webhooks: opening, approving, rotating the secret, testing, replaying, closing. Each is recorded in the ledger.

Nothing here calls an endpoint: the worker does (`sender.py`), so that no check and no request waits for a receiver.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import asyncpg

from blacklist_service.access.desks import Desk
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import NO_FACTS, Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.watches.queries import get_feed
from blacklist_service.watches.rules import EventType
from blacklist_service.webhooks import queries
from blacklist_service.webhooks.problems import (
    NoSuchEvent,
    NoTargets,
    TargetNotAllowed,
    TestedJustNow,
    TooManyWebhooks,
    WrongState,
)
from blacklist_service.webhooks.rules import LAST_SECRET_SIGNS, MOST_WEBHOOKS, SECONDS_BETWEEN_TESTS, can_become
from blacklist_service.webhooks.secrets import seal_secret
from blacklist_service.webhooks.signing import new_secret
from blacklist_service.webhooks.targets import Destination, TargetRefused, Targets
from blacklist_service.webhooks.waits import TOLD, State

# Given-up deliveries are sent again unless a later event of their watch was sent, or will be; that event supersedes them.
REPLAY_DEAD = f"""
WITH dead AS (
    SELECT d.sequence, d.line, EXISTS (
               SELECT FROM webhook_deliveries n
               WHERE n.webhook_id = $1 AND n.line = d.line AND n.sequence > d.sequence AND n.state <> 'superseded'
                 AND ({queries.IS_SUPERSEDED})) AS is_past
    FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.state = 'dead'
), past AS (
    UPDATE webhook_deliveries d SET state = 'superseded', settled_at = $2
    FROM dead WHERE dead.is_past AND d.webhook_id = $1 AND d.sequence = dead.sequence
)
UPDATE webhook_deliveries d SET state = 'pending', pending_since = $2, due_at = $2, tries = 0, settled_at = NULL
FROM dead WHERE NOT dead.is_past AND d.webhook_id = $1 AND d.sequence = dead.sequence
"""


async def open_webhook(
    connection: Connection,
    *,
    url: str,
    types: Sequence[EventType],
    after: int | None,
    targets: Targets,
    desk: Desk,
) -> tuple[UUID, bytes]:
    """Request a webhook; it waits for the security officer. It receives the events after `after`, by default all later ones.

    Return its id and its secret. Raise `NoTargets`, `TargetNotAllowed`, `TooManyWebhooks`, `NoSuchEvent`.
    """
    if not targets:
        raise NoTargets
    destination = _admit(targets, url)
    member = desk.caller.member
    if await queries.count_open(connection, member) >= MOST_WEBHOOKS:
        raise TooManyWebhooks
    feed = await get_feed(connection, member)
    if after is not None and not feed.forgotten <= after <= feed.last_sequence:
        raise NoSuchEvent
    at = await database_clock(connection)
    webhook_id, secret = new_id(at), new_secret()
    await connection.execute(
        """
        INSERT INTO webhooks (id, member_code, url, types, state, secret, cursor, made_at)
        VALUES ($1, $2, $3, $4, 'awaiting_approval', $5, $6, $7)
        """,
        *(webhook_id, member, url, sorted(set(types)), seal_secret(secret, webhook_id, desk.secrecy)),
        *(feed.last_sequence if after is None else after, at),
    )
    facts = {"webhook": str(webhook_id), "host": destination.authority, "types": sorted(set(types))}
    await _record(connection, Action.WEBHOOK_OPENED, facts, desk, at, private={"url": url})
    return webhook_id, secret


async def approve_webhook(connection: Connection, webhook_id: UUID, *, targets: Targets, desk: Desk) -> None:
    """Let the worker send the challenge to the endpoint, at once; also for a webhook that was disabled. Raise
    `WrongState`.
    """
    row = await _lock(connection, webhook_id, desk, becoming=State.VERIFYING)
    destination = _admit(targets, row["url"])
    at = await database_clock(connection)
    await connection.execute(
        """
        UPDATE webhooks SET state = 'verifying', cause = NULL, approved_at = $2, disabled_at = NULL, failures = 0,
               failing_since = NULL, next_try_at = NULL, width = 1
        WHERE id = $1
        """,
        *(webhook_id, at),
    )
    facts = {"webhook": str(webhook_id), "member": row["member"], "host": destination.authority}
    await _record(connection, Action.WEBHOOK_APPROVED, facts, desk, at)


async def rotate_secret(connection: Connection, webhook_id: UUID, *, desk: Desk) -> bytes:
    """Create another secret; the previous one also signs for 72 hours."""
    row = await _lock(connection, webhook_id, desk)
    at, secret = await database_clock(connection), new_secret()
    await connection.execute(
        "UPDATE webhooks SET last_secret = secret, last_secret_until = $3, secret = $2 WHERE id = $1",
        *(webhook_id, seal_secret(secret, webhook_id, desk.secrecy), at + LAST_SECRET_SIGNS),
    )
    await _record(connection, Action.WEBHOOK_ROTATED, {"webhook": str(row["webhook_id"])}, desk, at)
    return secret


async def ask_test(connection: Connection, webhook_id: UUID, *, desk: Desk) -> None:
    """Let the worker send a test or, if the webhook is not verified yet, the challenge, without further delay."""
    row = await _lock(connection, webhook_id, desk, within={State.VERIFYING, *TOLD})
    at, last = await database_clock(connection), row["test_asked_at"]
    if last is not None and at - last < timedelta(seconds=SECONDS_BETWEEN_TESTS):
        raise TestedJustNow(retry_after_seconds=SECONDS_BETWEEN_TESTS)
    await connection.execute(
        """
        UPDATE webhooks SET test_asked_at = $2, test_tried_at = NULL, test_status = NULL, test_fault = NULL,
               test_milliseconds = NULL, next_try_at = CASE WHEN state = 'verifying' THEN NULL ELSE next_try_at END
        WHERE id = $1
        """,
        *(webhook_id, at),
    )
    await _record(connection, Action.WEBHOOK_TESTED, {"webhook": str(webhook_id)}, desk, at)


async def replay(connection: Connection, webhook_id: UUID, *, start: int | Literal["dead"], desk: Desk) -> int:
    """Send events again: all from a sequence number on, or those that were given up; for each watch only its newest state.

    Return how many events that is at most. Raise `WrongState`, `NoSuchEvent`.
    """
    row = await _lock(connection, webhook_id, desk, within=TOLD)
    at = await database_clock(connection)
    if start == "dead":
        status = await connection.execute(REPLAY_DEAD, webhook_id, at)
        again = int(status.rpartition(" ")[2])
    else:
        feed = await get_feed(connection, row["member"])
        if not feed.forgotten < start <= feed.last_sequence:
            raise NoSuchEvent
        await connection.execute("UPDATE webhooks SET cursor = least(cursor, $2) WHERE id = $1", webhook_id, start - 1)
        again = await queries.count_events(connection, row["member"], start)
    facts = {"webhook": str(webhook_id), "from": start, "events": again}
    await _record(connection, Action.WEBHOOK_REPLAYED, facts, desk, at)
    return again


async def close_webhook(connection: Connection, webhook_id: UUID, *, desk: Desk) -> None:
    """Close it for good: nothing more is sent, and its secrets are deleted. Waiting deliveries are given up; the events stay
    in the feed.
    """
    row = await _lock(connection, webhook_id, desk, becoming=State.CLOSED)
    at = await database_clock(connection)
    await connection.execute(
        """
        UPDATE webhooks SET state = 'closed', cause = NULL, closed_at = $2, secret = NULL, last_secret = NULL,
               last_secret_until = NULL, next_try_at = NULL
        WHERE id = $1
        """,
        *(webhook_id, at),
    )
    await connection.execute(
        "UPDATE webhook_deliveries SET state = 'dead', settled_at = $2 WHERE webhook_id = $1 AND state = 'pending'",
        *(webhook_id, at),
    )
    facts = {"webhook": str(webhook_id), "member": row["member"]}
    await _record(connection, Action.WEBHOOK_CLOSED, facts, desk, at)


async def _lock(
    connection: Connection,
    webhook_id: UUID,
    desk: Desk,
    *,
    becoming: State | None = None,
    within: frozenset[State] | set[State] | None = None,
) -> asyncpg.Record:
    row = await queries.lock_webhook(connection, webhook_id, desk.caller)
    state = State(row["state"])
    if state is State.CLOSED or (within is not None and state not in within):
        raise WrongState
    if becoming is not None and not can_become(state, becoming):
        raise WrongState
    return row


def _admit(targets: Targets, url: str) -> Destination:
    try:
        return targets.admit(url)
    except TargetRefused as refused:
        raise TargetNotAllowed(refused.fault) from None


async def _record(
    connection: Connection,
    action: Action,
    facts: Mapping[str, object],
    desk: Desk,
    at: datetime,
    *,
    private: Mapping[str, object] = NO_FACTS,
) -> None:
    """A URL may contain a secret of its owner: the leaf shows only its host."""
    entry = Entry(action, desk.actor, facts=facts, private=private)
    await record(connection, [entry], at=at, secrecy=desk.secrecy)
