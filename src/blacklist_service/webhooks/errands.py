"""Requests without an event: the challenge that an endpoint echoes to prove itself, and the test that a unit requests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Secrecy
from blacklist_service.webhooks.bodies import challenge_body, echoes, new_challenge, test_body
from blacklist_service.webhooks.deliveries import Endpoint, keep_health, wake
from blacklist_service.webhooks.queries import health_of
from blacklist_service.webhooks.waits import LEASE, Health, State, TryOutcome, after

NO_ECHO = "challenge"
"""It answered, but not with the echo that was asked for."""

CLAIM = """
UPDATE webhooks SET next_try_at = CASE WHEN state = 'verifying' THEN $3 ELSE next_try_at END
WHERE id = ANY($1)
  AND (state = 'verifying' AND (next_try_at IS NULL OR next_try_at <= $2)
       OR state IN ('active', 'failing') AND test_asked_at IS NOT NULL AND test_tried_at IS NULL)
RETURNING id
"""


class Send(Protocol):
    async def __call__(self, body: bytes, *, is_echo_wanted: bool) -> tuple[TryOutcome, bytes | None]: ...


@dataclass(frozen=True, slots=True)
class ErrandResult:
    endpoint: Endpoint
    outcome: TryOutcome
    at: datetime


def is_wanted(endpoint: Endpoint, *, at: datetime) -> bool:
    health = endpoint.health
    if health.state is State.VERIFYING:
        return health.next_try_at is None or health.next_try_at <= at
    return endpoint.is_test_asked


async def claim(connection: Connection, endpoints: Sequence[Endpoint], *, at: datetime) -> set[UUID]:
    """Claim errands that are still wanted, like deliveries; return which.

    This is committed before anything is sent: commits are replicated in order, so nothing follows an approval that a failover
    takes back. No other sender posts the same challenge until the lease ends.
    """
    rows = await connection.fetch(CLAIM, [one.webhook_id for one in endpoints], at, at + LEASE)
    return {row["id"] for row in rows}


async def run(endpoint: Endpoint, send: Send, *, at: datetime) -> ErrandResult:
    """Send the challenge to an endpoint that is not verified, and the test to any other."""
    if endpoint.health.state is not State.VERIFYING:
        outcome, _ = await send(test_body(endpoint.webhook_id, at), is_echo_wanted=False)
        return ErrandResult(endpoint, outcome, at)
    challenge = new_challenge()
    outcome, echo = await send(challenge_body(challenge, at), is_echo_wanted=True)
    if outcome.is_told and not echoes(echo, challenge):
        outcome = replace(outcome, fault=NO_ECHO)
    return ErrandResult(endpoint, outcome, at)


async def settle(
    connection: Connection, done: ErrandResult, *, longest: timedelta, chance: float, secrecy: Secrecy
) -> None:
    """Store the outcome, if the webhook is still in the same state."""
    row = await connection.fetchrow(
        "SELECT state, cause, failures, failing_since, next_try_at, width, test_asked_at FROM webhooks"
        " WHERE id = $1 FOR UPDATE",
        done.endpoint.webhook_id,
    )
    if row is None:
        return
    before, outcome = health_of(row), done.outcome
    if row["test_asked_at"] is not None:
        await connection.execute(
            "UPDATE webhooks SET test_tried_at = $2, test_status = $3, test_fault = $4, test_milliseconds = $5"
            " WHERE id = $1 AND test_tried_at IS NULL",
            *(done.endpoint.webhook_id, done.at, outcome.status, outcome.fault, round(outcome.seconds * 1000)),
        )
    if before.state is State.VERIFYING and done.endpoint.health.state is State.VERIFYING and outcome.is_told:
        health = Health(State.ACTIVE)
    else:
        failures = done.endpoint.health.failures
        health = after(before, outcome, failures_before=failures, at=done.at, longest=longest, chance=chance)
    if health != before:
        await keep_health(connection, done.endpoint, health, at=done.at, secrecy=secrecy)
    if health.state is State.ACTIVE and before.state is not State.ACTIVE:
        await wake(connection, done.endpoint.webhook_id, at=done.at)
