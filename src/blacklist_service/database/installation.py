"""To which installation the database belongs: the fingerprint of its key, and the version of the digest rules.

With another key every look-up would miss and every answer would be clear, so nothing starts on a mismatch.

Nothing starts on another schema either, with one exception: during a rolling upgrade, `migrate` runs before the last worker
of the previous version has ended. That worker continues as long as its revision is not older than the oldest that the
database permits (`installation.oldest_code`, raised by migrations that remove something).

Digests of earlier rules do not prevent a start: the worker digests the list again, and checks ask by both rules meanwhile.
The version rises when that is done, an hour after code of the earlier rules last wrote anything; then that code may no longer
start.
"""

import asyncpg

from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.revisions import current_revision, newest_revision
from blacklist_service.database.sessions import APPLICATION_ROLE, ReadOnlySession, UnfitSession
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import DIGEST_RULES


class NotReadyError(Exception):
    """The database does not fit this code or this key; the message is one clear sentence."""


async def claim_installation(connection: Connection, secrecy: Secrecy) -> None:
    """Bind a new database to its key, once; raise `NotReadyError` if it is bound to another."""
    await connection.execute(
        "INSERT INTO installation (key_fingerprint, digest_rules) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        secrecy.fingerprint,
        DIGEST_RULES,
    )
    await verify_installation(connection, secrecy)


async def verify_installation(connection: Connection, secrecy: Secrecy) -> None:
    revision, code = await current_revision(connection), newest_revision()
    if revision is None or revision < code:
        found = f"is at {revision}" if revision else "was never migrated"
        raise NotReadyError(f"the database {found}: run 'blacklist-service migrate'")
    row = await connection.fetchrow("SELECT key_fingerprint, digest_rules, oldest_code FROM installation")
    if row is not None and row["oldest_code"] > code:
        raise NotReadyError(
            f"the database is at {revision}, which needs a version of at least {row['oldest_code']}, and this one is of"
            f" {code}: install the version that migrated it"
        )
    if row is None:
        raise NotReadyError("the database is not bound to a key: run 'blacklist-service migrate'")
    if row["key_fingerprint"] != secrecy.fingerprint:
        raise NotReadyError("the secret key is not the one this database was made with; every look-up would miss")
    if row["digest_rules"] > DIGEST_RULES:
        raise NotReadyError("the digests in the database follow later rules: install the version that made them")


async def are_digests_of_now(connection: Connection) -> bool:
    """Whether all keys of the list follow the current rules, so that the earlier rules need not be used."""
    rules = await connection.fetchval("SELECT digest_rules FROM installation")
    return rules is None or bool(rules >= DIGEST_RULES)


async def is_bound(connection: Connection) -> bool:
    """Whether a key was ever bound to this database: then no new key may be made."""
    if await connection.fetchval("SELECT to_regclass('public.installation')") is None:
        return False
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM installation)"))


async def require_fitting(dsn: str, secrecy: Secrecy, *, role: str = APPLICATION_ROLE) -> None:
    """Called by a starting process: raise `NotReadyError` for a database that this code may not use.

    A database that is away now, or accepts no writes, is waited for later.
    """
    try:
        connection = await connect(dsn, role=role)
    except ReadOnlySession:
        return
    except UnfitSession as error:
        raise NotReadyError(str(error)) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return
    try:
        await verify_installation(connection, secrecy)
    finally:
        await connection.close()
