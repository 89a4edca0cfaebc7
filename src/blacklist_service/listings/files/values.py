"""What single cells say: days, and the list of circumstances. Pure."""

import re
from datetime import date, timedelta
from functools import lru_cache

NO_DATES = {"", "空", "无", "暂无", "null", "-", "/"}
NO_DAYS = {(1, 1, 1), (1900, 1, 1)}  # what vendors' copies write for null
YEARS = range(1900, 2201)
SERIALS = range(20_000, 80_001)  # Excel's days: 1954 to 2119
LONGEST = 40

_SERIAL_ZERO = date(1899, 12, 30)  # day 1 is 1900-01-01, and Excel believes in a 29 February 1900
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x00A0: " "}
_TIME = r"(?:[T ] ?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?: ?Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_DAY = re.compile(
    r"(?:([0-9]{4})([0-9]{2})([0-9]{2})"
    r"|([0-9]{4})([-/.])([0-9]{1,2})\5([0-9]{1,2})"
    r"|([0-9]{4}) ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?日?)" + _TIME
)
_SERIAL = re.compile(r"([0-9]{5})(?:\.[0-9]{1,20})?")
_BETWEEN_CIRCUMSTANCES = re.compile(r"[,，;；]")


@lru_cache(maxsize=8192)
def read_date(text: str) -> date | None:
    """Read a day; None where none is given. Raises ValueError when the text is no date. A file has few days, often."""
    written = text.translate(_HALF_WIDTH).strip()
    if written.lower() in NO_DATES:
        return None
    if len(written) > LONGEST:
        raise ValueError("no date")
    if serial := _SERIAL.fullmatch(written):
        return _of_serial(int(serial[1]))
    if not (match := _DAY.fullmatch(written)):
        raise ValueError("no date")
    year, month, day = (int(part) for part in match.groups() if part and part.isdigit())
    if (year, month, day) in NO_DAYS:
        return None
    if year not in YEARS:
        raise ValueError("no date of this time")
    return date(year, month, day)


def split_circumstances(text: str) -> list[str]:
    """Split at commas and semicolons of either width, never at 、, which stands within a circumstance."""
    return [part for piece in _BETWEEN_CIRCUMSTANCES.split(text) if (part := piece.strip())]


def _of_serial(days: int) -> date:
    if days not in SERIALS:
        raise ValueError("no date of this time")
    return _SERIAL_ZERO + timedelta(days=days)
