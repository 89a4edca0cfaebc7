"""Reads of the list for people and systems: listings, their history, the change feed, the court's tasks."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import legal_date_of
from blacklist_service.database.statements import Deferred, Statement, composed
from blacklist_service.ledger.actions import Act
from blacklist_service.listings.fragments import CONTENT_OF_VERSION
from blacklist_service.listings.problems import ListingNotFound
from blacklist_service.listings.public import as_published
from blacklist_service.listings.rules import ENDED, state_of

if TYPE_CHECKING:
    from blacklist_service.listings import selects
else:
    selects = Deferred("blacklist_service.listings.selects")

ENDINGS = (Act.DELETED, Act.WITHDRAWN, Act.EXPIRED)
ENDINGS_LISTED = ", ".join(f"'{act}'" for act in ENDINGS)
"""The same for `IN (…)`."""

IS_SUSPENDED = """
    coalesce((SELECT s.act = 'suspended' FROM listing_versions s
              WHERE s.listing_id = v.listing_id AND s.version <= v.version AND s.act IN ('suspended', 'resumed')
              ORDER BY s.version DESC LIMIT 1), false)
"""
"""Whether version `v` of a listing is suspended: a correction in between does not resume it."""


CONTESTED_ON = """
    (SELECT CASE WHEN d.act = 'contested' THEN d.decided_on END FROM listing_versions d
     WHERE d.listing_id = v.listing_id AND d.version <= v.version AND d.act IN ('contested', 'contest_withdrawn')
     ORDER BY d.version DESC LIMIT 1)
"""
"""Since when the identity of version `v` of a listing is contested; null if it is not."""


async def find_listing(connection: Connection, listing_id: UUID) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"""
        SELECT l.*, content.document, content.secret, content.content_digest
        FROM listings l
        JOIN listing_versions v ON v.listing_id = l.id AND v.version = l.version
        CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
        WHERE l.id = $1
        """,
        listing_id,
    )


async def get_own_listing(connection: Connection, listing_id: UUID, *, court_code: str) -> asyncpg.Record:
    """Raise `ListingNotFound` for a listing that is not this court's: a court learns nothing about another's."""
    row = await find_listing(connection, listing_id)
    if row is None or row["court_code"] != court_code:
        raise ListingNotFound
    return row


async def list_listings(
    connection: Connection,
    *,
    own_court: str,
    today: date,
    before: UUID,
    limit: int,
    case_number: str | None = None,
    state: str | None = None,
    court_code: str | None = None,
    severity: str | None = None,
) -> list[asyncpg.Record]:
    """Newest first. A listing in grace is only shown to its own court."""
    filters = {"case_number": case_number, "court_code": court_code, "severity": severity}
    given = {name: value for name, value in filters.items() if value is not None}
    page = await composed(selects.page_of_listings, frozenset(given), state=state)
    return await page.fetch(connection, own_court=own_court, today=today, place=before, limit=limit, **given)


async def search_listings(
    connection: Connection,
    digests: Sequence[bytes],
    *,
    own_court: str,
    today: date,
    before: UUID,
    limit: int,
    case_number: str | None = None,
    state: str | None = None,
    is_with_ended: bool = False,
) -> list[asyncpg.Record]:
    """Newest first; of those that have ended, the own court's alone."""
    given = {} if case_number is None else {"case_number": case_number}
    page = await composed(
        selects.page_of_found_listings, frozenset(given), state=state, is_with_ended=is_with_ended or state in ENDED
    )
    return await page.fetch(
        connection, digests=list(digests), own_court=own_court, today=today, place=before, limit=limit, **given
    )


async def find_content(connection: Connection, listing_id: UUID, version: int | None) -> asyncpg.Record | None:
    """The content of a listing at a version, including sealed numbers; at its newest version if None."""
    return await connection.fetchrow(
        f"""
        SELECT content.document, content.secret, content.content_digest
        FROM listing_versions v CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
        WHERE v.listing_id = $1 AND v.version <= coalesce($2, v.version) ORDER BY v.version DESC LIMIT 1
        """,
        *(listing_id, version),
    )


