"""What a command works on: settings, a database of this version, the key. Any fault is one sentence and exit status 2."""

import asyncio
import errno
import os
import pwd
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import asyncpg
from pydantic import SecretStr, ValidationError

from blacklist_service.access.principals import Actor
from blacklist_service.database.addresses import AddressError, with_database, with_login
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.duties import (
    LEAST,
    LOGIN,
    SEALER_LOGIN,
    DatabaseLogin,
    make_login,
    owner_of_database,
    prepare_server,
    take_sealing_from_the_application,
)
from blacklist_service.database.embedded.attachment import attached_or_started
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError
from blacklist_service.database.embedded.layout import DATABASE
from blacklist_service.database.fences import pass_fence
from blacklist_service.database.installation import NotReadyError, claim_installation, is_bound, verify_installation
from blacklist_service.database.revisions import MigrationError, current_revision, newest_revision
from blacklist_service.database.sessions import UnfitSession
from blacklist_service.ledger.anchoring import SealingRefusedError
from blacklist_service.ledger.log_acts import begin_log
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.measures.operations import apply_measures, founding_catalogue
from blacklist_service.measures.queries import get_measures_version
from blacklist_service.members.problems import CourtExists
from blacklist_service.problems import Problem
from blacklist_service.secrecy import Secrecy, SecretKeyError, make_key_file
from blacklist_service.settings import CONFIGURATION_ERROR, Settings

Result = TypeVar("Result")

OF_OUR_OWN = (EmbeddedDatabaseError, NotReadyError, MigrationError, SecretKeyError, SealingRefusedError)
CANNOT_BE_REACHED = (
    *(asyncpg.PostgresConnectionError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InterfaceError),
    *(asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError, asyncpg.InternalClientError),
)
SAYS_NO_VALUE = (*CANNOT_BE_REACHED, asyncpg.SyntaxOrAccessError, asyncpg.InvalidSchemaNameError)
"""Exceptions whose own message may be shown; that of others may quote values from a row."""

SERVER_DATABASE = "postgres"
"""A directory that holds none of our data."""
LOGIN_ACCOUNT = Path("/proc/self/loginuid")
NO_ACCOUNT = 2**32 - 1
ROOT = 0
OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS})


@dataclass(frozen=True, slots=True)
class Workplace:
    """A database that is migrated and bound to the key of this installation."""

    settings: Settings
    dsn: str
    """The DSN of the login that serves."""
    secrecy: Secrecy
    owner: str | None = None
    sealer: str | None = None

    @property
    def owner_dsn(self) -> str:
        """The DSN of the login that may alter tables; if the operator names none, the one login does everything."""
        return self.owner or self.dsn

    @property
    def sealer_dsn(self) -> str:
        return self.sealer or self.dsn

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """Connect for a command. What it reads, or is refused, is confirmed by a replica before it is printed
        (`database/fences.py`).
        """
        connection = await connect(self.dsn, application_name="blacklist-service cli")
        try:
            try:
                yield connection
            except Problem:
                await self._pass_fence(connection)
                raise
            await self._pass_fence(connection)
        finally:
            await connection.close()

    async def _pass_fence(self, connection: Connection) -> None:
        if not self.settings.is_embedded:
            await pass_fence(connection)


