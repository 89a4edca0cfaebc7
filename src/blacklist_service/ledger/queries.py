"""Reads of the ledger that the rooms above need one at a time; searching is `audit`'s."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from blacklist_service.clock import instant_of
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.operations import answer_context, ledger_cipher
from blacklist_service.secrecy import Secrecy


@dataclass(frozen=True, slots=True)
class RecordedCheck:
    """A check as it was answered: the exact bytes, and what proves them."""

    check_id: UUID
    agency: str | None
    """None where it was asked at the service itself."""
    answer: bytes
    leaf: bytes
    salt: bytes


async def find_check(connection: Connection, check_id: UUID, secrecy: Secrecy) -> RecordedCheck | None:
    """None when there was no such check, or its month's secrets have been erased."""
    at = instant_of(check_id)
    if at is None:
        return None
    row = await connection.fetchrow(
        """
        SELECT e.at, e.agency, e.leaf, s.salt, s.answer
        FROM ledger_entries e JOIN ledger_secrets s ON s.at = e.at AND s.entry_id = e.id
        WHERE e.at = $1 AND e.id = $2 AND e.action = 'check' AND s.at = $1 AND s.answer IS NOT NULL
        """,
        at,
        check_id,
    )
    if row is None:
        return None
    answer = ledger_cipher(secrecy, row["at"]).open(row["answer"], answer_context(check_id))
    return RecordedCheck(check_id, row["agency"], answer, row["leaf"], row["salt"])


async def find_agency_of_check(connection: Connection, check_id: UUID) -> str | None:
    """Who asked; also after the month's secrets were erased. None when there was no such check."""
    at = instant_of(check_id)
    if at is None:
        return None
    agency: str | None = await connection.fetchval(
        "SELECT agency FROM ledger_entries WHERE at = $1 AND id = $2 AND action = 'check'", at, check_id
    )
    return agency


async def database_clock(connection: Connection) -> datetime:
    instant: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return instant.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class TouchedCheck:
    check_id: UUID
    agency: str | None
    decision: str
    checked_at: datetime


async def find_checks_of_listing(connection: Connection, listing_id: UUID, *, most: int = 10_000) -> list[TouchedCheck]:
    """Past answers that rested on a listing, newest first: who must be told when it was wrong from the start."""
    rows = await connection.fetch(
        """
        SELECT id AS check_id, agency, decision, at AS checked_at FROM ledger_entries
        WHERE action = 'check' AND listing_ids <> '{}' AND listing_ids @> ARRAY[$1::uuid]
        ORDER BY at DESC LIMIT $2
        """,
        listing_id,
        most,
    )
    return [TouchedCheck(**row) for row in rows]
