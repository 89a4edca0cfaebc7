"""Every key its share: so many at once, so many of each, and whoever waits is let in by turns of those who wait."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blacklist_service.problems import TooManyRequests


class Turns:
    """Lets `size` in at once, `each` of one holder; of each `waiting` more may wait, for at most `seconds`."""

    def __init__(self, size: int, *, each: int, waiting: int, seconds: float) -> None:
        self._free = size
        self._each = each
        self._waiting = waiting
        self._seconds = seconds
        self._inside: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, holder: str) -> AsyncIterator[None]:
        """Raise `TooManyRequests` where the holder has as many already as it may, or none became free in time."""
        await self._enter(holder)
        try:
            yield
        finally:
            self._leave(holder)

    async def _enter(self, holder: str) -> None:
        queue = self._queues.get(holder)
        if not queue and self._free and self._inside[holder] < self._each:
            self._admit(holder)
            return
        if self._inside[holder] + len(queue or ()) >= self._each + self._waiting:
            raise TooManyRequests("so many of this key's requests are under way that this one has to come later")
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(holder, deque()).append(admitted)
        try:
            async with asyncio.timeout(self._seconds):
                await admitted
        except BaseException as error:
            self._withdraw(holder, admitted)
            if isinstance(error, TimeoutError):
                raise TooManyRequests("others are being served; come later") from None
            raise

    def _withdraw(self, holder: str, admitted: "asyncio.Future[None]") -> None:
        if admitted.done() and not admitted.cancelled():
            self._leave(holder)
            return
        queue = self._queues.get(holder)
        if queue is not None and admitted in queue:
            queue.remove(admitted)
            if not queue:
                del self._queues[holder]

    def _admit(self, holder: str) -> None:
        self._free -= 1
        self._inside[holder] += 1

    def _leave(self, holder: str) -> None:
        self._free += 1
        self._inside[holder] -= 1
        if not self._inside[holder]:
            del self._inside[holder]
        self._admit_the_next()

    def _admit_the_next(self) -> None:
        """Of the holder who has waited longest since its last turn, and may have one more."""
        while self._free:
            holder = next((one for one in self._queues if self._inside[one] < self._each), None)
            if holder is None:
                return
            queue = self._queues.pop(holder)
            admitted = queue.popleft()
            if queue:
                self._queues[holder] = queue
            if not admitted.done():
                self._admit(holder)
                admitted.set_result(None)
