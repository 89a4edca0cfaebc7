"""The background worker: the calendar's effect on the list, files to load, housekeeping. Run by `serve`, one at a time.

Every task is a transaction that can be interrupted anywhere and repeated. Checks do not depend on it: they use the legal date
themselves. A task that fails is restarted and does not end the others; sealing has a process of its own.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from blacklist_service.assistance.tasks import digest_notices, escalate_emergencies
from blacklist_service.audit.export_jobs import forget_exports, make_next
from blacklist_service.audit.simulation_jobs import simulate_next
from blacklist_service.audit.stuck_jobs import count_stuck_jobs
from blacklist_service.checks.answers import ListAges
from blacklist_service.checks.fishing import forget_numbers
from blacklist_service.checks.screenings import forget_parts
from blacklist_service.database.children import run_child, told_to_stop
from blacklist_service.database.connections import LOST, Connection, connect
from blacklist_service.database.embedded.child import die_with_parent
from blacklist_service.database.embedded.priorities import give_way
from blacklist_service.database.installation import require_fitting
from blacklist_service.database.room import ELSEWHERE, Room
from blacklist_service.database.turns import end_frozen_holder
from blacklist_service.ledger.order import note_displaced
from blacklist_service.ledger.tasks import attach_months
from blacklist_service.leftovers import sweep
from blacklist_service.listings.calendar import Calendar
from blacklist_service.listings.operations.digesting import digest_some, may_settle, settle
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS
from blacklist_service.listings.stating import LOOK_SECONDS as STATING_LOOK_SECONDS
from blacklist_service.listings.stating import Stating
from blacklist_service.listings.tasks import load_next, sweep_imports
from blacklist_service.members.staff.tasks import forget_attempts
from blacklist_service.rosters.operations import forget_rosters
from blacklist_service.rosters.tasks import screen_rosters
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import DSN_VARIABLE, Settings
from blacklist_service.supervision.late_removals import LateRemovalsGauge
from blacklist_service.supervision.tasks import count_days
from blacklist_service.telemetry import JOBS_STUCK, configure_logging
from blacklist_service.watches.tasks import keep_watching
from blacklist_service.web.copies import NO_COPIES, Copies, open_copies
from blacklist_service.web.tasks import forget_answers
from blacklist_service.webhooks.sender import send_events

WORKER_LOCK = 0x776F_726B
ROUND_SECONDS = 5.0
LOOK_SECONDS = 0.5
RECONNECT_SECONDS = 1.0
NO_AGES = ListAges()
FROZEN_SECONDS = 60.0
"""A worker that was silent this long is presumed to hang, and another machine's takes over: it normally keeps the calendar
every few seconds.
"""
NICENESS = 5
"""Nobody waits for this work. The database's backend of an import is not niced, because it holds locks that checks need;
those of exports and simulations are."""

log = structlog.get_logger()

Task = Callable[[Connection, Secrecy], Awaitable[bool]]
"""Does some of its work in one transaction, and returns whether there is more."""
Work = Callable[[], Awaitable[None]]
"""Runs until cancelled."""


async def count_stuck(connection: Connection, _secrecy: Secrecy) -> bool:
    JOBS_STUCK.set(await count_stuck_jobs(connection))
    return False


TASKS: tuple[Task, ...] = (
    count_stuck,
    note_displaced,
    escalate_emergencies,
    forget_answers,
    forget_attempts,
    forget_numbers,
    forget_parts,
    sweep_imports,
    count_days,
    LateRemovalsGauge(),
    forget_exports,
    forget_rosters,
)


async def work(
    dsn: str,
    secrecy: Secrecy,
    stopping: asyncio.Event,
    *,
    room: Room = ELSEWHERE,
    ages: ListAges = NO_AGES,
    copies: Copies = NO_COPIES,
    telling: Work | None = None,
    screening: Work | None = None,
) -> None:
    """Work until told to stop. One worker at a time: a second service on the same database waits for the lock."""
    while not stopping.is_set():
        try:
            guard = await connect(dsn, application_name="blacklist-service worker")
        except Exception:
            log.exception("worker_cannot_connect")
            await _pause(stopping, RECONNECT_SECONDS)
            continue
        try:
            if await guard.fetchval("SELECT pg_try_advisory_lock($1)", WORKER_LOCK):
                await _work_guarded(guard, dsn, secrecy, stopping, room, ages, copies, (telling, screening))
            else:
                if await end_frozen_holder(dsn, WORKER_LOCK, silent_seconds=FROZEN_SECONDS):
                    log.error("worker_stood_still")
                await _pause(stopping, ROUND_SECONDS)
        except Exception:
            log.exception("worker_failed")
            await _pause(stopping, RECONNECT_SECONDS)
        finally:
            guard.terminate()


async def _work_guarded(
    guard: Connection,
    dsn: str,
    secrecy: Secrecy,
    stopping: asyncio.Event,
    room: Room,
    ages: ListAges,
    copies: Copies,
    others: tuple[Work | None, ...],
) -> None:
    """The lock ends with its connection, so all work ends with it too."""
    lost = asyncio.Event()

    def end(_connection: object) -> None:
        lost.set()

    guard.add_termination_listener(end)
    if guard.is_closed():
        return
    works = [
        asyncio.create_task(_keep_going(work))
        for work in (
            lambda: _keep_the_calendar(guard, dsn, secrecy),
            # Oldest first; if a process ended in the middle of an import, it continues after its last chunk.
            lambda: go_on(dsn, "imports", lambda one: load_next(one, secrecy, room), every=LOOK_SECONDS),
            lambda: go_on(
                dsn,
                "exports",
                lambda one: make_next(one, secrecy, copies),
                every=LOOK_SECONDS,
                room=room,
                gives_way=room.is_here,
            ),
            lambda: go_on(dsn, "digesting", lambda one: digest_anew(one, secrecy), every=ROUND_SECONDS, room=room),
            lambda: go_on(
                dsn,
                "simulations",
                lambda one: simulate_next(one, secrecy),
                every=LOOK_SECONDS,
                gives_way=room.is_here,
            ),
            lambda: keep_watching(dsn, secrecy, ages),
            *(work for work in others if work is not None),
            lambda: _state_the_list(dsn),
        )
    ]
    ends = [asyncio.create_task(event.wait()) for event in (stopping, lost)]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*works, *ends):
            task.cancel()
        await asyncio.gather(*works, *ends, return_exceptions=True)


async def _keep_going(work: Work) -> None:
    """Restart a task whenever it fails: the failure of one task must not stop the others."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("task_failed")
        await asyncio.sleep(RECONNECT_SECONDS)


