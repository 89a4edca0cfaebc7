"""When an import waits for a person: what its file leaves in doubt, how much of the list it would end or change."""

from dataclasses import asdict

from blacklist_service.database.connections import Connection
from blacklist_service.listings.findings import HOLDING, NO_NUMBER_COLUMN
from blacklist_service.listings.import_queries import count_fates
from blacklist_service.listings.operations.importing import Import
from blacklist_service.listings.operations.previews import need_another
from blacklist_service.listings.operations.snapshots import Plan, plan_import
from blacklist_service.listings.rules import ImportMode

MOST_ENDED_SHARE = 0.01
MOST_CHANGED_SHARE = 0.05


async def may_go_on(connection: Connection, job: Import) -> bool:
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


async def weigh_preview(connection: Connection, job: Import) -> None:
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
