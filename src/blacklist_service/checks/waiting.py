"""Asks that wait for a lane: in order for each member, and the members in turn."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from blacklist_service.checks.asks import Ask


class Waiting:
    """One queue for each member that has asks waiting."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str | None, deque[Ask]] = OrderedDict()
        self.size = 0
        """How many asks are waiting. An attribute, because it is read several times for each check."""

    def __bool__(self) -> bool:
        return self.size > 0

    def __iter__(self) -> Iterator[Ask]:
        for queue in self._queues.values():
            yield from queue

    def append(self, ask: Ask) -> None:
        member = ask.asker.member
        queue = self._queues.get(member)
        if queue is None:
            queue = self._queues[member] = deque()
        queue.append(ask)
        self.size += 1

    def popleft(self) -> Ask:
        """Remove and return the oldest ask of the member whose turn it is."""
        queues = self._queues
        for member, queue in queues.items():  # noqa: B007 - the first, without an iterator and a look-up of their own
            break
        ask = queue.popleft()
        self.size -= 1
        if not queue:
            del queues[member]
        elif len(queues) > 1:
            queues.move_to_end(member)
        return ask

    def put_back(self, asks: Iterable[Ask]) -> None:
        """Put asks back in front of the others of their members, in their order."""
        for ask in reversed(list(asks)):
            member = ask.asker.member
            self._queues.setdefault(member, deque()).appendleft(ask)
            self.size += 1

    def has_its_share(self, ask: Ask, most: int) -> bool:
        """Whether the member already has an equal share of the queue, given that `most` may wait in all."""
        queue = self._queues.get(ask.asker.member)
        members = len(self._queues) + (queue is None)
        return queue is not None and len(queue) >= most // members
