"""What the list holds, as rows mean it: listings, rows that wait to take effect, and which listing a row may mean. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from blacklist_service.ledger.actions import Act
from blacklist_service.listings.distinction import UNSAID, Distinction
from blacklist_service.listings.rules import ENDED, ListingState, RowAction, state_of
from blacklist_service.subjects.completeness import Likeness, compare


@dataclass(slots=True)
class Held:
    """A listing as the list holds it. `keys` are all natural keys it ever had, `contents` all contents it ever had."""

    listing_id: UUID
    version: int
    keys: set[bytes]
    loose_key: bytes
    contents: set[bytes]
    content_digest: bytes
    in_force_from: date
    expires_on: date | None
    is_published: bool
    is_suspended: bool = False
    pauses: list[tuple[Act, date | None]] = field(default_factory=list)
    """Its suspensions and resumptions, oldest first, each with the day of the decision."""
    ended: str | None = None
    ended_on: date | None = None
    naming: Distinction = UNSAID
    case: tuple[str, str] = ("", "")

    def state(self, today: date) -> ListingState:
        return state_of(
            ended=self.ended,
            in_force_from=self.in_force_from,
            expires_on=self.expires_on,
            is_suspended=self.is_suspended,
            today=today,
        )

    def has_ended(self, today: date) -> bool:
        return self.state(today) in ENDED


@dataclass(slots=True)
class Row:
    """A row that waits to take effect. The content's columns are None for a row that ends a listing."""

    number: int
    action: RowAction
    natural_key: bytes
    loose_key: bytes
    content_digest: bytes | None = None
    in_force_from: date | None = None
    expires_on: date | None = None
    decided_on: date | None = None
    ground: str | None = None
    listing_id: UUID | None = None
    """The listing itself, if an act names it by id and not by its content."""
    case: tuple[str, str] = ("", "")
    """Court and case number, by which listings are fetched for a row that names one without its number, or with another."""
    naming: Distinction = UNSAID
    is_stated: bool = True
    """Whether an action asks for the end; otherwise the record's own columns say that it has ended."""


class HeldListings:
    """The listings that rows may mean: by their natural keys, or by the name in the case."""

    def __init__(self, held: Iterable[Held]) -> None:
        self._all: list[Held] = []
        self._by_key: dict[bytes, list[Held]] = {}
        self._by_loose_key: dict[bytes, list[Held]] = {}
        for listing in held:
            self.add(listing)

    def add(self, listing: Held) -> None:
        self._all.append(listing)
        for key in listing.keys:
            self._by_key.setdefault(key, []).append(listing)
        self._by_loose_key.setdefault(listing.loose_key, []).append(listing)

    def rename(self, listing: Held, natural_key: bytes, loose_key: bytes) -> None:
        """The listing has another key from now on, and is found by its former keys too; and perhaps another name."""
        if natural_key not in listing.keys:
            listing.keys.add(natural_key)
            self._by_key.setdefault(natural_key, []).append(listing)
        if loose_key != listing.loose_key:
            self._by_loose_key[listing.loose_key].remove(listing)
            self._by_loose_key.setdefault(loose_key, []).append(listing)
            listing.loose_key = loose_key

    def of_key(self, natural_key: bytes) -> Sequence[Held]:
        return self._by_key.get(natural_key, ())

    def of_name(self, loose_key: bytes) -> Sequence[Held]:
        """Those with a name in a case."""
        return self._by_loose_key.get(loose_key, ())

    def named_by(self, row: Row) -> Sequence[Held]:
        """By the listing's id, if an act gives it; else by natural key, or by the name in the case."""
        if row.listing_id is not None:
            return [listing for listing in self._all if listing.listing_id == row.listing_id]
        return self._by_key.get(row.natural_key) or self._by_loose_key.get(row.loose_key, [])

    def by_likeness(self, row: Row) -> tuple[list[Held], list[Held], list[Held]]:
        """The listings with that name in that case whose number this row's number completes; is contained in; is unrelated
        to.

        The same number given as another type of document completes nothing, and means no second debtor either.
        """
        found: dict[Likeness, list[Held]] = {likeness: [] for likeness in Likeness}
        for one in self._by_loose_key.get(row.loose_key, ()):
            found[compare(row.naming.kind, row.naming.identifier, one.naming.identifier)].append(one)
        return [*found[Likeness.FULLER], *found[Likeness.SAME]], found[Likeness.LESSER], found[Likeness.OTHER]

    def could_be_another(self, row: Row, known: Sequence[Held]) -> bool:
        """Whether a row that no number ties to its listing may mean one of several persons with one name in one case.

        It may be an old row about the person whose listing has ended, loaded again: it must not affect the other one's.
        """
        if row.listing_id is not None or row.natural_key in self._by_key:
            return False
        first, *others = known or (None,)
        return first is not None and any(
            compare(first.naming.kind, first.naming.identifier, one.naming.identifier) is Likeness.OTHER
            for one in others
        )
