"""How many persons one officer may ask about by hand: 30 within ten minutes, counted in the ledger itself."""

from datetime import timedelta

from blacklist_service.console.problems import TooManyPersons
from blacklist_service.console.visits import Visit
from blacklist_service.ledger.queries import database_clock
from blacklist_service.web.transactions import borrowed

MOST_PERSONS = 30
WINDOW = timedelta(minutes=10)


async def require_budget(visit: Visit) -> None:
    """Raise `TooManyPersons` for the 31st; the refusal is an entry."""
    async with borrowed(visit.state.pool) as connection:
        since = await database_clock(connection) - WINDOW
        asked = await connection.fetchval(
            """
            SELECT count(DISTINCT s.digest)
            FROM ledger_entries e JOIN ledger_subjects s ON s.at = e.at AND s.entry_id = e.id
            WHERE e.operator = $1 AND e.at > $2 AND e.action = 'check' AND e.key_id = $3
            """,
            *(visit.principal.operator, since, visit.principal.key_id),
        )
    if asked >= MOST_PERSONS:
        raise TooManyPersons(retry_after_seconds=int(WINDOW.total_seconds()))
