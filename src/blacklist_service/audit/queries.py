"""Reads of the ledger: searching it, newest first, page by page; and what it holds of a person."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from blacklist_service.audit.filters import EntryFilters
from blacklist_service.clock import instant_of
from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import legal_date_of
from blacklist_service.database.statements import Deferred, composed

if TYPE_CHECKING:
    from blacklist_service.audit import selects
else:
    selects = Deferred("blacklist_service.audit.selects")


def values_of(filters: EntryFilters) -> dict[str, Any]:
    """The given filters, by the names of their fields."""
    return filters.model_dump(include=set(EntryFilters.model_fields), exclude_none=True)


async def list_entries(
    connection: Connection,
    filters: EntryFilters,
    *,
    before: tuple[datetime, UUID],
    limit: int,
    digests: Sequence[bytes] | None = None,
) -> list[asyncpg.Record]:
    """Entries before the position `before`, newest first, each with its subjects and its index in the log.

    `digests` restrict them to those about one subject.
    """
    given = values_of(filters)
    page = await composed(selects.page_of_entries, frozenset(given), is_about_subject=digests is not None)
    before_at, before_id = before
    return await page.fetch(
        connection, before_at=before_at, before_id=before_id, limit=limit, digests=list(digests or ()), **given
    )


async def find_entry(connection: Connection, entry_id: UUID) -> asyncpg.Record | None:
    """One entry with its subjects and its index in the log. An entry's id contains its timestamp, by which the table is
    partitioned.
    """
    at = instant_of(entry_id)
    if at is None:
        return None
    return await connection.fetchrow(
        """
        SELECT e.*, CASE WHEN e.action = 'refused' THEN convert_from(e.leaf, 'UTF8')::jsonb->'facts'->>'code' END
               AS refused_as, leaf.idx AS leaf_index,
               (SELECT jsonb_agg(jsonb_build_object('role', s.role, 'name_masked', s.name_masked,
                                                    'identifier_masked', s.identifier_masked) ORDER BY s.ordinal)
                FROM ledger_subjects s WHERE s.at = e.at AND s.entry_id = e.id) AS subjects
        FROM ledger_entries e LEFT JOIN ledger_leaves leaf ON leaf.entry_id = e.id
        WHERE e.at = $1 AND e.id = $2
        """,
        *(at, entry_id),
    )


async def find_sealed(connection: Connection, entry_id: UUID) -> asyncpg.Record | None:
    """An entry with what it seals; None also if its month's secrets were erased."""
    at = instant_of(entry_id)
    if at is None:
        return None
    return await connection.fetchrow(
        """
        SELECT e.at, e.action, e.agency, s.private
        FROM ledger_entries e JOIN ledger_secrets s ON s.at = e.at AND s.entry_id = e.id
        WHERE e.at = $1 AND e.id = $2 AND s.at = $1
        """,
        *(at, entry_id),
    )


async def list_askings(connection: Connection, digest: bytes, *, today: date) -> list[asyncpg.Record]:
    """All questions about a person, oldest first; `is_withheld`: under an embargo on that day."""
    return await connection.fetch(
        f"""
        SELECT e.id AS check_id, e.at, e.agency, e.matter, e.decision, coalesce(m.name, e.matter) AS matter_name,
               coalesce((SELECT name FROM member_names n WHERE n.member = e.agency
                         AND n.valid_from <= {legal_date_of("e.at")}
                         ORDER BY n.valid_from DESC LIMIT 1), e.agency) AS agency_name,
               EXISTS (SELECT FROM embargoes b WHERE b.digest = $1 AND b.lifted_at IS NULL AND b.until >= $2
                       AND (b.agency IS NULL OR b.agency = e.agency)
                       AND (b.reference IS NULL OR b.reference = e.reference)) AS is_withheld
        FROM (SELECT DISTINCT at, entry_id FROM ledger_subjects WHERE digest = $1) s
        CROSS JOIN LATERAL (
            SELECT * FROM ledger_entries WHERE at = s.at AND id = s.entry_id AND action IN ('check', 'recheck') OFFSET 0
        ) AS e
        LEFT JOIN matters m ON m.code = e.matter
        ORDER BY e.at, e.id
        """,
        *(digest, today),
    )
