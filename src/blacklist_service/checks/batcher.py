"""The hot path: micro-batches without a timer.

A lane takes all waiting checks (at most 128), looks everything up in one statement and so on one snapshot, decides in
memory, writes the ledger in a second statement whose commit is durable, and only then sends the answers. When idle, a check
is a batch of one; under load one commit serves dozens. There is no default answer: what cannot be known and recorded is
`Undetermined`.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from itertools import chain

import structlog

from blacklist_service.checks.answering import Answerer, Outcomes
from blacklist_service.checks.answers import ListAges
from blacklist_service.checks.asks import Answer, Ask, refuse
from blacklist_service.checks.deadlines import Deadlines
from blacklist_service.checks.fishing import Fishing
from blacklist_service.checks.waiting import Waiting
from blacklist_service.checks.watching import Watching
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.database.lanes import REHEARSED_SECONDS, Lane, LaneLost
from blacklist_service.database.room import ELSEWHERE, Room
from blacklist_service.problems import InternalError, Problem, Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.telemetry import BATCH_SECONDS, BATCH_SIZE, QUEUE_DEPTH
from blacklist_service.web.courtesy import NOTED_SECONDS, Company

MOST_AT_ONCE = 128
MOST_BYTES_AT_ONCE = 64 * 1024
"""Bytes of request bodies in one transaction. Size stands for the cost of parsing, which grows with subjects."""
MOST_BYTES_IN_COMPANY = 3 * 1024
"""The limit for a slice of a batch while single checks are asked: a single check may have to wait for one slice."""
SHORTEST_TRY_SECONDS = 0.1
"""The shortest timeout of a transaction, even if its asks have less time left. They are still refused at their deadline, but
a lane that times out has to reconnect, which delays all others."""
TURNED_AWAY_SECONDS_EACH = 0.0005
TURNED_AWAY_SECONDS = 0.3
CROWD = 0.7
"""While one lane is working, a second one starts once the waiting checks reach this fraction of what the first took: a small
transaction costs the database nearly as much as a large one.
"""
LONG_WAIT_SECONDS = 0.025
"""After this time the working lane is presumed stuck, and a second one starts for however few checks are waiting."""

log = structlog.get_logger()


class Batcher:
    """Answers checks. Routes use `ask` and `ask_together` only."""

    def __init__(
        self,
        dsn: str,
        *,
        secrecy: Secrecy,
        lanes: int,
        queue: int,
        ages: ListAges | None = None,
        room: Room = ELSEWHERE,
        fishing: Fishing | None = None,
        watching: Watching | None = None,
        company: Company | None = None,
    ) -> None:
        self._room = room
        self._company = company or Company()
        self._note_at = 0.0
        self._answerer = Answerer(secrecy=secrecy, ages=ages or ListAges(), fishing=fishing, watching=watching)
        self._most_waiting = queue
        self._enough = 0.0
        self._look_again: asyncio.TimerHandle | None = None
        self._waiting = Waiting()
        self._batched = Waiting()
        self._under_way: dict[Lane, list[Ask]] = {}
        self._singles_under_way = 0
        self._batches_under_way = 0
        self._deadlines = Deadlines(self._open_asks)
        self._turned_away = 0
        self._work = asyncio.Event()
        self._lanes = [Lane(dsn, rehearse=self._answerer.rehearse) for _ in range(lanes)]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._serve(lane)) for lane in self._lanes]

    async def rehearse(self) -> None:
        """Open every lane's connection and plan its statements before the first check comes: the first check on a new
        connection takes as long as twenty.

        Raise `LaneLost` if the database does not answer in time, and any error of the look-up itself.
        """
        await asyncio.gather(*(lane.run(_nothing, timeout_seconds=REHEARSED_SECONDS) for lane in self._lanes))

    async def stop(self) -> None:
        """Let the lanes finish the work they have begun, then close them."""
        while self._waiting or self._batched or self._under_way:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for lane in self._lanes:
            lane.terminate()

    def ask(self, ask: Ask) -> None:
        """Answer with the recorded decision, at the latest at the deadline, or refuse with a `Problem`."""
        if ask.deadline >= self._note_at:
            self._note_at = ask.deadline + NOTED_SECONDS
            self._company.note()
        if self._is_taken_in(ask, self._waiting):
            self._waiting.append(ask)
            self._deadlines.keep(ask)
            self._call_a_lane()

    def ask_together(self, asks: Sequence[Ask]) -> None:
        """Answer the checks of one batch; they give way to single checks."""
        for ask in asks:
            if self._is_taken_in(ask, self._batched):
                self._batched.append(ask)
                self._deadlines.keep(ask)
        self._call_a_lane()

    def _is_taken_in(self, ask: Ask, waiting: Waiting) -> bool:
        if waiting.size >= self._most_waiting and waiting.has_its_share(ask, self._most_waiting):
            self._turn_away(ask)
            return False
        if self._room.is_short():
            refuse([ask], Undetermined("there is no room for evidence on the disk", retry_after_seconds=10))
            return False
        return True

    def _turn_away(self, ask: Ask) -> None:
        """Refuse for overload. The more checks are refused, the later each refusal is sent, so that clients that retry at
        once do not take time from the checks that are waiting.
        """
        self._turned_away += 1
        delay = min(self._turned_away * TURNED_AWAY_SECONDS_EACH, TURNED_AWAY_SECONDS)

        def tell() -> None:
            self._turned_away -= 1
            refuse([ask], Undetermined("too many checks are waiting"))

        asyncio.get_running_loop().call_later(delay, tell)

    async def _serve(self, lane: Lane) -> None:
        while True:
            if not self._is_worth_a_lane():
                self._work.clear()
                await self._work.wait()
                continue
            batch = self._under_way[lane] = []
            has_singles = has_batched = False
            try:
                has_singles, has_batched = self._take(batch)
                if batch:
                    await self._answer(lane, batch)
            except Exception:
                log.exception("batch_failed", size=len(batch))
            finally:
                del self._under_way[lane]
                self._singles_under_way -= has_singles
                self._batches_under_way -= has_batched
                refuse(batch, Undetermined())  # asks that have no answer yet

    def _is_worth_a_lane(self) -> bool:
        """Whether to start another lane. Single checks do not wait behind slices of batches, nor slices behind single
        checks: while both are being asked, each kind has a lane.
        """
        singles, batched = self._waiting.size, self._batched.size
        if not (singles or batched):
            return False
        if (singles and not self._singles_under_way) or (batched and not self._batches_under_way):
            return True
        return singles + batched >= self._enough and (singles > 0 or not self.has_company())

    def has_company(self) -> bool:
        """Whether single checks were recently asked of any process of this service."""
        return self._company.is_there()

    def _call_a_lane(self) -> None:
        """Start a lane now if the waiting checks are worth one; otherwise look again when they have waited too long."""
        if self._is_worth_a_lane():
            self._work.set()
        elif (self._waiting or self._batched) and self._look_again is None and len(self._under_way) < len(self._lanes):
            self._look_again = asyncio.get_running_loop().call_later(LONG_WAIT_SECONDS, self._lose_patience)

    def _lose_patience(self) -> None:
        self._look_again = None
        self._enough = 0
        self._work.set()

    def _take(self, batch: list[Ask]) -> tuple[bool, bool]:
        """Take as many readable asks as fit one transaction: single checks first, then slices of batches; only one of the
        two kinds while both are being asked. Return whether it took single checks, and whether it took slices; both are then
        counted as under way.
        """
        if self._look_again is not None:
            self._look_again.cancel()
            self._look_again = None
        keys: set[tuple[str, str]] = set()
        is_in_company = self._batched.size > 0 and self.has_company()
        is_apart = is_in_company and len(self._lanes) > 1 and self._waiting.size > 0
        later: list[Ask] = []
        later_batched: list[Ask] = []
        if not is_apart or not self._singles_under_way or self._batches_under_way:
            later = self._take_of(self._waiting, batch, keys, MOST_BYTES_AT_ONCE)
        if self._batched and (not is_apart or not batch):
            most_bytes = MOST_BYTES_IN_COMPANY if is_in_company else MOST_BYTES_AT_ONCE
            later_batched = self._take_of(self._batched, batch, keys, most_bytes)
        has_singles = len(batch) > 0 and not batch[0].is_of_a_batch
        has_batched = len(batch) > 0 and batch[-1].is_of_a_batch
        self._singles_under_way += has_singles
        self._batches_under_way += has_batched
        self._enough = CROWD * len(batch)
        self._call_a_lane()
        self._waiting.put_back(later)
        self._batched.put_back(later_batched)
        QUEUE_DEPTH.set(self._waiting.size + self._batched.size)
        return has_singles, has_batched

    def _take_of(self, waiting: Waiting, batch: list[Ask], keys: set[tuple[str, str]], most_bytes: int) -> list[Ask]:
        """Take from one queue. Return the asks that must wait for another: a second ask under the same Idempotency-Key waits
        for the commit of the first.
        """
        today = legal_date(now())
        later: list[Ask] = []
        while waiting.size and len(batch) < MOST_AT_ONCE and most_bytes > 0:
            ask = waiting.popleft()
            if ask.answered.done():
                continue
            place = None if ask.key is None else ask.idempotency_place
            if place is not None and place in keys:
                later.append(ask)
            elif self._is_read(ask, today):
                batch.append(ask)
                most_bytes -= len(ask.body)
                if place is not None:
                    keys.add(place)
        return later

    def _is_read(self, ask: Ask, today: date) -> bool:
        """Parse the ask. If its body is invalid, refuse it alone with its own problem."""
        try:
            self._answerer.read(ask, today)
        except Problem as problem:
            refuse([ask], problem)
        except Exception:
            log.exception("ask_not_read")
            refuse([ask], InternalError())
        else:
            return True
        return False

    async def _answer(self, lane: Lane, batch: list[Ask]) -> None:
        """Answer a batch. One bad ask must not fail the others: if the database rejects the batch, nothing of it was
        committed, and each ask is then tried alone, once.
        """
        started = time.perf_counter()
        remaining = max([ask.deadline for ask in batch]) - asyncio.get_running_loop().time()
        work = partial(self._answerer.answer, asks=batch)
        try:
            outcomes = await lane.run(work, timeout_seconds=max(remaining, SHORTEST_TRY_SECONDS))
        except LaneLost as error:
            log.warning("lane_lost", size=len(batch), cause=str(error))
            refuse(batch, Undetermined("the database did not answer in time"))
        except Exception as error:  # noqa: BLE001 - whatever a batch fails of, its asks are answered one by one
            await self._answer_alone(lane, batch, error)
        else:
            _release(outcomes)
        finally:
            BATCH_SIZE.observe(len(batch))
            BATCH_SECONDS.observe(time.perf_counter() - started)

    async def _answer_alone(self, lane: Lane, batch: list[Ask], error: Exception) -> None:
        log.warning("batch_split", size=len(batch), cause=type(error).__name__)
        for ask in batch:
            if ask.was_alone:
                refuse([ask], Undetermined())
            elif not ask.answered.done():
                ask.was_alone = True
                await self._answer(lane, [ask])

    def _open_asks(self) -> Iterator[Ask]:
        return chain(self._waiting, self._batched, *self._under_way.values())


async def _nothing(_connection: Connection) -> None:
    """The work of a lane that only has to be opened."""


def _release(outcomes: Outcomes) -> None:
    for ask, outcome in outcomes:
        if ask.answered.done():
            continue
        if isinstance(outcome, Answer):
            ask.answered.set_result(outcome)
        else:
            ask.answered.set_exception(outcome)
