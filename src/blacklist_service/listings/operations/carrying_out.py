"""What all acts on one listing share: the acting court, the listing under lock, its new version and entry, the result."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import NAMES
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import TouchedCheck
from blacklist_service.listings import queries
from blacklist_service.listings.held import Held
from blacklist_service.listings.operations.applying import By, ListHead, apply_acts, mark_feed_alive
from blacklist_service.listings.operations.revising import Revision, apply_revision
from blacklist_service.listings.preparing import Tools
from blacklist_service.listings.problems import CourtMismatch, ListingChanged, ListingNotFound
from blacklist_service.listings.resolution import FateKind, Resolution
from blacklist_service.listings.rules import ListingState, Warn
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.case_numbers import fold_court_code


@dataclass(frozen=True, slots=True)
class Court:
    """The acting court: who, in which request, with which tools."""

    code: str
    actor: Actor
    secrecy: Secrecy
    tools: Tools
    is_itself: bool = True
    """False if somebody else acts for the court: then the act does not show that the court's own feed is alive."""


@dataclass(frozen=True, slots=True)
class Done:
    """The result of an act."""

    listing_id: UUID
    version: int
    list_version: int | None
    state: ListingState
    warnings: list[str]
    is_new: bool = False
    others: tuple[UUID, ...] = ()
    """Other listings that a warning concerns."""
    touched_checks: list[TouchedCheck] = field(default_factory=list)


def require_court(court_code: str, court: Court) -> None:
    if fold_court_code(court_code) != fold_court_code(court.code):
        raise CourtMismatch


async def get_own(connection: Connection, listing_id: UUID, expected_version: int | None, court: Court) -> Held:
    """The listing, read under the lock of the list's head, so that nobody else changes it."""
    found = await queries.find_held_by_id(connection, listing_id)
    if found is None:
        raise ListingNotFound
    listing, court_code = found
    require_court(court_code, court)
    if expected_version is not None and listing.version != expected_version:
        raise ListingChanged
    return listing


async def carry_out(
    connection: Connection, resolution: Resolution, head: ListHead, by: By, court: Court, warnings: list[Warn]
) -> Done:
    [fate] = resolution.fates
    assert fate.listing_id is not None  # noqa: S101 - refusals were raised
    versioned = await apply_acts(connection, resolution.acts, head=head, by=by)
    entries = [
        Entry(
            NAMES[one.act.act].entry,
            by.actor,
            listing_ids=(one.act.listing_id,),
            list_version=one.list_version,
            facts={"court": court.code, "version": one.act.version}
            | ({"ground": one.act.ground} if one.act.ground else {}),
            private={"reason": by.reason} if by.reason else {},
        )
        for one in versioned
    ]
    if entries:
        await record(connection, entries, at=head.at, secrecy=court.secrecy)
    await mark_feed_alive(connection, court.code, head.at)
    warned = [*warnings, *fate.warnings]
    is_new = fate.kind is FateKind.CREATED
    return await _done(connection, fate.listing_id, head, warned, is_new=is_new, others=fate.others)


async def revise(
    connection: Connection, listing: Held, revision: Revision, head: ListHead, by: By, court: Court
) -> Done:
    """Write a version that leaves the keys unchanged, and record it."""
    list_version = await apply_revision(connection, revision, is_change=listing.is_published, head=head, by=by)
    facts = {"court": court.code, "version": revision.version}
    entry = Entry(
        NAMES[revision.act].entry,
        by.actor,
        listing_ids=(listing.listing_id,),
        list_version=list_version,
        facts=facts,
        private={"reason": by.reason} if by.reason else {},
    )
    await record(connection, [entry], at=head.at, secrecy=court.secrecy)
    if court.is_itself:
        await mark_feed_alive(connection, court.code, head.at)
    return await _done(connection, listing.listing_id, head, [], is_new=False)


async def _done(
    connection: Connection,
    listing_id: UUID,
    head: ListHead,
    warnings: Sequence[Warn],
    *,
    is_new: bool,
    others: tuple[UUID, ...] = (),
) -> Done:
    found = await queries.find_held_by_id(connection, listing_id)
    assert found is not None  # noqa: S101 - it was just written
    listing = found[0]
    list_version = await queries.get_list_version_of(connection, listing_id)
    codes = list(dict.fromkeys(warning.value for warning in warnings))
    return Done(listing_id, listing.version, list_version, listing.state(head.today), codes, is_new, others)
