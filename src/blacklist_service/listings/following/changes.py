"""Prepares changes of a followed list before the list's lock is taken: parsed, digested, sealed, ready to be staged. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from blacklist_service.clock import new_id
from blacklist_service.clock import now as clock_now
from blacklist_service.ledger.actions import Act
from blacklist_service.listings.following.contents import content_of
from blacklist_service.listings.intake import ReadRow
from blacklist_service.listings.operations.staging import prepared_line
from blacklist_service.listings.preparing import Tools, naming_keys, prepare
from blacklist_service.listings.rules import Content, Naming, RowAction

LONGEST_DISTINCTION = 200
"""How much of a decision's number distinguishes two listings of one debtor in one case (`listings_told_apart`)."""

Place = tuple[bytes, str | None, str | None]
"""What must be unique among listings that have not ended: natural key, 失信ID, decision number."""


@dataclass(frozen=True, slots=True)
class FollowedContent:
    """The content of a listing there, and the line of COPY text that stages it here as `row`."""

    content: Content
    place: Place
    digest: bytes
    dispute_state: str | None
    contested_on: date | None
    row: int
    line: str


@dataclass(frozen=True, slots=True)
class FollowedChange:
    """The current state of a listing. `is_listed` is as of the change's version of the other list. `standing` is set while it
    is listed.
    """

    listing_id: UUID
    list_version: int
    is_listed: bool
    standing: FollowedContent | None
    ended: Act | None
    ended_on: date | None
    suspended_on: date | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Parsed on a day, to be staged as one import."""

    import_id: UUID
    today: date
    changes: Sequence[FollowedChange]


def read_changes(items: Iterable[Mapping[str, Any]], tools: Tools, *, today: date) -> Changes:
    """Each listing once, at its last change: the earlier ones say the same about it, or less. Raise `Unreadable`."""
    import_id = new_id(clock_now())
    newest: dict[str, Mapping[str, Any]] = {}
    for item in items:
        newest.pop(item["listing_id"], None)
        newest[item["listing_id"]] = item
    changes = [
        _change(item, tools, import_id=import_id, row=row, today=today)
        for row, item in enumerate(newest.values(), start=1)
    ]
    return Changes(import_id, today, changes)


def place_of(natural_key: bytes, record_id: str | None, decision_number: str | None) -> Place:
    return natural_key, record_id, decision_number and decision_number[:LONGEST_DISTINCTION]


def _change(item: Mapping[str, Any], tools: Tools, *, import_id: UUID, row: int, today: date) -> FollowedChange:
    listing = item["listing"]
    return FollowedChange(
        listing_id=UUID(item["listing_id"]),
        list_version=item["list_version"],
        is_listed=item["is_listed"],
        standing=None if listing is None else _standing(listing, tools, import_id=import_id, row=row, today=today),
        ended=item["ended"] and Act(item["ended"]),
        ended_on=_day(item["ended_on"]),
        suspended_on=_day(item["suspended_on"]),
    )


def _standing(listing: Mapping[str, Any], tools: Tools, *, import_id: UUID, row: int, today: date) -> FollowedContent:
    content = content_of(listing["document"], listing["numbers"], court_name=listing["court_name"], today=today)
    naming = Naming(
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
    read = ReadRow(row, RowAction.PUBLISH, naming, (), content, None, content.decided_on)
    keys = naming_keys(naming, tools.digester)
    prepared = prepare(content, tools, loaded_on=date.fromisoformat(listing["published_on"]))
    return FollowedContent(
        content=content,
        place=place_of(keys.natural_key, content.record_id, content.decision_number),
        digest=prepared.content_digest,
        dispute_state=listing["dispute_state"],
        contested_on=_day(listing["contested_on"]),
        row=row,
        line=prepared_line(import_id, read, keys, prepared),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
