"""What is made here of another installation's list: the same listings under the same ids, and this list's own versions.

Each item says how a listing is now, so applying one again changes nothing. A page and the cursor are one transaction:
whatever is killed or restored, on either side, goes on where it was. What the other list holds is kept beside
(`followed_listings`), exactly as its digest covers it; that digest says whether nothing was missed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog

from blacklist_service.access.principals import Actor
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import Entry, canonical
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.statements import ListState
from blacklist_service.listings import queries
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.following.contents import Unreadable, content_of
from blacklist_service.listings.intake import ReadRow
from blacklist_service.listings.operations.acts import ENTRY_OF_ACT
from blacklist_service.listings.operations.applying import (
    By,
    Head,
    Revision,
    apply_acts,
    apply_dated_acts,
    apply_revision,
    lock_head,
    mark_feed_alive,
)
from blacklist_service.listings.operations.staging import StagedBatch, clear_staged, make_batch, stage_batch
from blacklist_service.listings.operations.waves import Versioned
from blacklist_service.listings.preparing import Tools, content_digest, document_of, naming_keys, numbers_of
from blacklist_service.listings.resolution import Held, ListingAct
from blacklist_service.listings.rules import Act, Content, Naming, RowAction
from blacklist_service.secrecy import Secrecy

FEED = "from {}"
"""By what the age of a followed list stands among those of the courts' feeds."""
PAGE = 2000
NOT_MET = 0
"""The list version of a listing that was not met since the list was begun anew."""
OUT_OF_STEP = "the list here and the one that is followed are out of step: begin anew with --anew"

log = structlog.get_logger()


class FollowingRefusedError(Exception):
    """Nothing more is applied: what came is not what follows what is here. The message says what to do."""


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
    def actor(self) -> Actor:
        return Actor(operator=f"follow {self.origin}")

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
        """Apply what follows `after`, and move there; in one transaction. Raise `FollowingRefusedError` for a gap."""
        async with self.connection.transaction():
            held = await self.connection.fetchval(
                "SELECT cursor FROM followed_lists WHERE origin = $1 FOR UPDATE", self.origin
            )
            versions = [item["list_version"] for item in items]
            if held != after or versions != sorted(set(versions)) or any(not after < one <= cursor for one in versions):
                raise FollowingRefusedError(OUT_OF_STEP)
            head = await lock_head(self.connection)
            page = _Page(self, head)
            for item in items:
                await page.apply(item)
            await page.make()
            await record(self.connection, page.entries, at=head.at, secrecy=self.secrecy)
            await self.connection.execute(
                "UPDATE followed_lists SET cursor = $2 WHERE origin = $1", self.origin, cursor
            )

    async def settle(self, state: ListState, *, is_verified: bool) -> None:
        """The list here is that of `state`: say so, once all up to its version was applied; with `is_verified`, only if the
        digest of what is held is the one stated, else raise `FollowingRefusedError`.
        """
        async with self.connection.transaction():
            if is_verified:
                await self._verify(state)
            await self.connection.execute(
                """
                UPDATE followed_lists SET cursor = $2, stated_at = $3, is_anew = is_anew AND NOT $4,
                       verified_at = CASE WHEN $4 THEN clock_timestamp() ELSE verified_at END
                WHERE origin = $1
                """,
                *(self.origin, state.version, state.at, is_verified),
            )
            await mark_feed_alive(self.connection, FEED.format(self.origin), state.at)

    async def _verify(self, state: ListState) -> None:
        count, digest = 0, hashlib.sha256()
        last = UUID(int=0)
        while rows := await self.connection.fetch(
            "SELECT listing_id, list_version FROM followed_listings"
            " WHERE origin = $1 AND is_listed AND listing_id > $2 ORDER BY listing_id LIMIT $3",
            *(self.origin, last, PAGE),
        ):
            digest.update("".join(f"{row['listing_id']} {row['list_version']}\n" for row in rows).encode())
            count, last = count + len(rows), rows[-1]["listing_id"]
        if (count, digest.digest()) != (state.count, state.sha256):
            raise FollowingRefusedError(OUT_OF_STEP)
        await self._take_off_what_is_gone()

    async def _take_off_what_is_gone(self) -> None:
        """Of an earlier history of the other list, which it does not know any more: taken off, not ended."""
        gone = await self.connection.fetch(
            """
            SELECT l.id, l.version, l.court_code FROM followed_listings f JOIN listings l ON l.id = f.listing_id
            WHERE f.origin = $1 AND f.list_version = $2 AND l.ended IS NULL AND l.suspended_on IS NULL
            """,
            *(self.origin, NOT_MET),
        )
        if not gone:
            return
        head = await lock_head(self.connection)
        page = _Page(self, head)
        for row in gone:
            act = ListingAct(
                Act.SUSPENDED, row["id"], row["version"] + 1, None, is_change=True, suspended_on=head.today
            )
            await page.act(act, court_code=row["court_code"])
        await record(self.connection, page.entries, at=head.at, secrecy=self.secrecy)


