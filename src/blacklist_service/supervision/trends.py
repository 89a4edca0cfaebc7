"""What each unit and court did, month by month."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from blacklist_service.database.connections import Connection
from blacklist_service.listings.deadlines import months_after
from blacklist_service.supervision import queries
from blacklist_service.supervision.late_removals import list_late_removals

MOST_MONTHS = 24


@dataclass(slots=True)
class UnitMonth:
    """Checks of one unit in one month, by decision."""

    agency: str
    block: int = 0
    flag: int = 0
    clear: int = 0


@dataclass(slots=True)
class CourtMonth:
    """Acts of one court in one month: all, those with a decision date, and those within three working days of it."""

    court: str
    acts: int = 0
    dated: int = 0
    in_time: int = 0
    late_removals: int = 0


@dataclass(frozen=True, slots=True)
class Month:
    """A month from its first day to its last, or to today if it is not over."""

    first: date
    last: date
    agencies: Sequence[UnitMonth] = field(default=())
    courts: Sequence[CourtMonth] = field(default=())


def last_months(today: date, count: int) -> list[Month]:
    """The month of `today` and the months before it, oldest first."""
    this = today.replace(day=1)
    firsts = [months_after(this, -back) for back in range(count - 1, -1, -1)]
    return [Month(first, min(today, months_after(first, 1) - timedelta(days=1))) for first in firsts]


async def list_months(connection: Connection, count: int, *, today: date) -> list[Month]:
    """Units and courts that did nothing in a month are left out."""
    return [await _counted(connection, month, today) for month in last_months(today, count)]


async def _counted(connection: Connection, month: Month, today: date) -> Month:
    units: dict[str, UnitMonth] = {}
    for row in await queries.count_checks(connection, month.first, month.last):
        unit = units.setdefault(row["agency"], UnitMonth(row["agency"]))
        setattr(unit, row["decision"], getattr(unit, row["decision"]) + row["checks"])
    courts: dict[str, CourtMonth] = {}
    for court, acts in (await queries.count_acts(connection, month.first, month.last)).items():
        totals = {name: sum(figures[name] for figures in acts.values()) for name in ("total", "dated", "in_time")}
        courts[court] = CourtMonth(court, totals["total"], totals["dated"], totals["in_time"])
    for late in await list_late_removals(connection, month.first, month.last, today=today):
        courts.setdefault(late["court_code"], CourtMonth(late["court_code"])).late_removals += 1
    return Month(month.first, month.last, tuple(units.values()), tuple(courts.values()))
