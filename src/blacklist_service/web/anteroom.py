"""Delays the refusal of requests without a valid key, the more of them come, so that they cannot slow down everybody else.

A few are refused at once. In a flood each refusal is delayed, so that only a few are served in a second, however fast and
over however many connections they come.
"""

import asyncio

from starlette.types import Scope

SECONDS_EACH = 0.016
FREE_SECONDS = 0.2
"""Nobody is delayed before this many seconds of queued refusals: about a dozen at once."""
MOST_SECONDS = 8.0
IS_NO_STRANGER = "is_no_stranger"
"""Key in a request's scope: its API key was valid before, but could not be looked up again in time."""


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


def has_to_wait(scope: Scope) -> bool:
    """Whether the request was sent without a known key."""
    return "principal" not in scope and not scope.get(IS_NO_STRANGER, False)


anteroom, probes = Anteroom(SECONDS_EACH), Anteroom(SECONDS_EACH)
"""The second is for who looks whether the service is there: strangers must not make it look gone."""
