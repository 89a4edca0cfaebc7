"""Reads of what became, or would become, of each row of an import, compared with the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.database.connections import Connection
from blacklist_service.listings.differences import Difference, differences
from blacklist_service.listings.fragments import CONTENT_OF_VERSION
from blacklist_service.secrecy import Cipher

FATES = """
    SELECT f.row, f.fate, f.field, f.code, f.warnings, f.listing_id, f.others,
           coalesce(r.case_number, l.case_number) AS case_number,
           coalesce(r.debtor_name, l.debtor_name) AS debtor_name,
           coalesce(r.identifier_masked, l.identifier_masked) AS identifier_masked,
           r.document, r.secret, r.content_digest
    FROM (
        SELECT * FROM import_fates
        WHERE import_id = $1 AND row > $2 AND ($3::text IS NULL OR fate = $3) AND (NOT $4 OR warnings <> '{}')
        ORDER BY row LIMIT $5
    ) AS f
    LEFT JOIN import_rows r ON r.import_id = f.import_id AND r.row = f.row
    LEFT JOIN listings l ON l.id = f.listing_id
    ORDER BY f.row
"""

HELD_NOW = f"""
    SELECT v.listing_id, content.document, content.secret, content.content_digest
    FROM listings l JOIN listing_versions v ON v.listing_id = l.id AND v.version = l.version
    CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
    WHERE l.id = ANY($1)
"""

MADE_OF_THEM = f"""
    SELECT n.listing_id, n.document AS after, n.secret AS after_secret, n.content_digest AS after_digest,
           content.document, content.secret, content.content_digest
    FROM listing_versions n JOIN listing_versions v ON v.listing_id = n.listing_id AND v.version = n.version - 1
    CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
    WHERE n.listing_id = ANY($1) AND n.import_id = $2 AND n.document IS NOT NULL
"""
"""What a finished import changed in its listings, and what they said before."""


@dataclass(frozen=True, slots=True)
class RowFate:
    """A row of the file, with its number in the file."""

    row: int
    fate: str
    field: str | None
    code: str | None
    warnings: list[str]
    listing_id: UUID | None
    others: list[UUID]
    case_number: str | None
    debtor_name: str | None
    identifier_masked: str | None
    changes: list[Difference]


async def list_fates(
    connection: Connection,
    import_id: UUID,
    *,
    fate: str | None,
    is_warned: bool,
    after: int,
    limit: int,
    cipher: Cipher,
) -> list[RowFate]:
    """Rows in the order of the file, with a given fate, or with a warning; a corrected row with its changes."""
    # Rows that were just loaded have no statistics yet: use the index in its order, and never sort the filtered rows.
    await connection.execute("SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
    rows = await connection.fetch(FATES, import_id, after, fate, is_warned, limit)
    corrected = [row for row in rows if row["fate"] == "corrected" and row["listing_id"]]
    staged = [row for row in corrected if row["document"] is not None]
    applied = [row for row in corrected if row["document"] is None]
    changes = await _of_staged(connection, staged, cipher) | await _of_applied(connection, import_id, applied, cipher)
    return [_fate(row, changes.get(row["row"], [])) for row in rows]


async def _of_staged(
    connection: Connection, rows: Sequence[asyncpg.Record], cipher: Cipher
) -> dict[int, list[Difference]]:
    if not rows:
        return {}
    held = await connection.fetch(HELD_NOW, [row["listing_id"] for row in rows])
    before = {one["listing_id"]: one for one in held}
    return {
        row["row"]: differences(
            before[row["listing_id"]]["document"],
            row["document"],
            is_other_number=_number(before[row["listing_id"]], cipher) != _number(row, cipher),
        )
        for row in rows
        if row["listing_id"] in before
    }


async def _of_applied(
    connection: Connection, import_id: UUID, rows: Sequence[asyncpg.Record], cipher: Cipher
) -> dict[int, list[Difference]]:
    if not rows:
        return {}
    made = await connection.fetch(MADE_OF_THEM, [row["listing_id"] for row in rows], import_id)
    found = {one["listing_id"]: one for one in made}
    changes = {}
    for row in rows:
        one = found.get(row["listing_id"])
        if one is not None:
            after = cipher.open(one["after_secret"], one["after_digest"])
            is_other = _number(one, cipher) != orjson.loads(after)["identifier"]
            changes[row["row"]] = differences(one["document"], one["after"], is_other_number=is_other)
    return changes


def _number(row: asyncpg.Record, cipher: Cipher) -> Any:
    return orjson.loads(cipher.open(row["secret"], row["content_digest"]))["identifier"]


def _fate(row: asyncpg.Record, changes: list[Difference]) -> RowFate:
    return RowFate(
        row=row["row"],
        fate=row["fate"],
        field=row["field"],
        code=row["code"],
        warnings=list(row["warnings"]),
        listing_id=row["listing_id"],
        others=list(row["others"] or ()),
        case_number=row["case_number"],
        debtor_name=row["debtor_name"],
        identifier_masked=row["identifier_masked"],
        changes=changes,
    )
