"""Answers a batch of checks: one statement looks everything up, the decision is made in memory, a second statement records
it.

Each statement sees one snapshot. The second is a transaction of its own: when it returns, everything is committed.
"""

from collections.abc import Sequence
from datetime import date

from asyncpg import UniqueViolationError

from blacklist_service.checks.answers import ListAges, answer_question
from blacklist_service.checks.asks import Answer, Ask, Outcome, read_ask
from blacklist_service.checks.fishing import Fishing
from blacklist_service.checks.problems import TooManyWatches
from blacklist_service.checks.queries import Snapshot, look_up
from blacklist_service.checks.queries import rehearse as rehearse_look_up
from blacklist_service.checks.replays import kept, replay
from blacklist_service.checks.watching import Watching
from blacklist_service.clock import new_ids
from blacklist_service.database.connections import Connection
from blacklist_service.database.fences import pass_fence
from blacklist_service.database.installation import are_digests_of_now
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record, rehearse
from blacklist_service.measures.queries import NewestCatalogue
from blacklist_service.measures.rules import Catalogue
from blacklist_service.problems import Problem, Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester

Outcomes = list[tuple[Ask, Outcome]]


class Answerer:
    """Answers batches. It holds no connection: the caller passes one that has no open transaction."""

    def __init__(self, *, secrecy: Secrecy, ages: ListAges, fishing: Fishing | None, watching: Watching | None) -> None:
        self._secrecy = secrecy
        self._digester = Digester(secrecy.digest_key)
        self._ages = ages
        self._fishing = fishing
        self._watching = watching
        self._also_former = True
        self._catalogue = NewestCatalogue()

    async def rehearse(self, connection: Connection) -> None:
        """Prepare and plan the statements on this connection."""
        self._also_former = not await are_digests_of_now(connection)
        await rehearse_look_up(connection)
        snapshot = await look_up(connection, [], [])
        await self._catalogue.get(connection, snapshot.measures_version)
        await rehearse(connection, at=snapshot.at, beside=kept([]))

    def read(self, ask: Ask, today: date) -> None:
        """Parse the ask; raise the `Problem` that its body deserves."""
        read_ask(ask, self._digester, today=today, also_former=self._also_former)

    async def answer(self, connection: Connection, asks: Sequence[Ask]) -> Outcomes:
        """Return the outcome of each ask, all of it recorded. The asks must have been read."""
        asks, refused = await self._refuse_fishing(connection, asks)
        if not asks:
            return refused
        try:
            return refused + await self._answer(connection, asks)
        except UniqueViolationError:  # another process answered one of the keys meanwhile: look up again
            return refused + await self._answer(connection, asks)

    async def _refuse_fishing(self, connection: Connection, asks: Sequence[Ask]) -> tuple[Sequence[Ask], Outcomes]:
        """Refuse asks that exceed the limit of numbers under one name. In nearly every batch no ask has to be counted."""
        if self._fishing is None:
            return asks, []
        fishing = self._fishing
        watched = [(ask, numbers) for ask in asks if (numbers := fishing.watched(ask))]
        if not watched or not (refused := await fishing.settle(connection, watched)):
            return asks, []
        return [ask for ask in asks if ask not in refused], list(refused.items())

    async def _answer(self, connection: Connection, asks: Sequence[Ask]) -> Outcomes:
        """Answer the batch. If an ask opens a watch, its evidence and the watch are written in one transaction."""
        if not [ask for ask in asks if ask.opens_watch]:  # a generator's frame for each would take longer
            return await self._answer_all(connection, asks)
        async with connection.transaction():
            return await self._answer_all(connection, asks, opens_watches=True)

    async def _refuse_crowded(self, connection: Connection, asks: Sequence[Ask]) -> tuple[Sequence[Ask], Outcomes]:
        """Refuse asks that would open a watch for a member that already has the most open watches it may have."""
        assert self._watching is not None  # noqa: S101 - composed with it wherever there are keys
        members = {_member(ask) for ask in asks if ask.opens_watch}
        room = dict(await self._watching.count_room(connection, members))
        admitted: list[Ask] = []
        refused: Outcomes = []
        for ask in asks:
            if ask.opens_watch:
                room[_member(ask)] -= 1
            if ask.opens_watch and room[_member(ask)] < 0:
                refused.append((ask, TooManyWatches()))
            else:
                admitted.append(ask)
        return admitted, refused

    async def _open_watches(
        self, connection: Connection, answered: Sequence[tuple[Ask, Answer]], snapshot: Snapshot
    ) -> None:
        opened = [(ask.question, answer) for ask, answer in answered if ask.opens_watch and ask.question]
        if opened and self._watching is not None:
            await self._watching.open(connection, opened, snapshot)

    async def _answer_all(
        self, connection: Connection, asks: Sequence[Ask], *, opens_watches: bool = False
    ) -> Outcomes:
        places = [place for ask in asks if ask.key is not None and (place := ask.idempotency_place)]
        snapshot = await self._look_up(connection, asks, places)
        replayed: Outcomes = []
        if snapshot.held:
            asks, replayed = await replay(connection, asks, snapshot.held, at=snapshot.at, secrecy=self._secrecy)
        if opens_watches:
            asks, crowded = await self._refuse_crowded(connection, asks)
            replayed += crowded
        catalogue = await self._catalogue.get(connection, snapshot.measures_version)
        outcomes, entries, answered = self._decide(asks, snapshot, catalogue)
        if entries:
            ids = [answer.check_id for _, answer in answered]
            beside = kept((ask, answer.check_id) for ask, answer in answered) if places else None
            await record(connection, entries, at=snapshot.at, secrecy=self._secrecy, ids=ids, beside=beside)
            if opens_watches:
                await self._open_watches(connection, answered, snapshot)
        elif any(not isinstance(outcome, Undetermined) for _, outcome in outcomes):
            await pass_fence(connection)  # refused by what was only read, the measures
        return replayed + outcomes

    async def _look_up(
        self, connection: Connection, asks: Sequence[Ask], places: Sequence[tuple[str, str]]
    ) -> Snapshot:
        questions = [ask.question for ask in asks if ask.question]
        keys = [subject.keys for asked in questions for subject in asked.subjects]
        digests = list(dict.fromkeys([key.digest for of_one in keys for key in of_one]))
        key_ids = list({asked.actor.key_id for asked in questions if asked.actor.key_id})
        return await look_up(connection, digests, key_ids, places)

    def _decide(
        self, asks: Sequence[Ask], snapshot: Snapshot, catalogue: Catalogue
    ) -> tuple[Outcomes, list[Entry], list[tuple[Ask, Answer]]]:
        """Return the outcome of each ask, and the ledger entries that prove those that were answered."""
        outcomes: Outcomes = []
        entries: list[Entry] = []
        answered: list[tuple[Ask, Answer]] = []
        for ask, check_id in zip(asks, new_ids(snapshot.at, len(asks)), strict=True):
            assert ask.question  # noqa: S101 - read when it was taken
            try:
                answer, entry = answer_question(ask.question, snapshot, catalogue, check_id, self._ages)
            except Problem as problem:
                outcomes.append((ask, problem))
            else:
                outcomes.append((ask, answer))
                answered.append((ask, answer))
                entries.append(entry)
        return outcomes, entries, answered


def _member(ask: Ask) -> str:
    """The member of an ask that opens a watch; such an ask always has one."""
    return ask.asker.member or ""
