"""Workbooks, opened in a child process, whose limits of memory and time stop a bomb."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import orjson

from blacklist_service.listings.files.base import Column, ListFile, Sheet, UnreadSheet, sheet_name
from blacklist_service.listings.files.header import MOST_UNKNOWN_NAMES, Header, read_header
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.records import RecordReader
from blacklist_service.listings.files.rows import CellFault, RawRow

CHILD = "blacklist_service.listings.files.xlsx_child"
CHILD_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL")  # no secret of ours in the environment of a hostile file
MESSAGE_SECONDS = 150.0
"""Wall-clock time, longer than its CPU time: a process that is silent for this long is blocked or stopped."""
LONGEST_MESSAGE = 64 << 20  # bytes; a row of 500 cells, each as long as Excel allows, as JSON


class XlsxFile(ListFile):
    encoding = ""

    def __init__(self, path: Path, *, format: Literal["xlsx", "xls"] = "xlsx") -> None:  # noqa: A002 - as its field is called
        self.format = format
        self._path = path
        self._begin()
        self._child: Child | None = Child(path)
        try:
            self._turn_to(self._child.receive())
        except BaseException:
            self.close()
            raise

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        return tuple(self._unknown)[:MOST_UNKNOWN_NAMES]

    @property
    def doubtful_columns(self) -> tuple[Column, ...]:
        return tuple(self._doubtful)

    @property
    def gaps(self) -> tuple[Column, ...]:
        return tuple(self._gaps)

    @property
    def fraction(self) -> float:
        return min(self._fraction, 1.0)

    def rows(self) -> Iterator[RawRow]:
        """Stream the rows of all sheets; the second time, the workbook is opened again."""
        child, self._child = self._child or self._reopen(), None
        try:
            yield from self._read(child)
        finally:
            child.end()
        self._fraction = 1.0

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _begin(self) -> None:
        self.sheets, self.unread_sheets = (), ()
        self.hidden_rows, self.first_hidden_row = 0, None
        self._unknown: dict[str, None] = {}
        self._doubtful: dict[Column, None] = {}
        self._gaps: dict[Column, None] = {}
        self._last_row = 0
        self._fraction = 0.0

    def _reopen(self) -> "Child":
        self._begin()
        child = Child(self._path)
        self._turn_to(child.receive())
        return child

    def _turn_to(self, head: Any) -> None:
        """Begin a sheet: its rows are numbered after all rows before it."""
        self._header: Header = read_header(head["header"])
        self._head = head
        name = sheet_name(head["sheet"], len(self.sheets))
        self.sheets += (Sheet(name, self._last_row),)
        self._unknown |= dict.fromkeys(self._header.unknown)
        self._gaps |= dict.fromkeys(Column(field.value, name) for field in self._header.gaps)
        self._reader = RecordReader(self._header)

    def _read(self, child: "Child") -> Iterator[RawRow]:
        while isinstance(message := child.receive(), list) or "sheet" in message:
            if isinstance(message, dict):
                self._turn_to(message)
            else:
                yield from self._rows_of(message)
        self.unread_sheets = tuple(UnreadSheet(sheet_name(name, None), why) for name, why in message["unread"])

    def _rows_of(self, batch: list[Any]) -> Iterator[RawRow]:
        sheet = self.sheets[-1]
        for number, cells, is_hidden, marked in batch:
            faults = {int(place): CellFault(fault) for place, fault in marked.items()}
            row = self._reader.read(sheet.after + number, cells, faults)
            self._last_row = sheet.after + number
            self._fraction = self._head["from"] + self._head["share"] * number / self._head["rows"]
            if row is None:
                continue
            if is_hidden:
                self.hidden_rows += 1
                self.first_hidden_row = self.first_hidden_row or row.number
            if row.notes:
                self._doubtful |= dict.fromkeys(Column(name, sheet.name) for name in self._header.doubts(row.notes))
            yield row


class Child:
    """The process that reads a hostile file, and its messages."""

    def __init__(self, path: Path, *arguments: str, program: str = CHILD) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very program; the path is an argument, no shell sees it
            [sys.executable, "-P", "-m", program, str(path.absolute()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the library's error output may quote content
            bufsize=0,
            env={name: os.environ[name] for name in CHILD_ENVIRONMENT if name in os.environ},
        )
        self._reading = threading.Lock()
        self.end = weakref.finalize(self, _end, self._process, self._reading)
        if not self._message():
            self.end()
            raise RuntimeError("the process that reads workbooks did not start")

    def receive(self) -> Any:
        """Receive the next message; raises if the child refused the file or died."""
        message = self._message()
        if message is None:
            self.end()
            raise UnreadableFile(DEATHS.get(self._process.returncode, "The workbook is damaged."))
        if isinstance(message, dict) and "refused" in message:
            self.end()
            raise UnreadableFile(message["refused"])
        return message

    def _message(self) -> Any:
        """Read a message; None if the process has ended, or has written an invalid message."""
        deadline = time.monotonic() + MESSAGE_SECONDS
        with self._reading:
            length = int.from_bytes(self._read(4, deadline), "big")
            body = self._read(length, deadline) if 0 < length <= LONGEST_MESSAGE else b""
        return orjson.loads(body) if body and len(body) == length else None

    def _read(self, count: int, deadline: float) -> bytes:
        """Read that many bytes, or fewer if the process ends; a process that is silent past the deadline is killed."""
        output = self._process.stdout
        assert output is not None  # noqa: S101 - it is a pipe
        poll = select.poll()
        poll.register(output, select.POLLIN)
        parts, missing = [], count
        while missing:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                self._process.kill()
                raise UnreadableFile(_TOO_SLOW)
            part = output.read(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


_TOO_LARGE = "The workbook needs more memory than it may have; send CSV, or fewer rows at a time."
_TOO_SLOW = "The workbook takes more time than it may have; send CSV, or fewer rows at a time."
DEATHS = {
    -signal.SIGABRT: _TOO_LARGE,
    -signal.SIGSEGV: _TOO_LARGE,
    -signal.SIGKILL: _TOO_LARGE,
    -signal.SIGXCPU: _TOO_SLOW,
}


def _end(process: subprocess.Popen[bytes], reading: threading.Lock) -> None:
    """First the process, because a thread that reads the pipe waits for its end; then the pipe."""
    process.kill()
    process.wait()
    with reading:
        if process.stdout is not None:
            process.stdout.close()
