"""What the clock does to notices."""

import structlog

from blacklist_service.assistance.operations import escalate_notice
from blacklist_service.assistance.rules import MINUTES_TO_ACKNOWLEDGE
from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Secrecy

log = structlog.get_logger()


async def escalate_emergencies(connection: Connection, secrecy: Secrecy) -> bool:
    """Escalate one emergency that nobody acknowledged in its minutes; say whether there may be more."""
    row = await connection.fetchrow(
        """
        SELECT id, agency, court_code FROM notices
        WHERE urgency = 'emergency' AND acknowledged_at IS NULL AND escalated_at IS NULL AND released_at IS NULL
          AND served_at < clock_timestamp() - make_interval(mins => $1)
        ORDER BY served_at LIMIT 1
        """,
        MINUTES_TO_ACKNOWLEDGE,
    )
    if row is None:
        return False
    await escalate_notice(connection, row, secrecy=secrecy)
    log.error("notice_escalated", member=row["agency"])
    return True
