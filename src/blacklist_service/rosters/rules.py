"""Limits and faults of rosters. Pure: no database, no clock, no HTTP."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

SLICE = 100
"""Rows checked in one transaction: few, so that single checks are not kept waiting."""
MOST_FILE_BYTES = 64 << 20
MOST_ROWS = 500_000
"""Rows of one roster, if a unit's quota sets no limit."""
MOST_WAITING = 3
"""Unfinished rosters of one unit."""
MOST_ATTEMPTS = 3
"""Attempts to read a file, or to write a result; after these, the file is presumed to end the process."""
KEPT = timedelta(days=7)


class RosterState(StrEnum):
    INCOMING = "incoming"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


class RosterFault(StrEnum):
    """Why a file is not screened."""

    UNREADABLE = "unreadable"
    NO_COLUMNS = "no-columns"
    NO_SUCH_COLUMN = "no-such-column"
    NO_ROWS = "no-rows"
    TOO_MANY_ROWS = "too-many-rows"
    OVER_QUOTA = "over-quota"
    OTHER_KIND = "other-kind"
    GIVEN_UP = "given-up"


class RosterRowFault(StrEnum):
    """Why a row is not asked, in addition to the reasons in `subjects/rosters.py`."""

    NO_VALUE = "公式没有值或出错，请粘贴为数值"
    MERGED = "编号、姓名或号码在合并的单元格中，请取消合并并逐行填写"


@dataclass(frozen=True, slots=True)
class Titles:
    """The columns as the officer names them; None: the usual headers."""

    reference: str | None = None
    name: str | None = None
    number: str | None = None


class RosterLine(NamedTuple):
    """A row as read: its number in the file, its cells as texts, and why it is not asked."""

    number: int
    cells: list[str]
    refusal: str | None


def item_key(roster_id: object, number: int) -> str:
    """The Idempotency-Key of a row: however often its slice is repeated, it is asked once."""
    return f"roster-{roster_id}-{number}"
