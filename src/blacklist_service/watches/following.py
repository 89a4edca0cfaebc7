"""Follows the lists: which watches may have another answer, because of changes since the last round.

Nothing here asks or tells: in one transaction it records which watches are due, and how far the lists were followed. The
list's and the notices' versions are in commit order, so all versions below a head that was read are visible. A watch that is
committed after the changes it depends on were followed is unprimed until it was compared with them, by its own versions.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import TODAY
from blacklist_service.measures.queries import get_catalogue
from blacklist_service.subjects.digests import DIGEST_RULES
from blacklist_service.watches.rules import FEW, Cause, matters_that_differ, matters_that_turn
from blacklist_service.watches.telling import count_opened

MOST_CHANGES = 1000
MOST_UNPRIMED = 1000
MOST_DUE = 1000

# Finds what there is to do, at the cost of a few look-ups in small tables and partial indexes.
GLANCE = f"""
SELECT c.list_version <> (SELECT version FROM heads WHERE name = 'list') AS list_moved,
       c.notices_version <> (SELECT version FROM heads WHERE name = 'notices') AS notices_moved,
       c.measures_version <> (SELECT version FROM heads WHERE name = 'measures') AS measures_moved,
       c.judged_on < {TODAY} AS day_began,
       c.lineages <> (SELECT count(*) FROM member_lineage) AS lineage_grew,
       EXISTS (SELECT FROM watches_unprimed) AS has_unprimed,
       EXISTS (SELECT FROM watches WHERE recheck_on <= {TODAY} AND closed_at IS NULL) AS has_dated,
       EXISTS (SELECT FROM watches WHERE until < {TODAY} AND closed_at IS NULL) AS has_ended,
       EXISTS (SELECT FROM watches_due WHERE rank <= 1) AS has_due,
       EXISTS (SELECT FROM watch_sweeps) AS has_sweeps,
       EXISTS (SELECT FROM watch_withdrawals) AS has_withdrawals
FROM watch_cursor c
"""
CURSOR = f"SELECT *, {TODAY} AS today FROM watch_cursor FOR UPDATE"

AT_ONCE, IN_TURN = 0, 1
"""The rank of a due watch: caused by a single act, which somebody waits for; or by a file, a day, a catalogue."""

# All changes of a commit have its instant, and no two commits have the same: each holds the list's head. Not by the import:
# a single publication is staged like a file's only row.
CHANGES = """
SELECT list_version, listing_id, act, at, count(*) OVER (PARTITION BY at) AS of_commit
FROM (SELECT list_version, listing_id, act, at FROM listing_versions
      WHERE list_version > $1 AND list_version <= $2 ORDER BY list_version LIMIT $3) AS next
ORDER BY list_version
"""
SOONER = "ON CONFLICT (watch_id) DO UPDATE SET rank = excluded.rank WHERE excluded.rank < held.rank"
MEET_LISTINGS = f"""
INSERT INTO watches_due AS held (watch_id, cause, rank)
SELECT DISTINCT w.watch_id, $2, $3::smallint FROM unnest($1::uuid[]) AS moved (listing_id)
CROSS JOIN LATERAL (SELECT digest FROM subject_keys k WHERE k.listing_id = moved.listing_id) AS k
JOIN watch_keys w ON w.digest = encode(k.digest, 'hex')::uuid
{SOONER}
"""
NOTE_WITHDRAWN = """
INSERT INTO watch_withdrawals (list_version, listing_id, withdrawn_at)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) ON CONFLICT DO NOTHING
"""
STEPS = "SELECT version, notice_id FROM notice_events WHERE version > $1 AND version <= $2 ORDER BY version LIMIT $3"
MEET_NOTICES = f"""
INSERT INTO watches_due AS held (watch_id, cause, rank)
SELECT DISTINCT w.watch_id, $2, $3::smallint FROM unnest($1::uuid[]) AS moved (notice_id)
CROSS JOIN LATERAL (SELECT digest FROM notice_keys k WHERE k.notice_id = moved.notice_id) AS k
JOIN watch_keys w ON w.digest = encode(k.digest, 'hex')::uuid
{SOONER}
"""
# A unit's successor answers to its notices. That is rare: all notices in force are examined.
MEET_ALL_NOTICES = """
INSERT INTO watches_due (watch_id, cause, rank)
SELECT DISTINCT w.watch_id, $1, 1
FROM notice_keys k JOIN watch_keys w ON w.digest = encode(k.digest, 'hex')::uuid WHERE k.is_live
ON CONFLICT DO NOTHING
"""
UNPRIMED = "SELECT watch_id FROM watches_unprimed ORDER BY watch_id LIMIT $1"
# A listing that ended keeps its closed keys, and the version that last changed it, so both directions are found.
PRIME = f"""
INSERT INTO watches_due (watch_id, rank, cause)
SELECT u.watch_id, {AT_ONCE}, CASE WHEN u.judged_on < {TODAY} THEN '{Cause.CALENDAR}'
                        WHEN u.measures_version <> $2 THEN '{Cause.MEASURES}'
                        WHEN met.listing THEN '{Cause.LIST}' ELSE '{Cause.NOTICES}' END
