"""What is made here of another installation's list: the same listings under the same ids, and this list's own versions.

Each item says how a listing is now, so applying one again changes nothing. Some changes and the cursor are one transaction:
whatever is killed or restored, on either side, goes on where it was, and this installation's courts get the list's lock in
between. What the other list holds is kept beside (`followed_listings`), exactly as its digest covers it; that digest says
whether nothing was missed. What stands here otherwise is passed by, and comes in once that has ended (`passed_listings`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.statements import ListState
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.following.changes import Changes, read_changes
from blacklist_service.listings.following.contents import Unreadable
from blacklist_service.listings.following.queries import FIRST, keep, list_due, list_gone, list_listed
from blacklist_service.listings.following.slices import FollowingRefusedError, Hand, Slice
from blacklist_service.listings.operations.applying import lock_head, mark_feed_alive
from blacklist_service.listings.preparing import Tools
from blacklist_service.secrecy import Secrecy

__all__ = ["Follower", "FollowingRefusedError", "Source"]

FEED = "from {}"
"""By what the age of a followed list stands among those of the courts' feeds."""
PAGE = 2000
SLICE = 200
"""So many changes hold the list's lock at once: a tenth of a second or less, for which this installation's courts wait."""
NOT_MET = 0
"""The list version of a listing that was not met since the list was begun anew."""
OUT_OF_STEP = "the list here and the one that is followed are out of step: begin anew with --anew"


@dataclass(frozen=True, slots=True)
class Source:
    """The list that is followed, and how far."""

    origin: str
    cursor: int
    stated_at: datetime | None
    verified_at: datetime | None
    is_anew: bool


