"""Tells every unit that was ever answered block or flag by a withdrawn listing, whether it watches or not.

Rechecks are skipped: their watch's own event reports it. An answer decided before the withdrawal may be committed after it,
so the newest part is examined twice, the second time when no such answer can be under way any more.
"""

from datetime import timedelta
from typing import Any

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.queries import database_clock
from blacklist_service.watches.rules import Cause, EventType
from blacklist_service.watches.telling import Event, tell

AT_ONCE = 500
UNDER_WAY = timedelta(seconds=60)
"""Longer than any check takes from its decision to its commit."""

NEXT = """
SELECT * FROM watch_withdrawals
WHERE NOT is_last_look OR withdrawn_at < clock_timestamp() - $1::interval
ORDER BY list_version LIMIT 1 FOR UPDATE
"""
# The index of listings is read by a bitmap scan, which is disabled for this connection's other statements.
PLANNED = "SET LOCAL enable_bitmapscan = on; SET LOCAL plan_cache_mode = force_custom_plan"
CHECKS = """
SELECT at, id, agency, matter, reference, decision FROM ledger_entries
WHERE action = 'check' AND listing_ids <> '{}' AND listing_ids @> ARRAY[$1::uuid] AND decision <> 'clear'
  AND list_version < $2 AND agency IS NOT NULL AND (at, id) > ($3, $4)
ORDER BY at, id LIMIT $5
"""
TOLD = """
SELECT check_id FROM watch_events
WHERE type = 'check.listing_withdrawn' AND list_version = $1 AND check_id = ANY($2::uuid[])
"""


async def tell_withdrawn(connection: Connection) -> bool:
    """Tell the units of the next checks that rested on a withdrawn listing. Return whether there is more to do now."""
    async with connection.transaction():
        withdrawal = await connection.fetchrow(NEXT, UNDER_WAY)
        if withdrawal is None:
            return False
        await connection.execute(PLANNED)
        place = (withdrawal["after_at"], withdrawal["after_id"])
        checks = await connection.fetch(CHECKS, withdrawal["listing_id"], withdrawal["list_version"], *place, AT_ONCE)
        rows = await connection.fetch(TOLD, withdrawal["list_version"], [check["id"] for check in checks])
        told = {row["check_id"] for row in rows}
        events = [_event(check, withdrawal["list_version"]) for check in checks if check["id"] not in told]
        await _go_on(connection, withdrawal, checks[-1] if len(checks) == AT_ONCE else None)
        await tell(connection, events, at=await database_clock(connection))
    return True


async def _go_on(connection: Connection, withdrawal: Any, last: Any) -> None:
    """Continue after `last`; if there is no more, schedule the second pass, after which it is done."""
    version = withdrawal["list_version"]
    if last is not None:
        await connection.execute(
            "UPDATE watch_withdrawals SET after_at = $2, after_id = $3 WHERE list_version = $1",
            *(version, last["at"], last["id"]),
        )
    elif withdrawal["is_last_look"]:
        await connection.execute("DELETE FROM watch_withdrawals WHERE list_version = $1", version)
    else:
        await connection.execute(
            """
            UPDATE watch_withdrawals SET is_last_look = true, after_at = withdrawn_at - $2::interval, after_id = DEFAULT
            WHERE list_version = $1
            """,
            *(version, UNDER_WAY),
        )


def _event(check: Any, list_version: int) -> Event:
    return Event(
        member_code=check["agency"],
        type=EventType.LISTING_WITHDRAWN,
        watch_id=None,
        revision=None,
        check_id=check["id"],
        reference=check["reference"],
        matter=check["matter"],
        before=check["decision"],
        after=None,
        list_version=list_version,
        notices_version=None,
        cause=Cause.LIST,
    )
