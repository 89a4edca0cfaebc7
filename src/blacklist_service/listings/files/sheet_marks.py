"""What the library does not tell about a sheet's cells: errors, formulas without a value, hidden rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import IO

CHUNK = 1 << 20
UNNAMED_ERROR = "#ERROR!"

MARKED = re.compile(rb"""t\s*=\s*["']e["']|hidden\s*=|<(?:[\w.-]+:)?f[\s/>]""")
"""Bytes that a sheet's XML contains if there is anything to mark; most have none."""

_PREFIX = rb"(?:[\w.-]+:)?"
_ITEM = re.compile(
    rb"<" + _PREFIX + rb"row(?=[\s/>])([^>]*)>"
    rb"|<" + _PREFIX + rb"c(?=[\s/>])([^>]*?)(?:/>|>(.*?)</" + _PREFIX + rb"c\s*>)",
    re.DOTALL,
)
_ROW = re.compile(rb"<" + _PREFIX + rb"row(?=[\s/>])")
_VALUE = re.compile(rb"<" + _PREFIX + rb"v(?:\s[^>]*)?(?:/>|>(.*?)</" + _PREFIX + rb"v\s*>)", re.DOTALL)
_FORMULA = re.compile(rb"<" + _PREFIX + rb"f[\s/>]")
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Z]*)([0-9]+)["']""")
_TYPE = re.compile(rb"""\bt\s*=\s*["'](\w+)["']""")
_HIDDEN = re.compile(rb"""\bhidden\s*=\s*["'](?:1|true)["']""")


@dataclass(slots=True)
class Marks:
    """By row (from 1), then by column (from 0)."""

    errors: dict[int, dict[int, str]] = field(default_factory=dict)
    without_value: dict[int, set[int]] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)


def find_marks(sheet: IO[bytes]) -> Marks:
    """Scan a sheet's XML; memory is bounded by one row."""
    marks, row, column = Marks(), 0, -1
    for item in _items(sheet):
        if item[1] is not None:
            place = _PLACE.search(item[1])
            row, column = (int(place[2]) if place else row + 1), -1
            if _HIDDEN.search(item[1]):
                marks.hidden_rows.add(row)
            continue
        place = _PLACE.search(item[2])
        column = _column(place[1]) if place and place[1] else column + 1
        if item[3]:
            _mark_cell(marks, row, column, item[2], item[3])
    return marks


def _mark_cell(marks: Marks, row: int, column: int, attributes: bytes, content: bytes) -> None:
    kind = _TYPE.search(attributes)
    value = _VALUE.search(content)
    text = value[1] if value else None
    if kind is not None and kind[1] == b"e":
        error = unescape((text or b"").decode("utf-8", "replace")).strip()
        marks.errors.setdefault(row, {})[column] = error or UNNAMED_ERROR
    elif _FORMULA.search(content) and not text and not (value and kind is not None and kind[1] == b"str"):
        marks.without_value.setdefault(row, set()).add(column)


def _items(sheet: IO[bytes]) -> Iterator[re.Match[bytes]]:
    rest, begin = b"", b""
    while chunk := sheet.read(CHUNK):
        text = rest + chunk
        if not begin and (first := _ROW.search(text)):
            begin = first[0]
        whole = text.rfind(begin) if begin else 0
        yield from _ITEM.finditer(text, 0, whole)
        rest = text[whole:]
    yield from _ITEM.finditer(rest)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