@dataclass(slots=True)
class Follower:
    """Applies another installation's list by one connection."""

    connection: Connection
    origin: str
    secrecy: Secrecy
    tools: Tools
    courts: Courts

    @property
    def hand(self) -> Hand:
        return Hand(self.connection, self.origin, self.courts)

    async def take_up(self) -> Source:
        """How far the list was followed; raise `FollowingRefusedError` where another one is."""
        other = await self.connection.fetchval("SELECT origin FROM followed_lists WHERE origin <> $1", self.origin)
        if other is not None:
            raise FollowingRefusedError(f"this installation follows the list of {other}: it follows one")
        await self.connection.execute(
            "INSERT INTO followed_lists (origin, cursor) VALUES ($1, 0) ON CONFLICT DO NOTHING", self.origin
        )
        row = await self.connection.fetchrow("SELECT * FROM followed_lists WHERE origin = $1", self.origin)
        assert row is not None  # noqa: S101 - it was just made, or there
        return Source(**row)

    async def begin_anew(self) -> None:
        """Read the other list from its beginning; what is not met again is taken off once all was proved."""
        async with self.connection.transaction():
            await self.connection.execute(
                """
                UPDATE followed_lists SET cursor = 0, is_anew = true, stated_at = NULL, verified_at = NULL WHERE origin = $1
                """,
                self.origin,
            )
            await self.connection.execute(
                "UPDATE followed_listings SET is_listed = false, list_version = $2 WHERE origin = $1",
                *(self.origin, NOT_MET),
            )

    async def apply(self, items: Sequence[Mapping[str, Any]], *, after: int, cursor: int) -> None:
        """Apply what follows `after`, and move there, some at a time. Raise `FollowingRefusedError` for a gap."""
        versions = [item["list_version"] for item in items]
        if versions != sorted(set(versions)) or any(not after < one <= cursor for one in versions):
            raise FollowingRefusedError(OUT_OF_STEP)
        for start in range(0, max(len(items), 1), SLICE):
            part = items[start : start + SLICE]
            reached = cursor if start + SLICE >= len(items) else versions[start + SLICE - 1]
            await self._apply_slice(part, after=after, cursor=reached)
            after = reached

    async def bring_again(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Let listings that the other list has, and this one lacks, be here what they are there; the cursor stays."""
        for start in range(0, len(items), SLICE):
            part = items[start : start + SLICE]
            changes = self._read(part, legal_date(now()))
            async with self.connection.transaction():
                await self._bring(changes, part, is_proved=True)

    async def verify(self, state: ListState) -> list[int]:
        """Hold what was followed against the digest of `state`; raise `FollowingRefusedError` where it is another. Return the
        other list's versions of what it has and this one lacks.
        """
        digest, count, last, missed = hashlib.sha256(), 0, FIRST, []
        while rows := await list_listed(self.connection, self.origin, after=last, limit=PAGE):
            digest.update("".join(f"{row['listing_id']} {row['list_version']}\n" for row in rows).encode())
            missed += [row["list_version"] for row in rows if row["is_missed"]]
            count, last = count + len(rows), rows[-1]["listing_id"]
        if (count, digest.digest()) != (state.count, state.sha256):
            raise FollowingRefusedError(OUT_OF_STEP)
        return sorted({*missed, *await self.list_due()})

    async def list_due(self) -> list[int]:
        """The other list's versions of what was passed by here for what has ended since, in order."""
        return await list_due(self.connection, self.origin)

    async def take_off_what_is_gone(self) -> None:
        """Of an earlier history of the other list, which it knows no more: taken off, not ended; once all is proved."""
        last = FIRST
        while gone := await self._list_gone(last):
            async with self.connection.transaction():
                head = await lock_head(self.connection)
                slice_ = Slice(self.hand, head, is_proved=True)
                for row in await self._list_gone(last):
                    if not self.hand.is_a_members(row["court_code"]):
                        slice_.take_off(row["id"], row["version"], row["court_code"])
                await slice_.make()
                await record(self.connection, slice_.entries, at=head.at, secrecy=self.secrecy)
            last = gone[-1]["id"]

    async def settle(self, state: ListState, *, is_verified: bool) -> None:
        """The list here is that of `state`: say so, once all up to its version was applied, and with `is_verified` proved."""
        async with self.connection.transaction():
            await self.connection.execute(
                """
                UPDATE followed_lists SET cursor = $2, stated_at = $3, is_anew = is_anew AND NOT $4,
                       verified_at = CASE WHEN $4 THEN clock_timestamp() ELSE verified_at END
                WHERE origin = $1
                """,
                *(self.origin, state.version, state.at, is_verified),
            )
            await mark_feed_alive(self.connection, FEED.format(self.origin), state.at)

    async def _apply_slice(self, items: Sequence[Mapping[str, Any]], *, after: int, cursor: int) -> None:
        changes = self._read(items, legal_date(now()))
        async with self.connection.transaction():
            held = await self.connection.fetchval(
                "SELECT cursor FROM followed_lists WHERE origin = $1 FOR UPDATE", self.origin
            )
            if held != after:
                raise FollowingRefusedError(OUT_OF_STEP)
            await self._bring(changes, items, is_proved=False)
            await keep(self.connection, self.origin, changes.changes)
            await self.connection.execute(
                "UPDATE followed_lists SET cursor = $2 WHERE origin = $1", self.origin, cursor
            )

    async def _bring(self, changes: Changes, items: Sequence[Mapping[str, Any]], *, is_proved: bool) -> None:
        head = await lock_head(self.connection)
        if head.today != changes.today:  # midnight has passed meanwhile
            changes = self._read(items, head.today)
        slice_ = Slice(self.hand, head, is_proved=is_proved, import_id=changes.import_id)
        await slice_.bring(changes)
        await record(self.connection, slice_.entries, at=head.at, secrecy=self.secrecy)

    def _read(self, items: Sequence[Mapping[str, Any]], today: date) -> Changes:
        try:
            return read_changes(items, self.tools, today=today)
        except Unreadable as error:
            raise FollowingRefusedError(f"{error}: bring this installation to the version of the other") from None

    async def _list_gone(self, after: UUID) -> list[Any]:
        return await list_gone(self.connection, self.origin, list_version=NOT_MET, after=after, limit=SLICE)
