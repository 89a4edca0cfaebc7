"""The states of webhooks, which events supersede others, and the words used on the wire. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from blacklist_service.watches.rules import FEW, EventType
from blacklist_service.webhooks.waits import State

MOST_WEBHOOKS = 5
"""Webhooks that a member may have at once; each event is sent to all of them."""
LAST_SECRET_SIGNS = timedelta(hours=72)
"""The previous secret also signs for this long after a rotation."""
DELIVERIES_KEPT = timedelta(days=90)
"""How long settled deliveries are kept. What was told is in the ledger, and a replay makes deliveries of the event again."""
SECONDS_BETWEEN_TESTS = 10
LATE = timedelta(hours=1)
"""An event that is untold for longer needs attention."""
HEAD_START = timedelta(hours=1)
"""How much sooner events of single acts are due: they go before those of a file, but not for ever."""

SUPERSEDES: Mapping[EventType, tuple[EventType, ...]] = {
    EventType.DECISION_CHANGED: (EventType.DECISION_CHANGED, EventType.MATCHES_CHANGED),
    EventType.MATCHES_CHANGED: (EventType.MATCHES_CHANGED,),
}
"""Earlier events of the same watch that an event supersedes while they wait. A changed decision says all that a change of
matches says, but not vice versa; an end, or a withdrawal, says something that no other event says.
"""


class DeliveryState(StrEnum):
    """`superseded`: a later event of its watch took its place; `dead`: given up after the retention, and still in the
    feed.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    DEAD = "dead"


NEXT_STATES: Mapping[State, frozenset[State]] = {
    State.AWAITING_APPROVAL: frozenset({State.VERIFYING, State.CLOSED}),
    State.VERIFYING: frozenset({State.ACTIVE, State.DISABLED, State.CLOSED}),
    State.ACTIVE: frozenset({State.FAILING, State.DISABLED, State.CLOSED}),
    State.FAILING: frozenset({State.ACTIVE, State.DISABLED, State.CLOSED}),
    State.DISABLED: frozenset({State.VERIFYING, State.CLOSED}),  # approved again
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
    """The unit of ordering, of which one event is sent at a time: a watch has the id of the check that opened it."""
    return watch_id or check_id
