"""What checks need of the watches, which are a layer above: open a watch with the evidence, end it by an outcome."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.checks.asks import Answer, Question
from blacklist_service.checks.queries import Snapshot
from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.database.connections import Connection


class Watching(Protocol):
    """Opens and ends watches. Each method works in the transaction of its caller."""

    async def count_room(self, connection: Connection, members: Collection[str]) -> Mapping[str, int]:
        """How many more watches each of these members may open."""

    async def open(self, connection: Connection, opened: Sequence[tuple[Question, Answer]], snapshot: Snapshot) -> None:
        """Open watches on these questions, as they were answered on `snapshot`."""

    async def end_by_outcome(
        self, connection: Connection, check_id: UUID, outcome: OutcomeAction, *, actor: Actor
    ) -> None:
        """End the watch of a check, or of a recheck, that now has a final outcome."""
