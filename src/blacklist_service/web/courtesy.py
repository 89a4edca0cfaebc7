"""Long work on the event loop that also answers checks: done in slices, with pauses longer than the slices while checks come
in.
"""

import asyncio
import time
from collections.abc import Callable

REST = 4
"""The pause, as a multiple of the slice's duration, while checks are asked."""
LEAST_REST_SECONDS = 0.004
MOST_REST_SECONDS = 0.1


class Courtesy:
    """Gives way to checks between the slices of one piece of work; `asked` returns how many checks were ever asked."""

    def __init__(self, asked: Callable[[], int]) -> None:
        self._asked = asked
        self._seen = asked()
        self._began = time.perf_counter()

    async def give_way(self) -> None:
        """Call this between two slices; a slice should take a millisecond or two."""
        asked = self._asked()
        if asked == self._seen:
            await asyncio.sleep(0)
        else:
            taken = time.perf_counter() - self._began
            await asyncio.sleep(min(max(REST * taken, LEAST_REST_SECONDS), MOST_REST_SECONDS))
            self._seen = self._asked()
        self._began = time.perf_counter()
