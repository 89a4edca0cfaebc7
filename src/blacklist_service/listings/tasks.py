"""What the calendar does: a term that ends, a grace that ends. Checks went by the dates at once; this writes it down."""

from collections.abc import Sequence

import asyncpg

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import Action, Entry
from blacklist_service.ledger.operations import record
from blacklist_service.listings.operations.applying import By, Head, apply_dated_acts, lock_head
from blacklist_service.listings.resolution import ListingAct
from blacklist_service.listings.rules import Act
from blacklist_service.secrecy import Secrecy

AT_ONCE = 500
CALENDAR = Actor(operator="calendar")
ENTRY_OF_ACT = {Act.EXPIRED: Action.LISTING_EXPIRED, Act.PUBLISHED: Action.GRACE_ENDED}

DUE = """
SELECT id, version, expires_on, expires_on IS NOT NULL AND expires_on < $1 AS is_past_term
FROM listings
WHERE ended IS NULL AND (expires_on < $1 OR (NOT is_published AND in_force_from <= $1))
ORDER BY coalesce(expires_on, in_force_from), id
LIMIT $2
"""


async def end_terms_and_grace(connection: Connection, secrecy: Secrecy) -> None:
    """Write what has fallen due, also after downtime; take the lock only where something has."""
    today = await connection.fetchval("SELECT (clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date")
    while await connection.fetch(DUE, today, 1):
        head = await lock_head(connection)
        due = await connection.fetch(DUE, head.today, AT_ONCE)
        await _write(connection, due, head, secrecy)
        if len(due) < AT_ONCE:
            return


async def _write(connection: Connection, due: Sequence[asyncpg.Record], head: Head, secrecy: Secrecy) -> None:
    acts = [
        ListingAct(
            act=Act.EXPIRED if row["is_past_term"] else Act.PUBLISHED,
            listing_id=row["id"],
            version=row["version"] + 1,
            row=None,
            is_change=True,
            ended_on=row["expires_on"] if row["is_past_term"] else None,
        )
        for row in due
    ]
    versioned = await apply_dated_acts(connection, acts, head=head, by=By(CALENDAR))
    entries = [
        Entry(ENTRY_OF_ACT[one.act.act], CALENDAR, listing_ids=(one.act.listing_id,), list_version=one.list_version)
        for one in versioned
    ]
    await record(connection, entries, at=head.at, secrecy=secrecy)
