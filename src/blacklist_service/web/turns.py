"""Limits the requests in progress, in total and for each key; those that wait are admitted key by key, in turn."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from blacklist_service.problems import TooManyRequests


class Turns:
    """Admits `size` at once, `each` for one holder; for each holder `waiting` more may wait, for at most `seconds`. A large
    request counts as several, both of `size` and of `each`.
    """

    def __init__(self, size: int, *, each: int, waiting: int, seconds: float) -> None:
        self._free = size
        self._each = each
        self._waiting = waiting
        self._seconds = seconds
        self._inside: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[_Waiting]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, holder: str, counts_as: int = 1) -> AsyncIterator[None]:
        """Raise `TooManyRequests` if the holder already has the most it may, or if none became free in time."""
        await self._enter(holder, counts_as)
        try:
            yield
        finally:
            self._leave(holder, counts_as)

    async def _enter(self, holder: str, counts_as: int) -> None:
        queue = self._queues.get(holder)
        is_first = not queue and self._next_holder() is None
        if is_first and self._free >= counts_as and self._may_enter(holder, counts_as):
            self._admit(holder, counts_as)
            return
        if self._inside[holder] + len(queue or ()) >= self._each + self._waiting:
            raise TooManyRequests("so many of this key's requests are under way that this one has to come later")
        waiting = _Waiting(asyncio.get_running_loop().create_future(), counts_as)
        self._queues.setdefault(holder, deque()).append(waiting)
        try:
            async with asyncio.timeout(self._seconds):
                await waiting.admitted
        except BaseException as error:
            self._withdraw(holder, waiting)
            if isinstance(error, TimeoutError):
                raise TooManyRequests("others are being served; come later") from None
            raise

    def _withdraw(self, holder: str, waiting: "_Waiting") -> None:
        if waiting.admitted.done() and not waiting.admitted.cancelled():
            self._leave(holder, waiting.counts_as)
            return
        queue = self._queues.get(holder)
        if queue is not None and waiting in queue:
            queue.remove(waiting)
            if not queue:
                del self._queues[holder]
            self._admit_the_next()  # it may come before requests that already fit

    def _next_holder(self) -> str | None:
        """The next holder that waits and may have one more, though there is no room for it yet."""
        return next((one for one, queue in self._queues.items() if self._may_enter(one, queue[0].counts_as)), None)

    def _may_enter(self, holder: str, counts_as: int) -> bool:
        return self._inside[holder] + counts_as <= self._each

    def _admit(self, holder: str, counts_as: int) -> None:
        self._free -= counts_as
        self._inside[holder] += counts_as

    def _leave(self, holder: str, counts_as: int) -> None:
        self._free += counts_as
        self._inside[holder] -= counts_as
        if not self._inside[holder]:
            del self._inside[holder]
        self._admit_the_next()

    def _admit_the_next(self) -> None:
        """Admit a request of the holder that has waited longest since its last turn and may have one more. A request larger
        than the free room is waited for.
        """
        while True:
            holder = next(
                (one for one, queue in self._queues.items() if self._may_enter(one, queue[0].counts_as)), None
            )
            if holder is None or self._free < self._queues[holder][0].counts_as:
                return
            queue = self._queues.pop(holder)
            waiting = queue.popleft()
            if queue:
                self._queues[holder] = queue
            if not waiting.admitted.done():
                self._admit(holder, waiting.counts_as)
                waiting.admitted.set_result(None)


class _Waiting(NamedTuple):
    admitted: "asyncio.Future[None]"
    counts_as: int
