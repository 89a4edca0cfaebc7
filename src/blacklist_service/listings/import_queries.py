"""Reads of imports: their rows that wait, and what became of all."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.database.statements import Deferred, composed
from blacklist_service.listings.files import Sheet
from blacklist_service.listings.findings import FileFinding, Sheets, row_findings
from blacklist_service.listings.held import Row
from blacklist_service.listings.problems import ImportNotFound
from blacklist_service.listings.queries import read_distinction
from blacklist_service.listings.rules import Refusal, RowAction, Warn

if TYPE_CHECKING:
    from blacklist_service.listings import selects
else:
    selects = Deferred("blacklist_service.listings.selects")

AT_REST = frozenset({"awaiting_confirmation", "done", "cancelled"})
ABOUT_OTHERS = frozenset(
    {
        Refusal.POSSIBLE_DUPLICATE.value,
        Refusal.AMBIGUOUS_LISTING.value,
        Warn.POSSIBLE_DUPLICATE.value,
        Warn.OTHER_LISTING_REMAINS.value,
    }
)


async def find_chunk_end(connection: Connection, import_id: UUID, *, after: int, limit: int) -> int | None:
    """The last row of the next chunk; None if nothing is left. A case belongs to the chunk of its first row."""
    end: int | None = await connection.fetchval(
        """
        SELECT max(row) FROM (
            SELECT row FROM import_rows WHERE import_id = $1 AND row > $2 ORDER BY row LIMIT $3
        ) AS chunk
        """,
        import_id,
        after,
        limit,
    )
    return end


async def list_unsettled(
    connection: Connection, import_id: UUID, *, first: int, last: int
) -> list[tuple[Row, list[str]]]:
    """Rows of a chunk that have no fate yet, with their warnings: case by case, each in file order."""
    rows = await connection.fetch(
        """
        SELECT row, action, natural_key, loose_key, content_digest, in_force_from, expires_on, decided_on,
               record_id, decision_number, circumstances, kind, ground, court_code, case_number, warnings, is_stated
        FROM (SELECT * FROM import_rows WHERE import_id = $1 AND is_alone AND row BETWEEN $2 AND $3
              UNION ALL
              SELECT * FROM import_rows WHERE import_id = $1 AND NOT is_alone AND first_row BETWEEN $2 AND $3) AS r
        WHERE NOT EXISTS (SELECT FROM import_fates f WHERE f.import_id = r.import_id AND f.row = r.row)
        ORDER BY first_row, row
        """,
        import_id,
        first,
        last,
    )
    return [(_row(row), row["warnings"]) for row in rows]


def _row(row: asyncpg.Record) -> Row:
    return Row(
        number=row["row"],
        action=RowAction(row["action"]),
        natural_key=row["natural_key"],
        loose_key=row["loose_key"],
        content_digest=row["content_digest"],
        in_force_from=row["in_force_from"],
        expires_on=row["expires_on"],
        decided_on=row["decided_on"],
        ground=row["ground"],
        case=(row["court_code"], row["case_number"]),
        naming=read_distinction(row),
        is_stated=row["is_stated"],
    )


async def find_import(connection: Connection, import_id: UUID) -> asyncpg.Record | None:
    return await connection.fetchrow("SELECT * FROM imports WHERE id = $1", import_id)


async def get_own_import(
    connection: Connection, import_id: UUID, court_code: str | None, *, for_update: bool = False
) -> asyncpg.Record:
    """A court's own import; raise `ImportNotFound` for another court's as for a missing one."""
    lock = " FOR UPDATE" if for_update else ""
    row = await connection.fetchrow(f"SELECT * FROM imports WHERE id = $1{lock}", import_id)
    if row is None or row["court_code"] != court_code:
        raise ImportNotFound
    return row


async def list_imports(
    connection: Connection, court_code: str, *, state: str | None, before: UUID, limit: int
) -> list[asyncpg.Record]:
    """A court's own, newest first."""
    return await connection.fetch(
        """
        SELECT id, state, mode, is_dry_run, is_preview, progress, total, list_version, file_name, operator, key_id,
               queued_at, finished_at
        FROM imports WHERE court_code = $1 AND id < $2 AND ($3::text IS NULL OR state = $3) ORDER BY id DESC LIMIT $4
        """,
        *(court_code, before, state, limit),
    )


