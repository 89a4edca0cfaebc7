"""An import as a job: queued, claimed, run to its end by any live worker, confirmed if a snapshot would end many listings.

Its file is stored in sealed parts until it has taken effect, so a job survives the end of any process at any moment.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import asyncpg

from blacklist_service.access.principals import Actor
from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.files import UnreadableFile
from blacklist_service.listings.import_queries import count_fates, get_own_import
from blacklist_service.listings.operations.faults import PASSED_OVER, explain
from blacklist_service.listings.operations.importing import Import, apply_import, stage_file
from blacklist_service.listings.operations.previews import (
    begin_again,
    has_moved,
    hold_import,
    preview_import,
)
from blacklist_service.listings.operations.snapshots import end_absent
from blacklist_service.listings.operations.staging import clear_staged
from blacklist_service.listings.operations.uploads import Upload, keep_file_of
from blacklist_service.listings.operations.weighing import may_go_on, weigh_preview
from blacklist_service.listings.problems import ImportFailed, ImportStateConflict
from blacklist_service.listings.rules import ImportMode
from blacklist_service.problems import Conflict
from blacklist_service.secrecy import Secrecy

LOADING_SETTINGS = {
    # An import works in small steps by index, on tables that may have no statistics yet: plans that read whole tables are
    # disabled.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_custom_plan",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "60000",
}
SUSPICIOUS_ATTEMPTS = 3
"""A job that was begun this often without finishing needs a person, and waits behind other jobs."""


class PlanMoved(Conflict):
    """The court's list has changed since the preview: have it made anew, and look at it again."""

    code = "plan-moved"


class OwnConfirmation(Conflict):
    """A second person confirms: another key than the one that sent the file."""


async def begin_import(
    connection: Connection,
    *,
    court_code: str,
    court_name: str,
    mode: str,
    is_dry_run: bool,
    actor: Actor,
    upload: Upload | None = None,
    is_preview: bool = False,
    needs_another: bool = True,
) -> Import:
    """Create the job: queued if its file was uploaded, running if the file is at hand.

    A preview waits until it is confirmed, whatever it contains; with `needs_another`, by another person than its sender.
    """
    now = await database_clock(connection)
    import_id = upload.import_id if upload else new_id(now)
    job = Import(import_id, court_code, court_name, mode, is_dry_run, legal_date(now), actor, is_preview)
    await connection.execute(
        """
        INSERT INTO imports (id, court_code, court_name, member, key_id, operator, request_id, mode, is_dry_run, state,
                             queued_at, legal_date, is_preview, needs_another, file_name, parts, file_sha256)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """,
        *(import_id, court_code, court_name, actor.member, actor.key_id, actor.operator, actor.request_id, mode),
        *(is_dry_run, "queued" if upload else "running", now, job.legal_date, is_preview, needs_another),
        *((upload.name, upload.parts, upload.sha256) if upload else (None, 0, None)),
    )
    return job


async def claim_import(connection: Connection) -> Import | None:
    """The oldest job that waits, or that was begun but not finished; the caller holds the worker's lock.

    A court's own files are done in order; a file that has ended its worker several times lets other courts' files go first.
    """
    row = await connection.fetchrow(
        """
        UPDATE imports SET state = 'running', attempts = attempts + 1
        WHERE id = (
            SELECT id FROM imports i
            WHERE state IN ('queued', 'running') AND parts > 0 AND NOT EXISTS (
                SELECT FROM imports earlier WHERE earlier.court_code = i.court_code AND earlier.id < i.id
                AND earlier.state IN ('queued', 'running') AND earlier.parts > 0)
            ORDER BY attempts >= $1, id LIMIT 1)
        RETURNING *
        """,
        SUSPICIOUS_ATTEMPTS,
    )
    return None if row is None else _import_of(row)


async def run_import(
    connection: Connection, job: Import, path: Path, *, courts: Courts, secrecy: Secrecy
) -> AsyncIterator[float]:
    """Load `path`; yield progress from 0 to 1. It ends done, failed, or waiting for a second person's confirmation.

    Raise `UnreadableFile`, or `ImportFailed` for anything else that the file itself causes: the job has then failed.
    """
    try:
        async for progress in _run(connection, job, path, courts=courts, secrecy=secrecy):
            yield progress
    except PASSED_OVER:
        raise
    except UnreadableFile as error:
        await fail_import(connection, job, error.detail)
        raise
    except Exception as error:
        sentence = explain(error)
        await fail_import(connection, job, sentence)
        raise ImportFailed(sentence) from error


