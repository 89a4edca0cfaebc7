"""Who may do what in the database: logins that can do no more than their duty.

`blacklist_app` (the service) records and reads; `blacklist_sealer` (the sequencer) gives entries their places in the log.
Both are roles that nobody logs in as, that own nothing and are no superusers. The processes log in as members of one of them.
The owner, who may alter tables, logs in only for `migrate` and for the end of retention.
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

import asyncpg

from blacklist_service.database.addresses import read_address
from blacklist_service.database.connections import connect
from blacklist_service.database.embedded.layout import OWNER
from blacklist_service.database.sessions import APPLICATION_ROLE, SEALER_ROLE, Connection

LOGIN = "blacklist_service"
SEALER_LOGIN = "blacklist_sealing"
"""Logins of the embedded database; `migrate` also creates the first one by default."""
ROLES = (APPLICATION_ROLE, SEALER_ROLE)
LEAST = "LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
SCRAM_ROUNDS = 4096


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """A login and the roles it may act as; without a password it can only connect where none is required."""

    name: str
    roles: tuple[str, ...] = ROLES
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> "DatabaseLogin | None":
        """The login named by a URL."""
        address = read_address(url)
        return None if address.user is None else cls(address.user, password=address.password)


@dataclass(frozen=True, slots=True)
class Powers:
    """Rights of a login beyond its duty."""

    login: str
    is_superuser: bool
    owns: bool
    attributes: tuple[str, ...]
    memberships: tuple[str, ...]

    @property
    def excess(self) -> str | None:
        """A description in one phrase, or None."""
        if self.is_superuser:
            return f"{self.login} is a superuser"
        if self.owns:
            return f"{self.login} owns the tables, or may act as who does"
        beyond = (*self.attributes, *self.memberships)
        return f"{self.login} has more than its duty needs: {', '.join(beyond)}" if beyond else None


async def make_login(owner: Connection, login: DatabaseLogin) -> None:
    """Create a login unless it exists, and let it act as its roles; an existing one keeps its password.

    Raise `asyncpg.InsufficientPrivilegeError` if the owner may not.
    """
    if not await owner.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", login.name):
        secret = "" if login.password is None else f" PASSWORD '{scram_verifier(login.password)}'"
        try:
            async with owner.transaction():
                await owner.execute(f"CREATE ROLE {quoted(login.name)} {LEAST}{secret}")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            pass  # another `migrate` just created it
    for role in login.roles:
        if not await owner.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", login.name, role):
            await owner.execute(f"GRANT {quoted(role)} TO {quoted(login.name)}")


async def powers_of(connection: Connection, login: str) -> Powers:
    row = await connection.fetchrow(
        """
        SELECT r.rolsuper, array_remove(ARRAY[CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                   CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
                   CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL) AS attributes,
               EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                       WHERE n.nspname = 'public' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owns,
               ARRAY(SELECT g.rolname::text FROM pg_roles g WHERE g.oid <> r.oid AND g.rolname <> ALL($2::text[])
                     AND pg_has_role(r.oid, g.oid, 'MEMBER') ORDER BY 1) AS memberships
        FROM pg_roles r WHERE r.rolname = $1
        """,
        login,
        ROLES,
    )
    if row is None:
        return Powers(login, is_superuser=False, owns=False, attributes=(), memberships=())
    if row["rolsuper"]:
        return Powers(login, is_superuser=True, owns=True, attributes=(), memberships=())
    return Powers(login, False, row["owns"], tuple(row["attributes"]), tuple(row["memberships"]))


async def take_sealing_from_the_application(owner: Connection) -> bool:
    """Revoke from the application's role what only the sequencer does, once no process of a version that sealed as the
    application can be running. Return whether there was anything to revoke.
    """
    still = await owner.fetchval(f"SELECT has_table_privilege('{APPLICATION_ROLE}', 'ledger_pending', 'DELETE')")
    if still:
        await owner.execute(
            f"""
            REVOKE DELETE ON ledger_pending FROM {APPLICATION_ROLE};
            REVOKE INSERT ON ledger_leaves, ledger_tiles, ledger_checkpoints FROM {APPLICATION_ROLE};
            """
        )
    return bool(still)


async def prepare_server(superuser_dsn: str) -> None:
    """Create the roles and logins of an embedded server. Runs as its superuser, in a database without our data: code that
    somebody put into ours must not run with these rights.
    """
    connection = await connect(superuser_dsn, role=None)
    try:
        for role in ROLES:
            if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role):
                await connection.execute(f"CREATE ROLE {role} NOLOGIN")
        if await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", OWNER):
            await connection.execute(f"GRANT {', '.join(ROLES)} TO {OWNER} WITH ADMIN OPTION")
        await make_login(connection, DatabaseLogin(LOGIN, (APPLICATION_ROLE,)))
        await make_login(connection, DatabaseLogin(SEALER_LOGIN, (SEALER_ROLE,)))
    finally:
        await connection.close()


async def owner_of_database(superuser_dsn: str, database: str) -> str:
    """The owner that migrates the embedded database; if an earlier version created it, its superuser."""
    connection = await connect(superuser_dsn, role=None)
    try:
        owner: str = await connection.fetchval(
            "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = $1", database
        )
        return owner
    finally:
        await connection.close()


def scram_verifier(password: str) -> str:
    """The verifier that PostgreSQL stores for a password (RFC 5803), computed here so that no statement contains the
    password.
    """
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${SCRAM_ROUNDS}:{salt64}${stored64}:{server64}"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
