"""Long work beside checks: in slices, with pauses between them while checks are asked of any process of this service.

All long work of a process shares one measure of time: however much of it is asked for, and by however many keys, it works
for a fifth of the time at most. Processes share the processors and the database too, so whoever is asked a check says so to
all of them.
"""

import asyncio
import mmap
import time
from collections.abc import Callable
from pathlib import Path

REST = 4
"""The pause, as a multiple of the slice's duration, while checks are asked."""
LEAST_REST_SECONDS = 0.004
MOST_REST_SECONDS = 0.1
COMPANY_SECONDS = 1.0
NOTED_SECONDS = 0.1
"""After which another check is noted: not each one, for that would cost each one."""


class Company:
    """Whether checks are asked of this service, by a time that lies in a file which its processes share; without one, of
    this process.
    """

    def __init__(self, place: Path | None = None) -> None:
        if place is None:
            self._at = memoryview(bytearray(8)).cast("d")
        else:
            with place.open("r+b") as file:
                self._at = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")

    def note(self) -> None:
        """A check is asked."""
        self._at[0] = time.monotonic()

    def is_there(self) -> bool:
        return time.monotonic() - self._at[0] < COMPANY_SECONDS


def make_place(place: Path) -> None:
    """The file, where no check was asked yet."""
    place.write_bytes(bytes(8))


class Courtesy:
    """Gives way to checks between slices; what rests for one piece of work, rests for all."""

    def __init__(self, is_in_company: Callable[[], bool], *, rest: float = REST) -> None:
        self._is_in_company = is_in_company
        self._rest = rest
        self._free_at = 0.0

    def begin(self) -> "Piece":
        return Piece(self)

    def rest_after(self, taken: float) -> float:
        """The seconds for which whoever has worked for so long has to wait; zero where nobody asks checks."""
        if not self._is_in_company():
            return 0.0
        now = time.monotonic()
        rest = min(max(self._rest * taken, LEAST_REST_SECONDS), MOST_REST_SECONDS)
        self._free_at = max(self._free_at, now) + rest
        return self._free_at - now


class Piece:
    """One piece of work."""

    def __init__(self, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._began = time.monotonic()

    async def give_way(self) -> None:
        """Before a slice of it, a slice being a millisecond or two."""
        await asyncio.sleep(self._courtesy.rest_after(time.monotonic() - self._began))
        self._began = time.monotonic()

    def end(self) -> None:
        """The others rest for its last slice."""
        self._courtesy.rest_after(time.monotonic() - self._began)
