"""Exports as jobs: requested in the transaction that records the request, made by the worker, kept sealed for a week."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import structlog

from blacklist_service.access.principals import Actor
from blacklist_service.audit.exports import BundleSize, make_bundle, wait_for_proof
from blacklist_service.audit.filters import EntryFilters
from blacklist_service.audit.formats import ExportFormat
from blacklist_service.audit.jobs import run_next
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.clock import new_id
from blacklist_service.database.connections import LOST, Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, EntrySubject
from blacklist_service.ledger.notes import Proof
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.leftovers import passing_folder
from blacklist_service.problems import Conflict, Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.web.copies import NO_COPIES, Copies

PART_BYTES = 4 << 20
SEALED_WITHIN = timedelta(seconds=60)
KEPT = timedelta(days=7)

log = structlog.get_logger()


async def record_asking(
    connection: Connection,
    wanted: WantedExport,
    *,
    export_id: UUID,
    actor: Actor,
    secrecy: Secrecy,
    subject: EntrySubject | None,
) -> None:
    """Record the export; this is committed before its first byte is written."""
    entry = Entry(
        Action.EXPORT_ASKED,
        actor,
        subjects=() if subject is None else (subject,),
        private={"filters": wanted.wire},
        facts={"export": str(export_id), "format": wanted.form.value},
    )
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)


async def ask_export(
    connection: Connection, wanted: WantedExport, *, actor: Actor, secrecy: Secrecy, subject: EntrySubject | None = None
) -> asyncpg.Record:
    at = await database_clock(connection)
    export_id = new_id(at)
    await record_asking(connection, wanted, export_id=export_id, actor=actor, secrecy=secrecy, subject=subject)
    row = await connection.fetchrow(
        """
        INSERT INTO exports (id, member, key_id, operator, request_id, format, filters, digests, queued_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *
        """,
        *(export_id, actor.member, actor.key_id, actor.operator, actor.request_id, wanted.form.value),
        wanted.filters.model_dump(mode="json", by_alias=True, exclude_none=True),
        *(None if wanted.digests is None else list(wanted.digests), at),
    )
    assert row is not None  # noqa: S101 - RETURNING
    return row


async def make_next(connection: Connection, secrecy: Secrecy, copies: Copies = NO_COPIES) -> bool:
    """Make the next export, from a standby's copy of the log if one is recent enough."""
    return await run_next(connection, "exports", partial(_make, copies=copies), secrecy)


async def forget_exports(connection: Connection, _secrecy: Secrecy) -> bool:
    """Delete bundles after a week; that they were made stays in the ledger."""
    await connection.execute(
        "DELETE FROM export_parts WHERE export_id IN"
        " (SELECT id FROM exports WHERE finished_at < clock_timestamp() - $1::interval)",
        KEPT,
    )
    return False


async def read_part(connection: Connection, export_id: UUID, part: int, secrecy: Secrecy) -> bytes | None:
    content = await connection.fetchval(
        "SELECT content FROM export_parts WHERE export_id = $1 AND part = $2", export_id, part
    )
    return None if content is None else secrecy.cipher("exports").open(content, _context(export_id, part))


async def _make(connection: Connection, row: asyncpg.Record, secrecy: Secrecy, *, copies: Copies) -> None:
    wanted = WantedExport(
        EntryFilters.model_validate(row["filters"]),
        ExportFormat(row["format"]),
        None if row["digests"] is None else tuple(row["digests"]),
    )

    async def prove(entry_id: UUID) -> Proof:
        try:
            return await wait_for_proof(connection, entry_id, within=SEALED_WITHIN)
        except TimeoutError:
            raise Conflict("the log was not sealed in time; see /readyz") from None

    actor = Actor(row["member"], row["key_id"], row["operator"], row["request_id"])
    with passing_folder("export") as folder:
        path = folder / "bundle.zip"
        make = partial(
            make_bundle, connection, wanted, path, export_id=row["id"], actor=actor, secrecy=secrecy, prove=prove
        )
        made = await _made_of_copy(connection, make, copies) or await make()
        async with connection.transaction():
            await _keep(connection, row["id"], path, made, secrecy)
    log.info("export_made", rows=made.rows, bytes=made.bytes)


async def _made_of_copy(
    connection: Connection, make: Callable[..., Awaitable[BundleSize]], copies: Copies
) -> BundleSize | None:
    """Return None if the primary must be read instead; a standby may also cancel long reads to keep up with replication."""
    try:
        async with copies.replica(connection) as copy:
            return None if copy is None else await make(reading=copy.connection)
    except (*LOST, asyncpg.PostgresError, Undetermined) as error:
        log.warning("replica_not_read", cause=type(error).__name__)
        return None


async def _keep(connection: Connection, export_id: UUID, path: Path, made: BundleSize, secrecy: Secrecy) -> None:
    cipher = secrecy.cipher("exports")
    await connection.execute("DELETE FROM export_parts WHERE export_id = $1", export_id)
    with path.open("rb") as file:
        part = 0
        while content := file.read(PART_BYTES):
            await connection.execute(
                "INSERT INTO export_parts (export_id, part, content) VALUES ($1, $2, $3)",
                *(export_id, part, cipher.seal(content, _context(export_id, part))),
            )
            part += 1
    await connection.execute(
        "UPDATE exports SET state = 'done', finished_at = clock_timestamp(), rows = $2, bytes = $3 WHERE id = $1",
        *(export_id, made.rows, made.bytes),
    )


def _context(export_id: UUID, part: int) -> bytes:
    return export_id.bytes + part.to_bytes(4)
