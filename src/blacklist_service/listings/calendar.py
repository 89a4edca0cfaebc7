"""What the calendar does to listings: terms that end, grace periods that end. Checks use the dates themselves; here the
result is recorded.

What is recorded goes to every copy of the list, so it waits for a trustworthy date. A clock that was wrong for a while must
not end anything for good: it must run evenly for an hour first; more than the usual number of listings is ended only after an
operator confirms the date (`doctor --confirm-date`); and an expiry that turns out to have been too early is undone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import asyncpg
import structlog

from blacklist_service.access.principals import Actor
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import NAMES, Act, Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.operations.applying import By, ListHead, apply_dated_acts, lock_head
from blacklist_service.listings.resolution import ListingAct
from blacklist_service.secrecy import Secrecy

log = structlog.get_logger()

AT_ONCE = 500
CALENDAR = Actor(operator="calendar")
ENTRIES = {act: names.entry for act, names in NAMES.items()} | {Act.PUBLISHED: Action.GRACE_ENDED}
TOO_EARLY = "its end was written while the clock was ahead"

EVEN_FOR = timedelta(hours=1)
UNEVEN_SECONDS = 30.0
"""How far the database's clock and this machine's uptime may diverge; a clock that is being corrected slews by less."""

USUAL_MOST = 1000
USUAL_SHARE = 100
HELD_SECONDS = 600.0

# $2: the last day that an operator confirmed; what fell due by then is no longer unexpected.
DUE = """
FROM listings
WHERE ended IS NULL AND (expires_on < $1 OR (NOT is_published AND suspended_on IS NULL AND in_force_from <= $1))
"""
SURPRISING = f"{DUE} AND (expires_on >= $2 OR (NOT is_published AND in_force_from > $2))"

# There may be a newer listing of the same debtor in the same case: then that one is in force.
EXPIRED_TOO_EARLY = """
FROM listings l
WHERE ended = 'expired' AND expires_on >= $1
  AND NOT EXISTS (
      SELECT FROM listings o WHERE o.natural_key = l.natural_key AND o.ended IS NULL
      AND o.record_id IS NOT DISTINCT FROM l.record_id
      AND (o.circumstances = l.circumstances OR o.decision_number IS NOT DISTINCT FROM l.decision_number))
"""


class EvenClock:
    """How long the database's clock has kept pace with this machine's uptime, which nobody sets."""

    def __init__(self, uptime: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)) -> None:
        self._uptime = uptime
        self._since: tuple[datetime, float] | None = None

    def is_even(self, at: datetime) -> bool:
        """Whether it has been even for an hour, since the start or its last jump; `at` is its current time."""
        up = self._uptime()
        if self._since is not None:
            began, up_then = self._since
            if abs((at - began).total_seconds() - (up - up_then)) <= UNEVEN_SECONDS:
                return up - up_then >= EVEN_FOR.total_seconds()
            log.warning("clock_jumped", seconds=round((at - began).total_seconds() - (up - up_then)))
        self._since = (at, up)
        return False


@dataclass(frozen=True, slots=True)
class DaysWork:
    """What the calendar would record on a day, and whether that is more than usual. `surprising` and `too_early` are counted
    only as far as necessary.
    """

    today: date
    confirmed_on: date | None
    surprising: int
    too_early: int
    usual: int

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_on == self.today

    @property
    def is_unusual(self) -> bool:
        return not self.is_confirmed and max(self.surprising, self.too_early) > self.usual


class Calendar:
    """The worker's calendar: it records what fell due once the date can be trusted."""

    def __init__(self, clock: EvenClock | None = None) -> None:
        self._clock = clock or EvenClock()
        self._held: tuple[date, date | None, float] | None = None

    async def keep(self, connection: Connection, secrecy: Secrecy) -> bool:
        """Record some of what has fallen due, and undo some of what was recorded too early. Return whether there is more."""
        at = await database_clock(connection)
        today, confirmed_on = legal_date(at), await find_confirmed_date(connection)
        if not self._clock.is_even(at) and confirmed_on != today:
            return False
        if self._is_held(today, confirmed_on):
            return False
        standing = await find_standing(connection, today, confirmed_on)
        if standing.is_unusual:
            self._held = (today, confirmed_on, time.monotonic())
            log.warning("date_unconfirmed", due=standing.surprising, too_early=standing.too_early, usual=standing.usual)
            return False
        return await write_what_fell_due(connection, secrecy)

    def _is_held(self, today: date, confirmed_on: date | None) -> bool:
        """Counting a long list takes a while, so a result of more than usual is reused for a minute."""
        if self._held is None:
            return False
        *then, since = self._held
        return then == [today, confirmed_on] and time.monotonic() - since < HELD_SECONDS


