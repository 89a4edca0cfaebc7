"""Each ask is refused at its deadline, whether it waits for a lane or for the database."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from blacklist_service.checks.asks import Ask, refuse
from blacklist_service.problems import Undetermined

GRAIN_SECONDS = 0.002
"""Those whose time is up within so long are refused together."""
NEVER = float("inf")


class Deadlines:
    """One timer for all, which looks at them when it goes off: nearly every ask was answered by then, and has cost a
    comparison. `open_asks` gives all that wait or are under way.
    """

    def __init__(self, open_asks: Callable[[], Iterator[Ask]]) -> None:
        self._open_asks = open_asks
        self._next = NEVER

    def keep(self, ask: Ask) -> None:
        if ask.deadline < self._next:
            self._set(ask.deadline)

    def _set(self, at: float) -> None:
        """Timers that were set for later still go off, and find that theirs is not the next."""
        self._next = at
        asyncio.get_running_loop().call_at(at, self._expire, at)

    def _expire(self, at: float) -> None:
        if at != self._next:
            return
        self._next = NEVER
        unanswered = [ask for ask in self._open_asks() if not ask.answered.done()]
        due = asyncio.get_running_loop().time() + GRAIN_SECONDS
        following = _earliest(ask for ask in unanswered if ask.deadline > due)
        if following < NEVER:
            self._set(following)
        refuse([ask for ask in unanswered if ask.deadline <= due], Undetermined("the database did not answer in time"))


def _earliest(asks: Iterable[Ask]) -> float:
    return min((ask.deadline for ask in asks), default=NEVER)
