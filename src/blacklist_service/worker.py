"""The background worker: what the calendar does to the list, and housekeeping. Run by `serve`, one at a time.

Every task is a transaction that can be cut off anywhere and done again. Checks need none of it to be right: they go by
the legal date themselves.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable

import structlog

from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.embedded.child import die_with_parent
from blacklist_service.ledger.tasks import attach_months
from blacklist_service.listings.tasks import end_terms_and_grace
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import DSN_VARIABLE, Settings
from blacklist_service.telemetry import configure_logging
from blacklist_service.web.tasks import forget_answers

WORKER_LOCK = 0x776F_726B
ROUND_SECONDS = 5.0
RECONNECT_SECONDS = 1.0

log = structlog.get_logger()

Task = Callable[[Connection, Secrecy], Awaitable[None]]

TASKS: tuple[Task, ...] = (end_terms_and_grace, forget_answers)


async def work(dsn: str, secrecy: Secrecy, stopping: asyncio.Event) -> None:
    """Do rounds until told to stop; whatever fails is tried again in the next round."""
    while not stopping.is_set():
        try:
            connection = await connect(dsn, application_name="blacklist-service worker")
        except Exception:
            log.exception("worker_cannot_connect")
            await _pause(stopping, RECONNECT_SECONDS)
            continue
        try:
            await _rounds(connection, dsn, secrecy, stopping)
        except Exception:
            log.exception("worker_round_failed")
            await _pause(stopping, RECONNECT_SECONDS)
        finally:
            connection.terminate()


async def _rounds(connection: Connection, dsn: str, secrecy: Secrecy, stopping: asyncio.Event) -> None:
    """One worker at a time: a second service on the same database waits for the lock, which ends with its session."""
    while not stopping.is_set():
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", WORKER_LOCK):
            for task in TASKS:
                async with connection.transaction():
                    await task(connection, secrecy)
            await attach_months(dsn)
        await _pause(stopping, ROUND_SECONDS)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


async def _main(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await work(os.environ[DSN_VARIABLE], settings.load_secrecy(), stopping)


def main() -> None:
    die_with_parent()
    settings = Settings()
    configure_logging(settings.log_level)
    asyncio.run(_main(settings))


if __name__ == "__main__":
    main()
