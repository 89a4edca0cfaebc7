"""Which of the three formats a file has: decided by its content; its name is not reliable."""

import re
from pathlib import Path

from blacklist_service.listings.files.base import ListFile
from blacklist_service.listings.files.csv_file import CsvFile
from blacklist_service.listings.files.jsonl_file import JsonLinesFile
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.xlsx_file import XlsxFile

BYTES_TO_JUDGE = 4096  # blank lines may precede the first object

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # what Excel wrote before 2007, and WPS writes as .et
_FOREIGN = {
    b"%PDF": "a PDF",
    b"PK\x05\x06": "an empty archive",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"{\\rtf": "a text with formatting (RTF)",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}
_BLANK = b" \t\r\n"


def open_list_file(path: Path, *, name: str = "") -> ListFile:
    """Open a list file; raises `UnreadableFile`. `name` only affects the wording of a refusal."""
    with path.open("rb") as file:
        start = file.read(BYTES_TO_JUDGE)
    if not start:
        raise UnreadableFile("The file is empty.")
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise UnreadableFile(f"The file is {what}; send CSV, XLSX or JSON Lines.")
    if start.startswith(_ZIP):
        return XlsxFile(path)
    if start.startswith(_OLE):
        return XlsxFile(path, format="xls")
    if name.lower().endswith((".xlsx", ".xls", ".et")):
        raise UnreadableFile(f"The file is named {name[name.rindex('.') :].lower()} and is no workbook.")
    text = start.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\x84\x31\x95\x33").lstrip(_BLANK)
    if text.startswith(b"[") and text[1:].lstrip(_BLANK).startswith(b"{"):
        if _is_one_record(text):
            return JsonLinesFile(path)
        raise UnreadableFile("The file is one JSON array; send JSON Lines, one object on each line.")
    return JsonLinesFile(path) if text.startswith(b"{") else CsvFile(path)


def _is_one_record(text: bytes) -> bool:
    """Whether an array is one record, given as labels and values, with further records on further lines."""
    return re.match(rb'\[\s*\{\s*"(?:title|label|name|key)"\s*:[^{}]*"value"\s*:', text) is not None