FROM watches_unprimed u
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM watch_keys w JOIN subject_keys k ON k.digest = uuid_send(w.digest)
                   JOIN listings l ON l.id = k.listing_id
                   WHERE w.watch_id = u.watch_id AND l.list_version > u.list_version) AS listing,
           EXISTS (SELECT FROM watch_keys w JOIN notice_keys k ON k.digest = uuid_send(w.digest)
                   JOIN notice_events e ON e.notice_id = k.notice_id
                   WHERE w.watch_id = u.watch_id AND e.version > u.notices_version) AS notice) AS met
WHERE u.watch_id = ANY($1::uuid[])
  AND (u.judged_on < {TODAY} OR u.measures_version <> $2 OR met.listing OR met.notice)
ON CONFLICT DO NOTHING
"""
SWEEP = """
INSERT INTO watch_sweeps (matter, cause) SELECT matter, $2 FROM unnest($1::text[]) AS matter
ON CONFLICT (matter) DO UPDATE SET after_id = DEFAULT, cause = excluded.cause
"""
DATED = f"""
INSERT INTO watches_due (watch_id, cause, rank)
SELECT id, '{Cause.CALENDAR}', {IN_TURN} FROM watches WHERE recheck_on <= {TODAY} AND closed_at IS NULL LIMIT {MOST_DUE}
ON CONFLICT DO NOTHING
"""
DOUBTED = f"""
INSERT INTO watches_due (watch_id, cause, rank)
SELECT id, '{Cause.FRESHNESS}', {IN_TURN} FROM watches WHERE is_doubted AND closed_at IS NULL
  AND (SELECT min(alive_at) FROM court_feeds) > clock_timestamp() - $1::interval LIMIT {MOST_DUE}
