"""How long to wait between tries at an endpoint, and how many may run at once. Pure: clock and randomness are arguments.

Waits belong to the endpoint, not to the event: an endpoint that is down for nine days is tried as rarely with ten thousand
events waiting as with one. Tries that ran concurrently count as one failure.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

Chance: TypeAlias = Callable[[], float]
"""A random number in [0, 1)."""
WAITS = tuple(timedelta(seconds=seconds) for seconds in (0, 5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600))
"""The wait after that many failures in a row; the last one repeats."""
JITTER = 0.2
FAILURES_TO_FAILING = 5
WIDEST = 8
RETRY_AFTER = (timedelta(seconds=1), timedelta(hours=1))
LEASE = timedelta(seconds=30)
"""Three times what a try may take: if a worker ends in the middle of a try, another takes over after that."""


class State(StrEnum):
    """The state of a webhook. `failing` is `active` with five failures in a row; nothing is sent before `verifying`."""

    AWAITING_APPROVAL = "awaiting_approval"
    VERIFYING = "verifying"
    ACTIVE = "active"
    FAILING = "failing"
    DISABLED = "disabled"
    CLOSED = "closed"


TOLD = frozenset({State.ACTIVE, State.FAILING})
"""States in which the endpoint has proved itself and receives events."""


class DisabledBy(StrEnum):
    """Why a webhook is disabled."""

    GONE = "gone"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint has answered lately; `width` is how many tries may be under way."""

    state: State
    failures: int = 0
    failing_since: datetime | None = None
    next_try_at: datetime | None = None
    width: int = WIDEST
    cause: DisabledBy | None = None


@dataclass(frozen=True, slots=True)
class TryOutcome:
    """The outcome of one try. `status` is None if there was no response; `fault` names why it failed."""

    status: int | None
    fault: str | None
    seconds: float = 0.0
    retry_after: timedelta | None = None

    @property
    def is_told(self) -> bool:
        return self.fault is None

    @property
    def is_gone(self) -> bool:
        """410: the receiver wants no more events."""
        return self.status == 410


def after(
    health: Health, outcome: TryOutcome, *, failures_before: int, at: datetime, longest: timedelta, chance: float
) -> Health:
    """The endpoint's health after a try that began at `failures_before` failures. `chance` is in [0, 1)."""
    if health.state not in {State.VERIFYING, *TOLD}:
        return health
    if outcome.is_gone:
        return replace(health, state=State.DISABLED, cause=DisabledBy.GONE, next_try_at=None)
    if outcome.is_told:
        state = State.ACTIVE if health.state in TOLD else health.state
        return Health(state, width=min(WIDEST, max(health.width, 1) * 2))
    if failures_before != health.failures:
        return health  # ran concurrently with a failure that is already counted
    failures, since = health.failures + 1, health.failing_since or at
    if at - since >= longest:
        return replace(health, state=State.DISABLED, cause=DisabledBy.DAYS, next_try_at=None)
    is_failing = failures >= FAILURES_TO_FAILING and health.state in TOLD
    return Health(
        State.FAILING if is_failing else health.state,
        failures,
        since,
        at + wait(failures, retry_after=outcome.retry_after, chance=chance),
        width=1,
    )


def wait(failures: int, *, retry_after: timedelta | None = None, chance: float = 0.5) -> timedelta:
    """The wait after that many failures in a row, ±20 %; never less than the receiver asked for, up to an hour."""
    usual = WAITS[min(failures, len(WAITS) - 1)] * (1 + JITTER * (2 * chance - 1))
    if retry_after is None:
        return usual
    shortest, longest = RETRY_AFTER
    return max(usual, min(max(retry_after, shortest), longest))
