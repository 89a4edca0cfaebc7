"""Verified sessions: with the required role and encoding, writable, and not shared.

The settings of a session are made by SET after it began, not in its startup message, because a pooler (PgBouncer) ignores or
refuses unknown ones there, and nobody would notice that every check ran as the owner. So each new session is also queried for
its state. A pooler that keeps a session for its client (pool_mode = session) is accepted. One that shares sessions between
transactions is refused, because locks, roles and settings would be another client's.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import asyncpg

from blacklist_service.database.addresses import Address, AddressError, read_address
from blacklist_service.database.servers import Server, note_primary, read_history

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

APPLICATION_ROLE = "blacklist_app"
SEALER_ROLE = "blacklist_sealer"
OLDEST_SERVER = 150000
ENCODING = "UTF8"
OF_EVERY_SESSION = {"timezone": "UTC", "jit": "off"}
"""Whatever the defaults of the server, the database or the login are."""
USUAL_PATH = ("public",)
_search_path: ContextVar[tuple[str, ...]] = ContextVar("search_path", default=USUAL_PATH)

OF_EVERY_SESSION_UNLESS_SAID: Mapping[str, str] = {
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
"""If one of our machines vanishes in the middle of an act, its locks are released after 6 s, and not when the server's kernel
gives up; `options=-c …` in the URL overrides this. On a local socket these have no effect.
"""
POOLING_SECONDS = 3.0
POOLING_KNOWN_SECONDS = 60.0
POOLING_TURNS = 3

WHAT_IT_IS = """
SELECT current_user::text AS role, pg_backend_pid() AS backend, current_setting('server_encoding') AS encoding,
       current_setting('server_version_num')::integer AS version, pg_is_in_recovery() AS is_standby,
       current_setting('transaction_read_only') = 'on' AS is_read_only, pg_postmaster_start_time() AS started_at
"""
PROMOTION_SECONDS = 1.0
"""How long a session of a standby is kept unused. Patroni reports "primary" as soon as it begins to promote, up to half a
second before the server accepts writes; waiting then avoids a new session. A standby that remains one is refused after this
time.
"""
PROMOTION_LOOK_SECONDS = 0.05


class UnreplicatedCommit(ConnectionError):  # noqa: N818 - what it is, not what kind of error
    """A commit no longer waits for its replica: it is on this server only, and may be lost with it."""


class Session(asyncpg.Connection):
    """A connection on which no commit is reported as done before it is as durable as the server is configured to make it.

    The wait for a replica ends early if the statement is cancelled or times out. The server then reports in a warning that
    the change is on this server only, and continues as if it had succeeded. Here that is an error, raised in place of the
    success of the commit, whose outcome is then unknown.
    """

    server: Server

    def _process_log_message(self, fields: Mapping[str, str], last_query: str) -> None:
        # The driver makes an exception raised here the outcome of the current statement.
        if fields.get(ROUTINE) == WAITING_FOR_REPLICAS:
            raise UnreplicatedCommit(fields.get(MESSAGE, ""))
        super()._process_log_message(fields, last_query)  # type: ignore[misc] # not in the driver's stubs


ROUTINE, MESSAGE = "R", "M"
WAITING_FOR_REPLICAS = "SyncRepWaitForLSN"
"""The warning's place in the server's source: its text is in the server's language, and 01000 is the code of any warning."""


class UnfitSession(ConnectionError):  # noqa: N818 - what it is, not what kind of error
    """The session cannot be used; the message says in one sentence why, and what to do."""


class ReadOnlySession(UnfitSession):
    """Nothing can be recorded in it: it is of a standby, or of a server set to read-only. This may be temporary."""


async def open_session(dsn: str, *, role: str | None, application_name: str, settings: Mapping[str, str]) -> Connection:
    """Raise `AddressError` if the URL cannot be used, `UnfitSession` if the session cannot be used."""
    address = read_address(dsn)
    connection = await _begin(address, application_name)
    try:
        await establish(connection, address, role=role, settings=settings)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def establish(
    connection: Any, address: Address, *, role: str | None, settings: Mapping[str, str], is_reader: bool = False
) -> None:
    """Apply the settings to a new session, and verify them. A reader's session may be a standby's."""
    _set_socket_options(connection, address)
    try:
        await connection.execute(settings_script(address, role=role, settings=settings))
        found = await connection.fetchrow(WHAT_IT_IS)
        if found["is_standby"] and not is_reader and await _is_promoted(connection):
            found = await connection.fetchrow(WHAT_IT_IS)
    except asyncpg.PostgresError as error:
        await _require_own_sessions(address)
        raise _unfit(error, address, role) or error from None
    if found["backend"] != connection.get_server_pid():
        await _require_own_sessions(address)
    _require_fitting(found, role, is_reader=is_reader)
    system, timeline = await read_history(connection)
    connection.server = Server(found["started_at"], system, timeline, found["is_standby"])
    if not is_reader:
        note_primary(connection.server)


def settings_script(address: Address, *, role: str | None, settings: Mapping[str, str]) -> str:
    """The settings of a session, applied when it begins, and again when it returns to a pool."""
    wanted = {**OF_EVERY_SESSION_UNLESS_SAID, **address.settings, **OF_EVERY_SESSION, **settings}
    told = "".join(f"SET {_name(name)} = {_text(value)}; " for name, value in wanted.items())
    told += f"SET search_path = {', '.join(map(_text, _search_path.get()))}; "
    return told + (f"SET ROLE {_name(role)}" if role else "")