ON CONFLICT DO NOTHING
"""


async def glance(connection: Connection) -> Any:
    """What has changed: the row of `GLANCE`."""
    return await connection.fetchrow(GLANCE)


async def follow(connection: Connection) -> None:
    """Process the changes since the last time, as many as one round takes, and record which watches are due."""
    async with connection.transaction():
        cursor: Any = await connection.fetchrow(CURSOR)
        heads = {row["name"]: row["version"] for row in await connection.fetch("SELECT name, version FROM heads")}
        followed = {
            "list_version": await _follow_list(connection, cursor["list_version"], heads["list"]),
            "notices_version": await _follow_notices(connection, cursor["notices_version"], heads["notices"]),
            "measures_version": await _follow_measures(connection, cursor["measures_version"], heads["measures"]),
        }
        lineages = await _follow_days_and_lineages(connection, cursor, heads["measures"])
        await _prime(connection, heads["measures"])
        await connection.execute(
            """
            UPDATE watch_cursor SET list_version = $1, notices_version = $2, measures_version = $3,
                   judged_on = greatest(judged_on, $4), lineages = $5
            """,
            *(followed["list_version"], followed["notices_version"], followed["measures_version"]),
            *(cursor["today"], lineages),
        )


async def note_dated(connection: Connection) -> None:
    """Watches whose answer the calendar may have changed."""
    await connection.execute(DATED)


async def note_doubted(connection: Connection, soft_age: timedelta) -> None:
    """Watches that were answered on a stale list, once it is fresh."""
    await connection.execute(DOUBTED, soft_age)


async def sweep(connection: Connection) -> None:
    """The next watches of a matter whose measures changed."""
    async with connection.transaction():
        row = await connection.fetchrow("SELECT * FROM watch_sweeps ORDER BY matter LIMIT 1 FOR UPDATE")
        if row is None:
            return
        ids = [
            one["id"]
            for one in await connection.fetch(
                "SELECT id FROM watches WHERE id > $1 AND matter = $2 AND closed_at IS NULL ORDER BY id LIMIT $3",
                *(row["after_id"], row["matter"], MOST_DUE),
            )
        ]
        await connection.execute(
            """
            INSERT INTO watches_due (watch_id, cause, rank) SELECT id, $2, $3 FROM unnest($1::uuid[]) AS id
            ON CONFLICT DO NOTHING
            """,
            *(ids, row["cause"], IN_TURN),
        )
        if len(ids) < MOST_DUE:
            await connection.execute("DELETE FROM watch_sweeps WHERE matter = $1", row["matter"])
        else:
            await connection.execute("UPDATE watch_sweeps SET after_id = $2 WHERE matter = $1", row["matter"], ids[-1])


async def note_other_rules(connection: Connection) -> None:
    """Watches whose keys were digested by earlier rules; if there are none, this scans all watches, once."""
    await connection.execute(
        """
        INSERT INTO watches_due (watch_id, cause, rank)
        SELECT id, $2, $3 FROM watches WHERE closed_at IS NULL AND digest_rules < $1 ON CONFLICT DO NOTHING
        """,
        *(DIGEST_RULES, Cause.DIGESTS.value, IN_TURN),
    )


async def _follow_list(connection: Connection, after: int, head: int) -> int:
    changes = await connection.fetch(CHANGES, after, head, MOST_CHANGES)
    for rank in (AT_ONCE, IN_TURN):
        moved = (row["listing_id"] for row in changes if (row["of_commit"] > FEW) == (rank == IN_TURN))
        await _meet(connection, MEET_LISTINGS, moved, Cause.LIST, rank)
    withdrawn = [(row["list_version"], row["listing_id"], row["at"]) for row in changes if row["act"] == "withdrawn"]
    if withdrawn:
        await connection.execute(NOTE_WITHDRAWN, *zip(*withdrawn, strict=True))
    return changes[-1]["list_version"] if len(changes) == MOST_CHANGES else head


async def _follow_notices(connection: Connection, after: int, head: int) -> int:
    steps = await connection.fetch(STEPS, after, head, MOST_CHANGES)
    await _meet(connection, MEET_NOTICES, (row["notice_id"] for row in steps), Cause.NOTICES, AT_ONCE)
    return steps[-1]["version"] if len(steps) == MOST_CHANGES else head


async def _meet(connection: Connection, statement: str, moved: Iterable[Any], cause: Cause, rank: int) -> None:
    if ids := list(dict.fromkeys(moved)):
        await connection.execute(statement, ids, cause.value, rank)


async def _follow_measures(connection: Connection, after: int, head: int) -> int:
    if after != head:
        matters = matters_that_differ(await get_catalogue(connection, after), await get_catalogue(connection, head))
        await connection.execute(SWEEP, matters, Cause.MEASURES.value)
    return head


async def _follow_days_and_lineages(connection: Connection, cursor: Any, measures_version: int) -> int:
    """What a day begins or ends for whole matters, and for units that succeeded another. Return the number of successions."""
    since, today = cursor["judged_on"], cursor["today"]
    if since < today:
        catalogue = await get_catalogue(connection, measures_version)
        await connection.execute(SWEEP, matters_that_turn(catalogue.matters, since, today), Cause.CALENDAR.value)
    lineages: int = await connection.fetchval("SELECT count(*) FROM member_lineage")
    took_place = since < today and await connection.fetchval(
        "SELECT EXISTS (SELECT FROM member_lineage WHERE since > $1 AND since <= $2)", since, today
    )
    if took_place or lineages != cursor["lineages"]:
        await connection.execute(MEET_ALL_NOTICES, Cause.SUCCESSION.value)
    return lineages


async def _prime(connection: Connection, measures_version: int) -> None:
    """Compare watches with the changes that were followed before they were committed, and count them."""
    unprimed = await connection.fetch(UNPRIMED, MOST_UNPRIMED)
    if not unprimed:
        return
    ids = [row["watch_id"] for row in unprimed]
    await connection.execute(PRIME, ids, measures_version)
    # Those that ended meanwhile are not counted.
    primed = await connection.fetch(
        "DELETE FROM watches_unprimed WHERE watch_id = ANY($1::uuid[]) RETURNING member_code", ids
    )
    opened: dict[str, int] = {}
    for row in primed:
        opened[row["member_code"]] = opened.get(row["member_code"], 0) + 1
    await count_opened(connection, opened)