async def has_rows(connection: Connection, import_id: UUID) -> bool:
    """Whether its rows are staged: they are not logged, so a crash of the database may have lost them."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM import_rows WHERE import_id = $1)", import_id)
    return found


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """`total` = created + corrected + ended + unchanged + rejected; `warned` rows are among them."""

    total: int
    created: int
    corrected: int
    ended: int
    unchanged: int
    rejected: int
    warned: int


async def counts_of(connection: Connection, row: asyncpg.Record) -> ImportCounts:
    """The counts of an import, as stored when it finished, because counting 100,000 rows takes longer than a page may."""
    if row["state"] in AT_REST and row["counts"] is not None:
        return ImportCounts(**row["counts"])
    return await count_fates(connection, row["id"])


async def count_fates(connection: Connection, import_id: UUID) -> ImportCounts:
    row = await connection.fetchrow(
        """
        SELECT count(*) AS total, count(*) FILTER (WHERE fate = 'created') AS created,
               count(*) FILTER (WHERE fate = 'corrected') AS corrected, count(*) FILTER (WHERE fate = 'ended') AS ended,
               count(*) FILTER (WHERE fate = 'unchanged') AS unchanged,
               count(*) FILTER (WHERE fate = 'rejected') AS rejected,
               count(*) FILTER (WHERE warnings <> '{}') AS warned
        FROM import_fates WHERE import_id = $1
        """,
        import_id,
    )
    assert row is not None  # noqa: S101 - an aggregate has a row
    return ImportCounts(**row)


@dataclass(frozen=True, slots=True)
class RowReport:
    """A refused row has one report, a warned row one for each code."""

    row: int
    field: str | None
    code: str
    is_refused: bool
    others: list[UUID] | None = None

    @property
    def named(self) -> list[UUID]:
        """The other listings that it concerns."""
        return list(self.others or ()) if self.code in ABOUT_OTHERS else []


async def count_codes(connection: Connection, import_id: UUID) -> list[tuple[str, int, int]]:
    """Each code of refused and warned rows, most frequent first: how many rows have it, and the first of them."""
    rows = await connection.fetch(
        """
        SELECT code, count(*) AS rows, min(row) AS first FROM (
            SELECT row, code FROM import_fates WHERE import_id = $1 AND fate = 'rejected'
            UNION ALL
            SELECT row, unnest(warnings) FROM import_fates WHERE import_id = $1 AND warnings <> '{}'
        ) AS told GROUP BY code ORDER BY rows DESC, code
        """,
        import_id,
    )
    return [(row["code"], row["rows"], row["first"]) for row in rows]


async def list_findings(connection: Connection, import_id: UUID) -> tuple[list[FileFinding], Sheets]:
    """The findings about the file, then about its rows; and the worksheets of its rows."""
    sheets = await list_sheets(connection, import_id)
    of_file = await connection.fetchval("SELECT findings FROM imports WHERE id = $1", import_id)
    counted = await count_codes(connection, import_id)
    return [FileFinding(**one) for one in of_file or ()] + row_findings(counted, sheets), sheets


async def list_sheets(connection: Connection, import_id: UUID) -> Sheets:
    sheets = await connection.fetchval("SELECT sheets FROM imports WHERE id = $1", import_id)
    return Sheets([Sheet(**one) for one in sheets or ()])


async def list_row_reports(connection: Connection, import_id: UUID) -> list[RowReport]:
    rows = await connection.fetch(
        """
        SELECT row, field, code, true AS is_refused, others FROM import_fates WHERE import_id = $1 AND fate = 'rejected'
        UNION ALL
        SELECT row, NULL, unnest(warnings), false, others FROM import_fates WHERE import_id = $1
        ORDER BY 1, 3
        """,
        import_id,
    )
    return [RowReport(**row) for row in rows]


async def list_reports(
    connection: Connection, import_id: UUID, status: str, *, after: tuple[int, str], limit: int
) -> list[RowReport]:
    """The refused rows, or the warned ones (one for each code), after a position."""
    page = await composed(selects.reports_of_rows, is_refused=status == "rejected")
    row, code = after
    rows = await page.fetch(connection, import_id=import_id, row=row, code=code, limit=limit)
    return [RowReport(**row) for row in rows]


async def list_refused_rows(connection: Connection, import_id: UUID) -> list[asyncpg.Record]:
    """Refused rows as they were sent, sealed. Rows refused while taking effect are only in the report."""
    return await connection.fetch(
        """
        SELECT r.row, f.code, r.content FROM import_refusals r JOIN import_fates f USING (import_id, row)
        WHERE r.import_id = $1 AND f.fate = 'rejected' ORDER BY r.row
        """,
        import_id,
    )
