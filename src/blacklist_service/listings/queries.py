"""Reads of the list: what it holds under the keys of rows, and of one listing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Act
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.distinction import Distinction
from blacklist_service.listings.held import Held
from blacklist_service.listings.problems import ListingNotFound
from blacklist_service.members.queries import list_courts
from blacklist_service.subjects.identifiers import SubjectKind

KNOWN_CONTENTS = """(
        SELECT listing_id, version, natural_key, content_digest, false AS is_alias FROM listing_versions
        WHERE natural_key IS NOT NULL
        UNION ALL SELECT listing_id, version, natural_key, content_digest, true FROM listing_aliases
    )"""
"""Every content that a listing ever had, by each pair of digests under which it is known (`operations/digesting`)."""

HELD = f"""
    SELECT l.id, l.version, l.loose_key, l.in_force_from, l.expires_on, l.is_published, l.suspended_on, l.ended, l.ended_on,
           l.court_code, l.case_number, l.kind, l.record_id, l.decision_number, l.circumstances, v.keys, v.contents,
           CASE WHEN l.version > 1 THEN ARRAY(
               SELECT ROW(act, decided_on) FROM listing_versions
               WHERE listing_id = l.id AND act IN ('suspended', 'resumed') ORDER BY version
           ) END AS pauses
    FROM found JOIN listings l ON l.id = found.listing_id
    JOIN LATERAL (
        SELECT array_agg(natural_key) AS keys, array_agg(content_digest ORDER BY version, is_alias) AS contents
        FROM {KNOWN_CONTENTS} AS known WHERE listing_id = l.id
    ) v ON true
    ORDER BY l.id
"""


async def find_held(
    connection: Connection, natural_keys: Collection[bytes], named: Collection[tuple[str, str, bytes]] = ()
) -> list[Held]:
    """The listings that have, or ever had, one of these natural keys, or one of these names in a case (court, number, loose
    key). Oldest first: ids are ordered by time.
    """
    found = f"""
        WITH found AS (
            SELECT listing_id FROM {KNOWN_CONTENTS} AS known WHERE natural_key = ANY($1)
            UNION SELECT l.id FROM unnest($2::text[], $3::text[], $4::bytea[]) AS asked (court_code, case_number, loose_key)
                  JOIN listings l USING (court_code, case_number, loose_key)
        )
    """
    courts, cases, names = ([one[place] for one in named] for place in range(3))
    rows = await connection.fetch(found + HELD, list(natural_keys), courts, cases, names)
    return [_held(row) for row in rows]


async def find_held_by_id(connection: Connection, listing_id: UUID) -> tuple[Held, str] | None:
    """A listing and the code of its court."""
    row = await connection.fetchrow("WITH found AS (SELECT $1::uuid AS listing_id)" + HELD, listing_id)
    return None if row is None else (_held(row), row["court_code"])


@dataclass(frozen=True, slots=True)
class StoredContent:
    """The content, as stored, of a listing's newest version that has one."""

    natural_key: bytes
    content_digest: bytes
    document: dict[str, Any]
    secret: bytes
    expires_on: date | None
    dispute_state: str | None


async def get_stored_content(connection: Connection, listing_id: UUID) -> StoredContent:
    row = await connection.fetchrow(
        """
        SELECT v.natural_key, v.content_digest, v.document, v.secret, l.expires_on, l.dispute_state
        FROM listing_versions v JOIN listings l ON l.id = v.listing_id
        WHERE v.listing_id = $1 AND v.document IS NOT NULL
        ORDER BY v.version DESC LIMIT 1
        """,
        listing_id,
    )
    if row is None:
        raise ListingNotFound
    return StoredContent(**row)


async def get_list_version_of(connection: Connection, listing_id: UUID) -> int | None:
    version: int | None = await connection.fetchval("SELECT list_version FROM listings WHERE id = $1", listing_id)
    return version


async def find_case_numbers(connection: Connection, listing_ids: Collection[UUID]) -> dict[UUID, str]:
    """The case numbers of those listings that exist."""
    rows = await connection.fetch("SELECT id, case_number FROM listings WHERE id = ANY($1)", list(listing_ids))
    return {row["id"]: row["case_number"] for row in rows}


async def find_deletion_at_creditors_request(connection: Connection, listing_ids: Collection[UUID]) -> date | None:
    """The newest day on which one of these was deleted on ground ③ of Art. 10(1)."""
    day: date | None = await connection.fetchval(
        """
        SELECT max(l.ended_on) FROM listings l JOIN listing_versions v ON v.listing_id = l.id
        WHERE l.id = ANY($1) AND v.act = 'deleted' AND v.ground = 'creditor_request'
        """,
        list(listing_ids),
    )
    return day


def _held(row: asyncpg.Record) -> Held:
    return Held(
        listing_id=row["id"],
        version=row["version"],
        keys=set(row["keys"]),
        loose_key=row["loose_key"],
        contents=set(row["contents"]),
        content_digest=row["contents"][-1],
        in_force_from=row["in_force_from"],
        expires_on=row["expires_on"],
        is_published=row["is_published"],
        is_suspended=row["suspended_on"] is not None,
        pauses=[(Act(act), decided_on) for act, decided_on in row["pauses"] or ()],
        ended=row["ended"],
        ended_on=row["ended_on"],
        naming=read_distinction(row),
        case=(row["court_code"], row["case_number"]),
    )


def read_distinction(row: asyncpg.Record) -> Distinction:
    return Distinction(
        record_id=row["record_id"],
        decision_number=row["decision_number"],
        circumstances=frozenset(row["circumstances"] or ()),
        kind=SubjectKind(row["kind"] or SubjectKind.PERSON),
    )


async def known_courts(connection: Connection) -> Courts:
    members = await list_courts(connection)
    return Courts((member.court_code, member.name, member.code) for member in members if member.court_code)
