"""Reads of leads, for the two sides of each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from blacklist_service.access.principals import Principal
from blacklist_service.database.connections import Connection
from blacklist_service.problems import NotFound, NotYours
from blacklist_service.secrecy import Cipher, Secrecy

# $1 the court's code, or null; $2 the unit.
MINE = "(court_code = $1 OR agency = $2)"


@dataclass(frozen=True, slots=True)
class Lead:
    lead_id: UUID
    listing_id: UUID
    case_number: str
    court_code: str
    agency: str
    kind: str
    text: str
    state: str
    word: str | None
    filed_at: datetime
    taken_up_at: datetime | None
    closed_at: datetime | None


async def find_lead(connection: Connection, lead_id: UUID, caller: Principal, *, secrecy: Secrecy) -> Lead:
    """For the executing court and the unit that filed it; raise `NotYours` for all others."""
    row = await connection.fetchrow(
        f"SELECT * FROM leads WHERE {MINE} AND id = $3", caller.court_code, caller.member, lead_id
    )
    if row is None:
        is_there = await connection.fetchval("SELECT EXISTS (SELECT FROM leads WHERE id = $1)", lead_id)
        raise NotYours if is_there else NotFound
    return _lead(row, secrecy)


async def list_leads(
    connection: Connection, caller: Principal, *, state: str | None, before: UUID, limit: int, secrecy: Secrecy
) -> list[Lead]:
    """Newest first."""
    rows = await connection.fetch(
        f"""
        SELECT * FROM leads WHERE {MINE} AND id < $3 AND ($4::text IS NULL OR state = $4) ORDER BY id DESC LIMIT $5
        """,
        *(caller.court_code, caller.member, before, state, limit),
    )
    return [_lead(row, secrecy) for row in rows]


def _lead(row: asyncpg.Record, secrecy: Secrecy) -> Lead:
    cipher, lead_id = cipher_of(secrecy), row["id"]
    return Lead(
        lead_id=lead_id,
        listing_id=row["listing_id"],
        case_number=row["case_number"],
        court_code=row["court_code"],
        agency=row["agency"],
        kind=row["kind"],
        text=cipher.open(row["text"], lead_id.bytes).decode(),
        state=row["state"],
        word=None if row["word"] is None else cipher.open(row["word"], lead_id.bytes).decode(),
        filed_at=row["filed_at"].astimezone(UTC),
        taken_up_at=row["taken_up_at"] and row["taken_up_at"].astimezone(UTC),
        closed_at=row["closed_at"] and row["closed_at"].astimezone(UTC),
    )


def cipher_of(secrecy: Secrecy) -> Cipher:
    return secrecy.cipher("leads")
