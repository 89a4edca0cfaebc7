"""What this list holds of a followed list, and what occupies its listings' places: one statement for many."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.listings.following.changes import FollowedChange, Place, place_of
from blacklist_service.listings.queries import KNOWN_CONTENTS

FIRST = UUID(int=0)


@dataclass(slots=True)
class HeldHere:
    """A listing here; `is_followed`: it comes from the followed list. `digest` is that of its newest content."""

    listing_id: UUID
    court_code: str
    version: int
    place: Place
    digest: bytes
    is_ended: bool
    is_suspended: bool
    dispute_state: str | None
    contested_on: date | None
    is_followed: bool


@dataclass(frozen=True, slots=True)
class Stander:
    """The listing that occupies a place here; `is_gone`: it came from the followed list, which certainly no longer has it."""

    listing_id: UUID
    court_code: str
    version: int
    is_gone: bool


async def find_held(connection: Connection, origin: str, ids: Collection[UUID]) -> dict[UUID, HeldHere]:
    rows = await connection.fetch(
        f"""
        SELECT l.id, l.court_code, l.version, l.natural_key, l.record_id, l.decision_number, l.ended, l.suspended_on,
               l.dispute_state, l.contested_on, content.content_digest, f.origin IS NOT DISTINCT FROM $2 AS is_followed
        FROM listings l LEFT JOIN followed_listings f ON f.listing_id = l.id
        CROSS JOIN LATERAL (
            SELECT content_digest FROM {KNOWN_CONTENTS} AS known WHERE listing_id = l.id
            ORDER BY version DESC, is_alias DESC LIMIT 1
        ) AS content
        WHERE l.id = ANY($1)
        """,
        list(ids),
        origin,
    )
    return {row["id"]: _held(row) for row in rows}


def _held(row: asyncpg.Record) -> HeldHere:
    return HeldHere(
        listing_id=row["id"],
        court_code=row["court_code"],
        version=row["version"],
        place=place_of(row["natural_key"], row["record_id"], row["decision_number"]),
        digest=row["content_digest"],
        is_ended=row["ended"] is not None,
        is_suspended=row["suspended_on"] is not None,
        dispute_state=row["dispute_state"],
        contested_on=row["contested_on"],
        is_followed=row["is_followed"],
    )


async def find_standers(
    connection: Connection, origin: str, natural_keys: Collection[bytes], *, is_proved: bool
) -> dict[Place, Stander]:
    """Until everything is verified, a listing that was not seen again may still appear, unless it was removed here before."""
    rows = await connection.fetch(
        """
        SELECT l.id, l.court_code, l.version, l.natural_key, l.record_id, l.decision_number,
               coalesce(f.origin = $2 AND NOT f.is_listed AND (l.suspended_on IS NOT NULL OR $3), false) AS is_gone
        FROM listings l LEFT JOIN followed_listings f ON f.listing_id = l.id
        WHERE l.natural_key = ANY($1) AND l.ended IS NULL
        """,
        list(natural_keys),
        origin,
        is_proved,
    )
    return {
        place_of(row["natural_key"], row["record_id"], row["decision_number"]): Stander(
            row["id"], row["court_code"], row["version"], row["is_gone"]
        )
        for row in rows
    }


async def keep(connection: Connection, origin: str, changes: Sequence[FollowedChange]) -> None:
    """Store what the other list has, as its digest covers it."""
    await connection.execute(
        """
        INSERT INTO followed_listings (listing_id, origin, list_version, is_listed)
        SELECT listing_id, $1, list_version, is_listed
        FROM unnest($2::uuid[], $3::bigint[], $4::boolean[]) AS one (listing_id, list_version, is_listed)
        ON CONFLICT (listing_id) DO UPDATE SET (list_version, is_listed) = ROW (EXCLUDED.list_version,
            EXCLUDED.is_listed)
        """,
        origin,
        [one.listing_id for one in changes],
        [one.list_version for one in changes],
        [one.is_listed for one in changes],
    )


async def note_passed(
    connection: Connection, changes: Sequence[FollowedChange], passed: Mapping[UUID, UUID | None]
) -> None:
    """Record that of `changes` those in `passed` were skipped, each for the listing that occupies its place (None: its court
    is a member here).
    """
    await connection.execute(
        "DELETE FROM passed_listings WHERE listing_id = ANY($1)",
        [one.listing_id for one in changes if one.listing_id not in passed],
    )
    if passed:
        await connection.execute(
            """
            INSERT INTO passed_listings (listing_id, passed_for) SELECT * FROM unnest($1::uuid[], $2::uuid[])
            ON CONFLICT (listing_id) DO UPDATE SET passed_for = EXCLUDED.passed_for
            """,
            list(passed),
            list(passed.values()),
        )


async def list_due(connection: Connection, origin: str) -> list[int]:
    """The other list's versions of listings that were skipped for one that has since ended."""
    rows = await connection.fetch(
        """
        SELECT f.list_version FROM passed_listings p JOIN followed_listings f USING (listing_id)
        LEFT JOIN listings l ON l.id = p.passed_for
        WHERE f.origin = $1 AND f.is_listed AND p.passed_for IS NOT NULL AND (l.id IS NULL OR l.ended IS NOT NULL)
        ORDER BY f.list_version
        """,
        origin,
    )
    return [row["list_version"] for row in rows]


async def list_listed(connection: Connection, origin: str, *, after: UUID, limit: int) -> list[asyncpg.Record]:
    """What the other list has, by id. `is_missed`: it is neither in force here nor skipped because its court is a member
    here; a listing that expired here does not count, because it returns with a change there.
    """
    return await connection.fetch(
        """
        SELECT f.listing_id, f.list_version,
               (l.id IS NULL AND (p.listing_id IS NULL OR p.passed_for IS NOT NULL))
                   OR (l.ended IN ('deleted', 'withdrawn') AND p.listing_id IS NULL) AS is_missed
        FROM followed_listings f LEFT JOIN listings l ON l.id = f.listing_id
        LEFT JOIN passed_listings p ON p.listing_id = f.listing_id
        WHERE f.origin = $1 AND f.is_listed AND f.listing_id > $2 ORDER BY f.listing_id LIMIT $3
        """,
        origin,
        after,
        limit,
    )


async def list_gone(
    connection: Connection, origin: str, *, list_version: int, after: UUID, limit: int
) -> list[asyncpg.Record]:
    """Listings here that have `list_version` there, by id."""
    return await connection.fetch(
        """
        SELECT l.id, l.version, l.court_code FROM followed_listings f JOIN listings l ON l.id = f.listing_id
        WHERE f.origin = $1 AND f.list_version = $2 AND f.listing_id > $3 AND l.ended IS NULL AND l.suspended_on IS NULL
        ORDER BY f.listing_id LIMIT $4
        """,
        *(origin, list_version, after, limit),
    )
