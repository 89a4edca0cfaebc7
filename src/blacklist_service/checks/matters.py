"""Whether a key may ask about a matter: unknown is 422, known but not the key's is 403 (design §8)."""

from typing import Any

from blacklist_service.access.principals import Principal
from blacklist_service.checks.problems import UnknownMatter
from blacklist_service.database.connections import Pool
from blacklist_service.problems import MatterNotAllowed


async def require_matter(state: Any, principal: Principal, matter: str) -> None:
    """A key's matters are all known ones, so only a refusal needs a look into the database."""
    if matter in principal.matters:
        return
    pool: Pool = state.pool
    if await pool.fetchval("SELECT 1 FROM matters WHERE code = $1", matter) is None:
        raise UnknownMatter
    raise MatterNotAllowed(matter)
