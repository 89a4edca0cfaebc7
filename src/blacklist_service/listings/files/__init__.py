"""Reads a list file (CSV, a workbook or JSON Lines) into raw rows; nothing here judges what a row says.

The file comes from outside. Every limit is a named constant with its reason beside it: memory is bounded, a workbook is
opened in a child process that a hostile file may crash, and no refusal shows a byte of the content. `open_list_file` detects
the format by content, scans the file once for anything that would make it unreadable, and returns a `ListFile`, whose
`rows()` streams. `rows()` may still raise `UnreadableFile`: a file is only complete when it has been read to its end.
"""

from blacklist_service.listings.files.base import Column, ListFile, Sheet, UnreadSheet
from blacklist_service.listings.files.opening import open_list_file
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.rows import CellFault, RawRow, RelatedPerson

__all__ = [
    "CellFault",
    "Column",
    "ListFile",
    "RawRow",
    "RelatedPerson",
    "Sheet",
    "UnreadSheet",
    "UnreadableFile",
    "open_list_file",
]
