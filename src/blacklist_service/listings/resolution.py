"""Decides what becomes of rows, in order, given what the list holds: fates, and the resulting acts. Pure.

One function serves a file of a million rows and a single publication over HTTP. It sees only digests and dates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from uuid import UUID

from blacklist_service.ledger.actions import Act
from blacklist_service.listings.distinction import are_two, is_same_document, narrowed, of_record
from blacklist_service.listings.held import Held, HeldListings, Row
from blacklist_service.listings.rules import ListingState, Refusal, RowAction, Warn, can_become
from blacklist_service.listings.rules import is_ground_unusual as is_unusual
from blacklist_service.subjects.completeness import Likeness, compare


class FateKind(StrEnum):
    CREATED = "created"
    CORRECTED = "corrected"
    ENDED = "ended"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Fate:
    number: int
    kind: FateKind
    listing_id: UUID | None = None
    code: Refusal | None = None
    warnings: tuple[Warn, ...] = ()
    others: tuple[UUID, ...] = ()
    """Other listings that the refusal or a warning concerns."""


@dataclass(frozen=True, slots=True)
class ListingAct:
    """A new version of a listing. `row` holds its content, None for an ending. `is_change` takes a list version: changes that
    nobody outside the court can see (of a listing in grace) are not changes of the list.
    """

    act: Act
    listing_id: UUID
    version: int
    row: int | None
    is_change: bool
    ended_on: date | None = None
    ground: str | None = None
    decided_on: date | None = None
    suspended_on: date | None = None
    takes_freed_key: bool = False
    """For a correction: its natural key belonged to another listing until an earlier act."""


@dataclass(slots=True)
class Resolution:
    fates: list[Fate] = field(default_factory=list)
    acts: list[ListingAct] = field(default_factory=list)


def resolve(held: Iterable[Held], rows: Sequence[Row], new_ids: Iterable[UUID], *, today: date) -> Resolution:
    """Apply `rows` one after another; `new_ids` provides ids for new listings."""
    return _Resolving(held, new_ids, today).run(rows)


class _Resolving:
    def __init__(self, held: Iterable[Held], new_ids: Iterable[UUID], today: date) -> None:
        self._new_ids = iter(new_ids)
        self._today = today
        self._held = HeldListings(held)
        self._published: dict[UUID, bytes | None] = {}
        self._rows: Sequence[Row] = ()
        self._place = 0
        self._result = Resolution()

    def run(self, rows: Sequence[Row]) -> Resolution:
        for place, row in enumerate(rows):
            self._rows, self._place = rows, place
            if row.action is RowAction.PUBLISH:
                self._publish(row)
            elif row.action is RowAction.CORRECT:
                self._correct(row)
            elif row.action is RowAction.SUSPEND:
                self._suspend(row)
            elif row.action is RowAction.RESUME:
                self._resume(row)
            else:
                self._end(row)
        return self._result

    def _publish(self, row: Row) -> None:
        known = self._held.of_key(row.natural_key)
        same = next((listing for listing in known if row.content_digest in listing.contents), None)
        if same is not None:
            self._fate(row, FateKind.UNCHANGED, same)
            self._published.setdefault(same.listing_id, row.content_digest)
        elif known:
            self._publish_known(row, known)
        else:
            self._publish_by_name(row)

    def _publish_known(self, row: Row, known: Sequence[Held], *warnings: Warn) -> None:
        """`known` are the listings of this debtor in this case: the one that the row means is corrected, or the row is a new
        one.

        `warnings` say that it was found under another number: then it contradicts no earlier row of the file.
        """
        known = of_record(row.naming, known)
        living = [one for one in known if not one.has_ended(self._today)]
        meant = narrowed(
            row.naming, [one for one in living if not are_two(row.naming, one.naming)], by_circumstances=True
        )
        gone = [one for one in known if one.has_ended(self._today) and not are_two(row.naming, one.naming)]
        if len(meant) > 1:
            self._reject(row, Refusal.AMBIGUOUS_LISTING, meant)
        elif meant and not warnings and self._is_published_otherwise(row, meant[0]):
            self._reject(row, Refusal.CONFLICTING_DUPLICATE)
        elif meant:
            self._make_correction(row, meant[0], *warnings)
        elif gone and not self._is_new_decision(row, gone):
            self._fate(row, FateKind.UNCHANGED, gone[-1], Warn.RELISTING_UNDECIDED)
        else:
            self._make(row, gone)

    def _publish_by_name(self, row: Row) -> None:
        """No listing has this key, but one with the same name may be the debtor's all the same, under a less complete
        number.
        """
        fuller, lesser, others = self._held.by_likeness(row)
        living = [one for one in (*fuller, *lesser) if not one.has_ended(self._today)]
        meant = [one for one in living if not are_two(row.naming, one.naming)]
        if len(meant) > 1 or any(one in lesser for one in meant):
            self._reject(row, Refusal.POSSIBLE_DUPLICATE, meant)
        elif fuller or lesser:
            self._publish_known(row, [*fuller, *lesser], Warn.IDENTIFIER_COMPLETED)
        else:
            namesakes = [one for one in others if not one.has_ended(self._today)]
            self._make(row, (), *namesakes)

    def _correct(self, row: Row) -> None:
        listing = self._find(row)
        if listing is None:
            return
        if row.content_digest == listing.content_digest:
            self._fate(row, FateKind.UNCHANGED, listing)
        elif listing.has_ended(self._today):
            self._fate(row, FateKind.UNCHANGED, listing, Warn.ALREADY_ENDED)
        else:
            likeness = compare(row.naming.kind, row.naming.identifier, listing.naming.identifier)
            is_completed = row.natural_key not in listing.keys and likeness is Likeness.FULLER
            self._make_correction(row, listing, *((Warn.IDENTIFIER_COMPLETED,) if is_completed else ()))

    def _end(self, row: Row) -> None:
        listing = self._find(row)
        if listing is None:
            return
        act, target = _ENDINGS[row.action]
        listing = self._ended_so_before(row, listing, target) or listing
        state = listing.state(self._today)
        others = self._still_listed(listing)
        if not can_become(state, target):
            warnings = () if state is target else (Warn.ALREADY_ENDED,)
            self._fate(row, FateKind.UNCHANGED, listing, *warnings, *others, others=others)
            return
        warn = act is Act.DELETED and is_unusual(row.ground, listing.expires_on)
        self._close(listing, act, row.decided_on or self._today, row)
        self._fate(row, FateKind.ENDED, listing, *((Warn.GROUND_UNUSUAL,) if warn else ()), *others, others=others)

    def _still_listed(self, ended: Held) -> dict[Warn, list[Held]]:
        """Other listings of the same debtor in the same case: a second listing of its own, or a copy under another number."""
        found: dict[Warn, list[Held]] = {}
        for one in self._held.of_name(ended.loose_key):
            if one is ended or one.has_ended(self._today):
                continue
            likeness = compare(ended.naming.kind, ended.naming.identifier, one.naming.identifier)
            if one.keys & ended.keys:
                found.setdefault(Warn.OTHER_LISTING_REMAINS, []).append(one)
            elif likeness is not Likeness.OTHER:
                found.setdefault(Warn.POSSIBLE_DUPLICATE, []).append(one)
        return found

    def _suspend(self, row: Row) -> None:
        """Take it off the list for a time; a listing in grace never was on it."""
        listing = self._find(row)
        if listing is None:
            return
        if listing.is_suspended or listing.has_ended(self._today):
            warnings = (Warn.ALREADY_ENDED,) if listing.has_ended(self._today) else ()
            self._fate(row, FateKind.UNCHANGED, listing, *warnings)
            return
        if self._was_paused_so(row, listing, Act.SUSPENDED):
            self._fate(row, FateKind.UNCHANGED, listing, Warn.SUPERSEDED)
            return
        self._pause(listing, Act.SUSPENDED, row, is_change=listing.is_published)
        self._fate(row, FateKind.CORRECTED, listing)

    def _resume(self, row: Row) -> None:
        listing = self._find(row)
        if listing is None:
            return
        if not listing.is_suspended or listing.has_ended(self._today):
            warnings = (Warn.ALREADY_ENDED,) if listing.has_ended(self._today) else ()
            self._fate(row, FateKind.UNCHANGED, listing, *warnings)
            return
        if self._was_paused_so(row, listing, Act.RESUMED):
            self._fate(row, FateKind.UNCHANGED, listing, Warn.SUPERSEDED)
            return
        self._pause(listing, Act.RESUMED, row, is_change=listing.in_force_from <= self._today)
        self._fate(row, FateKind.CORRECTED, listing)

    def _was_paused_so(self, row: Row, listing: Held, act: Act) -> bool:
        """Whether a row of a file was already carried out, and is loaded again after the court decided otherwise.

        It is recognised by its day, or by being older than what was decided since; an undated row by the existence of such an
        act.
        """
        if row.listing_id is not None or not listing.pauses:
            return False
        if row.decided_on is None:
            return any(one is act for one, _ in listing.pauses)
        dated = [day for one, day in listing.pauses if one is not act and day is not None]
        return (act, row.decided_on) in listing.pauses or any(row.decided_on < day for day in dated)

    def _pause(self, listing: Held, act: Act, row: Row, *, is_change: bool) -> None:
        listing.version += 1
        listing.is_suspended = act is Act.SUSPENDED
        listing.is_published = is_change and not listing.is_suspended
        listing.pauses.append((act, row.decided_on))
        decided_on = row.decided_on or self._today
        self._result.acts.append(
            ListingAct(
                act=act,
                listing_id=listing.listing_id,
                version=listing.version,
                row=None,
                is_change=is_change,
                ground=row.ground,
                decided_on=row.decided_on,
                suspended_on=decided_on if listing.is_suspended else None,
            )
        )

    def _ended_so_before(self, row: Row, living: Held, target: ListingState) -> Held | None:
        """The listing that this same row already ended, if its file is loaded again after the debtor was listed anew.

        It is recognised by its day; an undated row by a later row of the file, which shows that the new listing came after
        it.
        """
        if living.has_ended(self._today) or row.listing_id is not None:
            return None
        before = [one for one in narrowed(row.naming, self._held.named_by(row)) if one.ended == target.value]
        if row.decided_on is not None:
            return next((one for one in before if one.ended_on == row.decided_on), None)
        is_relisted_later = any(
            later.action is RowAction.PUBLISH and later.content_digest in living.contents
            for later in islice(self._rows, self._place + 1, None)
        )
        return before[-1] if before and is_relisted_later else None

    def _find(self, row: Row) -> Held | None:
        """By natural key, or else by court, case, sequence and name; one of several by 失信ID or decision number. A refusal
        is noted if that finds none, or still several.
        """
        named = self._held.named_by(row)
        known = named if row.listing_id is not None else narrowed(row.naming, named)
        living = [listing for listing in known if not listing.has_ended(self._today)]
        if len(living) > 1 or (row.decided_on is None and self._held.could_be_another(row, known)):
            self._reject(row, Refusal.AMBIGUOUS_LISTING, living or known)
            return None
        if not known and not row.is_stated:  # a record that had ended before it was ever on this list: nothing to do
            self._result.fates.append(Fate(row.number, FateKind.UNCHANGED, warnings=(Warn.ALREADY_ENDED,)))
            return None
        if not known:
            self._reject(row, Refusal.UNKNOWN_LISTING)
            return None
        return living[0] if living else known[-1]

    def _is_published_otherwise(self, row: Row, listing: Held) -> bool:
        return self._published.get(listing.listing_id, row.content_digest) != row.content_digest

    def _is_new_decision(self, row: Row, ended: Sequence[Held]) -> bool:
        """Listing somebody again needs a decision made after the end (Art. 10(3)); if undated, another document."""
        if row.decided_on is not None:
            return all(row.decided_on > (listing.ended_on or listing.expires_on or date.min) for listing in ended)
        number = row.naming.decision_number
        return number is not None and all(not is_same_document(number, one.naming.decision_number) for one in ended)

    def _free(self, listings: Iterable[Held]) -> bool:
        """End a listing that is past its term before the worker has recorded that: the natural key must be free for
        another.
        """
        past = [one for one in listings if one.ended is None and one.state(self._today) is ListingState.EXPIRED]
        for listing in past:
            self._close(listing, Act.EXPIRED, listing.expires_on or self._today, None)
        return bool(past)

    def _make(self, row: Row, ended: Sequence[Held], *namesakes: Held) -> None:
        self._free(ended)
        assert row.content_digest is not None and row.in_force_from is not None  # noqa: S101, PT018 - a publication
        is_published = row.in_force_from <= self._today
        listing = Held(
            listing_id=next(iter(self._new_ids)),
            version=1,
            keys={row.natural_key},
            loose_key=row.loose_key,
            contents={row.content_digest},
            content_digest=row.content_digest,
            in_force_from=row.in_force_from,
            expires_on=row.expires_on,
            is_published=is_published,
            naming=row.naming,
            case=row.case,
        )
        self._held.add(listing)
        act = Act.PUBLISHED if is_published else Act.DECIDED
        self._result.acts.append(ListingAct(act, listing.listing_id, 1, row.number, is_published))
        self._published.setdefault(listing.listing_id, row.content_digest)
        others = {Warn.POSSIBLE_DUPLICATE: list(namesakes)} if namesakes else {}
        self._fate(row, FateKind.CREATED, listing, *others, others=others)

    def _make_correction(self, row: Row, listing: Held, *warnings: Warn) -> None:
        assert row.content_digest is not None and row.in_force_from is not None  # noqa: S101, PT018 - has content
        holders = self._held.of_key(row.natural_key)
        takes_freed_key = self._free(
            [one for one in holders if one is not listing and not are_two(row.naming, one.naming)]
        )
        was_published = listing.is_published
        listing.version += 1
        listing.is_published = (was_published or row.in_force_from <= self._today) and not listing.is_suspended
        listing.content_digest = row.content_digest
        listing.contents.add(row.content_digest)
        listing.in_force_from, listing.expires_on = row.in_force_from, row.expires_on
        listing.naming = replace(row.naming, record_id=row.naming.record_id or listing.naming.record_id)
        self._held.rename(listing, row.natural_key, row.loose_key)
        act = Act.CORRECTED if was_published or not listing.is_published else Act.PUBLISHED
        self._result.acts.append(
            ListingAct(
                act,
                listing.listing_id,
                listing.version,
                row.number,
                listing.is_published,
                takes_freed_key=takes_freed_key,
            )
        )
        if row.action is RowAction.PUBLISH:
            self._published.setdefault(listing.listing_id, row.content_digest)
        self._fate(row, FateKind.CORRECTED, listing, *warnings)

    def _close(self, listing: Held, act: Act, ended_on: date, row: Row | None) -> None:
        is_change = listing.is_published or listing.in_force_from <= self._today
        listing.version += 1
        listing.ended, listing.ended_on = act.value, ended_on
        self._result.acts.append(
            ListingAct(
                act=act,
                listing_id=listing.listing_id,
                version=listing.version,
                row=None,
                is_change=is_change,
                ended_on=ended_on,
                ground=row.ground if row else None,
                decided_on=row.decided_on if row else None,
            )
        )

    def _fate(
        self,
        row: Row,
        kind: FateKind,
        listing: Held,
        *warnings: Warn,
        others: Mapping[Warn, Sequence[Held]] = MappingProxyType({}),
    ) -> None:
        named = tuple(one.listing_id for several in others.values() for one in several)
        self._result.fates.append(Fate(row.number, kind, listing.listing_id, None, warnings, named))

    def _reject(self, row: Row, code: Refusal, others: Sequence[Held] = ()) -> None:
        named = tuple(one.listing_id for one in others)
        self._result.fates.append(Fate(row.number, FateKind.REJECTED, None, code, others=named))


_ENDINGS = {
    RowAction.DELETE: (Act.DELETED, ListingState.DELETED),
    RowAction.WITHDRAW: (Act.WITHDRAWN, ListingState.WITHDRAWN),
}