async def list_versions(connection: Connection, listing_id: UUID) -> list[asyncpg.Record]:
    """Every state a listing ever had, oldest first."""
    return await connection.fetch(
        f"""
        SELECT v.version, v.list_version, v.at, v.act, v.member, v.operator, v.reason, v.ground, v.decided_on,
               v.filed_on, v.dispute_state, content.document
        FROM listing_versions v CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
        WHERE v.listing_id = $1 ORDER BY v.version
        """,
        listing_id,
    )


async def find_version_as_of(connection: Connection, listing_id: UUID, list_version: int) -> asyncpg.Record | None:
    """A listing as it was known at a list version; None if it was not on the list yet, or no longer."""
    row = await connection.fetchrow(
        f"""
        SELECT v.version, v.list_version, v.act, v.at, content.document, {IS_SUSPENDED} AS is_suspended
        FROM listing_versions v CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
        WHERE v.listing_id = $1 AND v.list_version <= $2 ORDER BY v.version DESC LIMIT 1
        """,
        listing_id,
        list_version,
    )
    return None if row is None or row["act"] in ENDINGS or row["is_suspended"] else row


async def get_list_version_at(connection: Connection, at: datetime) -> int:
    """The newest list version at an instant."""
    version: int | None = await connection.fetchval(
        "SELECT max(list_version) FROM listing_versions WHERE at <= $1 AND list_version IS NOT NULL", at
    )
    return version or 0


async def list_changes(connection: Connection, *, after: int, limit: int) -> list[asyncpg.Record]:
    """Every change once, in commit order: versions are assigned under a lock that is held until the commit."""
    return await connection.fetch(
        f"""
        SELECT v.list_version, v.at, v.act, v.listing_id, v.version, l.court_name,
               CASE WHEN v.act IN ('suspended', {ENDINGS_LISTED}) THEN NULL
                    ELSE content.document END AS document, {CONTESTED_ON} AS contested_on
        FROM listing_versions v JOIN listings l ON l.id = v.listing_id
        CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
        WHERE v.list_version > $1 ORDER BY v.list_version LIMIT $2
        """,
        after,
        limit,
    )


async def get_list_version(connection: Connection) -> int:
    version: int = await connection.fetchval("SELECT version FROM heads WHERE name = 'list'")
    return version


async def list_published(connection: Connection, *, today: date, page: int) -> AsyncIterator[list[dict[str, Any]]]:
    """All listings in force on that day, by id, in pages; within the caller's snapshot."""
    async for rows in _pages(connection, await composed(selects.page_of_published), today=today, page=page):
        yield rows