async def _run(
    connection: Connection, job: Import, path: Path, *, courts: Courts, secrecy: Secrecy
) -> AsyncIterator[float]:
    if job.is_preview:
        await begin_again(connection, job)
    async for progress in stage_file(connection, job, path, courts=courts, secrecy=secrecy):
        yield progress.read / 2
    if not await may_go_on(connection, job):
        if job.is_preview:
            async for share in preview_import(connection, job, secrecy=secrecy):
                yield 0.5 + share / 2
            await weigh_preview(connection, job)
        await keep_file_of(connection, job.import_id, path, secrecy=secrecy)
        await hold_import(connection, job)
        return
    total = max(
        1, await connection.fetchval("SELECT max(row) FROM import_rows WHERE import_id = $1", job.import_id) or 1
    )
    passed = 0
    async for settled in apply_import(connection, job, secrecy=secrecy):
        passed += settled
        yield 0.5 + passed / total / 2
    if job.mode == ImportMode.SNAPSHOT and not job.is_dry_run:
        await end_absent(connection, job, secrecy=secrecy)
    await finish_import(connection, job)
    yield 1.0


async def fail_import(connection: Connection, job: Import, problem: str) -> None:
    """End it; the import stores the reason. Staged rows are dropped, so nothing more of it takes effect."""
    async with connection.transaction():
        await clear_staged(connection, job.import_id)
        await connection.execute("DELETE FROM import_parts WHERE import_id = $1", job.import_id)
        await connection.execute(
            "UPDATE imports SET state = 'failed', problem = $2, finished_at = clock_timestamp() WHERE id = $1",
            job.import_id,
            problem,
        )


async def finish_import(connection: Connection, job: Import) -> None:
    async with connection.transaction():
        await clear_staged(connection, job.import_id)
        await connection.execute("DELETE FROM import_parts WHERE import_id = $1", job.import_id)
        await connection.execute(
            """
            UPDATE imports SET state = 'done', progress = 1, finished_at = clock_timestamp(), counts = $2,
                   list_version = (SELECT version FROM heads WHERE name = 'list')
            WHERE id = $1
            """,
            *(job.import_id, asdict(await count_fates(connection, job.import_id))),
        )


async def confirm_import(
    connection: Connection, import_id: UUID, *, court_code: str, actor: Actor, secrecy: Secrecy
) -> None:
    """Continue a held import; the plan is made again. The sender of the file cannot confirm it, unless it is held only
    because it is a preview.
    """
    row = await get_own_import(connection, import_id, court_code, for_update=True)
    if row["state"] != "awaiting_confirmation":
        raise ImportStateConflict("only an import that awaits confirmation can be confirmed")
    if row["needs_another"] and row["key_id"] is not None and row["key_id"] == actor.key_id:
        raise OwnConfirmation
    if await has_moved(connection, court_code, row["planned_at_version"]):
        raise PlanMoved
    await connection.execute(
        "UPDATE imports SET state = 'queued', confirmed_by = $2 WHERE id = $1",
        import_id,
        actor.key_id or actor.operator,
    )
    entry = Entry(Action.IMPORT_CONFIRMED, actor, facts={"import": str(import_id)})
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)


async def cancel_import(
    connection: Connection, import_id: UUID, *, court_code: str, actor: Actor, secrecy: Secrecy
) -> None:
    """Drop an import that has not begun to apply."""
    row = await get_own_import(connection, import_id, court_code, for_update=True)
    if row["state"] not in ("queued", "awaiting_confirmation"):
        raise ImportStateConflict("a running import cannot be cancelled once it applies, and an ended one has ended")
    await clear_staged(connection, import_id)
    await connection.execute("DELETE FROM import_parts WHERE import_id = $1", import_id)
    await connection.execute(
        "UPDATE imports SET state = 'cancelled', finished_at = clock_timestamp() WHERE id = $1", import_id
    )
    entry = Entry(Action.IMPORT_CANCELLED, actor, facts={"import": str(import_id)})
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)


def _import_of(row: asyncpg.Record) -> Import:
    actor = Actor(row["member"], row["key_id"], row["operator"], row["request_id"])
    return Import(
        import_id=row["id"],
        court_code=row["court_code"],
        court_name=row["court_name"],
        mode=row["mode"],
        is_dry_run=row["is_dry_run"],
        legal_date=row["legal_date"],
        actor=actor,
        is_preview=row["is_preview"],
    )
