"""The composed reads of the list. `database/statements.py` explains when this is loaded."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Integer,
    LargeBinary,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    column,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    tuple_,
)

from blacklist_service.database.tables import word
from blacklist_service.listings.fragments import CONTENT_OF_VERSION
from blacklist_service.listings.import_models import import_fates
from blacklist_service.listings.models import listing_versions, listings, subject_keys

listing = listings.alias("l")
version = listing_versions.alias("v")
content = text(CONTENT_OF_VERSION).columns(column("document"), column("secret"), column("content_digest"))

TODAY = bindparam("today", type_=Date)
LIMIT = bindparam("limit", type_=Integer)
PLACE = bindparam("place", type_=listing.c.id.type)
"""The listing after which a page begins."""

IS_NOT_YET_PUBLIC = and_(listing.c.ended.is_(None), listing.c.in_force_from > TODAY)
"""In grace, even if suspended: visible to its own court only."""
WAS_NEVER_PUBLIC = and_(listing.c.ended.is_not(None), listing.c.list_version.is_(None))
"""Ended during its grace: visible to its own court only."""
IS_IN_TERM = and_(listing.c.ended.is_(None), or_(listing.c.expires_on.is_(None), listing.c.expires_on >= TODAY))

STATES: Mapping[str, ColumnElement[bool]] = {
    "grace": and_(IS_NOT_YET_PUBLIC, listing.c.suspended_on.is_(None)),
    "published": and_(IS_IN_TERM, listing.c.suspended_on.is_(None), listing.c.in_force_from <= TODAY),
    "suspended": and_(IS_IN_TERM, listing.c.suspended_on.is_not(None)),
    "expired": or_(
        listing.c.ended == word("expired"),
        and_(listing.c.ended.is_(None), listing.c.in_force_from <= TODAY, listing.c.expires_on < TODAY),
    ),
    "deleted": listing.c.ended == word("deleted"),
    "withdrawn": listing.c.ended == word("withdrawn"),
}
"""The state of a listing today; `rules.state_of` computes the same for one listing."""


IN_FEED = and_(listing.c.ended.is_(None), listing.c.is_published, listing.c.suspended_on.is_(None))
"""What a copy of the change feed holds; `setdigests.IN_FEED` is the same."""


GRADED = text("""
    content.document ->> 'severity' = :severity
    AND l.id IN (SELECT g.listing_id FROM listing_versions g WHERE g.document ->> 'severity' = :severity)
""").bindparams(bindparam("severity", type_=Text))
"""By the current severity, found by the few versions that ever had one."""


def page_of_listings(given: Collection[str], *, state: str | None) -> Select[Any]:
    """Newest first, filtered by `case_number`, `court_code` and `severity` if given; of listings in grace only those of
    `own_court`.
    """
    conditions: list[Any] = [
        GRADED if name == "severity" else listing.c[name] == bindparam(name) for name in sorted(given)
    ]
    if state is not None:
        conditions.append(STATES[state])
    return _page_before().where(*conditions)


def page_of_found_listings(given: Collection[str], *, state: str | None, is_with_ended: bool) -> Select[Any]:
    """Newest first, those found by `digests`; of those that have ended only `own_court`'s, if they are asked for."""
    key = subject_keys.c
    found = select(key.listing_id).where(key.digest == any_(bindparam("digests", type_=ARRAY(LargeBinary))))
    is_found: ColumnElement[bool] = listing.c.id.in_(found.where(key.until_version.is_(None)))
    if is_with_ended:
        has_ended = and_(listing.c.ended.is_not(None), listing.c.court_code == bindparam("own_court"))
        is_found = or_(is_found, and_(has_ended, listing.c.id.in_(found.where(key.until_version.is_not(None)))))
    return page_of_listings(given, state=state).where(is_found)


def page_of_published() -> Select[Any]:
    """By id, oldest first."""
    return _page_after().where(STATES["published"])


def page_of_feed() -> Select[Any]:
    """By id, oldest first."""
    return _page_after().where(IN_FEED)


def reports_of_rows(*, is_refused: bool) -> Select[Any]:
    """The refused rows of an import, or the warned ones, once for each code; after the position `row`, `code`."""
    fate = import_fates
    if is_refused:
        reports = select(fate.c.row, fate.c.field, fate.c.code, true().label("is_refused"), fate.c.others).where(
            fate.c.fate == word("rejected")
        )
    else:
        code = func.unnest(fate.c.warnings).label("code")
        reports = select(fate.c.row, null().label("field"), code, false().label("is_refused"), fate.c.others).where(
            fate.c.warnings != literal_column("'{}'")
        )
    one = reports.where(fate.c.import_id == bindparam("import_id")).subquery("one")
    place = tuple_(bindparam("row", type_=Integer), bindparam("code", type_=fate.c.code.type))
    return select(one).where(tuple_(one.c.row, one.c.code) > place).order_by(one.c.row, one.c.code).limit(LIMIT)


def _page_before() -> Select[Any]:
    is_shown = or_(listing.c.court_code == bindparam("own_court"), and_(~IS_NOT_YET_PUBLIC, ~WAS_NEVER_PUBLIC))
    return _with_content().where(listing.c.id < PLACE, is_shown).order_by(listing.c.id.desc()).limit(LIMIT)


def _page_after() -> Select[Any]:
    # Restrict the versions by the position too: otherwise a merge join would read them from the first for each page.
    after = (listing.c.id > PLACE, version.c.listing_id > PLACE)
    return _with_content().where(*after).order_by(listing.c.id).limit(LIMIT)


def _with_content() -> Select[Any]:
    kept = content.lateral("content")
    newest = and_(version.c.listing_id == listing.c.id, version.c.version == listing.c.version)
    return select(listing, *kept.c).select_from(listing.join(version, newest).join(kept, true()))
