"""Days chosen in a form, as instants (midnight in Beijing); and times as people type them."""

import re
from datetime import date, datetime, timedelta
from unicodedata import normalize

from blacklist_service.clock import SHANGHAI

TYPED = re.compile(
    r"(\d{4})[-/.\u5e74](\d{1,2})[-/.\u6708](\d{1,2})\u65e5?(?:[T ]*(\d{1,2})[:\u65f6](\d{1,2})?\u5206?(?::(\d{1,2}))?)?"
)
"""年月日, 时分: as people and as browsers write a time."""


def start_of_day(day: str | None) -> str | None:
    """An invalid day is returned unchanged: the API refuses it."""
    return _midnight(day, timedelta())


def end_of_day(day: str | None) -> str | None:
    """The midnight after it: filters exclude their end."""
    return _midnight(day, timedelta(days=1))


def _midnight(day: str | None, more: timedelta) -> str | None:
    if not day:
        return None
    try:
        chosen = date.fromisoformat(day) + more
    except (ValueError, OverflowError):
        return day
    return datetime(chosen.year, chosen.month, chosen.day, tzinfo=SHANGHAI).isoformat()


def instant(typed: str) -> str | None:
    """Beijing time as typed, 2026-04-26 08:41 or 2026年4月26日 8时41分 in any digits; None if invalid."""
    found = TYPED.fullmatch(normalize("NFKC", typed).strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI).isoformat()
    except ValueError:
        return None
