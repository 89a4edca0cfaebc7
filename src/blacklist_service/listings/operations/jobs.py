"""An import as a job: queued, claimed, run to its end by any live worker, confirmed if a snapshot would end many listings.

Its file is stored in sealed parts until it has taken effect, so a job survives the end of any process at any moment.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
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
from blacklist_service.listings.findings import HOLDING, NO_NUMBER_COLUMN
from blacklist_service.listings.operations.faults import PASSED_OVER, explain
from blacklist_service.listings.operations.importing import Import, apply_import, stage_file
from blacklist_service.listings.operations.previews import (
    begin_again,
    has_moved,
    hold_import,
    need_another,
    preview_import,
)
from blacklist_service.listings.operations.snapshots import Plan, end_absent, plan_import
from blacklist_service.listings.operations.staging import clear_staged
from blacklist_service.listings.problems import ImportFailed, ImportStateConflict
from blacklist_service.listings.queries import count_fates, get_own_import
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
PART_BYTES = 1 << 20
INSERT_PART = "INSERT INTO import_parts (import_id, part, content) VALUES ($1, $2, $3)"
MOST_ENDED_SHARE = 0.01
MOST_CHANGED_SHARE = 0.05


class PlanMoved(Conflict):
    """The court's list has changed since the preview: have it made anew, and look at it again."""

    code = "plan-moved"


class OwnConfirmation(Conflict):
    """A second person confirms: another key than the one that sent the file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file: how many sealed parts, and the SHA-256 of the whole."""

    import_id: UUID
    name: str
    parts: int
    sha256: bytes


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
    if not await _may_go_on(connection, job):
        if job.is_preview:
            async for share in preview_import(connection, job, secrecy=secrecy):
                yield 0.5 + share / 2
            await _weigh_preview(connection, job)
        await _keep_what_waits(connection, job, path, secrecy)
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


@contextlib.asynccontextmanager
async def uploaded_file(connection: Connection, job: Import, secrecy: Secrecy) -> AsyncIterator[Path]:
    """The job's file, assembled from its parts, while it is being read. The file has no name, so even a kill leaves nothing
    behind.
    """
    cipher = secrecy.cipher("uploads")
    with tempfile.TemporaryFile(prefix="blacklist-import-") as file:
        async with connection.transaction():
            cursor = connection.cursor(
                "SELECT part, content FROM import_parts WHERE import_id = $1 ORDER BY part", job.import_id, prefetch=2
            )
            async for row in cursor:
                file.write(cipher.open(row["content"], part_context(job.import_id, row["part"])))
        file.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def part_context(import_id: UUID, part: int) -> bytes:
    return import_id.bytes + part.to_bytes(4)


async def _may_go_on(connection: Connection, job: Import) -> bool:
    """A snapshot that would end or change much, or in which a row was refused, waits for a second person (design §6, §8).

    So does any file with an unknown column that may tell of an end, or without a name or number column.
    """
    is_braked = await _is_doubtful(connection, job)
    if job.mode == ImportMode.SNAPSHOT:
        plan = await plan_import(connection, job)
        await connection.execute(
            "UPDATE imports SET absent = $2, plan = $3 WHERE id = $1", job.import_id, plan.absent, asdict(plan)
        )
        is_braked = is_braked or _is_large(plan) or plan.rejected > 0
    is_confirmed = await connection.fetchval(
        "SELECT confirmed_by IS NOT NULL FROM imports WHERE id = $1", job.import_id
    )
    if job.is_dry_run or is_confirmed or not (is_braked or job.is_preview):
        return True
    if is_braked:
        await need_another(connection, job)
    return False


async def _weigh_preview(connection: Connection, job: Import) -> None:
    """For a file that only adds to the list, the plan is the result of its rows; a snapshot has been examined before."""
    if job.mode == ImportMode.SNAPSHOT:
        return
    counts = await count_fates(connection, job.import_id)
    in_force = await connection.fetchval(
        "SELECT count(*) FROM listings WHERE court_code = $1 AND ended IS NULL AND suspended_on IS NULL", job.court_code
    )
    plan = Plan(in_force, absent=0, ended=counts.ended, changed=counts.corrected, rejected=counts.rejected)
    await connection.execute("UPDATE imports SET plan = $2 WHERE id = $1", job.import_id, asdict(plan))
    if _is_large(plan):
        await need_another(connection, job)


def _is_large(plan: Plan) -> bool:
    return plan.ended > MOST_ENDED_SHARE * plan.in_force or plan.changed > MOST_CHANGED_SHARE * plan.in_force


async def _is_doubtful(connection: Connection, job: Import) -> bool:
    """Whether the file itself requires confirmation. Without numbers listings may be ended, because the case identifies them,
    but not created.
    """
    found = await connection.fetchval("SELECT findings FROM imports WHERE id = $1", job.import_id)
    codes = {one["code"] for one in found} & HOLDING
    if codes - {NO_NUMBER_COLUMN}:
        return True
    publishes: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM import_rows WHERE import_id = $1 AND action IN ('publish', 'correct'))",
        job.import_id,
    )
    return bool(codes) and publishes


async def _keep_what_waits(connection: Connection, job: Import, path: Path, secrecy: Secrecy) -> None:
    """A file loaded from a local path is stored, sealed, so that the import can continue without it."""
    if await connection.fetchval("SELECT parts FROM imports WHERE id = $1", job.import_id):
        return
    cipher, digest, parts = secrecy.cipher("uploads"), hashlib.sha256(), 0
    with path.open("rb") as file:
        async with connection.transaction():
            while part := file.read(PART_BYTES):
                digest.update(part)
                sealed = cipher.seal(part, part_context(job.import_id, parts))
                await connection.execute(INSERT_PART, job.import_id, parts, sealed)
                parts += 1
            await connection.execute(
                "UPDATE imports SET file_name = $2, parts = $3, file_sha256 = $4 WHERE id = $1",
                *(job.import_id, path.name, parts, digest.digest()),
            )


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
