"""What of a webhook may become what, which events make others superfluous, and the words of the wire. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from blacklist_service.watches.rules import FEW, EventType
from blacklist_service.webhooks.waits import State

MOST_WEBHOOKS = 5
"""That a member may have at once; each event is told at each of them."""
LAST_SECRET_SIGNS = timedelta(hours=72)
"""Along with the new one, after a rotation."""
DELIVERIES_KEPT = timedelta(days=90)
"""After they were settled. What was told is in the ledger, and what is to be told again is made anew of its event."""
SECONDS_BETWEEN_TESTS = 10
LATE = timedelta(hours=1)
"""Untold for longer, somebody has to look after it."""
HEAD_START = timedelta(hours=1)
"""Of what single acts changed: it goes before what a file changed within this time, and not for ever before the rest."""

SUPERSEDES: Mapping[EventType, tuple[EventType, ...]] = {
    EventType.DECISION_CHANGED: (EventType.DECISION_CHANGED, EventType.MATCHES_CHANGED),
    EventType.MATCHES_CHANGED: (EventType.MATCHES_CHANGED,),
}
"""Earlier events of the same watch that need not be told any more once this one waits. A changed decision says all that a
change of matches does, and not the other way round; an end, or a withdrawal, says something that no other event says.
"""


class DeliveryState(StrEnum):
    """`superseded`: a later event of its watch took its place; `dead`: given up after the days, and still in the feed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    DEAD = "dead"


NEXT_STATES: Mapping[State, frozenset[State]] = {
    State.AWAITING_APPROVAL: frozenset({State.VERIFYING, State.CLOSED}),
    State.VERIFYING: frozenset({State.ACTIVE, State.DISABLED, State.CLOSED}),
    State.ACTIVE: frozenset({State.FAILING, State.DISABLED, State.CLOSED}),
    State.FAILING: frozenset({State.ACTIVE, State.DISABLED, State.CLOSED}),
    State.DISABLED: frozenset({State.VERIFYING, State.CLOSED}),  # approved anew
    State.CLOSED: frozenset(),
}


def can_become(state: State, wanted: State) -> bool:
    return wanted in NEXT_STATES[state]


def due_from(instants: Sequence[datetime], at: datetime) -> list[datetime]:
    """Since when events recorded at these instants, of one feed, are due at `at`: those due longest are told first."""
    together = Counter(instants)
    return [at - HEAD_START if together[instant] <= FEW else at for instant in instants]


def message_id(member_code: str, sequence: int) -> str:
    """The `webhook-id`: the same on every try and replay, at every endpoint of the member."""
    return f"evt_{member_code}_{sequence}"


def line_of(watch_id: UUID | None, check_id: UUID) -> UUID:
    """What is told one at a time and in order: a watch has the id of the check that opened it."""
    return watch_id or check_id
