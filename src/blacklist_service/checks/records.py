"""A unit's own checks, read from the ledger's existing indexes: an index by unit would add to the cost of every check."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.clock import instant_of
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.queries import RecordedCheck, find_check
from blacklist_service.problems import NotYours
from blacklist_service.secrecy import Secrecy


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """A check in its unit's records; `outcome` is the newest one."""

    check_id: UUID
    decision: str
    matter: str
    reference: str
    operator: str | None
    checked_at: datetime
    outcome: OutcomeAction | None


@dataclass(frozen=True, slots=True)
class WantedChecks:
    """Filters on a unit's checks; all that are given must match. `since` is inclusive, `until` exclusive."""

    agency: str
    since: datetime | None = None
    until: datetime | None = None
    reference: str | None = None
    matter: str | None = None
    decision: str | None = None


async def get_check(connection: Connection, check_id: UUID, *, secrecy: Secrecy) -> RecordedCheck:
    """Raise `NotYours` if there is none. The refusal is recorded as for another unit's check, or the response time would
    reveal whether the check exists.
    """
    recorded = await find_check(connection, check_id, secrecy)
    if recorded is None:
        raise NotYours
    return recorded


async def get_own_check(connection: Connection, check_id: UUID, *, agency: str, secrecy: Secrecy) -> RecordedCheck:
    """Raise `NotYours` if another agency asked it."""
    recorded = await get_check(connection, check_id, secrecy=secrecy)
    if recorded.agency != agency:
        raise NotYours
    return recorded


async def list_checks(connection: Connection, wanted: WantedChecks, *, before: UUID, limit: int) -> list[CheckRecord]:
    """Newest first, older than the check `before`."""
    rows = await connection.fetch(
        """
        SELECT e.id, e.at, e.decision, e.matter, e.reference, e.operator,
               (SELECT o.action FROM check_outcomes o WHERE o.check_id = e.id ORDER BY o.revision DESC LIMIT 1) AS outcome
        FROM ledger_entries e
        WHERE e.agency = $1 AND e.action = 'check' AND (e.at, e.id) < ($2, $3)
          AND ($4::timestamptz IS NULL OR e.at >= $4) AND ($5::timestamptz IS NULL OR e.at < $5)
          AND ($6::text IS NULL OR e.reference = $6) AND ($7::text IS NULL OR e.matter = $7)
          AND ($8::text IS NULL OR e.decision = $8)
        ORDER BY e.at DESC, e.id DESC LIMIT $9
        """,
        *(wanted.agency, instant_of(before) or datetime.now(UTC), before, wanted.since, wanted.until),
        *(wanted.reference, wanted.matter, wanted.decision, limit),
    )
    return [
        CheckRecord(
            check_id=row["id"],
            decision=row["decision"],
            matter=row["matter"],
            reference=row["reference"],
            operator=row["operator"],
            checked_at=row["at"].astimezone(UTC),
            outcome=row["outcome"] and OutcomeAction(row["outcome"]),
        )
        for row in rows
    ]
