"""Whether a key, or a person's account, may still act, when something is done in its name later on."""

from datetime import datetime

from blacklist_service.access.principals import Principal
from blacklist_service.database.connections import Connection
from blacklist_service.members.queries import find_credential
from blacklist_service.members.staff.queries import find_account
from blacklist_service.secrecy import Secrecy


async def lock_standing(connection: Connection, key_id: str, at: datetime, *, secrecy: Secrecy) -> Principal | None:
    """Return who that is and what they may do now, locked until the transaction ends: a revocation waits for it, or is seen.

    None for a key that is revoked or expired, and for an ended account. An account locked for too many failures still counts:
    otherwise anybody who knows a login could keep its owner's work from being approved.
    """
    if await connection.fetchval("SELECT 1 FROM staff WHERE id = $1 FOR SHARE", key_id) is not None:
        account = await find_account(connection, key_id, secrecy=secrecy)
        return None if account is None or account.ended_at is not None else account.principal
    await connection.execute("SELECT FROM api_keys WHERE id = $1 FOR SHARE", key_id)
    credential = await find_credential(connection, key_id)
    return credential.principal if credential and credential.is_valid_at(at) else None
