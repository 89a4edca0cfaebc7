"""The court's acts on one listing: lock → permission → rule → change → record → return.

Each is a listing version, a ledger entry and a change, in the caller's transaction. A publication or a correction is staged
like the only row of a file, so a single act and a file of a million rows take the same path.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Act
from blacklist_service.ledger.entries import canonical
from blacklist_service.ledger.queries import find_checks_of_listing
from blacklist_service.listings import queries
from blacklist_service.listings.deadlines import MONTHS_BARRED, months_after
from blacklist_service.listings.distinction import are_two
from blacklist_service.listings.held import Held, Row
from blacklist_service.listings.import_queries import list_unsettled
from blacklist_service.listings.intake import ReadRow
from blacklist_service.listings.numbers import know_numbers
from blacklist_service.listings.operations.applying import By, ListHead, lock_head, mark_feed_alive
from blacklist_service.listings.operations.carrying_out import Court, Done, carry_out, get_own, require_court, revise
from blacklist_service.listings.operations.revising import Revision
from blacklist_service.listings.operations.staging import clear_staged, make_batch, stage_batch
from blacklist_service.listings.preparing import content_digest
from blacklist_service.listings.problems import (
    AmbiguousListing,
    CreditorBarred,
    ListedOtherwise,
    ListingEnded,
    ListingNotSuspended,
    PossibleDuplicate,
    RelistingUndecided,
)
from blacklist_service.listings.resolution import FateKind, Resolution, resolve
from blacklist_service.listings.rules import Content, Naming, Refusal, RowAction, SuspensionGround, Warn
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.subjects.completeness import Likeness, compare


async def publish_listing(connection: Connection, content: Content, *, court: Court, warnings: Sequence[Warn]) -> Done:
    """Publish a listing; the same content again changes nothing. Other content for a listing in force is a `Conflict`."""
    require_court(content.court_code, court)
    content = content._replace(court_code=court.code)
    head = await lock_head(connection)
    import_id = new_id(head.at)
    row = await _stage(connection, import_id, content, RowAction.PUBLISH, head, court)
    held = await _find_like(connection, row, court)
    resolution = resolve(held, [row], iter(lambda: new_id(head.at), None), today=head.today)
    [fate] = resolution.fates
    if fate.kind is FateKind.REJECTED:
        raise (PossibleDuplicate if fate.code is Refusal.POSSIBLE_DUPLICATE else AmbiguousListing)(fate.others)
    if fate.kind is FateKind.CORRECTED and fate.listing_id is not None:
        raise ListedOtherwise(fate.listing_id)
    if Warn.RELISTING_UNDECIDED in fate.warnings:
        raise RelistingUndecided
    if fate.kind is FateKind.CREATED:
        debtors_own = [one for one in held if row.natural_key in one.keys or _is_like(row, one)]
        await _refuse_barred_creditor(connection, content, debtors_own, head)
    done = await carry_out(connection, resolution, head, By(court.actor, import_id), court, list(warnings))
    await clear_staged(connection, import_id)
    return done


async def correct_listing(
    connection: Connection,
    listing_id: UUID,
    content: Content,
    *,
    expected_version: int,
    reason: str,
    court: Court,
    warnings: Sequence[Warn],
) -> Done:
    """Replace the content of a listing (Art. 9). Its former keys remain its aliases."""
    require_court(content.court_code, court)
    content = content._replace(court_code=court.code)
    head = await lock_head(connection)
    listing = await get_own(connection, listing_id, expected_version, court)
    import_id = new_id(head.at)
    row = await _stage(connection, import_id, content, RowAction.CORRECT, head, court, listing_id=listing_id)
    held = await _find_like(connection, row, court, listing)
    for other in held:
        is_same = row.natural_key in other.keys and not are_two(row.naming, other.naming)
        if other.listing_id != listing_id and is_same and not other.has_ended(head.today):
            raise ListedOtherwise(other.listing_id)
    resolution = resolve(held, [row], iter(()), today=head.today)
    _refuse_ended(resolution)
    by = By(court.actor, import_id, reason)
    done = await carry_out(connection, resolution, head, by, court, list(warnings))
    await clear_staged(connection, import_id)
    return done


async def end_listing(
    connection: Connection,
    listing_id: UUID,
    action: RowAction,
    *,
    expected_version: int,
    ground: str | None,
    decided_on: date,
    reason: str | None,
    court: Court,
) -> Done:
    """Delete (Art. 10) or withdraw (Art. 9) a listing; its history stays. For a withdrawal, return the answers that rested on
    it.
    """
    head = await lock_head(connection)
    listing = await get_own(connection, listing_id, expected_version, court)
    row = Row(1, action, b"", b"", decided_on=decided_on, ground=ground, listing_id=listing_id)
    held = await _find_like(connection, row, court, listing)
    resolution = resolve(held, [row], iter(()), today=head.today)
    _refuse_ended(resolution)
    done = await carry_out(connection, resolution, head, By(court.actor, None, reason), court, [])
    if action is RowAction.WITHDRAW:
        done.touched_checks.extend(await find_checks_of_listing(connection, listing_id))
    return done


async def suspend_listing(
    connection: Connection,
    listing_id: UUID,
    *,
    expected_version: int,
    ground: SuspensionGround,
    decided_on: date,
    reason: str,
    court: Court,
) -> Done:
    """Take a listing off the list for a time (暂时屏蔽, 国办发〔2025〕22号): not in force, not ended; its term runs on."""
    row = Row(1, RowAction.SUSPEND, b"", b"", decided_on=decided_on, ground=ground, listing_id=listing_id)
    return await _pause(connection, row, expected_version=expected_version, reason=reason, court=court)


async def resume_listing(
    connection: Connection, listing_id: UUID, *, expected_version: int, decided_on: date, reason: str, court: Court
) -> Done:
    """Put a suspended listing back on the list; one that is not suspended is a `Conflict`."""
    row = Row(1, RowAction.RESUME, b"", b"", decided_on=decided_on, listing_id=listing_id)
    done = await _pause(connection, row, expected_version=expected_version, reason=reason, court=court)
    if done.version == expected_version:
        raise ListingNotSuspended
    return done


async def _pause(connection: Connection, row: Row, *, expected_version: int, reason: str, court: Court) -> Done:
    assert row.listing_id is not None  # noqa: S101 - an act names its listing
    head = await lock_head(connection)
    listing = await get_own(connection, row.listing_id, expected_version, court)
    resolution = resolve([listing], [row], iter(()), today=head.today)
    _refuse_ended(resolution)
    return await carry_out(connection, resolution, head, By(court.actor, None, reason), court, [])


async def extend_listing(
    connection: Connection,
    listing_id: UUID,
    expires_on: date,
    *,
    expected_version: int,
    decided_on: date,
    reason: str,
    court: Court,
) -> Done:
    """Set a later end of the term (Art. 2(1)); only a listing in force, or in grace, can be extended."""
    head = await lock_head(connection)
    listing = await get_own(connection, listing_id, expected_version, court)
    if listing.has_ended(head.today):
        raise ListingEnded
    if expires_on < head.today or (listing.expires_on is not None and expires_on <= listing.expires_on):
        raise InvalidRequest(errors=[FieldError("/expires_on", "not-later", "must be later than the present end")])
    stored = await queries.get_stored_content(connection, listing_id)
    document = stored.document | {"expires_on": expires_on.isoformat()}
    numbers: dict[str, Any] = orjson.loads(court.tools.cipher.open(stored.secret, stored.content_digest))
    digest = content_digest(canonical(document), numbers, court.tools.digester)
    revision = Revision(
        listing_id=listing_id,
        version=listing.version + 1,
        act=Act.EXTENDED,
        dispute_state=stored.dispute_state,
        expires_on=expires_on,
        decided_on=decided_on,
        natural_key=stored.natural_key,
        content_digest=digest,
        document=document,
        secret=court.tools.cipher.seal(canonical(numbers), digest),
    )
    return await revise(connection, listing, revision, head, By(court.actor, None, reason), court)


async def dispute_listing(
    connection: Connection,
    listing_id: UUID,
    state: str | None,
    *,
    expected_version: int | None,
    court: Court,
    filed_on: date | None = None,
) -> Done:
    """Show what is pending against a listing. The listing stays in force (Art. 12)."""
    head = await lock_head(connection)
    listing = await get_own(connection, listing_id, expected_version, court)
    stored = await queries.get_stored_content(connection, listing_id)
    if listing.ended is not None and state is not None:
        raise ListingEnded
    revision = Revision(
        listing_id=listing_id,
        version=listing.version + 1,
        act=Act.DISPUTED,
        dispute_state=state,
        expires_on=stored.expires_on,
        filed_on=filed_on,
    )
    return await revise(connection, listing, revision, head, By(court.actor), court)


async def beat_heart(connection: Connection, *, court: Court) -> datetime:
    """Record that a court's feed is alive although nothing changed."""
    at: datetime = await connection.fetchval("SELECT clock_timestamp()")
    await mark_feed_alive(connection, court.code, at)
    return at


