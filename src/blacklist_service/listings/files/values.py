"""Parses single cells: days, and the list of circumstances. Pure."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import orjson

from blacklist_service.clock import EPOCH, SHANGHAI

NO_DATES = frozenset(
    [
        *("", "空", "无", "暂无", "不详", "不适用", "长期", "长期有效", "永久", "无期限", "无固定期限"),
        *("null", "(null)", "<null>", "none", "nil", "nan", "nat", "<na>", "na", "n/a", "undefined", r"\n"),
        *("-", "--", "—", "——", "/"),
    ]
)
NO_DAYS = {(1, 1, 1), (1900, 1, 1), (0, 0, 0)}  # what vendors' copies write for null
NEVER = 9999
"""The year of 9999-12-31 and the like: a day that never comes."""
YEARS = range(1900, 2201)
YEARS_OF_INSTANTS = range(1990, 2201)
SERIALS = range(20_000, 80_001)  # Excel's day numbers: 1954 to 2119
LONGEST = 80
SHORT_OF_MIDNIGHT = timedelta(hours=23, minutes=59, seconds=17)
"""Midnight in China as SheetJS computes it: until 1901 Shanghai's mean time was 43 seconds off the zone's."""

_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - day 1 is 1900-01-01; Excel believes in a 29 February 1900
_DAYS_TO_1904 = 1462
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x00A0: " "}
_DAY = re.compile(
    r"(?:(?P<y1>[0-9]{4})(?P<m1>[0-9]{2})(?P<d1>[0-9]{2})(?P<packed>[0-9]{4}(?:[0-9]{2})?)?"
    r"|(?P<y2>[0-9]{4})(?P<sign>[-/.])(?P<m2>[0-9]{1,2})(?P=sign)(?P<d2>[0-9]{1,2})"
    r"|(?P<y3>[0-9]{4}) ?年 ?(?P<m3>[0-9]{1,2}) ?月 ?(?P<d3>[0-9]{1,2}) ?日?)"
    r"(?:[T ] ?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9}))?)?"
    r"(?: ?(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2}))?(?:\[[A-Za-z_/]{1,32}\])?)?"
)
_SERIAL = re.compile(r"[0-9]{5}(?:\.[0-9]{1,20})?")
_INSTANT = re.compile(r"[0-9]{10}(?:[0-9]{3})?")
_BETWEEN_CIRCUMSTANCES = re.compile(r"[,，;；]")


@lru_cache(maxsize=8192)
def read_date(text: str) -> date | None:
    """Parse a date in Asia/Shanghai; None if none is given. Raises ValueError if the text is not a date.

    Besides dates as people write them: Excel's day numbers, instants with an offset, seconds and milliseconds since 1970, and
    the JSON of Java (`[2026,1,1]`) and of MongoDB (`{"$date": …}`). Results are cached, because a file contains few different
    days.
    """
    written = text.translate(_HALF_WIDTH).strip()
    if written.lower() in NO_DATES:
        return None
    if len(written) > LONGEST:
        raise ValueError("no date")
    if written[0] in "[{":
        return _of_json(written)
    if _SERIAL.fullmatch(written):
        return serial_day(float(written))
    if _INSTANT.fullmatch(written):
        return _of_epoch(int(written) / (1000 if len(written) > 10 else 1))
    match = _DAY.fullmatch(written)
    if not match:
        raise ValueError("no date")
    return _of_parts(match)


def serial_day(number: float, *, is_1904: bool = False) -> date:
    """The date of a spreadsheet's day number, counted from 1900 or, in some workbooks, from 1904."""
    number += _DAYS_TO_1904 if is_1904 else 0
    if int(number) not in SERIALS:
        raise ValueError("no date of this time")
    return _day_of(_SERIAL_ZERO + timedelta(days=number))


def split_circumstances(text: str) -> list[str]:
    """Split at commas and semicolons of either width, never at 、, which occurs within a circumstance."""
    return [part for piece in _BETWEEN_CIRCUMSTANCES.split(text) if (part := piece.strip())]


def _of_parts(match: re.Match[str]) -> date | None:
    year, month, day = (int(match[f"{part}1"] or match[f"{part}2"] or match[f"{part}3"]) for part in "ymd")
    if year == NEVER or (year, month, day) in NO_DAYS:
        return None
    if year not in YEARS:
        raise ValueError("no date of this time")
    if packed := match["packed"]:
        hour, minute, second = int(packed[:2]), int(packed[2:4]), int(packed[4:] or 0)
    else:
        hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(match["offset"]))
    return _day_of(moment.astimezone(SHANGHAI))


def _zone(offset: str | None) -> timezone:
    if offset is None:
        return SHANGHAI
    if offset == "Z":
        return UTC
    span = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    return timezone(-span if offset[0] == "-" else span)


def _of_epoch(seconds: float) -> date:
    moment = (EPOCH + timedelta(seconds=seconds)).astimezone(SHANGHAI)
    if moment.year not in YEARS_OF_INSTANTS:
        raise ValueError("no date of this time")
    return _day_of(moment)


def _day_of(moment: datetime) -> date:
    """The date of a moment; for 43 seconds before midnight it is the following day, see `SHORT_OF_MIDNIGHT`."""
    nearest = moment + timedelta(microseconds=500_000)
    time = timedelta(hours=nearest.hour, minutes=nearest.minute, seconds=nearest.second)
    return nearest.date() + timedelta(days=1) if time == SHORT_OF_MIDNIGHT else moment.date()


def _of_json(written: str) -> date | None:
    try:
        value: Any = orjson.loads(written)
    except orjson.JSONDecodeError:
        raise ValueError("no date") from None
    if isinstance(value, list):
        return _of_list(value)
    if isinstance(value, dict) and list(value) == ["$date"]:
        inner = value["$date"]
        if isinstance(inner, dict) and list(inner) == ["$numberLong"]:
            inner = inner["$numberLong"]
        if isinstance(inner, str):
            return _of_epoch(int(inner) / 1000) if inner.isascii() and inner.isdigit() else read_date(inner)
        if type(inner) is int:
            return _of_epoch(inner / 1000)
    raise ValueError("no date")


def _of_list(value: list[Any]) -> date | None:
    """Year, month, day, and perhaps hour, minute, second and nanoseconds, as Jackson writes Java's LocalDateTime."""
    if not value:
        return None
    if not 3 <= len(value) <= 7 or any(type(part) is not int for part in value):
        raise ValueError("no date")
    year, month, day, hour, minute, second = (*value[:6], 0, 0, 0)[:6]
    match = _DAY.fullmatch(f"{year:04d}-{month}-{day} {hour}:{minute:02d}:{second:02d}")
    if not match:
        raise ValueError("no date")
    return _of_parts(match)
