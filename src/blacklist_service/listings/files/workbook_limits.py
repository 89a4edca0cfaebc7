"""Rejects a workbook that must not be inflated into memory: a zip bomb, or XML with a document type."""

import codecs
import struct
import zipfile
import zlib
from pathlib import Path

from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.sheet_marks import MARKED

MOST_PARTS = 1000  # a workbook has about ten, and one for each sheet
MOST_INFLATED = 512 << 20  # bytes; 350,000 rows of 24 cells, and larger lists are better sent as CSV
MOST_INFLATION = 200  # times the file's own size; sheets of real lists have 10 to 40
INFLATION_BEGINS_AT = 4 << 20  # bytes; below this the ratio of a nearly empty workbook means nothing
CHUNK = 1 << 18

_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY")  # no workbook has them; entities are how ten lines of XML become gigabytes
_LONGEST_FORBIDDEN = max(map(len, _FORBIDDEN))
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\0<", b"<\0")


def check_workbook(path: Path) -> frozenset[str]:
    """Reject a hostile archive. The sizes in its directory are checked first, then every part is inflated, counted and
    scanned.

    Returns the names of the parts that have marks (`sheet_marks`).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _check_declared(parts, path.stat().st_size)
            return frozenset([part.filename for part in parts if _check_part(archive, part)])
    except _BROKEN:
        raise UnreadableFile("The workbook is damaged or incomplete.") from None


def _check_declared(parts: list[zipfile.ZipInfo], size: int) -> None:
    names = {part.filename for part in parts}
    if len(parts) > MOST_PARTS:
        raise UnreadableFile(f"The workbook has more than {MOST_PARTS} parts.")
    if len(names) < len(parts):  # which of the two is read differs from reader to reader
        raise UnreadableFile("The workbook has two parts of one name.")
    inflated = sum(part.file_size for part in parts)
    if inflated > MOST_INFLATED:
        raise UnreadableFile(f"The workbook is larger than {MOST_INFLATED >> 20} MiB when unpacked; send CSV.")
    if inflated > INFLATION_BEGINS_AT and inflated > MOST_INFLATION * size:
        raise UnreadableFile(f"The workbook grows more than {MOST_INFLATION} times when unpacked.")


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Inflate a part once: if it is longer than declared, its checksum fails, because no more than declared is read."""
    kept, has_marks = b"", False
    with archive.open(part) as file:
        while chunk := file.read(CHUNK):
            if not kept and chunk.startswith(_WIDE_MARKS):
                raise UnreadableFile("A part of the workbook is not UTF-8.")
            seen = kept + chunk
            if any(word in seen for word in _FORBIDDEN):
                raise UnreadableFile("A part of the workbook has a document type or entities.")
            has_marks = has_marks or MARKED.search(seen) is not None
            kept = seen[-_LONGEST_FORBIDDEN:]
    return has_marks
