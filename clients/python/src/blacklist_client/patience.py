"""Timeouts, retries and the circuit breaker. Pure but for locks: the time is an argument."""

import random
import threading
from collections import deque
from dataclasses import dataclass

from blacklist_client.errors import CircuitOpen


@dataclass(frozen=True, slots=True)
class Patience:
    """The time limits of one call including its retries, in seconds."""

    deadline_seconds: float = 3.0
    try_seconds: float = 1.0
    tries: int = 3
    shortest_wait_seconds: float = 0.05
    longest_wait_seconds: float = 0.4
    shortest_try_seconds: float = 0.05
    """A retry is not started with less time than this left."""

    def wait_seconds(self, asked_for: float | None) -> float:
        """The wait before a retry: what the service asked for, or a random time between the two, so that clients do not retry
        all at once.
        """
        if asked_for is not None:
            return asked_for
        return random.uniform(self.shortest_wait_seconds, self.longest_wait_seconds)  # noqa: S311 - no secret

    def fits(self, wait_seconds: float, left_seconds: float) -> bool:
        return wait_seconds + self.shortest_try_seconds <= left_seconds


QUICK = Patience()
BATCH = Patience(deadline_seconds=30.0, try_seconds=15.0)
READING = Patience(deadline_seconds=15.0, try_seconds=10.0)
UPLOAD = Patience(deadline_seconds=3600.0, try_seconds=3600.0, tries=1)


@dataclass(slots=True)
class Waits:
    """Waits between attempts that continue for ever: 1, 2, 4 … 30 s, give or take a quarter."""

    longest_seconds: float = 30.0
    _next_seconds: float = 1.0

    def next_seconds(self) -> float:
        seconds, self._next_seconds = self._next_seconds, min(2 * self._next_seconds, self.longest_seconds)
        return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - no secret

    def begin_anew(self) -> None:
        self._next_seconds = 1.0


class RetryBudget:
    """Shared by all calls: retries are at most a tenth of the calls in the last ten seconds.

    So a service in distress gets a tenth more requests, not three times as many. `FREE` retries are allowed in any ten
    seconds, or a system that asks once a minute could never retry.
    """

    SHARE = 0.1
    FREE = 2
    SECONDS = 10.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[tuple[int, int]] = deque()
        self._calls_counted = 0
        self._retries: deque[float] = deque()

    def note_call(self, now: float) -> None:
        second = int(now)
        with self._lock:
            if self._calls and self._calls[-1][0] == second:
                self._calls[-1] = (second, self._calls[-1][1] + 1)
            else:
                self._calls.append((second, 1))
                self._forget(now)
            self._calls_counted += 1

    def take(self, now: float) -> bool:
        """Whether one more retry is allowed; if so, it is counted."""
        with self._lock:
            self._forget(now)
            while self._retries and self._retries[0] <= now - self.SECONDS:
                self._retries.popleft()
            if len(self._retries) >= max(self.FREE, int(self._calls_counted * self.SHARE)):
                return False
            self._retries.append(now)
            return True

    def _forget(self, now: float) -> None:
        while self._calls and self._calls[0][0] < now - self.SECONDS:
            self._calls_counted -= self._calls.popleft()[1]


class Circuit:
    """A circuit breaker: after five calls in a row without an answer it opens for 1, 2, 4 … 30 s; then one call is let
    through as a probe.
    """

    FAILURES = 5
    FIRST_SECONDS = 1.0
    LONGEST_SECONDS = 30.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._open_seconds = 0.0
        self._probing = False

    @property
    def is_closed(self) -> bool:
        return self._open_until is None

    def admit(self, now: float) -> bool:
        """Raise `CircuitOpen`, or return whether this call is the probe."""
        if self._open_until is None:
            return False
        with self._lock:
            if self._open_until is None:
                return False
            left = self._open_until - now
            if left > 0 or self._probing:
                raise CircuitOpen(
                    "not asked: the service gave no answer lately", after_seconds=max(left, self.FIRST_SECONDS)
                )
            self._probing = True
            return True

    def succeeded(self) -> None:
        if self._failures or self._open_until is not None:
            with self._lock:
                self._failures, self._open_until, self._open_seconds, self._probing = 0, None, 0.0, False

    def failed(self, now: float, *, was_probe: bool) -> None:
        with self._lock:
            self._failures += 1
            if was_probe:
                self._probing = False
            elif self._open_until is not None or self._failures < self.FAILURES:
                return  # a call that began before the circuit opened says nothing new
            self._open_seconds = min(max(self.FIRST_SECONDS, 2 * self._open_seconds), self.LONGEST_SECONDS)
            self._open_until = now + self._open_seconds

    def left_off(self, *, was_probe: bool) -> None:
        """The call ended without a verdict on the service: the next one may be the probe."""
        if was_probe:
            with self._lock:
                self._probing = False
