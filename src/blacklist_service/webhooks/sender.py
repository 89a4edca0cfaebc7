"""The sending part of the worker: makes deliveries of events, posts them, settles their outcomes, verifies and tests
endpoints.

One connection, one loop. Posts run concurrently with it, so an endpoint that hangs delays only itself; outcomes are settled
together. No state is kept here that a restart would lose: a delivery under way is claimed again when its lease ends.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter as Tally
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from blacklist_service.clock import new_id, now
from blacklist_service.database.connections import Connection, connect
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from blacklist_service.telemetry import UNTOLD_SECONDS, WEBHOOK_DELIVERIES, WEBHOOK_SECONDS, WEBHOOKS_FAILING
from blacklist_service.webhooks import errands
from blacklist_service.webhooks.deliveries import (
    Claim,
    Endpoint,
    Settled,
    bury,
    claim,
    list_open,
    make_deliveries,
    settle,
)
from blacklist_service.webhooks.forgetting import forget
from blacklist_service.webhooks.posting import Poster, trusting
from blacklist_service.webhooks.queries import advance_told, list_untold
from blacklist_service.webhooks.rules import LATE
from blacklist_service.webhooks.signing import SigningKey, signed_headers
from blacklist_service.webhooks.surroundings import OwnAddresses
from blacklist_service.webhooks.targets import Targets
from blacklist_service.webhooks.waits import TOLD, Chance, Health, TryOutcome

LOOK_SECONDS = 0.1
IDLE_SECONDS = 1.0
TEND_SECONDS = 10.0
FORGET_SECONDS = 600.0
MOST_UNDER_WAY = 256
UNKNOWN = "error"
"""A fault of ours: the log says where."""

log = structlog.get_logger()


async def send_events(dsn: str, secrecy: Secrecy, settings: Settings) -> None:
    """Send events to units' endpoints, until cancelled."""
    poster = Poster(
        Targets.parse(settings.webhook_targets),
        context=trusting(settings.webhook_ca_file),
        look=OwnAddresses(host=settings.host, port=settings.port, dsn=dsn).look,
    )
    connection = await connect(dsn, application_name="blacklist-service webhooks")
    try:
        await Sender(poster, secrecy=secrecy, longest=timedelta(days=settings.webhook_days)).run(connection)
    finally:
        connection.terminate()
        poster.close()


