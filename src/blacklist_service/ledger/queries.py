"""Single reads of the ledger for the packages above; searching belongs to `audit`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from blacklist_service.clock import instant_of
from blacklist_service.database.connections import Connection
from blacklist_service.database.installation import NotReadyError
from blacklist_service.database.sessions import ReadOnlySession
from blacklist_service.ledger.operations import answer_context, ledger_cipher
from blacklist_service.secrecy import Secrecy

KEPT = ("ledger_entries", "ledger_secrets", "ledger_subjects", "ledger_pending")
"""The tables an entry is written to."""


@dataclass(frozen=True, slots=True)
class RecordedCheck:
    """A check or a recheck as it was answered: the exact bytes, and what proves them."""

    check_id: UUID
    agency: str | None
    """None if it was asked at the service's own command line."""
    answer: bytes
    leaf: bytes
    salt: bytes


async def find_check(connection: Connection, check_id: UUID, secrecy: Secrecy) -> RecordedCheck | None:
    """Return None if there was no such check, or if its month's secrets have been erased."""
    at = instant_of(check_id)
    if at is None:
        return None
    row = await connection.fetchrow(
        """
        SELECT e.at, e.agency, e.leaf, s.salt, s.answer
        FROM ledger_entries e JOIN ledger_secrets s ON s.at = e.at AND s.entry_id = e.id
        WHERE e.at = $1 AND e.id = $2 AND e.action IN ('check', 'recheck') AND s.at = $1 AND s.answer IS NOT NULL
        """,
        at,
        check_id,
    )
    if row is None:
        return None
    answer = ledger_cipher(secrecy, row["at"]).open(row["answer"], answer_context(check_id))
    return RecordedCheck(check_id, row["agency"], answer, row["leaf"], row["salt"])


async def find_answers(connection: Connection, check_ids: Iterable[UUID], secrecy: Secrecy) -> dict[UUID, bytes]:
    """The exact bytes that were answered; answers whose month's secrets have been erased are missing."""
    asked = {check_id: at for check_id in check_ids if (at := instant_of(check_id)) is not None}
    rows = await connection.fetch(
        """
        SELECT s.at, s.entry_id, s.answer
        FROM unnest($1::timestamptz[], $2::uuid[]) AS asked (at, id)
        JOIN ledger_secrets s ON s.at = asked.at AND s.entry_id = asked.id
        WHERE s.answer IS NOT NULL
        """,
        list(asked.values()),
        list(asked),
    )
    return {
        row["entry_id"]: ledger_cipher(secrecy, row["at"]).open(row["answer"], answer_context(row["entry_id"]))
        for row in rows
    }


async def find_agency_of_check(connection: Connection, check_id: UUID) -> str | None:
    """The agency that asked, even after the month's secrets were erased. None if there was no such check."""
    at = instant_of(check_id)
    if at is None:
        return None
    agency: str | None = await connection.fetchval(
        "SELECT agency FROM ledger_entries WHERE at = $1 AND id = $2 AND action IN ('check', 'recheck')", at, check_id
    )
    return agency


async def database_clock(connection: Connection) -> datetime:
    instant: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return instant.astimezone(UTC)


async def require_recording(connection: Connection) -> None:
    """Write a few bytes as durably as an entry, but into no table. Raises what an entry would meet: a missing standby, a full
    disk, a lost right, or a former primary that can no longer confirm anything.
    """
    if await connection.fetchval("SELECT current_setting('transaction_read_only')::boolean"):
        raise ReadOnlySession("the database takes no writes: default_transaction_read_only is on")
    await connection.execute("SELECT pg_logical_emit_message(true, 'blacklist-service', 'ready')")
    if not await connection.fetchval(
        "SELECT bool_and(has_table_privilege(name, 'INSERT')) FROM unnest($1::text[]) AS name", KEPT
    ):
        raise NotReadyError("the ledger's tables may not be written: run 'blacklist-service migrate'")


@dataclass(frozen=True, slots=True)
class TouchedCheck:
    check_id: UUID
    agency: str | None
    decision: str
    checked_at: datetime


async def find_checks_of_listing(connection: Connection, listing_id: UUID, *, most: int = 10_000) -> list[TouchedCheck]:
    """Past answers that rested on a listing, newest first: the agencies to be told if the listing was wrong from the
    start.
    """
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


async def was_told_of(connection: Connection, agency: str | None, listing_id: UUID) -> bool:
    """Whether an answer to that unit ever included the listing."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM ledger_entries
                       WHERE listing_ids <> '{}' AND listing_ids @> ARRAY[$2::uuid] AND action IN ('check', 'recheck')
                       AND agency = $1)
        """,
        agency,
        listing_id,
    )
    return found
