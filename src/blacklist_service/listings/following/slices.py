"""A group of changes of the followed list that take effect together, under this list's lock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import NAMES, Act
from blacklist_service.ledger.entries import Entry
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.following.changes import Changes, FollowedChange, FollowedContent, Place
from blacklist_service.listings.following.queries import HeldHere, Stander, find_held, find_standers, note_passed
from blacklist_service.listings.operations.applying import By, ListHead, apply_acts, apply_dated_acts
from blacklist_service.listings.operations.revising import Revision, apply_revision
from blacklist_service.listings.operations.staging import StagedBatch, clear_staged, stage_batch
from blacklist_service.listings.operations.waves import Versioned
from blacklist_service.listings.resolution import ListingAct


class FollowingRefusedError(Exception):
    """Nothing more is applied: the changes do not continue what is here. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Who applies the changes, and which courts' own listings have priority over followed ones."""

    connection: Connection
    origin: str
    courts: Courts

    @property
    def actor(self) -> Actor:
        return Actor(operator=f"follow {self.origin}")

    def is_a_members(self, court_code: str) -> bool:
        return self.courts.member_of(self.courts.code_of(court_code)) is not None


class Slice:
    """Acts are collected, and take effect together by `make`; `entries` describe them for the ledger."""

    def __init__(self, hand: Hand, head: ListHead, *, is_proved: bool, import_id: UUID | None = None) -> None:
        """`is_proved`: what is stored of the other list is verified, so listings that it lacks are gone."""
        self._hand = hand
        self._is_proved = is_proved
        self._connection = hand.connection
        self._head = head
        self._by = By(hand.actor, import_id)
        self._held: dict[UUID, HeldHere] = {}
        self._places: dict[Place, Stander] = {}
        self._freed: set[Place] = set()
        """Places that collected acts will free: an act that needs one waits until they took effect."""
        self._passed: dict[UUID, UUID | None] = {}
        self._acts: list[tuple[ListingAct, str]] = []
        self._lines: list[str] = []
        self._shown: list[tuple[UUID, int, FollowedContent, HeldHere | None]] = []
        self.entries: list[Entry] = []

    async def bring(self, changes: Changes) -> None:
        """Bring listings to their state there; those that cannot be applied are skipped, and recorded."""
        ids = [change.listing_id for change in changes.changes]
        self._held = await find_held(self._connection, self._hand.origin, ids)
        keys = {one.standing.place[0] for one in changes.changes if one.standing}
        keys |= {held.place[0] for held in self._held.values()}
        self._places = await find_standers(self._connection, self._hand.origin, keys, is_proved=self._is_proved)
        for change in changes.changes:
            await self._bring(change)
        await self.make()
        await note_passed(self._connection, changes.changes, self._passed)

    def take_off(self, listing_id: UUID, version: int, court_code: str) -> None:
        """Remove a listing that the other list no longer knows: not ended, because nobody said so."""
        self._act(Act.SUSPENDED, listing_id, version + 1, court_code, suspended_on=self._head.today)

    async def make(self) -> None:
        """Apply the collected acts."""
        acts, lines, shown = self._acts, self._lines, self._shown
        self._acts, self._lines, self._shown = [], [], []
        self._freed.clear()
        court_of = {act.listing_id: court_code for act, court_code in acts}
        if lines:
            assert self._by.import_id is not None  # noqa: S101 - what has contents is read as an import
            await stage_batch(
                self._connection, self._by.import_id, StagedBatch(len(lines), "".join(lines).encode(), ())
            )
        if acts:
            done = await apply_acts(self._connection, [act for act, _ in acts], head=self._head, by=self._by)
            self._note(done, court_of)
        if lines and self._by.import_id is not None:
            await clear_staged(self._connection, self._by.import_id)
        for listing_id, version, standing, held in shown:
            await self._show_contests(listing_id, version, standing, held)

    async def _bring(self, change: FollowedChange) -> None:
        held = self._held.get(change.listing_id)
        if held is not None and not held.is_followed:
            raise FollowingRefusedError(
                f"the listing {change.listing_id} already exists here, but not from {self._hand.origin}"
            )
        court_code = change.standing.content.court_code if change.standing else held.court_code if held else None
        if court_code is None:
            return
        if self._hand.is_a_members(court_code):
            self._passed[change.listing_id] = None
        elif change.standing is not None:
            await self._let_stand(change.listing_id, change.standing, held)
        elif held is not None and not held.is_ended:
            self._leave(change, held)

    async def _let_stand(self, listing_id: UUID, standing: FollowedContent, held: HeldHere | None) -> None:
        places = {standing.place} if held is None else {standing.place, held.place}
        if (stander := self._stander(places, listing_id)) is not None:
            self._passed[listing_id] = stander
            return
        if places & self._freed:
            await self.make()
        if held is None:
            version = 1
            self._write(Act.PUBLISHED, listing_id, version, standing)
        else:
            version = await self._put_back(held)
            if standing.digest != held.digest:
                version += 1
                self._give_up(held.place)
                self._write(Act.CORRECTED, listing_id, version, standing)
        self._places[standing.place] = Stander(listing_id, standing.content.court_code, version, is_gone=False)
        self._shown.append((listing_id, version, standing, held))

    def _stander(self, places: set[Place], listing_id: UUID) -> UUID | None:
        """The other listing that occupies the place, if it must end first. One that the other list no longer has makes room:
        it belongs to a history which that list has lost, and this debtor must not be left out because of it.
        """
        for place in places:
            stander = self._places.get(place)
            if stander is None or stander.listing_id == listing_id:
                continue
            if not stander.is_gone:
                return stander.listing_id
            self._make_room(stander, place)
        return None

    def _make_room(self, stander: Stander, place: Place) -> None:
        version = stander.version + 1
        self._act(Act.DELETED, stander.listing_id, version, stander.court_code, ended_on=self._head.today)
        self._give_up(place)
        if (held := self._held.get(stander.listing_id)) is not None:
            held.version, held.is_ended = version, True

    def _give_up(self, place: Place) -> None:
        self._places.pop(place, None)
        self._freed.add(place)

    async def _put_back(self, held: HeldHere) -> int:
        """Put a listing back on the list if it was removed, or had ended only here; return its version."""
        version = held.version
        if held.is_ended:
            await self.make()
            version += 1
            act = ListingAct(Act.REINSTATED, held.listing_id, version, None, is_change=True)
            done = await apply_dated_acts(self._connection, [act], head=self._head, by=By(self._hand.actor))
            self._note(done, {held.listing_id: held.court_code})
        if held.is_suspended:
            version += 1
            self._act(Act.RESUMED, held.listing_id, version, held.court_code)
        return version

    def _leave(self, change: FollowedChange, held: HeldHere) -> None:
        if change.ended is not None:
            self._act(change.ended, held.listing_id, held.version + 1, held.court_code, ended_on=change.ended_on)
            self._give_up(held.place)
        elif not held.is_suspended:
            suspended_on = change.suspended_on
            self._act(Act.SUSPENDED, held.listing_id, held.version + 1, held.court_code, suspended_on=suspended_on)

    def _write(self, act: Act, listing_id: UUID, version: int, standing: FollowedContent) -> None:
        made = ListingAct(act, listing_id, version, standing.row, is_change=True)
        self._acts.append((made, standing.content.court_code))
        self._lines.append(standing.line)

    def _act(
        self,
        act: Act,
        listing_id: UUID,
        version: int,
        court_code: str,
        *,
        ended_on: date | None = None,
        suspended_on: date | None = None,
    ) -> None:
        made = ListingAct(act, listing_id, version, None, is_change=True, ended_on=ended_on, suspended_on=suspended_on)
        self._acts.append((made, court_code))

    async def _show_contests(
        self, listing_id: UUID, version: int, standing: FollowedContent, held: HeldHere | None
    ) -> None:
        """Show what is pending against it there; while its identity is contested, it does not block here either."""
        acts = []
        if standing.dispute_state != (held.dispute_state if held else None):
            acts.append(Act.DISPUTED)
        if standing.contested_on != (held.contested_on if held else None):
            acts.append(Act.CONTESTED if standing.contested_on else Act.CONTEST_WITHDRAWN)
            await self._connection.execute(
                "UPDATE listings SET contested_on = $2 WHERE id = $1", listing_id, standing.contested_on
            )
        for place, act in enumerate(acts, start=1):
            revision = Revision(
                listing_id=listing_id,
                version=version + place,
                act=act,
                dispute_state=standing.dispute_state,
                expires_on=standing.content.expires_on,
                decided_on=standing.contested_on if act is Act.CONTESTED else None,
            )
            by = By(self._hand.actor)
            taken = await apply_revision(self._connection, revision, is_change=True, head=self._head, by=by)
            bare = ListingAct(act, listing_id, revision.version, None, is_change=True)
            self._note([Versioned(bare, taken)], {listing_id: standing.content.court_code})

    def _note(self, versioned: Sequence[Versioned], court_of: Mapping[UUID, str]) -> None:
        self.entries += [
            Entry(
                NAMES[one.act.act].entry,
                self._hand.actor,
                listing_ids=(one.act.listing_id,),
                list_version=one.list_version,
                facts={
                    "court": court_of[one.act.listing_id],
                    "version": one.act.version,
                    "origin": self._hand.origin,
                },
            )
            for one in versioned
        ]
