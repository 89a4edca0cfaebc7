"""How long an endpoint is left alone, and how many it is told at once. Pure: no clock, no chance but what is given.

Waits are the endpoint's, not the message's: a house that is down for nine days is asked as rarely with ten thousand
events waiting as with one. Tries that were under way together count as one failure.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

Chance: TypeAlias = Callable[[], float]
"""Of [0, 1)."""
WAITS = tuple(timedelta(seconds=seconds) for seconds in (0, 5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600))
"""After so many failures in a row, the last one again and again."""
JITTER = 0.2
FAILURES_TO_FAILING = 5
WIDEST = 8
RETRY_AFTER = (timedelta(seconds=1), timedelta(hours=1))
LEASE = timedelta(seconds=30)
"""Thrice what a try may take: who ended in the middle of it is followed by another after that."""


class State(StrEnum):
    """Where a webhook stands. `failing` is `active` with five failures in a row; nothing is sent before `verifying`."""

    AWAITING_APPROVAL = "awaiting_approval"
    VERIFYING = "verifying"
    ACTIVE = "active"
    FAILING = "failing"
    DISABLED = "disabled"
    CLOSED = "closed"


TOLD = frozenset({State.ACTIVE, State.FAILING})
"""Those whose endpoint proved itself and is told of events."""


class DisabledBy(StrEnum):
    """Why a webhook is disabled."""

    GONE = "gone"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint answered lately; `width` is how many tries may be under way."""

    state: State
    failures: int = 0
    failing_since: datetime | None = None
    next_try_at: datetime | None = None
    width: int = WIDEST
    cause: DisabledBy | None = None


@dataclass(frozen=True, slots=True)
class TryOutcome:
    """What became of one try. `status` is None where none was answered; `fault` says why it failed, in one word of ours."""

    status: int | None
    fault: str | None
    seconds: float = 0.0
    retry_after: timedelta | None = None

    @property
    def is_told(self) -> bool:
        return self.fault is None

    @property
    def is_gone(self) -> bool:
        """410: the receiver says that it does not want to be told any more."""
        return self.status == 410


def after(
    health: Health, outcome: TryOutcome, *, failures_before: int, at: datetime, longest: timedelta, chance: float
) -> Health:
    """The endpoint's health after a try that was begun at `failures_before` failures. `chance` is of [0, 1)."""
    if health.state not in {State.VERIFYING, *TOLD}:
        return health
    if outcome.is_gone:
        return replace(health, state=State.DISABLED, cause=DisabledBy.GONE, next_try_at=None)
    if outcome.is_told:
        state = State.ACTIVE if health.state in TOLD else health.state
        return Health(state, width=min(WIDEST, max(health.width, 1) * 2))
    if failures_before != health.failures:
        return health  # of the same moment as a failure that counts already
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
    """How long after so many failures in a row, ±20 %; never sooner than the receiver asked for, within an hour."""
    usual = WAITS[min(failures, len(WAITS) - 1)] * (1 + JITTER * (2 * chance - 1))
    if retry_after is None:
        return usual
    shortest, longest = RETRY_AFTER
    return max(usual, min(max(retry_after, shortest), longest))