class Sender:
    """Sends endpoints what waits for them. `clock` and `chance` are its only sources of time and randomness."""

    def __init__(
        self,
        poster: Poster,
        *,
        secrecy: Secrecy,
        longest: timedelta,
        clock: Callable[[], datetime] = now,
        chance: Chance = random.random,
    ) -> None:
        self._poster = poster
        self._secrecy = secrecy
        self._key = SigningKey.of(secrecy)
        self._longest = longest
        self._clock = clock
        self._chance = chance
        self._under_way: Tally[UUID] = Tally()
        self._errands: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._settled: list[Settled] = []
        self._errands_done: list[errands.ErrandResult] = []
        self._moved = asyncio.Event()
        self._round = 0
        self._members_untold: set[str] = set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and no outcome waits to be settled."""
        return not (self._tasks or self._settled or self._errands_done)

    async def run(self, connection: Connection) -> None:
        tended, forgot = -TEND_SECONDS, -FORGET_SECONDS
        try:
            while True:
                has_endpoints = await self.round(connection)
                if time.monotonic() - tended >= TEND_SECONDS:
                    await self.tend(connection)
                    tended = time.monotonic()
                if time.monotonic() - forgot >= FORGET_SECONDS:
                    await forget(connection, at=self._clock())
                    forgot = time.monotonic()
                await self.wait(LOOK_SECONDS if has_endpoints else IDLE_SECONDS)
        finally:
            await self.stop()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait(self, seconds: float) -> None:
        """Wait until an outcome arrives, or for that many seconds."""
        with contextlib.suppress(TimeoutError):
            # Not `wait_for`: in Python 3.11 it drops a cancellation that comes together with the outcome.
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    async def round(self, connection: Connection) -> bool:
        """Settle outcomes, make deliveries of new events, start what is due; return whether there are endpoints."""
        self._moved.clear()
        await self._settle(connection)
        await self._settle_errands(connection)
        endpoints = await list_open(connection, at=self._clock(), secrecy=self._secrecy)
        for endpoint in endpoints:
            if endpoint.is_behind and endpoint.health.state in TOLD:
                await self._make(connection, endpoint.webhook_id)
        await self._begin_tellings(connection, endpoints)
        await self._begin_errands(connection, endpoints)
        return bool(endpoints)

    async def tend(self, connection: Connection) -> None:
        """Periodic work: give up what waited too long, report units that were not told."""
        at = self._clock()
        WEBHOOK_DELIVERIES.labels("dead").inc(await bury(connection, at=at, longest=self._longest))
        await advance_told(connection)
        untold = await list_untold(connection, at=at, late_after=LATE)
        for member in self._members_untold - {one.member for one in untold}:
            UNTOLD_SECONDS.labels(member).set(0)
        for one in untold:
            UNTOLD_SECONDS.labels(one.member).set((at - one.since).total_seconds())
        self._members_untold |= {one.member for one in untold}
        failing = await connection.fetchval("SELECT count(*) FROM webhooks WHERE state = 'failing'")
        WEBHOOKS_FAILING.set(failing)

    async def _make(self, connection: Connection, webhook_id: UUID) -> None:
        is_more = True
        while is_more:
            async with connection.transaction():
                is_more = await make_deliveries(connection, webhook_id, at=self._clock())

    async def _begin_tellings(self, connection: Connection, endpoints: Sequence[Endpoint]) -> None:
        rooms = self._rooms(endpoints)
        if not rooms:
            return
        for claimed in await claim(connection, rooms, at=self._clock()):
            self._under_way[claimed.endpoint.webhook_id] += 1
            self._begin(self._tell(claimed))

    def _rooms(self, endpoints: Sequence[Endpoint]) -> list[tuple[Endpoint, int]]:
        """How many more tries may start at each endpoint; each round begins with another endpoint."""
        self._round += 1
        first = self._round % max(1, len(endpoints))
        left, at = MOST_UNDER_WAY - self._under_way.total(), self._clock()
        rooms = []
        for endpoint in (*endpoints[first:], *endpoints[:first]):
            health = endpoint.health
            if health.state not in TOLD or (health.next_try_at is not None and health.next_try_at > at):
                continue
            room = min(health.width - self._under_way[endpoint.webhook_id], left)
            if room > 0:
                rooms.append((endpoint, room))
                left -= room
        return rooms

    async def _begin_errands(self, connection: Connection, endpoints: Sequence[Endpoint]) -> None:
        at = self._clock()
        wanted = [one for one in endpoints if one.webhook_id not in self._errands and errands.is_wanted(one, at=at)]
        if not wanted:
            return
        claimed = await errands.claim(connection, wanted, at=at)
        for endpoint in wanted:
            if endpoint.webhook_id in claimed:
                self._errands.add(endpoint.webhook_id)
                self._begin(self._run_errand(endpoint))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, claimed: Claim) -> None:
        outcome, _ = await self._send(claimed.endpoint, claimed.message_id, claimed.body, is_echo_wanted=False)
        self._settled.append(Settled(claimed, outcome, self._clock()))
        self._moved.set()

    async def _run_errand(self, endpoint: Endpoint) -> None:
        at = self._clock()
        send = partial(self._send, endpoint, f"msg_{new_id(at)}")
        done = await errands.run(endpoint, send, at=at)
        self._errands_done.append(done)
        self._moved.set()

    async def _send(
        self, endpoint: Endpoint, message_id: str, body: bytes, *, is_echo_wanted: bool
    ) -> tuple[TryOutcome, bytes | None]:
        """Return the outcome in any case: otherwise the try would occupy its place for ever."""
        headers = signed_headers(message_id, body, at=self._clock(), secrets=endpoint.secrets, key=self._key)
        try:
            answer = await self._poster.post(endpoint.url, headers, body, is_echo_wanted=is_echo_wanted)
        except Exception:
            log.exception("posting_failed", member=endpoint.member)
            return TryOutcome(None, UNKNOWN), None
        return answer.outcome, answer.echo

    async def _settle(self, connection: Connection) -> None:
        if not (settled := self._settled):
            return
        self._settled = []
        self._under_way -= Tally(one.claim.endpoint.webhook_id for one in settled)
        async with connection.transaction():
            changed = await settle(
                connection,
                settled,
                longest=self._longest,
                chance=self._chance,
                secrecy=self._secrecy,
            )
        for one in settled:
            WEBHOOK_DELIVERIES.labels("delivered" if one.outcome.is_told else "failed").inc()
            if one.outcome.is_told:
                WEBHOOK_SECONDS.observe((one.at - one.claim.pending_since).total_seconds())
        _say(settled, dict(changed))

    async def _settle_errands(self, connection: Connection) -> None:
        while self._errands_done:
            done = self._errands_done[0]
            async with connection.transaction():
                await errands.settle(
                    connection, done, longest=self._longest, chance=self._chance(), secrecy=self._secrecy
                )
            self._errands_done.pop(0)
            self._errands.discard(done.endpoint.webhook_id)


def _say(settled: Sequence[Settled], changed: Mapping[UUID, Health]) -> None:
    last = {one.claim.endpoint.webhook_id: one for one in settled}
    for webhook_id, health in changed.items():
        one = last[webhook_id]
        log.warning(
            "webhook_changed",
            member=one.claim.endpoint.member,
            webhook_id=str(webhook_id),
            code=health.state.value,
            cause=one.outcome.fault,
        )
