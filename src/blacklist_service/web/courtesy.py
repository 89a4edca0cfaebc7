"""Long work on the event loop that also answers checks: done in slices, with pauses between them while checks are asked of
any process of this service.

All long work of a process shares one time budget: however much is requested, and by however many keys, it runs for at most a
fifth of the time. The processes share the processors and the database, so each tells the others when it is asked a check.
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
UPLOAD_BYTES_A_SECOND = 8 << 20
"""How fast a process stores the files that are sent to it while checks are asked: the checks' evidence becomes durable on the
same disk.
"""
COMPANY_SECONDS = 1.0
NOTED_SECONDS = 0.1
"""How often checks are noted: noting each of them would slow each of them down."""


class Company:
    """Whether checks are being asked of this service, by a timestamp in a file that its processes share; without a file, of
    this process.
    """

    def __init__(self, place: Path | None = None) -> None:
        if place is None:
            self._at = memoryview(bytearray(8)).cast("d")
        else:
            with place.open("r+b") as file:
                self._at = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")

    def note(self) -> None:
        """Note that a check was asked."""
        self._at[0] = time.monotonic()

    def is_there(self) -> bool:
        return time.monotonic() - self._at[0] < COMPANY_SECONDS


def make_place(place: Path) -> None:
    """Create the shared file, with no check noted yet."""
    place.write_bytes(bytes(8))


class Courtesy:
    """The time budget of long work: a pause after one piece of work delays all of them."""

    def __init__(self, is_in_company: Callable[[], bool], *, rest: float = REST) -> None:
        self._is_in_company = is_in_company
        self._rest = rest
        self._free_at = 0.0

    def begin(self) -> "Piece":
        return Piece(self)

    def rest_after(self, taken: float) -> float:
        """Seconds to wait after work of that duration; zero while no checks are asked."""
        if not self._is_in_company():
            return 0.0
        now = time.monotonic()
        rest = min(max(self._rest * taken, LEAST_REST_SECONDS), MOST_REST_SECONDS)
        self._free_at = max(self._free_at, now) + rest
        return self._free_at - now


class SharedRate:
    """A rate, in bytes a second, that all transfers of one kind in this process share while checks are asked."""

    def __init__(self, is_in_company: Callable[[], bool], *, bytes_a_second: int) -> None:
        self._is_in_company = is_in_company
        self._bytes_a_second = bytes_a_second
        self._free_at = 0.0

    def rest_after(self, size: int) -> float:
        """Seconds to wait after a transfer of that size; zero while no checks are asked."""
        if not self._is_in_company():
            return 0.0
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + size / self._bytes_a_second
        return self._free_at - now


class Piece:
    """One piece of long work, such as a page of the feed or an upload."""

    def __init__(self, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._began = time.monotonic()

    async def give_way(self) -> None:
        """Call this before each slice; a slice should take a millisecond or two."""
        await asyncio.sleep(self._courtesy.rest_after(time.monotonic() - self._began))
        self._began = time.monotonic()

    def end(self) -> None:
        """Charge the last slice to the shared budget."""
        self._courtesy.rest_after(time.monotonic() - self._began)
