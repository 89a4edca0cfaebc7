"""Reading a list file, CSV, a workbook or JSON Lines, into raw rows; nothing here judges what a row says.

The file comes from outside. Every limit is a named constant with its reason beside it: what a reader holds at a time is
bounded, a workbook is opened in a child process that may die of it, and no refusal shows a byte of the content.

`open_list_file` finds the format by content, reads the file through once for what would make it unreadable, and gives a
`ListFile`; its `rows()` streams. `UnreadableFile` may still come from `rows()`: a file is whole only when it has ended.
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
