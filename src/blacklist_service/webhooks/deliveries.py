"""Deliveries as the worker handles them: made from events, claimed under a lease, settled with their proof, given up."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from blacklist_service.access.principals import Actor
from blacklist_service.clock import wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.secrecy import Secrecy
from blacklist_service.webhooks.bodies import event_body
from blacklist_service.webhooks.queries import IS_SUPERSEDED, health_of, last_sequence
from blacklist_service.webhooks.rules import due_from, line_of, message_id
from blacklist_service.webhooks.secrets import open_secret
from blacklist_service.webhooks.waits import LEASE, Chance, Health, State, TryOutcome, after, wait

MADE_AT_ONCE = 500

OPEN = """
SELECT w.id, w.member_code, w.url, w.state, w.cause, w.cursor, w.failures, w.failing_since, w.next_try_at, w.width,
       w.secret, w.last_secret, w.last_secret_until, w.test_asked_at IS NOT NULL AND w.test_tried_at IS NULL AS is_test_asked,
       coalesce(f.last_sequence, 0) > w.cursor AS is_behind
FROM webhooks w LEFT JOIN watch_feeds f ON f.member_code = w.member_code
WHERE w.state IN ('verifying', 'active', 'failing') ORDER BY w.id
"""
MAKE = """
INSERT INTO webhook_deliveries AS held (webhook_id, sequence, line, type, pending_since, due_at, body)
SELECT $1, sequence, line, type, $2, due_at, body
FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::timestamptz[], $7::bytea[])
     AS event (sequence, line, type, due_at, body)
ON CONFLICT (webhook_id, sequence) DO UPDATE
SET state = 'pending', pending_since = $2, due_at = excluded.due_at, tries = 0, settled_at = NULL, leased_until = NULL
WHERE held.state <> 'pending'
"""
# Earlier deliveries of the same watch, except those under way, whose response is still to come.
SUPERSEDE = f"""
UPDATE webhook_deliveries d SET state = 'superseded', settled_at = $2
WHERE d.webhook_id = $1 AND d.state = 'pending' AND d.line = ANY($3)
  AND (d.leased_until IS NULL OR d.leased_until <= $2)
  AND EXISTS (SELECT FROM webhook_deliveries n
              WHERE n.webhook_id = $1 AND n.state = 'pending' AND n.line = d.line AND n.sequence > d.sequence
                AND ({IS_SUPERSEDED}))