def load_settings(data_dir: Path | None = None, **overrides: object) -> Settings:
    """Settings from the environment, overridden by the options of the command line."""
    given = {name: value for name, value in {"data_dir": data_dir, **overrides}.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        names = ", ".join(
            f"BLACKLIST_{str(e['loc'][0]).upper()} ({e['msg']})" if e["loc"] else e["msg"] for e in error.errors()
        )
        stop(f"these settings are wrong: {names}")


def stop(sentence: str, status: int = CONFIGURATION_ERROR) -> NoReturn:
    print(f"blacklist-service: {sentence}", file=sys.stderr)
    raise SystemExit(status)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn a fault that an operator can fix into one sentence and exit 2, and a refused act into exit 1.

    A second court with the same code or name counts as an operator's mistake too: its listings would be kept twice.
    """
    try:
        yield
    except (*OF_OUR_OWN, AddressError, UnfitSession) as error:
        stop(str(error))
    except OSError as error:
        if error.filename is not None:
            stop(f"{error.filename}: {error.strerror}")
        if error.errno in OF_THE_DISK:
            stop(f"this file could not be written: {error.strerror}")
        stop(f"the database cannot be reached ({_cause(error)}); is BLACKLIST_DATABASE_URL right?")
    except asyncpg.InvalidCatalogNameError:
        stop("the database that BLACKLIST_DATABASE_URL names does not exist")
    except CANNOT_BE_REACHED as error:
        stop(f"the database cannot be reached ({_cause(error)}); is BLACKLIST_DATABASE_URL right?")
    except asyncpg.InsufficientPrivilegeError as error:
        stop(f"this login is not allowed to do that ({_cause(error)}): only the database's owner may")
    except asyncpg.PostgresError as error:
        stop(f"the database refused ({_cause(error)})")
    except Problem as problem:
        places = "".join(f"\n  {error.pointer}: {error.message}" for error in problem.errors)
        stop(problem.detail + places, status=CONFIGURATION_ERROR if isinstance(problem, CourtExists) else 1)


def _cause(error: Exception) -> str:
    """The message of the underlying exception, if it can hold nothing personal."""
    said = str(error).strip().partition("\n")[0] if isinstance(error, (OSError, *SAYS_NO_VALUE)) else ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@contextmanager
def opened(settings: Settings) -> Iterator[Workplace]:
    """A workplace for a command: attached to the running server, or on a server started for as long as the command takes."""
    with refusing(), database_of(settings) as dsn:
        yield prepared(settings, dsn)


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with attached_or_started(settings.data_dir, postgres_bin=settings.postgres_bin) as dsn:
        yield dsn


def prepared(settings: Settings, dsn: str) -> Workplace:
    """The embedded database is migrated when it is opened; an external one only by `migrate`."""
    if settings.is_embedded:
        return _prepared_embedded(settings, dsn)
    secrecy = settings.load_secrecy()
    SealingPlace.of(settings).require_private()
    run(_verify(dsn, secrecy))
    owner, sealer = _url(settings.owner_database_url), _url(settings.sealer_database_url)
    return Workplace(settings, dsn, secrecy, owner=owner, sealer=sealer)


def _prepared_embedded(settings: Settings, superuser: str) -> Workplace:
    """The superuser creates the logins and reads no table of ours: code in a restored backup must not run as superuser."""
    server = with_database(superuser, SERVER_DATABASE)
    run(prepare_server(server))
    owner = with_login(superuser, run(owner_of_database(server, DATABASE)))
    secrecy = run(_load_secrecy(settings, owner))
    SealingPlace.of(settings).require_private()
    run(bring_up(owner, secrecy, SealingPlace.of(settings), is_alone=True))
    return Workplace(
        settings, with_login(superuser, LOGIN), secrecy, owner=owner, sealer=with_login(superuser, SEALER_LOGIN)
    )


def _url(setting: SecretStr | None) -> str | None:
    return None if setting is None else setting.get_secret_value()


def migrate_external(settings: Settings) -> None:
    """Migrate an external database to this version as its owner, and create the logins that serve."""
    assert settings.database_url is not None  # noqa: S101 - external
    url = settings.database_url.get_secret_value()
    owner = _url(settings.owner_database_url) or url
    logins = [login for one in (url, _url(settings.sealer_database_url)) if one and (login := DatabaseLogin.of(one))]
    mine = DatabaseLogin.of(owner)
    apart = [login for login in logins if mine is None or login.name != mine.name]
    run(bring_up(owner, settings.load_secrecy(), SealingPlace.of(settings), logins=apart or [DatabaseLogin(LOGIN)]))


async def bring_up(
    dsn: str,
    secrecy: Secrecy,
    sealing: SealingPlace | None = None,
    *,
    logins: Sequence[DatabaseLogin] = (),
    is_alone: bool = False,
) -> None:
    """Migrate, bind the database to its key, put the founding measures in force and begin the log, where that was not done
    yet.

    Runs as the owner. `is_alone`: no process of an earlier version is running, so the rights that only the sequencer needs
    are revoked from the application at once; otherwise the next run that finds nothing to migrate revokes them.
    """
    owner = await connect(dsn, role=None)
    try:
        is_new = await current_revision(owner) != newest_revision()
        if is_new:
            from blacklist_service.database.migration import migrate  # noqa: PLC0415 - Alembic takes half a second

            await migrate(dsn)
        async with owner.transaction():
            await claim_installation(owner, secrecy)
            if not await get_measures_version(owner):
                await apply_measures(owner, founding_catalogue(), actor=operator(), secrecy=secrecy)
            if sealing is not None:
                await begin_log(owner, sealing)
        if is_alone or not is_new:
            await take_sealing_from_the_application(owner)
        for login in logins:
            await _make(login, owner)
    finally:
        await owner.close()


async def _make(login: DatabaseLogin, owner: Connection) -> None:
    try:
        await make_login(owner, login)
    except asyncpg.InsufficientPrivilegeError as error:
        if login.password is None:  # nobody asked for it here: `doctor` says what is to be done
            return
        raise NotReadyError(
            f"this owner is not allowed to create the login {login.name} ({error}): let a superuser create it, with"
            f" CREATE ROLE {login.name} {LEAST} and GRANT {', '.join(login.roles)} TO {login.name}"
        ) from None


def operator() -> Actor:
    """The operator at the command line, by the account that runs it; for root, the account that logged in and became root, if
    the system records it. Never from the environment, which anybody may set.
    """
    account = os.getuid()
    if account == ROOT:
        account = _login_account() or ROOT
    try:
        name = pwd.getpwuid(account).pw_name
    except KeyError:
        name = str(account)
    return Actor(operator=f"cli:{name}")


def _login_account() -> int | None:
    """The login that Linux keeps for its audit log; a daemon has none. Used for root alone, who can forge anything: while it
    is unset, any user may set it for itself.
    """
    try:
        account = int(LOGIN_ACCOUNT.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if account == NO_ACCOUNT else account


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


async def _load_secrecy(settings: Settings, dsn: str) -> Secrecy:
    """Load the key of this installation; a new key is made only for a new embedded database."""
    if not settings.is_embedded or settings.secret_key or settings.key_path.exists():
        return settings.load_secrecy()
    connection = await connect(dsn, role=None)
    try:
        if await is_bound(connection):
            raise SecretKeyError(
                f"the secret key file {settings.key_path} is missing, and this database was made with it"
            )
    finally:
        await connection.close()
    return make_key_file(settings.key_path)


async def _verify(dsn: str, secrecy: Secrecy) -> None:
    connection = await connect(dsn)
    try:
        await verify_installation(connection, secrecy)
    finally:
        await connection.close()
