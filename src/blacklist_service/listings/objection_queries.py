"""Reads of objections: the court's, and those that a unit filed."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection

# $1 the court's code, or null; $2 the unit.
MINE = "(court_code = $1 OR filed_by_member = $2)"


@dataclass(frozen=True, slots=True)
class Objection:
    """The current state of an objection. `due_on` is the last day for the next step."""

    objection_id: UUID
    listing_id: UUID
    court_code: str
    grounds: str
    state: str
    received_on: date
    due_on: date
    decided_on: date | None
    reconsideration_filed_on: date | None
    reconsideration_decided_on: date | None
    led_to: str | None
    led_to_version: int | None
    filed_by_member: str | None


async def find_objection(
    connection: Connection, objection_id: UUID, *, court_code: str | None, filed_by: str | None = None
) -> Objection | None:
    """An objection of the court, or one that the unit filed."""
    row = await connection.fetchrow(
        f"SELECT * FROM objections WHERE {MINE} AND id = $3", court_code, filed_by, objection_id
    )
    return None if row is None else read_objection(row)


async def list_objections(
    connection: Connection,
    *,
    court_code: str | None,
    filed_by: str | None,
    listing_id: UUID | None,
    before: UUID,
    limit: int,
) -> list[Objection]:
    """The court's objections, or those that the unit filed; newest first."""
    rows = await connection.fetch(
        f"""
        SELECT * FROM objections WHERE {MINE} AND id < $3 AND ($4::uuid IS NULL OR listing_id = $4)
        ORDER BY id DESC LIMIT $5
        """,
        *(court_code, filed_by, before, listing_id, limit),
    )
    return [read_objection(row) for row in rows]


def read_objection(row: asyncpg.Record) -> Objection:
    return Objection(
        objection_id=row["id"],
        listing_id=row["listing_id"],
        court_code=row["court_code"],
        grounds=row["grounds"],
        state=row["state"],
        received_on=row["received_on"],
        due_on=row["due_on"],
        decided_on=row["decided_on"],
        reconsideration_filed_on=row["reconsideration_filed_on"],
        reconsideration_decided_on=row["reconsideration_decided_on"],
        led_to=row["led_to"],
        led_to_version=row["led_to_version"],
        filed_by_member=row["filed_by_member"],
    )
