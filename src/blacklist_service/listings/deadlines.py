"""Deadlines by law: working days by the State Council's calendar, and last days that move off a holiday. Pure.

The day of the event is not counted; a last day that is a holiday moves to the next working day (民诉法 Art. 85). The holiday
tables come with `chinesecalendar` (MIT), including make-up working weekends (调休). In a year whose holidays have not been
announced, Monday to Friday count as working days, and the result says so.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import chinese_calendar

SATURDAY = 5
WORKING_DAYS_TO_ACT = 3  # Art. 9, 10, 12: withdraw, correct, delete
DAYS_TO_DECIDE = 15  # Art. 12: an objection, and its reconsideration
DAYS_TO_ASK_RECONSIDERATION = 10  # Art. 12, from service of the rejection
MONTHS_BARRED = 6  # Art. 10(3): the creditor, after a deletion at the creditor's own request


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day. `is_certain` is false if a year's holidays were not announced yet."""

    on: date
    is_certain: bool = True

    def is_overdue(self, today: date) -> bool:
        return today > self.on


def working_days_after(day: date, count: int) -> Deadline:
    is_certain = True
    while count:
        day += timedelta(days=1)
        is_working, is_known = _is_working_day(day)
        is_certain &= is_known
        count -= is_working
    return Deadline(day, is_certain)


def days_after(day: date, count: int) -> Deadline:
    """Calendar days; a last day that is a holiday moves to the next working day."""
    last = day + timedelta(days=count)
    is_working, is_certain = _is_working_day(last)
    while not is_working:
        last += timedelta(days=1)
        is_working, is_known = _is_working_day(last)
        is_certain &= is_known
    return Deadline(last, is_certain)


def months_after(day: date, count: int) -> date:
    """The same day `count` months on, or that month's last."""
    years, month = divmod(day.month - 1 + count, 12)
    first_of_next = date(day.year + years + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = (first_of_next - timedelta(days=1)).day
    return date(day.year + years, month + 1, min(day.day, last))


def _is_working_day(day: date) -> tuple[bool, bool]:
    try:
        return chinese_calendar.is_workday(day), True
    except NotImplementedError:
        return day.weekday() < SATURDAY, False
