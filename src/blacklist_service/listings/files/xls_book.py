"""Workbooks from before 2007, which WPS calls .et, read by xlrd, because calamine does not report their errors and hidden
rows.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import xlrd

from blacklist_service.listings.files.cells import number_text
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.sheets import Record, Worksheet

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BOOKS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
_NO_WORKBOOK = "The file is no workbook that can be read here; open it in WPS or Excel and save it as .xlsx, or as CSV."


def open_xls(path: Path) -> tuple[Iterator[Worksheet], int]:
    """The sheets one by one, and how many there are."""
    content = path.read_bytes()
    if _ENCRYPTED in content:
        raise UnreadableFile("The workbook has a password; take it off and save it again.")
    if not any(name in content for name in _BOOKS):
        raise UnreadableFile(_NO_WORKBOOK)
    try:
        book = xlrd.open_workbook(file_contents=content, formatting_info=True, on_demand=True)
    except MemoryError:
        raise
    except xlrd.XLRDError as error:
        is_locked = "encrypt" in str(error).lower() or "password" in str(error).lower()
        raise UnreadableFile(
            "The workbook has a password; take it off and save it again." if is_locked else _NO_WORKBOOK
        ) from None
    except Exception:  # noqa: BLE001 - the library meets damage with whatever error is nearest
        raise UnreadableFile("The workbook is damaged.") from None
    return _worksheets(book), book.nsheets


def _worksheets(book: Any) -> Iterator[Worksheet]:
    for place in range(book.nsheets):
        try:
            sheet = book.sheet_by_index(place)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001
            raise UnreadableFile("The workbook is damaged.") from None
        yield Worksheet(
            name=sheet.name,
            is_hidden=sheet.visibility != 0,
            is_1904=book.datemode == 1,
            height=sheet.nrows,
            width=sheet.ncols,
            records=partial(_records, book, sheet),
            merged=[((top, left), (bottom - 1, right - 1)) for top, bottom, left, right in sheet.merged_cells],
            hidden_rows=frozenset(row + 1 for row, about in sheet.rowinfo_map.items() if about.hidden),
        )
        book.unload_sheet(place)


def _records(book: Any, sheet: Any) -> Iterator[Record]:
    for row in range(sheet.nrows):
        cells: list[Any] = [
            _value(book, kind, value) for kind, value in zip(sheet.row_types(row), sheet.row_values(row), strict=True)
        ]
        if any(cell != "" for cell in cells):
            yield row + 1, cells


def _value(book: Any, kind: int, value: Any) -> Any:
    if kind == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(value, "#ERROR!")
    if kind == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if value else "FALSE"
    if kind == xlrd.XL_CELL_DATE:
        try:
            return xlrd.xldate_as_datetime(value, book.datemode)
        except (ValueError, OverflowError, xlrd.XLDateError):
            return number_text(float(value))
    return value if kind in (xlrd.XL_CELL_TEXT, xlrd.XL_CELL_NUMBER) else ""