@contextmanager
def looking_first_into(schema: str) -> Iterator[None]:
    """Sessions begun in this context find the functions of `schema` before PostgreSQL's own of the same name: the demo uses
    it to set the clock back. Nothing that serves uses it.
    """
    before = _search_path.set((schema, "pg_catalog", *USUAL_PATH))
    try:
        yield
    finally:
        _search_path.reset(before)


def connect_options(address: Address, application_name: str) -> dict[str, Any]:
    """The keywords of `asyncpg.connect`. Every version of PgBouncer accepts these startup parameters."""
    return {
        "dsn": address.dsn,
        "timeout": address.timeout_seconds,
        "connection_class": Session,
        "server_settings": {"application_name": application_name, "timezone": "UTC"},
    }


async def _is_promoted(connection: Any) -> bool:
    """Whether a standby becomes the primary while waiting for it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PROMOTION_SECONDS
    while loop.time() < until:
        await asyncio.sleep(PROMOTION_LOOK_SECONDS)
        if not await connection.fetchval("SELECT pg_is_in_recovery()"):
            return True
    return False


async def is_pooled(connection: Connection) -> bool:
    """Whether a pooler in between gave this session a process id of its own."""
    return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())


async def _begin(address: Address, application_name: str, **options: Any) -> Connection:
    try:
        connection: Connection = await asyncpg.connect(**connect_options(address, application_name), **options)
    except (ValueError, asyncpg.ClientConfigurationError) as error:  # the driver's own parser of the URL
        first_line = str(error).partition("\n")[0]
        raise AddressError(f"the database URL cannot be used: {first_line}") from None
    return connection


def _set_socket_options(connection: Any, address: Address) -> None:
    """The driver sets none itself: without them a vanished machine is waited for until the kernel gives up."""
    transport = connection._transport  # noqa: SLF001 - the driver gives it out nowhere else
    peer = transport.get_extra_info("peername")
    if isinstance(peer, tuple):  # not a TCP socket
        for level, option, value in address.socket_options:
            transport.get_extra_info("socket").setsockopt(level, option, value)


def _require_fitting(found: Mapping[str, Any], role: str | None, *, is_reader: bool) -> None:
    if found["version"] < OLDEST_SERVER:
        raise UnfitSession(f"the database is PostgreSQL {found['version'] // 10000}: this service needs 15 or newer")
    if found["encoding"] != ENCODING:
        raise UnfitSession(
            f"the database is in the encoding {found['encoding']}: create it again with"
            f" CREATE DATABASE … ENCODING '{ENCODING}' TEMPLATE template0"
        )
    if role is not None and found["role"] != role:
        raise UnfitSession(
            f"a session became {found['role']} instead of {role}: a proxy between this service and PostgreSQL"
            " does not pass on the commands that set the role"
        )
    if (found["is_standby"] or found["is_read_only"]) and not is_reader:
        raise ReadOnlySession("the database takes no writes: it is a standby, or default_transaction_read_only is on")


def _unfit(error: asyncpg.PostgresError, address: Address, role: str | None) -> Exception | None:
    """Explains in one sentence why a session could not get the required settings."""
    is_unknown = isinstance(error, asyncpg.InvalidParameterValueError | asyncpg.UndefinedObjectError)
    if is_unknown and role is not None and role in str(error):
        return UnfitSession(f"the role {role} is not there: run 'blacklist-service migrate'")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        login = address.user or "the login"
        return UnfitSession(
            f"{login} may not act as {role} ({error}): run 'blacklist-service migrate' as the owner, or have"
            f" GRANT {role} TO {login} done"
        )
    if is_unknown:
        return AddressError(f"the database URL has a parameter that neither libpq nor the server knows: {error}")
    return None


_own_sessions: dict[str, float] = {}
"""Until when the pooler at an address is known to keep a session for its client."""


async def _require_own_sessions(address: Address) -> None:
    """Raise `UnfitSession` if sessions are shared between transactions."""
    if _own_sessions.get(address.dsn, 0.0) > time.monotonic():
        return
    if await _changes_hands(address):
        raise UnfitSession(
            "the database URL leads to a pooler that gives every transaction another session; this service"
            " needs its own: set pool_mode = session for this database, or connect to PostgreSQL itself"
        )
    _own_sessions[address.dsn] = time.monotonic() + POOLING_KNOWN_SECONDS


async def _changes_hands(address: Address) -> bool:
    """Whether an idle client loses its session to a busy one. Two clients: the second begins a transaction; either it has the
    session that the first had a moment ago, or the first finds itself on another one afterwards.
    """
    opened: list[Connection] = []
    try:
        async with asyncio.timeout(POOLING_SECONDS):
            opened = [await _begin(address, "blacklist-service", statement_cache_size=0) for _ in range(2)]
            at_rest, working = opened
            for _ in range(POOLING_TURNS):
                former = await _session_of_a_transaction(at_rest)
                await working.execute("BEGIN")
                taken = await working.fetchval("SELECT pg_backend_pid()")
                later = await _session_of_a_transaction(at_rest)
                await working.execute("ROLLBACK")
                if taken == former or later != former:
                    return True
    except asyncpg.PostgresError as error:
        return "statement pooling" in str(error)
    except (TimeoutError, OSError, asyncpg.InterfaceError):  # no second session is available: nobody shares the first
        return False
    finally:
        for connection in opened:
            connection.terminate()
    return False


async def _session_of_a_transaction(connection: Connection) -> int:
    await connection.execute("BEGIN")
    backend: int = await connection.fetchval("SELECT pg_backend_pid()")
    await connection.execute("COMMIT")
    return backend


def _name(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.replace('"', '""').split("."))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
