"""Deletes the answers stored for retries after their 24 hours."""

from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Secrecy
from blacklist_service.web.stored_answers import forget_expired

FORGOTTEN_AT_ONCE = 10_000


async def forget_answers(connection: Connection, _secrecy: Secrecy) -> bool:
    return await forget_expired(connection, FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE
