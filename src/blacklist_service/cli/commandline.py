"""What happens before a command is parsed and before any other module is imported."""

import contextlib
import ctypes
import io
import os
import sys
from pathlib import Path

SECRET_OPTION = "--id-number"  # noqa: S105 - an option's name
FROM_INPUT = "-"
ARG_START, ARG_END, FIRST_AFTER_NAME = 48, 49, 3
"""Field numbers in /proc/self/stat (proc(5), counted from 1) of the memory that `ps` shows as the command line."""


def prepare(arguments: list[str]) -> None:
    """Open the standard streams so that any text can be written, and hide identity numbers from other users' `ps`."""
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a recorded answer is printed in ASCII too
    _take_numbers(arguments)


def _open_standard_streams() -> None:
    """Open closed standard streams on /dev/null. Otherwise the next file or socket would get their descriptor, and be
    overwritten by a child's input or output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _take_numbers(arguments: list[str]) -> None:
    """Read one line for an argument of `-`. A number on the command line is overwritten in memory, because every user could
    read it there.
    """
    for place, word in enumerate(arguments):
        name, has_value, value = word.partition("=")
        if name != SECRET_OPTION:
            continue
        at = place if has_value else place + 1
        given = value if has_value else (arguments[at] if at < len(arguments) else "")
        if given == FROM_INPUT:
            number = sys.stdin.readline().strip() if sys.stdin is not None else ""
            arguments[at] = f"{name}={number}" if has_value else number
        elif given:
            with contextlib.suppress(OSError, ValueError, IndexError):
                _blank(given.encode())


def _blank(secret: bytes) -> None:
    fields = Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    start, end = (int(fields[place - FIRST_AFTER_NAME]) for place in (ARG_START, ARG_END))
    shown = ctypes.string_at(start, end - start)
    at = shown.find(secret)
    while at >= 0:
        ctypes.memmove(start + at, b"*" * len(secret), len(secret))
        at = shown.find(secret, at + len(secret))
