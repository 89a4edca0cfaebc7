"""Scans a text file once before it is parsed: its encoding, its lines, its NULs.

The whole file must be in one encoding. Text in one encoding is sometimes valid in the other, so a file that is UTF-8 for a
while and then invalid is damaged UTF-8 and never GB18030: decoded so, its names would be wrong.
"""

import codecs
from dataclasses import dataclass
from pathlib import Path

from blacklist_service.listings.files.cells import DROPPED
from blacklist_service.listings.files.problems import UnreadableFile

CHUNK = 1 << 20
LONGEST_LINE = 1 << 20  # a record of 24 cells has about 400 bytes; the longest obligation a few thousand characters
SURELY_UTF8 = 32  # bytes beyond one for each character; GB18030 text never contains that many valid ones in a row

_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


EURO = b"\x80"
"""The euro sign of Windows code page 936, which otherwise equals GBK. GB18030 encodes the sign elsewhere."""

_CONTROLS = tuple(bytes([code]) for code in (*range(0x01, 0x20), 0x7F) if bytes([code]) not in b"\t\n\r")


@dataclass(frozen=True, slots=True)
class TextScan:
    """The result of scanning a readable text file."""

    encoding: str
    has_controls: bool


def scan_text(path: Path) -> TextScan:
    """Scan the file in bounded memory and determine how to decode it; raises if it cannot be decoded."""
    start = _first_bytes(path)
    if start.startswith(_WIDE_MARKS):
        raise UnreadableFile("The file is UTF-16; save it as UTF-8 or GB18030.")
    has_mark = start.startswith(codecs.BOM_UTF8)
    utf8 = _read_through(path, "utf-8")
    if utf8.broken_at_line is None:
        return TextScan("utf-8-sig" if has_mark else "utf-8", utf8.has_controls)
    if has_mark or utf8.wide_bytes >= SURELY_UTF8:
        raise UnreadableFile(
            f"Line {utf8.broken_at_line}: bytes that are not UTF-8, in a file that is UTF-8 up to there."
        )
    gb18030 = _read_through(path, "gb18030")
    if gb18030.broken_at_line is None:
        return TextScan("gb18030", gb18030.has_controls)
    line = max(utf8.broken_at_line, gb18030.broken_at_line)
    raise UnreadableFile(f"Line {line}: bytes that are neither UTF-8 nor GB18030.")


def errors_of(encoding: str) -> str:
    """The error handler for bytes that the encoding itself cannot decode."""
    return _EURO if encoding == "gb18030" else "strict"


def _read_euro(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError) and error.object[error.start : error.start + 1] == EURO:
        return "€", error.start + 1
    raise error


_EURO = "blacklist-service-euro"
codecs.register_error(_EURO, _read_euro)


@dataclass(slots=True)
class _Pass:
    broken_at_line: int | None = None
    wide_bytes: int = 0
    has_controls: bool = False


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _read_through(path: Path, encoding: str) -> _Pass:
    decoder = codecs.getincrementaldecoder(encoding)(errors_of(encoding))
    found, lines = _Pass(), _Lines()
    with path.open("rb", buffering=0) as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                found.wide_bytes += error.start - len(error.object[: error.start].decode(encoding, "ignore"))
                found.broken_at_line = lines.count + error.object[: error.start].count(b"\n") + 1
                return found
            found.wide_bytes += len(chunk) - len(text)
            if not chunk:
                return found
            lines.add(chunk)
            found.has_controls = (
                found.has_controls
                or any(control in chunk for control in _CONTROLS)
                or (not text.isascii() and any(odd in text for odd in DROPPED))
            )


class _Lines:
    """Counts lines, and refuses lines that are too long."""

    def __init__(self) -> None:
        self.count = 0
        self._length = 0

    def add(self, chunk: bytes) -> None:
        if (at := chunk.find(b"\0")) >= 0:
            line = self.count + chunk.count(b"\n", 0, at) + 1
            raise UnreadableFile(f"Line {line}: a NUL byte; this is no text.")
        first = chunk.find(b"\n")
        self._length += len(chunk) if first < 0 else first
        if self._length > LONGEST_LINE:
            raise UnreadableFile(f"Line {self.count + 1} is longer than {LONGEST_LINE >> 20} MiB.")
        if first >= 0:
            self._length = len(chunk) - chunk.rfind(b"\n") - 1
        self.count += chunk.count(b"\n")
