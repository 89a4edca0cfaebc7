"""Refuses each ask at its deadline, whether it is still waiting for a lane or for the database."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from blacklist_service.checks.asks import Ask, refuse
from blacklist_service.problems import Undetermined

GRAIN_SECONDS = 0.002
"""Asks whose deadlines are less than this apart are refused together."""
NEVER = float("inf")


class Deadlines:
    """One timer for all asks. When it fires it looks for asks that are overdue; nearly all were answered before, and cost
    one comparison. `open_asks` returns those that are waiting or under way.
    """

    def __init__(self, open_asks: Callable[[], Iterator[Ask]]) -> None:
        self._open_asks = open_asks
        self._next = NEVER

    def keep(self, ask: Ask) -> None:
        if ask.deadline < self._next:
            self._set(ask.deadline)

    def _set(self, at: float) -> None:
        """Arm the timer. A timer set earlier for a later time still fires, and finds that it is not the next one."""
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
