"""What is done before a command is read, and before anything else is imported."""

import contextlib
import ctypes
import io
import os
import sys
from pathlib import Path

SECRET_OPTION = "--id-number"  # noqa: S105 - an option's name
FROM_INPUT = "-"
ARG_START, ARG_END, FIRST_AFTER_NAME = 48, 49, 3
"""Places in /proc/self/stat (proc(5), counted from 1): where the kernel finds what `ps` shows."""


def prepare(arguments: list[str]) -> None:
    """Have standard streams that can take whatever is said, and numbers of persons that nobody else sees."""
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an answer that was recorded is told, in ASCII too
    _take_numbers(arguments)


def _open_standard_streams() -> None:
    """A closed one would be given to the next file or socket that is opened, and a child's input laid over that."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _take_numbers(arguments: list[str]) -> None:
    """`-` reads one line instead; whatever stands on the command line is blanked, where every user could read it."""
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
