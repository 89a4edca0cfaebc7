"""Requests without a valid key are answered the later, the more of them there are: what they cost everybody else is bounded.

A few are answered at once. In a flood each refusal is delayed, so that few are served in a second, however many
connections send requests as fast as they can.
"""

import asyncio

SECONDS_EACH = 0.008
FREE_SECONDS = 0.2
"""Before which nobody waits: two dozen at once."""
MOST_SECONDS = 4.0


class Anteroom:
    """Of one process. The delay is of the answer alone: nothing is held meanwhile but the connection."""

    def __init__(self, seconds_each: float) -> None:
        self._seconds_each = seconds_each
        self._until = 0.0
        """When all would have been served who came so far, one after the other."""

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        self._until = min(max(self._until, now) + self._seconds_each, now + FREE_SECONDS + MOST_SECONDS)
        delay = self._until - now - FREE_SECONDS
        if delay > 0:
            await asyncio.sleep(delay)


anteroom = Anteroom(SECONDS_EACH)
