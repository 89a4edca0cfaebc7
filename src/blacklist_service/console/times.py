"""Days chosen in a form, as instants: midnight in Beijing."""

from datetime import date, datetime, timedelta

from blacklist_service.clock import SHANGHAI


def start_of_day(day: str | None) -> str | None:
    """What is no day is handed on as it is: the API refuses it."""
    return _midnight(day, timedelta())


def end_of_day(day: str | None) -> str | None:
    """The midnight after it: filters end before their end."""
    return _midnight(day, timedelta(days=1))


def _midnight(day: str | None, more: timedelta) -> str | None:
    if not day:
        return None
    try:
        chosen = date.fromisoformat(day) + more
    except (ValueError, OverflowError):
        return day
    return datetime(chosen.year, chosen.month, chosen.day, tzinfo=SHANGHAI).isoformat()
