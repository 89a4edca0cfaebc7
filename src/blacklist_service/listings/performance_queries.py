"""Reads of what a court stated about performance, and what it has to do since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.listings.deadlines import WORKING_DAYS_TO_ACT, working_days_after
from blacklist_service.secrecy import Cipher, Secrecy


@dataclass(frozen=True, slots=True)
class Performance:
    """`due_on`: the last day for the deletion; for a listing with a term its last day, until which the court may decide."""

    performance_id: UUID
    listing_id: UUID
    kind: str
    performed_on: date
    stated_on: date
    task: str
    due_on: date
    note: str | None
    operator: str | None
    at: datetime


async def list_performances(connection: Connection, listing_id: UUID, *, secrecy: Secrecy) -> Sequence[Performance]:
    rows = await connection.fetch(
        """
        SELECT p.*, l.expires_on FROM listing_performances p JOIN listings l ON l.id = p.listing_id
        WHERE p.listing_id = $1 ORDER BY p.id
        """,
        listing_id,
    )
    return [_performance(row, secrecy) for row in rows]


def _performance(row: asyncpg.Record, secrecy: Secrecy) -> Performance:
    last: date | None = row["expires_on"]
    return Performance(
        performance_id=row["id"],
        listing_id=row["listing_id"],
        kind=row["kind"],
        performed_on=row["performed_on"],
        stated_on=row["stated_on"],
        task="decide_early_deletion" if last else "delete_after_performance",
        due_on=last or working_days_after(row["stated_on"], WORKING_DAYS_TO_ACT).on,
        note=None if row["note"] is None else cipher_of(secrecy).open(row["note"], row["id"].bytes).decode(),
        operator=row["operator"],
        at=row["at"].astimezone(UTC),
    )


def cipher_of(secrecy: Secrecy) -> Cipher:
    return secrecy.cipher("performances")
