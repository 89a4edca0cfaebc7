"""Rows understood, laid ready in `import_rows`; rows refused, their fate at once. Nothing takes effect here."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.listings.intake import ReadRow, RefusedRow
from blacklist_service.listings.preparing import Prepared, Tools, naming_keys, prepare
from blacklist_service.listings.resolution import FateKind

NAMING_COLUMNS = (
    *("import_id", "row", "first_row", "action", "case_key", "natural_key", "loose_key", "ground", "decided_on"),
    *("decision_number", "warnings"),
)
CONTENT_COLUMNS = (
    *("content_digest", "court_code", "court_name", "case_number", "party_sequence", "kind", "debtor_name"),
    *(
        "identifier_masked",
        "people",
        "circumstances",
        "published_on",
        "grace_until",
        "in_force_from",
        "expires_on",
        "performance",
    ),
    *("document", "secret", "key_digests", "key_kinds", "key_relations", "key_people"),
)
STAGED_COLUMNS = NAMING_COLUMNS + CONTENT_COLUMNS
NO_CONTENT = (None,) * len(CONTENT_COLUMNS)
NO_PERSON = -1
"""An array cannot say "the debtor itself" with a null and stay cheap to unnest."""


async def stage_rows(
    connection: Connection, import_id: UUID, rows: Iterable[ReadRow | RefusedRow], tools: Tools, *, loaded_on: date
) -> int:
    """Lay rows ready; return how many there were."""
    staged: list[tuple[Any, ...]] = []
    refused: list[tuple[Any, ...]] = []
    for row in rows:
        if isinstance(row, RefusedRow):
            refused.append(
                (import_id, row.number, FateKind.REJECTED.value, row.field and row.field.value, row.code.value)
            )
        else:
            staged.append(staged_row(import_id, row, tools, loaded_on=loaded_on))
    if staged:
        await connection.copy_records_to_table("import_rows", records=staged, columns=STAGED_COLUMNS)
    if refused:
        columns = ("import_id", "row", "fate", "field", "code")
        await connection.copy_records_to_table("import_fates", records=refused, columns=columns)
    return len(staged) + len(refused)


async def gather_cases(connection: Connection, import_id: UUID) -> None:
    """Let all rows of one case take effect together, in file order: they may be about one listing."""
    await connection.execute(
        """
        UPDATE import_rows r SET first_row = c.first_row
        FROM (SELECT case_key, min(row) AS first_row FROM import_rows WHERE import_id = $1
              GROUP BY case_key HAVING count(*) > 1) c
        WHERE r.import_id = $1 AND r.case_key = c.case_key AND r.row <> c.first_row
        """,
        import_id,
    )


async def clear_staged(connection: Connection, import_id: UUID) -> None:
    await connection.execute("DELETE FROM import_rows WHERE import_id = $1", import_id)


def staged_row(import_id: UUID, row: ReadRow, tools: Tools, *, loaded_on: date) -> tuple[Any, ...]:
    """The row in the order of `STAGED_COLUMNS`."""
    keys = naming_keys(row.naming, tools.digester)
    content = row.content
    naming = (
        *(import_id, row.number, row.number, row.action.value, keys.case_key, keys.natural_key, keys.loose_key),
        *(row.ground, row.decided_on, content.decision_number if content else None),
        [warning.value for warning in row.warnings],
    )
    if content is None:
        return naming + NO_CONTENT
    return naming + _content_columns(prepare(content, tools, loaded_on=loaded_on, notes=row.notes))


def _content_columns(prepared: Prepared) -> tuple[Any, ...]:
    content, dates, keys = prepared.content, prepared.dates, prepared.keys
    return (
        *(prepared.content_digest, content.court_code, content.court_name, content.case_number),
        *(content.party_sequence, content.kind.value, content.name, prepared.identifier_masked, prepared.people),
        *(list(content.circumstances), dates.published_on, dates.grace_until, dates.in_force_from),
        *(content.expires_on, content.performance, prepared.document, prepared.secret),
        [key.digest for key in keys],
        [key.kind for key in keys],
        [key.relation for key in keys],
        [NO_PERSON if key.person is None else key.person for key in keys],
    )
