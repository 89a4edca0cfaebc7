"""Reads of outcomes: the newest of a check, and which answers still have none."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.clock import instant_of, legal_date
from blacklist_service.database.connections import Connection
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
class OutcomeDue:
    """A block or flag without an outcome; one is due within a number of working days."""

    check_id: UUID
    decision: str
    matter: str
    reference: str
    checked_at: datetime
    due_on: date
    is_overdue: bool


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
) -> list[OutcomeDue]:
    """Blocks and flags of an agency without an outcome, newest first. With oldest first, overdue ones come first, then those
    due next.
    """
    asked = OLDEST_WAITING if is_oldest_first else NEWEST_WAITING
    rows = await connection.fetch(asked, agency, instant_of(beyond) if beyond else None, beyond, limit)
    found = []
    for row in rows:
        due = working_days_after(legal_date(row["at"]), working_days)
        found.append(
            OutcomeDue(
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
