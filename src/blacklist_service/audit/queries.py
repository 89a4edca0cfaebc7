"""Searching the ledger, newest first, page by page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from blacklist_service.audit.schemas import EntryFilters
from blacklist_service.database.connections import Connection

CONDITIONS: Mapping[str, str] = {
    "from_": "e.at >= {}",
    "to": "e.at < {}",
    "agency": "e.agency = {}",
    "operator": "e.operator = {}",
    "matter": "e.matter = {}",
    "decision": "e.decision = {}",
    "action": "e.action = {}",
    "reference": "e.reference = {}",
    "list_version_from": "e.list_version >= {}",
    "list_version_to": "e.list_version <= {}",
}
"""One condition for each filter, by the name of its field."""

OF_SUBJECT = """(
    SELECT found.* FROM (SELECT DISTINCT at, entry_id FROM ledger_subjects WHERE digest = ANY({})) s
    CROSS JOIN LATERAL (SELECT * FROM ledger_entries WHERE at = s.at AND id = s.entry_id OFFSET 0) AS found
)"""
"""The entries about a subject, each found by its place: OFFSET 0 keeps the plan from reading the ledger through."""


def conditions_of(filters: EntryFilters, *, first: int) -> tuple[list[Any], list[str]]:
    """The values that are given and the conditions on entry `e` they stand in, from parameter number `first` on."""
    given = filters.model_dump(include=set(CONDITIONS), exclude_none=True)
    return list(given.values()), [CONDITIONS[name].format(f"${n}") for n, name in enumerate(given, start=first)]


async def list_entries(
    connection: Connection,
    filters: EntryFilters,
    *,
    before: tuple[datetime, UUID],
    limit: int,
    digests: Sequence[bytes] | None = None,
) -> list[asyncpg.Record]:
    """Entries older than the place `before`, newest first, each with its subjects and its place in the log.

    `digests` narrow them to those about one subject.
    """
    given, more = conditions_of(filters, first=4)
    values: list[Any] = [*before, limit, *given]
    conditions = ["(e.at, e.id) < ($1, $2)", *more]
    source = "ledger_entries"
    if digests is not None:
        values.append(list(digests))
        source = OF_SUBJECT.format(f"${len(values)}")
    return await connection.fetch(
        f"""
        SELECT e.*, CASE WHEN e.action = 'refused' THEN convert_from(e.leaf, 'UTF8')::jsonb->'facts'->>'code' END
               AS refused_as, leaf.idx AS leaf_index, subjects.listed AS subjects
        FROM (SELECT * FROM {source} e WHERE {" AND ".join(conditions)} ORDER BY e.at DESC, e.id DESC LIMIT $3) e
        LEFT JOIN ledger_leaves leaf ON leaf.entry_id = e.id
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(jsonb_build_object('role', s.role, 'name_masked', s.name_masked,
                                                'identifier_masked', s.identifier_masked) ORDER BY s.ordinal) AS listed
            FROM ledger_subjects s WHERE s.at = e.at AND s.entry_id = e.id
        ) subjects ON true
        ORDER BY e.at DESC, e.id DESC
        """,
        *values,
    )
