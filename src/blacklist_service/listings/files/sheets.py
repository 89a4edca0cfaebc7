"""From a worksheet's cells to records of texts: dates, merged cells, and unreadable cells."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from blacklist_service.listings.files.cells import number_text
from blacklist_service.listings.files.rows import CellFault
from blacklist_service.listings.files.values import serial_day

Record = tuple[int, list[Any]]
Corner = tuple[int, int]
TextRecord = tuple[int, list[str], dict[int, CellFault]]


@dataclass(slots=True)
class Worksheet:
    """A sheet as a library returns it. Rows are counted from 1, columns and the corners of merged ranges from 0."""

    name: str
    is_hidden: bool
    is_1904: bool
    height: int
    width: int
    records: Callable[[], Iterator[Record]]
    """The non-empty rows; numbers are floats, days are dates or datetimes."""
    merged: Sequence[tuple[Corner, Corner]] = ()
    hidden_rows: frozenset[int] | set[int] = frozenset()
    errors: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    without_value: Mapping[int, set[int]] = field(default_factory=dict)


class SheetReader:
    """Reads a sheet's records as texts, once its header is known."""

    def __init__(self, sheet: Worksheet, header_at: int, date_places: frozenset[int]) -> None:
        self._sheet = sheet
        self._header_at = header_at
        self._date_places = date_places if sheet.is_1904 else frozenset()
        self._merged: dict[int, list[tuple[int, int]]] = {}
        for (top, left), (bottom, _) in sheet.merged:
            if bottom > top >= header_at:  # rows of merged ranges are counted from 0
                self._merged.setdefault(top + 1, []).append((left, bottom + 1))

    def records(self) -> Iterator[TextRecord]:
        carried: dict[int, tuple[int, str, CellFault | None]] = {}
        for number, cells in self._sheet.records():
            if number <= self._header_at:
                continue
            texts = [self._text(cell, place) for place, cell in enumerate(cells)]
            for place, error in self._sheet.errors.get(number, {}).items():
                _put(texts, place, error)
            faults = dict.fromkeys(self._sheet.without_value.get(number, ()), CellFault.NO_VALUE)
            if self._merged:
                self._carry(number, texts, faults, carried)
            yield number, texts, faults

    def _text(self, cell: Any, place: int) -> str:
        if place in self._date_places:
            try:
                return serial_day(float(cell), is_1904=True).isoformat()
            except (TypeError, ValueError):
                pass
        return cell if type(cell) is str else cell_text(cell)

    def _carry(
        self,
        number: int,
        texts: list[str],
        faults: dict[int, CellFault],
        carried: dict[int, tuple[int, str, CellFault | None]],
    ) -> None:
        """Fill a row with the values of merged cells that extend down to it."""
        for place, (last, text, fault) in list(carried.items()):
            if number > last:
                del carried[place]
                continue
            if place >= len(texts) or not texts[place]:
                _put(texts, place, text)
                if fault is not None:
                    faults[place] = fault
        for place, last in self._merged.get(number, ()):
            carried[place] = (last, texts[place] if place < len(texts) else "", faults.get(place))


def cell_text(cell: Any) -> str:
    if type(cell) is str:
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, (int, float)):
        return number_text(float(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell.isoformat() if type(cell) is date else str(cell)


def _put(texts: list[str], place: int, text: str) -> None:
    texts += [""] * (place + 1 - len(texts))
    texts[place] = text