def _is_like(row: Row, one: Held) -> bool:
    """Whether a listing with that name in that case may be the same debtor's, and not a namesake's."""
    return compare(row.naming.kind, row.naming.identifier, one.naming.identifier) is not Likeness.OTHER


async def _find_like(connection: Connection, row: Row, court: Court, listing: Held | None = None) -> list[Held]:
    """The listings of the debtor that a row names, and those with its name in its case; for an act on a listing, also those
    like the listing.
    """
    keys, named = {row.natural_key}, {(*row.case, row.loose_key)}
    if listing is not None:
        keys |= listing.keys
        named.add((*listing.case, listing.loose_key))
    held = await queries.find_held(connection, keys, named)
    await know_numbers(connection, held, [row], import_id=None, cipher=court.tools.cipher)
    return held


async def _stage(
    connection: Connection,
    import_id: UUID,
    content: Content,
    action: RowAction,
    head: ListHead,
    court: Court,
    *,
    listing_id: UUID | None = None,
) -> Row:
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
    read = ReadRow(1, action, naming, (), content, None, content.decided_on)
    await stage_batch(connection, import_id, make_batch(import_id, [read], court.tools, loaded_on=head.today))
    [(row, _)] = await list_unsettled(connection, import_id, first=1, last=1)
    row.listing_id = listing_id
    row.naming = replace(row.naming, identifier=content.identifier)
    return row


def _refuse_ended(resolution: Resolution) -> None:
    """Where a file gets a warning, a single act is refused: it would have no effect."""
    [fate] = resolution.fates
    is_void = fate.kind is FateKind.UNCHANGED and not resolution.acts
    if is_void and (Warn.ALREADY_ENDED in fate.warnings or fate.listing_id is None):
        raise ListingEnded


async def _refuse_barred_creditor(
    connection: Connection, content: Content, held: Sequence[Held], head: ListHead
) -> None:
    if content.on_application_of != "creditor":
        return
    ended_on = await queries.find_deletion_at_creditors_request(connection, [one.listing_id for one in held])
    asked_on = content.decided_on or legal_date(head.at)
    if ended_on is not None and asked_on < months_after(ended_on, MONTHS_BARRED):
        raise CreditorBarred