async def _keep_the_calendar(connection: Connection, dsn: str, secrecy: Secrecy) -> None:
    """What is done every few seconds. The list's own calendar knows for how long the clock has run evenly since the start."""
    tasks = (Calendar().keep, *TASKS)
    while True:
        for task in tasks:
            try:
                await _do(task, connection, secrecy)
            except LOST:
                raise
            except Exception:  # one task's failure must not affect the next
                log.exception("task_failed", cause=getattr(task, "__name__", "task"))
        await attach_months(dsn)
        await asyncio.sleep(ROUND_SECONDS)


async def _do(task: Task, connection: Connection, secrecy: Secrecy) -> None:
    is_more = True
    while is_more:
        async with connection.transaction():
            is_more = await task(connection, secrecy)


async def go_on(
    dsn: str,
    name: str,
    do_some: Callable[[Connection], Awaitable[bool]],
    *,
    every: float,
    room: Room | None = None,
    gives_way: bool = False,
) -> None:
    """Do some of a task again and again, over a connection of its own: at once while there is more, otherwise after that many
    seconds. If it fills the disk, only while `room` has some. With `gives_way`, its session of the embedded server runs at a
    lower priority; only for tasks that lock nothing others wait for.
    """
    connection = await connect(dsn, application_name=f"blacklist-service {name}", **LOADING_SETTINGS)
    if gives_way:
        give_way(connection.get_server_pid())
    try:
        while True:
            if room is not None:
                await room.wait()
            if not await do_some(connection):
                await asyncio.sleep(every)
    finally:
        connection.terminate()


async def digest_anew(connection: Connection, secrecy: Secrecy) -> bool:
    """Digest some of the list by the current rules, if the database still follows earlier ones.

    In one transaction; the last one declares it done. Return whether there is more.
    """
    async with connection.transaction():
        is_more = await digest_some(connection, secrecy)
    if is_more or not await may_settle(connection):
        return is_more
    async with connection.transaction():
        await digest_notices(connection, secrecy)
        await settle(connection)
    log.info("digested_anew")
    return False


async def _state_the_list(dsn: str) -> None:
    connection = await connect(dsn, application_name="blacklist-service list states", **LOADING_SETTINGS)
    try:
        stating = Stating(connection)
        while True:
            await stating.say_if_due()
            await asyncio.sleep(STATING_LOOK_SECONDS)
    finally:
        connection.terminate()


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def _main(settings: Settings) -> None:
    stopping = told_to_stop()
    dsn, secrecy = os.environ[DSN_VARIABLE], settings.load_secrecy()
    await require_fitting(dsn, secrecy)
    room = Room(settings.data_dir if settings.is_embedded else None)
    telling = partial(send_events, dsn, secrecy, settings)
    screening = partial(screen_rosters, dsn, secrecy, settings, room=room)
    copies, ages = await open_copies(settings, size=1), ListAges.of(settings)
    await work(dsn, secrecy, stopping, room=room, ages=ages, copies=copies, telling=telling, screening=screening)


def main() -> None:
    die_with_parent()
    os.nice(NICENESS)
    sweep()
    settings = Settings()
    configure_logging(settings.log_level)
    run_child(_main(settings))


if __name__ == "__main__":
    main()
