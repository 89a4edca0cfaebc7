"""Stages parsed rows in `import_rows`, and stores the fate of refused rows at once. Nothing takes effect here.

Staged rows are written as PostgreSQL's COPY text: a parsing process produces it, and the process with the connection passes
it on unchanged.
"""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.clock import new_id
from blacklist_service.clock import now as clock_now
from blacklist_service.database.connections import Connection
from blacklist_service.listings.intake import ReadRow, RefusedRow
from blacklist_service.listings.operations.copytext import NULL, array, bytea, optional, text
from blacklist_service.listings.operations.faults import PASSED_OVER, RowFault
from blacklist_service.listings.preparing import NamingKeys, Prepared, Tools, naming_keys, prepare
from blacklist_service.listings.resolution import FateKind

NAMING_COLUMNS = (
    *("import_id", "row", "first_row", "listing_id", "action", "natural_key", "loose_key", "court_code"),
    *("case_number", "ground", "decided_on", "decision_number", "record_id", "warnings", "is_stated"),
)
CONTENT_COLUMNS = (
    *("content_digest", "court_name", "party_sequence", "kind", "debtor_name"),
    *("identifier_masked", "people", "circumstances", "published_on", "grace_until", "in_force_from", "expires_on"),
    *("performance", "document", "secret", "key_digests", "key_kinds", "key_relations", "key_people"),
)
STAGED_COLUMNS = NAMING_COLUMNS + CONTENT_COLUMNS
COPY_LINE = re.compile(r"\bline (\d+)")
NO_CONTENT = (NULL,) * len(CONTENT_COLUMNS)
NO_PERSON = -1
"""An array cannot contain a null for "the debtor itself" and remain cheap to unnest."""


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """Some rows of a file: the parsed ones as COPY text, the refused ones as they are."""

    count: int
    copied: bytes
    refused: Sequence[RefusedRow]


def make_batch(import_id: UUID, rows: Iterable[ReadRow | RefusedRow], tools: Tools, *, loaded_on: date) -> StagedBatch:
    """Digest, mask and seal what is to be stored. Pure but for nonces and ids: it runs in parsing processes."""
    lines: list[str] = []
    refused: list[RefusedRow] = []
    for row in rows:
        if isinstance(row, RefusedRow):
            refused.append(row)
        else:
            lines.append(staged_line(import_id, row, tools, loaded_on=loaded_on))
    return StagedBatch(len(lines) + len(refused), "".join(lines).encode(), refused)


async def stage_batch(connection: Connection, import_id: UUID, batch: StagedBatch) -> None:
    """Stage rows; raise `RowFault` for one that cannot be stored. A refusal that already exists (the file is read again after
    a crash) stays as it is.
    """
    if batch.copied:
        try:
            await connection.copy_to_table(
                "import_rows", source=_once(batch.copied), columns=STAGED_COLUMNS, format="text", encoding="utf-8"
            )
        except PASSED_OVER:
            raise
        except asyncpg.PostgresError as error:
            raise RowFault(_row_of(error, batch), type(error).__name__) from None
    if batch.refused:
        await connection.executemany(
            """
            INSERT INTO import_fates (import_id, row, fate, field, code) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            [
                (import_id, row.number, FateKind.REJECTED.value, row.field and row.field.value, row.code.value)
                for row in batch.refused
            ],
        )


def _row_of(error: asyncpg.PostgresError, batch: StagedBatch) -> int:
    """The row that COPY failed on: the error names the line."""
    place = COPY_LINE.search(str(error.as_dict().get("context") or ""))
    lines = batch.copied.split(b"\n")
    line = lines[int(place[1]) - 1 if place else 0]
    return int(line.split(b"\t")[STAGED_COLUMNS.index("row")])


async def gather_cases(connection: Connection, import_id: UUID) -> None:
    """Make all rows of one case take effect together, in file order: they may concern one listing."""
    # The only statement of an import that concerns all rows at once; see LOADING_SETTINGS.
    await connection.execute(
        "SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on; SET LOCAL work_mem = '64MB'"
    )
    await connection.execute(
        """
        UPDATE import_rows r SET first_row = c.first_row, is_alone = false
        FROM (SELECT court_code, case_number, min(row) AS first_row FROM import_rows WHERE import_id = $1
              GROUP BY court_code, case_number HAVING count(*) > 1) c
        WHERE r.import_id = $1 AND r.court_code = c.court_code AND r.case_number = c.case_number
        """,
        import_id,
    )


async def clear_staged(connection: Connection, import_id: UUID) -> None:
    await connection.execute("DELETE FROM import_rows WHERE import_id = $1", import_id)


def staged_line(import_id: UUID, row: ReadRow, tools: Tools, *, loaded_on: date) -> str:
    """The row in the order of `STAGED_COLUMNS`, as a line of COPY text."""
    prepared = row.content and prepare(row.content, tools, loaded_on=loaded_on, notes=row.notes)
    return prepared_line(import_id, row, naming_keys(row.naming, tools.digester), prepared)


def prepared_line(import_id: UUID, row: ReadRow, keys: NamingKeys, prepared: Prepared | None) -> str:
    """The same for a row whose content was prepared before."""
    naming = (
        *(str(import_id), str(row.number), str(row.number), str(new_id(clock_now())), row.action.value),
        *(bytea(keys.natural_key), bytea(keys.loose_key)),
        *(text(row.naming.court_code), text(row.naming.case_number), row.ground or NULL),
        optional(row.decided_on),
        *(text(row.naming.decision_number), text(row.naming.record_id)),
        array([warning.value for warning in row.warnings]),
        "t" if row.is_stated else "f",
    )
    if prepared is None:
        return "\t".join(naming + NO_CONTENT) + "\n"
    return "\t".join(naming + _content_columns(prepared)) + "\n"


def _content_columns(prepared: Prepared) -> tuple[str, ...]:
    content, dates, keys = prepared.content, prepared.dates, prepared.keys
    return (
        *(bytea(prepared.content_digest), text(content.court_name), str(content.party_sequence)),
        *(content.kind.value, text(content.name), text(prepared.identifier_masked)),
        text(orjson.dumps(prepared.people).decode()) if prepared.people else NULL,
        array(content.circumstances),
        *(dates.published_on.isoformat(), optional(dates.grace_until), dates.in_force_from.isoformat()),
        *(optional(content.expires_on), content.performance or NULL),
        *(text(prepared.document.decode()), bytea(prepared.secret)),
        "{" + ",".join([f'"\\\\\\\\x{key.digest.hex()}"' for key in keys]) + "}",
        array([str(key.kind) for key in keys]),
        array([str(key.relation) for key in keys]),
        array([str(NO_PERSON if key.person is None else key.person) for key in keys]),
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
