"""Applies another installation's list here: the same listings under the same ids, with this list's own versions.

Each item says how a listing is now, so applying one twice changes nothing. A group of changes and the cursor are one
transaction: after a kill or a restore, on either side, following continues from the cursor, and this installation's courts
get the list's lock between groups. What the other list holds is also stored (`followed_listings`), exactly as its digest
covers it; that digest shows whether anything was missed. A change whose place is taken by another listing here is skipped,
and applied once that listing has ended (`passed_listings`).
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

__all__ = ["FollowedList", "Follower", "FollowingRefusedError"]

FEED = "from {}"
"""The key under which a followed list's age is stored, beside those of the courts' feeds."""
PAGE = 2000
SLICE = 200
"""How many changes are applied under one lock of the list: a tenth of a second or less, for which this installation's courts
wait.
"""
NOT_MET = 0
"""The list version of a listing that was not seen since the list was last started from the beginning."""
OUT_OF_STEP = "the list here and the one that is followed are out of step: begin anew with --anew"


@dataclass(frozen=True, slots=True)
class FollowedList:
    """The list that is followed, and how far."""

    origin: str
    cursor: int
    stated_at: datetime | None
    verified_at: datetime | None
    is_anew: bool


@dataclass(slots=True)
class Follower:
    """Applies another installation's list over one connection."""

    connection: Connection
    origin: str
    secrecy: Secrecy
    tools: Tools
    courts: Courts

    @property
    def hand(self) -> Hand:
        return Hand(self.connection, self.origin, self.courts)

    async def take_up(self) -> FollowedList:
        """How far the list was followed; raise `FollowingRefusedError` if another list is being followed."""
        other = await self.connection.fetchval("SELECT origin FROM followed_lists WHERE origin <> $1", self.origin)
        if other is not None:
            raise FollowingRefusedError(f"this installation follows the list of {other}, and can follow only one")
        await self.connection.execute(
            "INSERT INTO followed_lists (origin, cursor) VALUES ($1, 0) ON CONFLICT DO NOTHING", self.origin
        )
        row = await self.connection.fetchrow("SELECT * FROM followed_lists WHERE origin = $1", self.origin)
        assert row is not None  # noqa: S101 - it was just made, or there
        return FollowedList(**row)

    async def begin_anew(self) -> None:
        """Start the other list from its beginning; listings that do not appear again are removed once everything was
        verified.
        """
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
        """Apply the changes after `after`, and move the cursor, in groups. Raise `FollowingRefusedError` for a gap."""
        versions = [item["list_version"] for item in items]
        if versions != sorted(set(versions)) or any(not after < one <= cursor for one in versions):
            raise FollowingRefusedError(OUT_OF_STEP)
        for start in range(0, max(len(items), 1), SLICE):
            part = items[start : start + SLICE]
            reached = cursor if start + SLICE >= len(items) else versions[start + SLICE - 1]
            await self._apply_slice(part, after=after, cursor=reached)
            after = reached

    async def bring_again(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Bring listings that the other list has and this one lacks to their state there; the cursor stays."""
        for start in range(0, len(items), SLICE):
            part = items[start : start + SLICE]
            changes = self._read(part, legal_date(now()))
            async with self.connection.transaction():
                await self._bring(changes, part, is_proved=True)

    async def verify(self, state: ListState) -> list[int]:
        """Compare what was followed with the digest of `state`; raise `FollowingRefusedError` if it differs. Return the other
        list's versions of listings that it has and this one lacks.
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
        """The other list's versions of listings that were skipped here for a listing that has since ended, in order."""
        return await list_due(self.connection, self.origin)

    async def take_off_what_is_gone(self) -> None:
        """Remove listings from an earlier history of the other list, which it no longer knows: removed, not ended; only once
        everything was verified.
        """
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
        """Record that the list here has reached `state`, once everything up to its version was applied; with `is_verified`,
        that it was verified.
        """
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
