"""Whether a key may ask about a matter: unknown is 422, known but not the key's is 403 (design §8)."""

from typing import Any

from blacklist_service.access.principals import Principal
from blacklist_service.checks.problems import UnknownMatter
from blacklist_service.database.connections import Pool
from blacklist_service.measures.queries import is_matter_decided
from blacklist_service.problems import MatterNotAllowed


async def require_matter(state: Any, principal: Principal, matter: str) -> None:
    """A key's matters are all known ones, so only a refusal needs a look into the database."""
    if matter in principal.matters:
        return
    pool: Pool = state.pool
    async with pool.acquire() as connection:
        if not await is_matter_decided(connection, matter):  # type: ignore[arg-type] # the pool's proxy
            raise UnknownMatter
    raise MatterNotAllowed(matter)