"""
# For each endpoint as many as it has room for, least recently tried first: one that always fails delays only its own line.
# The next delivery of a line waits for all before it.
CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT d.webhook_id, d.sequence
    FROM unnest($2::uuid[], $3::integer[]) AS asked (webhook_id, room)
    CROSS JOIN LATERAL (
        SELECT p.webhook_id, p.sequence FROM webhook_deliveries p
        WHERE p.webhook_id = asked.webhook_id AND p.state = 'pending' AND p.due_at <= $1
          AND NOT EXISTS (SELECT FROM webhook_deliveries e WHERE e.webhook_id = p.webhook_id AND e.state = 'pending'
                            AND e.line = p.line
                            AND (e.sequence < p.sequence OR e.leased_until > $1))
        ORDER BY p.due_at, p.sequence LIMIT asked.room FOR UPDATE SKIP LOCKED
    ) AS d
)
UPDATE webhook_deliveries d SET due_at = $4, leased_until = $4, tries = d.tries + 1, tried_at = $1
FROM picked WHERE d.webhook_id = picked.webhook_id AND d.sequence = picked.sequence
RETURNING d.webhook_id, d.sequence, d.line, d.tries, d.pending_since, d.body
"""
SETTLE_TOLD = """
UPDATE webhook_deliveries d
SET state = 'delivered', status = told.status, fault = NULL, milliseconds = told.milliseconds, settled_at = $1,
    leased_until = NULL
FROM unnest($2::uuid[], $3::bigint[], $4::smallint[], $5::integer[]) AS told (webhook_id, sequence, status, milliseconds)
WHERE d.webhook_id = told.webhook_id AND d.sequence = told.sequence AND d.state <> 'delivered'
"""
SETTLE_FAILED = """
UPDATE webhook_deliveries d
SET status = failed.status, fault = failed.fault, milliseconds = failed.milliseconds, due_at = failed.due_at,
    leased_until = NULL
FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::smallint[], $5::text[], $6::integer[], $7::timestamptz[])
     AS failed (webhook_id, sequence, tries, status, fault, milliseconds, due_at)
WHERE d.webhook_id = failed.webhook_id AND d.sequence = failed.sequence AND d.state = 'pending' AND d.tries = failed.tries
"""
KEEP_HEALTH = """
UPDATE webhooks SET state = $2, cause = $3, failures = $4, failing_since = $5, next_try_at = $6, width = $7,
       verified_at = CASE WHEN state = 'verifying' AND $2 = 'active' THEN $8 ELSE verified_at END,
       disabled_at = CASE WHEN $2 = 'disabled' THEN $8 ELSE disabled_at END
WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook as it is called now. `secrets` sign, the newest first."""

    webhook_id: UUID
    member: str
    url: str
    health: Health
    secrets: tuple[bytes, ...]
    is_behind: bool
    is_test_asked: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery under way, until its lease ends."""

    endpoint: Endpoint
    sequence: int
    line: UUID
    tries: int
    pending_since: datetime
    body: bytes

    @property
    def message_id(self) -> str:
        return message_id(self.endpoint.member, self.sequence)


@dataclass(frozen=True, slots=True)
class Settled:
    claim: Claim
    outcome: TryOutcome
    at: datetime


async def list_open(connection: Connection, *, at: datetime, secrecy: Secrecy) -> list[Endpoint]:
    return [_endpoint(row, at, secrecy) for row in await connection.fetch(OPEN)]


async def make_deliveries(connection: Connection, webhook_id: UUID, *, at: datetime) -> bool:
    """Make deliveries of the next events after the webhook's own cursor; return whether there may be more.

    Sequence numbers skip at a restore from a backup: if there is no event up to the feed's last number, the cursor skips too.
    """
    row = await connection.fetchrow(
        "SELECT member_code, cursor, types FROM webhooks WHERE id = $1 AND state IN ('active', 'failing')"
        " FOR UPDATE SKIP LOCKED",
        webhook_id,
    )
    if row is None:
        return False
    last = await last_sequence(connection, row["member_code"])  # first: the events up to it are visible then
    events = await connection.fetch(
        "SELECT * FROM watch_events WHERE member_code = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        *(row["member_code"], row["cursor"], MADE_AT_ONCE),
    )
    is_more = len(events) == MADE_AT_ONCE
    reached = max([event["sequence"] for event in events] + ([] if is_more else [last]), default=row["cursor"])
    wanted = [event for event in events if event["type"] in row["types"]]
    lines = [line_of(event["watch_id"], event["check_id"]) for event in wanted]
    await connection.execute(
        MAKE,
        *(webhook_id, at, [event["sequence"] for event in wanted], lines),
        *([event["type"] for event in wanted], due_from([event["at"] for event in wanted], at)),
        [event_body(dict(event)) for event in wanted],
    )
    await connection.execute(SUPERSEDE, webhook_id, at, list(set(lines)))
    await connection.execute("UPDATE webhooks SET cursor = $2 WHERE id = $1", webhook_id, reached)
    return is_more


async def claim(connection: Connection, rooms: Sequence[tuple[Endpoint, int]], *, at: datetime) -> list[Claim]:
    """Claim what is due, for each endpoint as many as there is room for."""
    by_id = {endpoint.webhook_id: endpoint for endpoint, _ in rooms}
    rows = await connection.fetch(CLAIM, at, list(by_id), [room for _, room in rooms], at + LEASE)
    return [Claim(by_id[row["webhook_id"]], *row[1:]) for row in rows]


async def settle(
    connection: Connection,
    settled: Sequence[Settled],
    *,
    longest: timedelta,
    chance: Chance,
    secrecy: Secrecy,
) -> list[tuple[UUID, Health]]:
    """Store the outcomes of tries, and each endpoint's health after them, in one transaction with the proof of telling.

    Return the endpoints whose state changed.
    """
    told = [one for one in settled if one.outcome.is_told]
    failed = [one for one in settled if not one.outcome.is_told]
    at = await database_clock(connection)
    changed = await _keep_healths(connection, settled, longest=longest, chance=chance, secrecy=secrecy, at=at)
    if told:
        await _settle_told(connection, told)
        await record(connection, list(_proofs(told)), at=at, secrecy=secrecy)
    if failed:
        await _settle_failed(connection, failed, chance=chance)
        for webhook_id in {one.claim.endpoint.webhook_id for one in failed}:
            lines = [one.claim.line for one in failed if one.claim.endpoint.webhook_id == webhook_id]
            await connection.execute(SUPERSEDE, webhook_id, failed[0].at, lines)
    for webhook_id, health in changed:
        if health.state is State.ACTIVE:
            await wake(connection, webhook_id, at=settled[-1].at)
    return changed


async def wake(connection: Connection, webhook_id: UUID, *, at: datetime) -> None:
    """The endpoint is reachable again: clear the delays that its failures caused."""
    await connection.execute(
        "UPDATE webhook_deliveries SET due_at = $2 WHERE webhook_id = $1 AND state = 'pending' AND due_at > $2"
        " AND (leased_until IS NULL OR leased_until <= $2)",
        *(webhook_id, at),
    )


async def keep_health(
    connection: Connection, endpoint: Endpoint, health: Health, *, at: datetime, secrecy: Secrecy
) -> None:
    """Store an endpoint's health; a change of its state is recorded in the ledger."""
    await connection.execute(
        KEEP_HEALTH,
        *(endpoint.webhook_id, health.state.value, health.cause and health.cause.value, health.failures),
        *(health.failing_since, health.next_try_at, health.width, at),
    )
    if (entry := _entry_of_state(endpoint, health)) is not None:
        await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)


