"""How many persons one officer may ask about by hand: 30 within ten minutes, counted in the ledger itself. The screening of a
roster counts as one: it has a quota of its own (checks/screenings.py).
"""

from datetime import datetime, timedelta

from blacklist_service.console.problems import TooManyPersons
from blacklist_service.console.visits import Visit
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.queries import database_clock
from blacklist_service.web.transactions import borrowed

MOST_PERSONS = 30
WINDOW = timedelta(minutes=10)


async def require_budget(visit: Visit) -> None:
    """Raise `TooManyPersons` for the 31st; the refusal is recorded."""
    principal = visit.principal
    async with borrowed(visit.state.pool) as connection:
        since = await database_clock(connection) - WINDOW
        asked = await count_asked(connection, principal.operator, principal.key_id, since=since)
    if asked >= MOST_PERSONS:
        raise TooManyPersons(retry_after_seconds=int(WINDOW.total_seconds()))


async def count_asked(connection: Connection, operator: str | None, key_id: str, *, since: datetime) -> int:
    """The persons that somebody asked about one by one, and screenings."""
    asked: int = await connection.fetchval(
        """
        SELECT count(DISTINCT coalesce(
            substring(convert_from(e.leaf, 'UTF8') FROM '"screening":"([^"]+)"'), encode(s.digest, 'hex')))
        FROM ledger_entries e JOIN ledger_subjects s ON s.at = e.at AND s.entry_id = e.id
        WHERE e.operator = $1 AND e.at > $2 AND e.action = 'check' AND e.key_id = $3
        """,
        *(operator, since, key_id),
    )
    return asked
