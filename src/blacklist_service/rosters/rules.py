"""What a roster may be, and what it can come to. Pure: no database, no clock, no HTTP."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

SLICE = 100
"""Rows asked in one transaction: small, so that who waits at a window is not kept waiting."""
MOST_FILE_BYTES = 64 << 20
MOST_ROWS = 500_000
"""Of one roster, where a unit's quota sets no limit."""
MOST_WAITING = 3
"""Rosters of one unit that are not done."""
MOST_ATTEMPTS = 3
"""To read a file, or to write a result: then something about it ends the process that does."""
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
    """Why a row that was read is not asked, beyond what `subjects/rosters.py` refuses."""

    NO_VALUE = "公式没有值或出错，请粘贴为数值"
    MERGED = "编号、姓名或号码在合并的单元格中，请取消合并并逐行填写"


@dataclass(frozen=True, slots=True)
class Titles:
    """Columns as the officer names them; None: as they are usually called."""

    reference: str | None = None
    name: str | None = None
    number: str | None = None


class RosterLine(NamedTuple):
    """A row as it was read: its number in the file, its cells as texts, and why it is not asked."""

    number: int
    cells: list[str]
    refusal: str | None


def item_key(roster_id: object, number: int) -> str:
    """The Idempotency-Key of a row: however often its slice is begun again, it is asked once."""
    return f"roster-{roster_id}-{number}"
