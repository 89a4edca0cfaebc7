"""Delays the refusal of requests without a valid key, the more of them come, so that they cannot slow down everybody else.

A few are refused at once. In a flood each refusal is delayed, so that only a few are served in a second, however fast and
over however many connections they come.
"""

import asyncio

SECONDS_EACH = 0.008
FREE_SECONDS = 0.2
"""Nobody is delayed before this many seconds of queued refusals: about two dozen at once."""
MOST_SECONDS = 4.0


class Anteroom:
    """The delays of one process. Only the answer is delayed: nothing but the connection is held meanwhile."""

    def __init__(self, seconds_each: float) -> None:
        self._seconds_each = seconds_each
        self._until = 0.0
        """The time at which all refusals so far would have been served one after the other."""

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        self._until = min(max(self._until, now) + self._seconds_each, now + FREE_SECONDS + MOST_SECONDS)
        delay = self._until - now - FREE_SECONDS
        if delay > 0:
            await asyncio.sleep(delay)


anteroom = Anteroom(SECONDS_EACH)
