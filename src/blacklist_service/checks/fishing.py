"""Counts the numbers a member asks under one name, because a masked number can be recovered by asking every number that fits
it.

About 29,000 numbers fit a published mask; with the right name, all but one are answered with no match. An office asks few
numbers under one name in a day. So each process remembers, for each member and name, the first few numbers. A member that
asks more is watched: from then on its numbers under that name are counted in the database, for all processes together.

A number that was asked before reveals nothing new and is answered however many there were. Each member is counted
separately: neither a refusal nor its timing reveals what another member asked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import structlog

from blacklist_service.checks.asks import Ask, AskedSubject
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, EntrySubject
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import TooManyRequests
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.keys import KeyKind
from blacklist_service.subjects.names import mask_name
from blacklist_service.telemetry import MANY_NUMBERS

ALARMING = 100
"""Auditors are notified above this count of numbers under one name, by one member in one day."""
MOST_UNWATCHED = 12
"""How many numbers under one name a process allows before it counts them in the database."""
REMEMBERED_NAMES = 32_768
"""Names remembered for each member, in each of two generations; about 4 MB."""
RETRY_AFTER_SECONDS = 3600
A_DAY = timedelta(hours=24)
TOO_MANY = "too many numbers were asked under one name in a day"

FIND = """
SELECT member, name, count(*) AS numbers, array_agg(number) FILTER (WHERE number = ANY ($3::bytea[])) AS known
FROM unnest($1::text[], $2::bytea[]) AS watched (member, name) JOIN asked_numbers USING (member, name)
WHERE at > $4 GROUP BY member, name
"""
KEEP = """
INSERT INTO asked_numbers AS held (member, name, number, at)
SELECT *, $4 FROM unnest($1::text[], $2::bytea[], $3::bytea[])
ON CONFLICT (member, name, number) DO UPDATE SET at = excluded.at WHERE held.at < excluded.at - interval '10 minutes'
"""
TELL = """
INSERT INTO many_numbers AS held (member, name, is_refused, at)
SELECT *, $4 FROM unnest($1::text[], $2::bytea[], $3::boolean[])
ON CONFLICT (member, name, is_refused) DO UPDATE SET at = excluded.at WHERE held.at < $5
RETURNING member, name, is_refused
"""

_NAME_ONLY = KeyKind.NAME_ONLY

log = structlog.get_logger()


class Asked(NamedTuple):
    """A number asked under a name, by keyed digests that only this service can compute."""

    member: str
    name: bytes
    number: bytes


WATCHED: frozenset[bytes] = frozenset()

_Held = bytes | set[bytes] | frozenset[bytes]
"""One number, the first few numbers, or a mark that they are counted in the database."""


class _Names:
    """What one member asked recently: for each name one number or the first few, in two generations."""

    __slots__ = ("new", "old")

    def __init__(self) -> None:
        self.new: dict[bytes, _Held] = {}
        self.old: dict[bytes, _Held] = {}

    def note(self, name: bytes, number: bytes, few: int) -> "set[bytes] | frozenset[bytes] | None":
        """Return None while there are few. The first time there are more, return those that were allowed before; from then
        on `WATCHED`.
        """
        held = self.new.get(name)
        if held is None:
            held = self._recall(name)
            if held is None:
                self.new[name] = held = number
        if held is WATCHED:
            return WATCHED
        if isinstance(held, bytes):
            if held == number and few > 1:
                return None
            held = self.new[name] = {held, number}
        assert isinstance(held, set)  # noqa: S101 - what is left
        held.add(number)
        if len(held) < few:
            return None
        self.new[name] = WATCHED
        return held

    def _recall(self, name: bytes) -> _Held | None:
        if len(self.new) >= REMEMBERED_NAMES:
            self.new, self.old = {}, self.new
        held = self.old.get(name)
        if held is not None:
            self.new[name] = held
        return held


class Fishing:
    """Counts the numbers and decides which asks exceed the limit. `most` is the setting; 0 means that nothing is refused."""

    def __init__(self, most: int, *, secrecy: Secrecy) -> None:
        self._most = most
        self._secrecy = secrecy
        self._alarming = min(ALARMING, most) if most else ALARMING
        # A low limit is counted in the database from the first number on, so that it is exact across processes.
        self._few = max(1, min(MOST_UNWATCHED, self._alarming // 8))
        self._of: dict[str, _Names] = {}

    def watched(self, ask: Ask) -> list[Asked]:
        """The numbers of a parsed ask that have to be counted, with those that were allowed before."""
        member = ask.asker.member
        if member is None or ask.question is None:
            return []
        names = self._of.get(member)
        if names is None:
            names = self._of[member] = _Names()
        found: list[Asked] = []
        for asked in ask.question.subjects:
            name = _name_of(asked)
            if name is not None:
                number = asked.keys[0].digest
                numbers = names.note(name, number, self._few)
                if numbers is not None:
                    found.append(Asked(member, name, number))
                    found += [Asked(member, name, other) for other in numbers if other != number]
        return found

    async def settle(
        self, connection: Connection, asks: Sequence[tuple[Ask, list[Asked]]]
    ) -> dict[Ask, TooManyRequests]:
        """Count the numbers, notify auditors if there are many, and refuse the asks that exceed the limit."""
        refused: dict[Ask, TooManyRequests] = {}
        many: dict[tuple[str, bytes, bool], Ask] = {}
        async with connection.transaction():
            all_watched = {one for _, watched in asks for one in watched}
            await _take_turns(connection, all_watched)
            at = await database_clock(connection)
            counts, known = await _find(connection, all_watched, since=at - A_DAY)
            for ask, watched in asks:
                news = [one for one in dict.fromkeys(watched) if one not in known]
                for name, more in Counter((one.member, one.name) for one in news).items():
                    counts[name] += more
                if self._most and any(counts[one.member, one.name] > self._most for one in _own(ask, news)):
                    refused[ask] = TooManyRequests(TOO_MANY, retry_after_seconds=RETRY_AFTER_SECONDS)
                    for one in news:
                        counts[one.member, one.name] -= 1
                else:
                    known.update(news)
                for one in watched:
                    if ask in refused or counts[one.member, one.name] > self._alarming:
                        many.setdefault((one.member, one.name, ask in refused), ask)
            await _keep(connection, {one for ask, watched in asks if ask not in refused for one in watched}, at=at)
            await self._tell(connection, many, counts, at=at)
        return refused

    async def _tell(
        self,
        connection: Connection,
        many: Mapping[tuple[str, bytes, bool], Ask],
        counts: Mapping[tuple[str, bytes], int],
        *,
        at: datetime,
    ) -> None:
        """Notify auditors: once a day for each member and name, and once more if an ask was refused."""
        if not many:
            return
        for row in await connection.fetch(TELL, *map(list, zip(*many, strict=True)), at, at - A_DAY):
            ask = many[row["member"], row["name"], row["is_refused"]]
            facts = {"numbers": counts[row["member"], row["name"]], "refused": row["is_refused"]}
            assert ask.question  # noqa: S101 - read before it was counted
            subjects = tuple(
                EntrySubject(row["name"], mask_name(asked.subject.name), None, None, {"name": asked.asked.name})
                for asked in ask.question.subjects
                if _name_of(asked) == row["name"]
            )[:1]
            entry = Entry(Action.MANY_NUMBERS_ASKED, ask.question.actor, subjects=subjects, facts=facts)
            await record(connection, [entry], at=at, secrecy=self._secrecy)
            MANY_NUMBERS.labels("refused" if row["is_refused"] else "told").inc()
            log.warning(
                "many_numbers_asked", member=row["member"], key_id=ask.question.actor.key_id, size=facts["numbers"]
            )


async def _take_turns(connection: Connection, watched: Iterable[Asked]) -> None:
    """Wait for transactions that count the same member's numbers under the same name: two that counted at once would each
    allow the rest of the limit.
    """
    names = {sha256(one.member.encode() + one.name).digest() for one in watched}
    locks = sorted(int.from_bytes(name[:8], signed=True) for name in names)  # one order, so that none can deadlock
    await connection.execute("SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) AS locks (lock)", locks)


async def _find(
    connection: Connection, watched: Iterable[Asked], *, since: datetime
) -> tuple[Counter[tuple[str, bytes]], set[Asked]]:
    """Return how many numbers were asked under each name since then, and which of the given numbers were among them."""
    counts: Counter[tuple[str, bytes]] = Counter()
    known: set[Asked] = set()
    asked = list(watched)
    names = {(one.member, one.name) for one in asked}
    members, digests = [list(column) for column in zip(*names, strict=True)]
    for row in await connection.fetch(FIND, members, digests, [one.number for one in asked], since):
        counts[row["member"], row["name"]] = row["numbers"]
        known.update(Asked(row["member"], row["name"], number) for number in row["known"] or ())
    return counts, known


async def _keep(connection: Connection, asked: Iterable[Asked], *, at: datetime) -> None:
    rows = sorted(asked)  # always in the same order, so that two processes cannot deadlock
    if rows:
        await connection.execute(KEEP, *map(list, zip(*rows, strict=True)), at)


async def forget_numbers(connection: Connection, _secrecy: Secrecy) -> bool:
    """Delete numbers that were asked more than a day ago; they no longer count."""
    await connection.execute("DELETE FROM asked_numbers WHERE at < clock_timestamp() - interval '25 hours'")
    await connection.execute("DELETE FROM many_numbers WHERE at < clock_timestamp() - interval '25 hours'")
    return False


def _name_of(asked: AskedSubject) -> bytes | None:
    """The digest of the name, if a number was asked together with it: the name is the first key then."""
    last = asked.keys[-1]
    if last.kind is _NAME_ONLY:
        return last.digest
    for key in asked.keys:
        if key.kind is _NAME_ONLY:
            return key.digest
    return None


def _own(ask: Ask, news: Iterable[Asked]) -> list[Asked]:
    """The numbers that this ask contains, without those of earlier asks that were allowed."""
    own = {subject.keys[0].digest for subject in ask.question.subjects} if ask.question else set()
    return [one for one in news if one.number in own]