async def find_standing(connection: Connection, today: date, confirmed_on: date | None) -> DaysWork:
    """Whether the day's work is usual: at most a thousand, or one in a hundred of the listings that have not ended."""
    asked = (today, confirmed_on or date.min)
    surprising = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT {SURPRISING} LIMIT $3) AS due", *asked, USUAL_MOST + 1
    )
    too_early = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT {EXPIRED_TOO_EARLY} LIMIT $2) AS early", today, USUAL_MOST + 1
    )
    usual = USUAL_MOST
    if max(surprising, too_early) > USUAL_MOST:
        living = await connection.fetchval("SELECT count(*) FROM listings WHERE ended IS NULL")
        usual = max(USUAL_MOST, living // USUAL_SHARE)
        surprising = await connection.fetchval(f"SELECT count(*) {SURPRISING}", *asked)
        too_early = await connection.fetchval(f"SELECT count(*) {EXPIRED_TOO_EARLY}", today)
    return DaysWork(today, confirmed_on, surprising, too_early, usual)


async def find_confirmed_date(connection: Connection) -> date | None:
    """The date that an operator confirmed last."""
    day: date | None = await connection.fetchval("SELECT confirmed_on FROM date_confirmations ORDER BY at DESC LIMIT 1")
    return day


async def confirm_date(connection: Connection, *, actor: Actor, secrecy: Secrecy) -> date:
    """Confirm that today's date is right, so that everything that has fallen due may be recorded, however much it is."""
    at = await database_clock(connection)
    today = legal_date(at)
    await connection.execute(
        "INSERT INTO date_confirmations (at, confirmed_on, operator) VALUES ($1, $2, $3)", at, today, actor.operator
    )
    entry = Entry(Action.DATE_CONFIRMED, actor, facts={"date": today.isoformat()})
    await record(connection, [entry], at=at, secrecy=secrecy)
    return today


async def write_what_fell_due(connection: Connection, secrecy: Secrecy) -> bool:
    """Record some of it, also after downtime; take the lock only if there is something to record. Return whether there is
    more.
    """
    today = legal_date(await database_clock(connection))
    if not await connection.fetchval(f"SELECT EXISTS (SELECT {DUE}) OR EXISTS (SELECT {EXPIRED_TOO_EARLY})", today):
        return False
    head = await lock_head(connection)
    due = await connection.fetch(
        f"SELECT id, version, is_published, expires_on, expires_on IS NOT NULL AND expires_on < $1 AS is_past_term {DUE}"
        " ORDER BY coalesce(expires_on, in_force_from), id LIMIT $2",
        head.today,
        AT_ONCE,
    )
    early = await connection.fetch(
        f"SELECT id, version, is_published AND suspended_on IS NULL AS is_change {EXPIRED_TOO_EARLY} ORDER BY id LIMIT $2",
        head.today,
        AT_ONCE,
    )
    await _write(connection, [_due_act(row) for row in due], head, secrecy, reason=None)
    await _write(connection, [_undoing(row) for row in early], head, secrecy, reason=TOO_EARLY)
    return AT_ONCE in (len(due), len(early))


def _due_act(row: asyncpg.Record) -> ListingAct:
    return ListingAct(
        act=Act.EXPIRED if row["is_past_term"] else Act.PUBLISHED,
        listing_id=row["id"],
        version=row["version"] + 1,
        row=None,
        is_change=True,
        ended_on=row["expires_on"] if row["is_past_term"] else None,
    )


def _undoing(row: asyncpg.Record) -> ListingAct:
    return ListingAct(Act.REINSTATED, row["id"], row["version"] + 1, None, row["is_change"])


async def _write(
    connection: Connection, acts: Sequence[ListingAct], head: ListHead, secrecy: Secrecy, *, reason: str | None
) -> None:
    if not acts:
        return
    versioned = await apply_dated_acts(connection, acts, head=head, by=By(CALENDAR, reason=reason))
    entries = [
        Entry(ENTRIES[one.act.act], CALENDAR, listing_ids=(one.act.listing_id,), list_version=one.list_version)
        for one in versioned
    ]
    await record(connection, entries, at=head.at, secrecy=secrecy)