async def list_feed(connection: Connection, *, today: date, page: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Everything that a copy of the change feed holds at the snapshot's version, and that its digest covers, in the same
    form.
    """
    async for rows in _pages(connection, await composed(selects.page_of_feed), today=today, page=page):
        yield rows


async def _pages(
    connection: Connection, statement: Statement, *, today: date, page: int
) -> AsyncIterator[list[dict[str, Any]]]:
    # A list that was just loaded has no statistics yet, so the planner would read and sort all of it for each page, which
    # takes hundreds of times as long as reading fifty rows by the index.
    await connection.execute("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    last = UUID(int=0)
    while rows := await statement.fetch(connection, today=today, place=last, limit=page):
        yield [as_published(listing_wire(row, today=today)) for row in rows]
        last = rows[-1]["id"]


async def list_court_tasks(connection: Connection, court_code: str, *, today: date, limit: int) -> list[asyncpg.Record]:
    """The court's tasks, each with the day it began: deadlines follow from the law's calendar.

    A term is over by its date, whether or not that is recorded yet.
    """
    return await connection.fetch(
        f"""
        SELECT 'delete_after_term' AS task, id AS listing_id, case_number, NULL::uuid AS objection_id,
               expires_on AS since, NULL::date AS due_on
        FROM listings l
        WHERE court_code = $1 AND ended = 'expired' AND expires_on < $3
        UNION ALL
        SELECT 'delete_after_term', id, case_number, NULL, expires_on, NULL
        FROM listings l
        WHERE court_code = $1 AND ended IS NULL AND expires_on < $3
        UNION ALL
        SELECT 'delete_after_performance', l.id, l.case_number, NULL, performed.since, NULL
        FROM listings l CROSS JOIN LATERAL (
            SELECT least({legal_date_of("min(v.at)")},
                         (SELECT min(p.stated_on) FROM listing_performances p WHERE p.listing_id = l.id)) AS since
            FROM listing_versions v WHERE v.listing_id = l.id AND v.document->>'performance' = 'full'
        ) AS performed
        WHERE court_code = $1 AND ended IS NULL AND expires_on IS NULL
          AND (performance = 'full' OR l.id IN (SELECT listing_id FROM listing_performances WHERE court_code = $1))
        UNION ALL
        SELECT 'decide_early_deletion', l.id, l.case_number, NULL, min(p.stated_on), l.expires_on
        FROM listing_performances p JOIN listings l ON l.id = p.listing_id
        WHERE p.court_code = $1 AND l.ended IS NULL AND l.expires_on >= $3
        GROUP BY l.id
        UNION ALL
        SELECT 'confirm_identity', l.id, l.case_number, o.id, o.received_on,
               {legal_date_of("o.at")}
        FROM objections o JOIN listings l ON l.id = o.listing_id
        WHERE o.court_code = $1 AND o.grounds = 'not_the_debtor' AND o.state = 'filed'
          AND l.ended IS NULL AND l.contested_on IS NULL
        UNION ALL
        SELECT 'review_after_performance', id, case_number, NULL, performed_elsewhere_on, NULL
        FROM listings
        WHERE court_code = $1 AND performed_elsewhere_on IS NOT NULL AND ended IS NULL
          AND (expires_on IS NULL OR expires_on >= $3)
        UNION ALL
        SELECT 'give_ground', l.id, l.case_number, NULL, l.ended_on, NULL
        FROM listings l JOIN listing_versions v ON v.listing_id = l.id AND v.version = l.version
        WHERE l.court_code = $1 AND v.ground = 'absent_from_snapshot'
        UNION ALL
        SELECT 'give_ground', l.id, l.case_number, NULL, l.ended_on, NULL
        FROM listings l JOIN listing_versions v ON v.listing_id = l.id AND v.version = l.version
        WHERE l.court_code = $1 AND v.ground = 'unstated'
        UNION ALL
        SELECT CASE o.state WHEN 'filed' THEN 'decide_objection' WHEN 'upheld' THEN 'act_on_upheld_objection'
                            ELSE 'decide_reconsideration' END,
               l.id, l.case_number, o.id,
               coalesce(o.reconsideration_decided_on, o.reconsideration_filed_on, o.decided_on, o.received_on), o.due_on
        FROM objections o JOIN listings l ON l.id = o.listing_id
        WHERE o.court_code = $1 AND (o.state IN ('filed', 'reconsideration') OR (o.state = 'upheld' AND o.led_to IS NULL))
        ORDER BY 5, 2 LIMIT $2
        """,
        court_code,
        limit,
        today,
    )


def listing_wire(row: asyncpg.Record, *, today: date) -> dict[str, Any]:
    """A listing as it is shown: the publication, numbers masked, and its later history."""
    document: dict[str, Any] = row["document"]
    return {
        **document,
        "court": {"code": row["court_code"], "name": row["court_name"]},
        "listing_id": row["id"],
        "version": row["version"],
        "list_version": row["list_version"],
        "state": state_of(
            ended=row["ended"],
            in_force_from=row["in_force_from"],
            expires_on=row["expires_on"],
            is_suspended=row["suspended_on"] is not None,
            today=today,
        ),
        "in_force_from": row["in_force_from"],
        "published_on": row["published_on"],
        "dispute_state": row["dispute_state"],
        "identity_contested_on": row["contested_on"],
        "suspended_on": row["suspended_on"] if row["ended"] is None else None,
        "ended_on": row["ended_on"],
    }


def is_shown_to_others(row: asyncpg.Record, *, today: date) -> bool:
    """Whether it is, or ever was, public: a listing that ended during its grace never was, and is only for its own court for
    ever.
    """
    if row["list_version"] is not None:
        return True
    return row["ended"] is None and bool(row["in_force_from"] <= today)


def with_numbers(wire: dict[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The same with complete numbers, for the court that listed it: it must be able to correct without retyping."""
    debtor = dict(wire["debtor"])
    if debtor.get("identifier"):
        debtor["identifier"] = {**debtor["identifier"], "number": numbers["identifier"]}
    debtor["people"] = [
        {**person, "identifier": {**person["identifier"], "number": number}} if person.get("identifier") else person
        for person, number in zip(debtor["people"], numbers["people"], strict=True)
    ]
    return wire | {"debtor": debtor}
