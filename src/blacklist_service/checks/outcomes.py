"""Outcomes of checks: what the agency did with an answer, and which answers still have none. A human decides on every
flag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.checks.problems import ReasonMissing
from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.clock import instant_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.deadlines import working_days_after
from blacklist_service.secrecy import Secrecy

WAITING = """
    SELECT e.id, e.at, e.decision, e.matter, e.reference FROM ledger_entries e
    WHERE e.agency = $1 AND e.action = 'check' AND e.decision <> 'clear'
      AND ($2::timestamptz IS NULL OR (e.at, e.id) {0} ($2, $3))
      AND NOT EXISTS (SELECT FROM check_outcomes o WHERE o.check_id = e.id)
    ORDER BY e.at {1}, e.id {1} LIMIT $4
"""
NEWEST_WAITING, OLDEST_WAITING = WAITING.format("<", "DESC"), WAITING.format(">", "ASC")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The newest outcome of a check; `revision` counts from 1."""

    check_id: UUID
    revision: int
    decision: str
    action: OutcomeAction
    reason: str | None
    operator: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A block or flag without an outcome; one is due within a number of working days."""

    check_id: UUID
    decision: str
    matter: str
    reference: str
    checked_at: datetime
    due_on: date
    is_overdue: bool


async def record_outcome(
    connection: Connection,
    answer: Mapping[str, Any],
    *,
    action: OutcomeAction,
    reason: str | None,
    actor: Actor,
    secrecy: Secrecy,
) -> Outcome:
    """Record what the caller's own agency did with an answer; repeating it changes nothing.

    Raise `ReasonMissing` if a block is overridden without a reason.
    """
    check_id, decision = UUID(answer["check_id"]), answer["decision"]
    if decision == "block" and action is OutcomeAction.APPROVED and not (reason or "").strip():
        raise ReasonMissing
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"outcome {check_id}")
    held = await find_outcome(connection, check_id, secrecy=secrecy)
    if held is not None and (held.action, held.reason, held.operator) == (action, reason, actor.operator):
        return held
    at = await database_clock(connection)
    revision = 1 if held is None else held.revision + 1
    sealed = None if reason is None else secrecy.cipher("outcomes").seal(reason.encode(), check_id.bytes)
    await connection.execute(
        """
        INSERT INTO check_outcomes (check_id, revision, agency, matter, decision, checked_at, action, reason, operator, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        *(check_id, revision, actor.member, answer["matter"], decision, instant_of(check_id), action, sealed),
        *(actor.operator, at),
    )
    entry = Entry(
        Action.OUTCOME_RECORDED,
        actor,
        matter=answer["matter"],
        reference=answer["reference"],
        check_id=check_id,
        decision=decision,
        facts={"check": str(check_id), "outcome": action.value, "revision": revision},
        private={} if reason is None else {"reason": reason},
    )
    await record(connection, [entry], at=at, secrecy=secrecy)
    return Outcome(check_id, revision, decision, action, reason, actor.operator, at)


async def find_outcome(connection: Connection, check_id: UUID, *, secrecy: Secrecy) -> Outcome | None:
    row = await connection.fetchrow(
        "SELECT * FROM check_outcomes WHERE check_id = $1 ORDER BY revision DESC LIMIT 1", check_id
    )
    if row is None:
        return None
    sealed = row["reason"]
    return Outcome(
        check_id=check_id,
        revision=row["revision"],
        decision=row["decision"],
        action=OutcomeAction(row["action"]),
        reason=None if sealed is None else secrecy.cipher("outcomes").open(sealed, check_id.bytes).decode(),
        operator=row["operator"],
        at=row["at"].astimezone(UTC),
    )


async def list_waiting(
    connection: Connection,
    agency: str,
    *,
    beyond: UUID | None,
    limit: int,
    working_days: int,
    today: date,
    is_oldest_first: bool = False,
) -> list[Waiting]:
    """Blocks and flags of an agency without an outcome, newest first. With oldest first, overdue ones come first, then those
    due next.
    """
    asked = OLDEST_WAITING if is_oldest_first else NEWEST_WAITING
    rows = await connection.fetch(asked, agency, instant_of(beyond) if beyond else None, beyond, limit)
    found = []
    for row in rows:
        due = working_days_after(legal_date(row["at"]), working_days)
        found.append(
            Waiting(
                check_id=row["id"],
                decision=row["decision"],
                matter=row["matter"],
                reference=row["reference"],
                checked_at=row["at"].astimezone(UTC),
                due_on=due.on,
                is_overdue=due.is_overdue(today),
            )
        )
    return found
