"""The life cycle of a notice, and how long it may bind. Pure."""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

MOST_EVENTS = 500
"""The most steps of notices in one read."""


class NoticeAction(StrEnum):
    STOP_TRANSFER = "stop_transfer"
    STOP_PROCEDURE = "stop_procedure"
    QUERY = "query"
    FREEZE = "freeze"
    DEDUCT = "deduct"
    SEIZE = "seize"
    DISPATCH_POLICE = "dispatch_police"
    TRANSFER_EXECUTION = "transfer_execution"
    LOCATE_PERSON = "locate_person"
    CONTROL_VEHICLE = "control_vehicle"
    BAR_EXIT = "bar_exit"
    WITHHOLD_INCOME = "withhold_income"
    REFER_CRIME = "refer_crime"


class Urgency(StrEnum):
    NORMAL = "normal"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class ReplyResult(StrEnum):
    DONE = "done"
    PARTLY_DONE = "partly_done"
    NOT_FOUND = "not_found"
    REFUSED = "refused"


class NoticeState(StrEnum):
    SERVED = "served"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    RELEASED = "released"
    EXPIRED = "expired"


class ObjectKind(StrEnum):
    """The kind of object; it determines how long a notice may bind."""

    DEPOSIT = "deposit"
    MOVABLE = "movable"
    REAL_ESTATE = "real_estate"
    OTHER_RIGHT = "other_right"


STOPPING = frozenset({NoticeAction.STOP_TRANSFER, NoticeAction.STOP_PROCEDURE})
"""In force until released or expired; a reply does not end it."""

DECIDING = STOPPING | {NoticeAction.BAR_EXIT}
"""Checks find the person that these name; an exit ban only in the matters of leaving the country."""

UNLIMITED = frozenset({NoticeAction.BAR_EXIT, NoticeAction.WITHHOLD_INCOME})
"""The law sets no maximum time for these: the notice itself must name its last day."""

BINDING = STOPPING | UNLIMITED | {NoticeAction.FREEZE, NoticeAction.SEIZE, NoticeAction.CONTROL_VEHICLE}
"""These have a last day of validity; the others are done once."""

LONGEST_YEARS: Mapping[ObjectKind, int] = {
    ObjectKind.DEPOSIT: 1,
    ObjectKind.MOVABLE: 2,
    ObjectKind.REAL_ESTATE: 3,
    ObjectKind.OTHER_RIGHT: 3,
}
"""民诉解释 Art. 485 (domain M34): one year for deposits, two for movables, three for real estate and other rights;
renewable.
"""

USUAL_OBJECT: Mapping[NoticeAction, ObjectKind] = {
    NoticeAction.FREEZE: ObjectKind.DEPOSIT,
    NoticeAction.SEIZE: ObjectKind.REAL_ESTATE,
    NoticeAction.STOP_TRANSFER: ObjectKind.OTHER_RIGHT,
    NoticeAction.STOP_PROCEDURE: ObjectKind.OTHER_RIGHT,
    NoticeAction.CONTROL_VEHICLE: ObjectKind.MOVABLE,
}

WORKING_DAYS_TO_REPLY = 3
"""A notice without a deadline must be answered by the end of the third working day after its service."""

MINUTES_TO_ACKNOWLEDGE = 5
"""An emergency that is not acknowledged by then is escalated."""


def last_day(action: NoticeAction, object_kind: ObjectKind | None, served_on: date) -> date | None:
    """The latest day on which a notice of this kind may bind; None for an act done once, or one without a maximum."""
    if action not in BINDING or action in UNLIMITED:
        return None
    years = LONGEST_YEARS[object_kind or USUAL_OBJECT[action]]
    try:
        return served_on.replace(year=served_on.year + years)
    except ValueError:  # 29 February
        return served_on.replace(year=served_on.year + years, day=28)


def state_of(
    *,
    acknowledged_at: datetime | None,
    answered_at: datetime | None,
    released_at: datetime | None,
    valid_until: date | None,
    on: date,
) -> NoticeState:
    """`valid_until` is the last day of validity, inclusive."""
    if released_at is not None:
        return NoticeState.RELEASED
    if valid_until is not None and valid_until < on:
        return NoticeState.EXPIRED
    if answered_at is not None:
        return NoticeState.ANSWERED
    return NoticeState.SERVED if acknowledged_at is None else NoticeState.ACKNOWLEDGED


def is_overdue(state: NoticeState, due_at: datetime | None, at: datetime) -> bool:
    return due_at is not None and at > due_at and state in {NoticeState.SERVED, NoticeState.ACKNOWLEDGED}


def escalates_at(urgency: Urgency, served_at: datetime) -> datetime | None:
    if urgency is not Urgency.EMERGENCY:
        return None
    return served_at + timedelta(minutes=MINUTES_TO_ACKNOWLEDGE)


def object_key(text: str | None) -> str | None:
    """A property-unit number, licence or plate as it is compared: regardless of width, case and spaces."""
    if text is None:
        return None
    return "".join(unicodedata.normalize("NFKC", text).upper().split()) or None


def covers_object(asked: str | None, noticed: str | None) -> bool:
    """If both name an object and they differ, the notice does not cover (design §8)."""
    return asked is None or noticed is None or asked == noticed