class _Page:
    """Some changes that take effect together, under the list's lock."""

    def __init__(self, follower: Follower, head: Head) -> None:
        self._follower = follower
        self._connection = follower.connection
        self._head = head
        self._new: dict[UUID, tuple[Content, Mapping[str, Any]]] = {}
        """Those to be made, one after the other in the feed: laid in together."""
        self.entries: list[Entry] = []

    async def apply(self, item: Mapping[str, Any]) -> None:
        listing_id = UUID(item["listing_id"])
        if listing_id in self._new or item["listing"] is None:
            await self.make()
        found = await queries.find_held_by_id(self._connection, listing_id)
        if found is not None and not await self._is_followed(listing_id):
            raise FollowingRefusedError(
                f"the listing {listing_id} is here already, and not from {self._follower.origin}"
            )
        await self._keep(listing_id, item)
        if item["listing"] is not None:
            await self._bring(listing_id, item["listing"], found[0] if found else None)
        elif found is not None and found[0].ended is None:
            await self._take_off(found[0], item, court_code=found[1])

    async def act(self, act: ListingAct, *, court_code: str) -> None:
        by = By(self._follower.actor)
        is_reinstated = act.act is Act.REINSTATED
        versioned = await (apply_dated_acts if is_reinstated else apply_acts)(
            self._connection, [act], head=self._head, by=by
        )
        self._note(versioned, court_code)

    async def _is_followed(self, listing_id: UUID) -> bool:
        origin: str | None = await self._connection.fetchval(
            "SELECT origin FROM followed_listings WHERE listing_id = $1", listing_id
        )
        return origin == self._follower.origin

    async def _keep(self, listing_id: UUID, item: Mapping[str, Any]) -> None:
        await self._connection.execute(
            """
            INSERT INTO followed_listings (listing_id, origin, list_version, is_listed) VALUES ($1, $2, $3, $4)
            ON CONFLICT (listing_id) DO UPDATE SET (list_version, is_listed) = ROW (EXCLUDED.list_version,
                EXCLUDED.is_listed)
            """,
            *(listing_id, self._follower.origin, item["list_version"], item["is_listed"]),
        )

    async def _bring(self, listing_id: UUID, listing: Mapping[str, Any], held: Held | None) -> None:
        """Let the listing be here what it is there."""
        content = self._read(listing)
        if held is None:
            if not await self._is_held_otherwise(content):
                self._new[listing_id] = (content, listing)
            return
        await self.make()
        version = await self._put_back(held, content)
        if self._digest(content) != held.content_digest:
            version += 1
            made = ListingAct(Act.CORRECTED, listing_id, version, 1, is_change=True)
            await self._write([(made, content, listing)])
        await self._show_contests(listing_id, listing, content, version)

    async def make(self) -> None:
        """Make the listings that wait for it."""
        new, self._new = self._new, {}
        rows = [
            (ListingAct(Act.PUBLISHED, listing_id, 1, row, is_change=True), content, listing)
            for row, (listing_id, (content, listing)) in enumerate(new.items(), start=1)
        ]
        if rows:
            await self._write(rows)
        for listing_id, (content, listing) in new.items():
            if listing["dispute_state"] or listing["contested_on"]:
                await self._show_contests(listing_id, listing, content, 1)

    def _read(self, listing: Mapping[str, Any]) -> Content:
        try:
            return content_of(
                listing["document"], listing["numbers"], court_name=listing["court_name"], today=self._head.today
            )
        except Unreadable as error:
            raise FollowingRefusedError(f"{error}: bring this installation to the version of the other") from None

    async def _is_held_otherwise(self, content: Content) -> bool:
        """Whether it is a court's that is a member here, whose own push is the truth, or stands here by a file."""
        courts = self._follower.courts
        if courts.member_of(courts.code_of(content.court_code)) is not None:
            return True
        key = naming_keys(content, self._follower.tools.digester).natural_key
        return bool(
            await self._connection.fetchval(
                """
                SELECT EXISTS (SELECT FROM listings WHERE natural_key = $1 AND ended IS NULL
                    AND record_id IS NOT DISTINCT FROM $2 AND decision_number IS NOT DISTINCT FROM $3)
                """,
                *(key, content.record_id, content.decision_number),
            )
        )

    def _digest(self, content: Content) -> bytes:
        return content_digest(canonical(document_of(content)), numbers_of(content), self._follower.tools.digester)

    async def _put_back(self, held: Held, content: Content) -> int:
        """On the list again, where it was taken off; return its version."""
        version = held.version
        if held.ended is not None:
            if held.ended != Act.EXPIRED:
                raise FollowingRefusedError(f"the listing {held.listing_id} has ended here, and not there")
            version += 1
            again = ListingAct(Act.REINSTATED, held.listing_id, version, None, is_change=True)
            await self.act(again, court_code=content.court_code)
        if held.is_suspended:
            version += 1
            again = ListingAct(Act.RESUMED, held.listing_id, version, None, is_change=True)
            await self.act(again, court_code=content.court_code)
        return version

    async def _write(self, rows: Sequence[tuple[ListingAct, Content, Mapping[str, Any]]]) -> None:
        """Let acts with contents take effect together; each says the row that its content is staged as."""
        import_id, tools = new_id(self._head.at), self._follower.tools
        copied = b""
        for act, content, listing in rows:
            assert act.row is not None  # noqa: S101 - it has a content
            action = RowAction.PUBLISH if act.act is Act.PUBLISHED else RowAction.CORRECT
            row = ReadRow(act.row, action, _naming(content), (), content, None, content.decided_on)
            shown_since = date.fromisoformat(listing["published_on"])
            copied += make_batch(import_id, [row], tools, loaded_on=shown_since).copied
        await stage_batch(self._connection, import_id, StagedBatch(len(rows), copied, ()))
        court_of = {act.listing_id: content.court_code for act, content, _ in rows}
        by = By(self._follower.actor, import_id)
        for one in await apply_acts(self._connection, [act for act, *_ in rows], head=self._head, by=by):
            self._note([one], court_of[one.act.listing_id])
        await clear_staged(self._connection, import_id)

    async def _show_contests(
        self, listing_id: UUID, listing: Mapping[str, Any], content: Content, version: int
    ) -> None:
        """What is pending against it there; while its identity is contested, it blocks nobody here either."""
        held = await self._connection.fetchrow(
            "SELECT dispute_state, contested_on, expires_on FROM listings WHERE id = $1", listing_id
        )
        assert held is not None  # noqa: S101 - it was just written
        contested_on = listing["contested_on"] and date.fromisoformat(listing["contested_on"])
        acts = []
        if held["dispute_state"] != listing["dispute_state"]:
            acts.append(Act.DISPUTED)
        if held["contested_on"] != contested_on:
            acts.append(Act.CONTESTED if contested_on else Act.CONTEST_WITHDRAWN)
            await self._connection.execute(
                "UPDATE listings SET contested_on = $2 WHERE id = $1", listing_id, contested_on
            )
        for place, act in enumerate(acts, start=1):
            revision = Revision(
                listing_id=listing_id,
                version=version + place,
                act=act,
                dispute_state=listing["dispute_state"],
                expires_on=held["expires_on"],
                decided_on=contested_on if act is Act.CONTESTED else None,
            )
            by = By(self._follower.actor)
            taken = await apply_revision(self._connection, revision, is_change=True, head=self._head, by=by)
            bare = ListingAct(act, listing_id, revision.version, None, is_change=True)
            self._note([Versioned(bare, taken)], content.court_code)

    async def _take_off(self, held: Held, item: Mapping[str, Any], *, court_code: str) -> None:
        version = held.version + 1
        if item["ended"] is not None:
            ended_on = date.fromisoformat(item["ended_on"])
            act = ListingAct(Act(item["ended"]), held.listing_id, version, None, is_change=True, ended_on=ended_on)
        elif not held.is_suspended:
            suspended_on = date.fromisoformat(item["suspended_on"])
            act = ListingAct(Act.SUSPENDED, held.listing_id, version, None, is_change=True, suspended_on=suspended_on)
        else:
            return
        await self.act(act, court_code=court_code)

    def _note(self, versioned: Sequence[Versioned], court_code: str) -> None:
        self.entries += [
            Entry(
                ENTRY_OF_ACT[one.act.act],
                self._follower.actor,
                listing_ids=(one.act.listing_id,),
                list_version=one.list_version,
                facts={"court": court_code, "version": one.act.version, "origin": self._follower.origin},
            )
            for one in versioned
        ]


def _naming(content: Content) -> Naming:
    return Naming(
        court_code=content.court_code,
        court_name=content.court_name,
        case_number=content.case_number,
        party_sequence=content.party_sequence,
        kind=content.kind,
        name=content.name,
        identifier=content.identifier,
        record_id=content.record_id,
        decision_number=content.decision_number,
    )
