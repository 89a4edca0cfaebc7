"""A snapshot: the file is a court's whole list, and listings that it lacks are ended.

Absence does not prove removal (domain §4.2), so a snapshot that would end or change much waits for a second person, and every
ending leaves the court the task to give its legal ground.
"""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Act, Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.listings.operations.applying import By, apply_dated_acts, lock_head
from blacklist_service.listings.operations.importing import Import
from blacklist_service.listings.queries import KNOWN_CONTENTS
from blacklist_service.listings.resolution import ListingAct
from blacklist_service.secrecy import Secrecy

ABSENT = "absent_from_snapshot"
ENDED_AT_ONCE = 1000

# This court's listings that have not ended, and that no row of the file names by a key they have or had. Of two listings of
# one debtor in one case, a row names the one whose content, 失信ID or decision it gives. A suspended one is off the list for
# a time, so its absence means nothing.
ABSENT_LISTINGS = f"""
    FROM listings l
    WHERE l.court_code = $2 AND l.ended IS NULL AND l.suspended_on IS NULL
      AND NOT EXISTS (
          SELECT FROM {KNOWN_CONTENTS} AS v JOIN import_rows r ON r.natural_key = v.natural_key
          WHERE v.listing_id = l.id AND r.import_id = $1
            AND (r.content_digest = v.content_digest OR r.record_id = l.record_id OR r.decision_number = l.decision_number
                 OR NOT EXISTS (SELECT FROM listings o
                                WHERE o.natural_key = l.natural_key AND o.id <> l.id AND o.ended IS NULL)))
      AND NOT EXISTS (
          SELECT FROM import_rows r WHERE r.import_id = $1 AND r.loose_key = l.loose_key AND r.action <> 'publish')
      AND NOT EXISTS (SELECT FROM import_fates f WHERE f.import_id = $1 AND f.listing_id = l.id)
      AND l.id NOT IN (SELECT unnest(others) FROM import_fates
                       WHERE import_id = $1 AND fate = 'rejected' AND others IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a snapshot would do to the court's listings in force."""

    in_force: int
    absent: int
    ended: int
    changed: int
    rejected: int


async def plan_import(connection: Connection, job: Import) -> Plan:
    async with connection.transaction():
        await connection.execute(
            "SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on; SET LOCAL work_mem = '64MB'"
        )
        row = await connection.fetchrow(
            f"""
            SELECT (SELECT count(*) FROM listings
                    WHERE court_code = $2 AND ended IS NULL AND suspended_on IS NULL) AS in_force,
                   (SELECT count(*) {ABSENT_LISTINGS}) AS absent,
                   (SELECT count(*) FROM (
                        SELECT l.id FROM import_rows r JOIN listings l ON l.natural_key = r.natural_key AND l.ended IS NULL
                        WHERE r.import_id = $1 AND r.action IN ('delete', 'withdraw')
                        UNION
                        SELECT l.id FROM import_rows r JOIN listings l ON l.loose_key = r.loose_key AND l.ended IS NULL
                        WHERE r.import_id = $1 AND r.action IN ('delete', 'withdraw')) AS ending) AS ended,
                   (SELECT count(*) FROM import_rows r JOIN listings l ON l.natural_key = r.natural_key AND l.ended IS NULL
                    WHERE r.import_id = $1 AND r.action IN ('publish', 'correct') AND NOT EXISTS (
                        SELECT FROM {KNOWN_CONTENTS} AS v
                        WHERE v.natural_key = r.natural_key AND v.content_digest = r.content_digest)) AS changed,
                   (SELECT count(*) FROM import_fates WHERE import_id = $1 AND fate = 'rejected') AS rejected
            """,
            job.import_id,
            job.court_code,
        )
    assert row is not None  # noqa: S101 - a row of counts
    return Plan(row["in_force"], row["absent"], row["absent"] + row["ended"], row["changed"], row["rejected"])


async def list_absent(
    connection: Connection, import_id: UUID, court_code: str, *, after: UUID, limit: int
) -> list[asyncpg.Record]:
    """The listings that a waiting snapshot lacks, and would end, by id."""
    await connection.execute("SET LOCAL enable_hashjoin = on; SET LOCAL work_mem = '64MB'")
    return await connection.fetch(
        f"""
        SELECT l.id, l.case_number, l.debtor_name, l.identifier_masked, l.published_on, l.expires_on
        {ABSENT_LISTINGS} AND l.id > $3 ORDER BY l.id LIMIT $4
        """,
        *(import_id, court_code, after, limit),
    )


async def end_absent(connection: Connection, job: Import, *, secrecy: Secrecy) -> None:
    """End what the file lacks, in groups, with the ground that creates the task to give the legal one."""
    async with connection.transaction():
        await connection.execute(
            "SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on; SET LOCAL work_mem = '64MB'"
        )
        listing_ids = [
            row["id"]
            for row in await connection.fetch(
                f"SELECT l.id {ABSENT_LISTINGS} ORDER BY l.id", job.import_id, job.court_code
            )
        ]
    for first in range(0, len(listing_ids), ENDED_AT_ONCE):
        await _end_some(connection, job, listing_ids[first : first + ENDED_AT_ONCE], secrecy)


async def _end_some(connection: Connection, job: Import, listing_ids: list[object], secrecy: Secrecy) -> None:
    async with connection.transaction():
        head = await lock_head(connection)
        rows = await connection.fetch(
            "SELECT id, version, is_published OR in_force_from <= $2 AS is_change FROM listings"
            " WHERE id = ANY($1::uuid[]) AND ended IS NULL ORDER BY id",
            listing_ids,
            legal_date(head.at),
        )
        acts = [
            ListingAct(
                act=Act.DELETED,
                listing_id=row["id"],
                version=row["version"] + 1,
                row=None,
                is_change=row["is_change"],
                ended_on=head.today,
                ground=ABSENT,
            )
            for row in rows
        ]
        if not acts:
            return
        await apply_dated_acts(connection, acts, head=head, by=By(job.actor, job.import_id, ABSENT))
        facts = {"import": str(job.import_id), "court": job.court_code, "rows": {"absent": len(acts)}}
        entry = Entry(Action.IMPORT, job.actor, list_version=head.version, facts=facts)
        await record(connection, [entry], at=head.at, secrecy=secrecy)