async def bury(connection: Connection, *, at: datetime, longest: timedelta) -> int:
    """Give up deliveries that have waited for the whole retention; they remain in the feed, and a replay sends them again.
    Return how many.
    """
    status = await connection.execute(
        "UPDATE webhook_deliveries SET state = 'dead', settled_at = $1"
        " WHERE webhook_id IN (SELECT id FROM webhooks WHERE state <> 'closed')"
        " AND state = 'pending' AND pending_since <= $2",
        *(at, at - longest),
    )
    return int(status.rpartition(" ")[2])


def _endpoint(row: asyncpg.Record, at: datetime, secrecy: Secrecy) -> Endpoint:
    sealed = [row["secret"]]
    if row["last_secret"] is not None and row["last_secret_until"] > at:
        sealed.append(row["last_secret"])
    secrets = tuple(open_secret(one, row["id"], secrecy) for one in sealed)
    return Endpoint(
        row["id"], row["member_code"], row["url"], health_of(row), secrets, row["is_behind"], row["is_test_asked"]
    )


async def _keep_healths(
    connection: Connection,
    settled: Sequence[Settled],
    *,
    longest: timedelta,
    chance: Chance,
    secrecy: Secrecy,
    at: datetime,
) -> list[tuple[UUID, Health]]:
    by_webhook: dict[UUID, list[Settled]] = {}
    for one in settled:
        by_webhook.setdefault(one.claim.endpoint.webhook_id, []).append(one)
    rows = await connection.fetch(
        "SELECT id, state, cause, failures, failing_since, next_try_at, width FROM webhooks WHERE id = ANY($1)"
        " ORDER BY id FOR UPDATE",
        list(by_webhook),
    )
    changed = []
    for row in rows:
        before = health = health_of(row)
        for one in by_webhook[row["id"]]:
            health = after(
                health,
                one.outcome,
                failures_before=one.claim.endpoint.health.failures,
                at=one.at,
                longest=longest,
                chance=chance(),
            )
        if health != before:
            await keep_health(connection, by_webhook[row["id"]][0].claim.endpoint, health, at=at, secrecy=secrecy)
        if health.state is not before.state:
            changed.append((row["id"], health))
    return changed


async def _settle_told(connection: Connection, told: Sequence[Settled]) -> None:
    await connection.execute(
        SETTLE_TOLD,
        told[-1].at,
        *_columns((*_place(one), one.outcome.status, _milliseconds(one.outcome)) for one in told),
    )


async def _settle_failed(connection: Connection, failed: Sequence[Settled], *, chance: Chance) -> None:
    await connection.execute(
        SETTLE_FAILED,
        *_columns(
            (
                *(*_place(one), one.claim.tries, one.outcome.status, one.outcome.fault, _milliseconds(one.outcome)),
                one.at + wait(one.claim.tries, retry_after=one.outcome.retry_after, chance=chance()),
            )
            for one in failed
        ),
    )


def _proofs(told: Iterable[Settled]) -> Iterable[Entry]:
    """One ledger entry for each endpoint: which events it accepted, and the digests of their bytes."""
    by_webhook: dict[UUID, list[Settled]] = {}
    for one in told:
        by_webhook.setdefault(one.claim.endpoint.webhook_id, []).append(one)
    for webhook_id, taken in by_webhook.items():
        sequences = sorted(one.claim.sequence for one in taken)
        member = taken[0].claim.endpoint.member
        facts = {"how": "webhook", "webhook": str(webhook_id), "member": member, "sequences": sequences}
        yield Entry(Action.EVENTS_TOLD, Actor(member), facts=facts, private={"told": [_proof(one) for one in taken]})


def _proof(one: Settled) -> Mapping[str, object]:
    return {
        "id": one.claim.message_id,
        "sha256": hashlib.sha256(one.claim.body).hexdigest(),
        "status": one.outcome.status,
        "at": wire_instant(one.at),
    }


def _entry_of_state(endpoint: Endpoint, health: Health) -> Entry | None:
    facts = {"webhook": str(endpoint.webhook_id), "member": endpoint.member}
    if health.state is State.DISABLED and health.cause is not None:
        return Entry(Action.WEBHOOK_DISABLED, Actor(), facts=facts | {"cause": health.cause.value})
    if health.state is State.ACTIVE and endpoint.health.state is State.VERIFYING:
        return Entry(Action.WEBHOOK_VERIFIED, Actor(), facts=facts)
    return None


def _place(one: Settled) -> tuple[UUID, int]:
    return one.claim.endpoint.webhook_id, one.claim.sequence


def _milliseconds(outcome: TryOutcome) -> int:
    return round(outcome.seconds * 1000)


def _columns(rows: Iterable[tuple[object, ...]]) -> Iterable[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
