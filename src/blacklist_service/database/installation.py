"""Whose database this is: the fingerprint of its key, and the number of the digest rules.

With another key every look-up would miss and every answer be clear, so nothing starts on a mismatch.
"""

from blacklist_service.database.connections import Connection
from blacklist_service.database.migration import current_revision, newest_revision
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import DIGEST_RULES


class NotReadyError(Exception):
    """The database does not fit this code or this key; the message is one clear sentence."""


async def claim_installation(connection: Connection, secrecy: Secrecy) -> None:
    """Bind a new database to its key, once; raise `NotReadyError` when it is bound to another."""
    await connection.execute(
        "INSERT INTO installation (key_fingerprint, digest_rules) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        secrecy.fingerprint,
        DIGEST_RULES,
    )
    await verify_installation(connection, secrecy)


async def verify_installation(connection: Connection, secrecy: Secrecy) -> None:
    revision = await current_revision(connection)
    if revision != newest_revision():
        found = f"is at {revision}" if revision else "was never migrated"
        raise NotReadyError(f"the database {found}: run 'blacklist-service migrate'")
    row = await connection.fetchrow("SELECT key_fingerprint, digest_rules FROM installation")
    if row is None:
        raise NotReadyError("the database is not bound to a key: run 'blacklist-service migrate'")
    if row["key_fingerprint"] != secrecy.fingerprint:
        raise NotReadyError("the secret key is not the one this database was made with; every look-up would miss")
    if row["digest_rules"] != DIGEST_RULES:
        raise NotReadyError("the digests in the database follow other rules: run 'blacklist-service migrate'")


async def is_bound(connection: Connection) -> bool:
    """Whether a key was ever bound to this database: then no new one may be made."""
    if await connection.fetchval("SELECT to_regclass('public.installation')") is None:
        return False
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM installation)"))
