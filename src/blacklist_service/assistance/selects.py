"""The composed reads of notices. `database/statements.py` explains when this is loaded."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
)

from blacklist_service.assistance.models import notice_events, notices
from blacklist_service.assistance.rules import MOST_EVENTS
from blacklist_service.database.tables import word
from blacklist_service.members.models import member_lineage

notice = notices.alias("n")
TODAY = bindparam("today", type_=Date)

IS_OPEN = and_(notice.c.released_at.is_(None), or_(notice.c.valid_until.is_(None), notice.c.valid_until >= TODAY))
"""Neither released nor past its last day."""

STATES: Mapping[str, ColumnElement[bool]] = {
    "served": and_(notice.c.acknowledged_at.is_(None), notice.c.answered_at.is_(None), IS_OPEN),
    "acknowledged": and_(notice.c.acknowledged_at.is_not(None), notice.c.answered_at.is_(None), IS_OPEN),
    "answered": and_(notice.c.answered_at.is_not(None), IS_OPEN),
    "released": notice.c.released_at.is_not(None),
    "expired": and_(notice.c.released_at.is_(None), notice.c.valid_until < TODAY),
    "overdue": and_(notice.c.answered_at.is_(None), notice.c.due_at < func.clock_timestamp(), IS_OPEN),
}
"""The state of a notice today; `rules.state_of` computes the same for one notice. `overdue` is one here."""

ON_AN_OBJECT = [word("seize"), word("freeze"), word("stop_transfer")]
"""The actions that queue for the same object (轮候)."""


def one_notice() -> Select[Any]:
    return _notices().where(notice.c.id == bindparam("notice_id"))


def page_of_notices(*, state: str | None) -> Select[Any]:
    """Newest first."""
    page = _notices().where(notice.c.id < bindparam("before"))
    if state is not None:
        page = page.where(STATES[state])
    return page.order_by(notice.c.id.desc()).limit(bindparam("limit", type_=Integer))


def events_after() -> Select[Any]:
    """The steps after a version, oldest first, at most `MOST_EVENTS`, each with its notice as it was then."""
    event = notice_events.alias("v")
    return (
        select(event.c.version.label("event_version"), event.c.act.label("event_act"), notice, _waiting_order())
        .select_from(event.join(notice, notice.c.id == event.c.notice_id))
        .where(event.c.version > bindparam("after"), _is_mine())
        .order_by(event.c.version)
        .limit(literal_column(str(MOST_EVENTS)))
    )


def _notices() -> Select[Any]:
    return select(notice, _waiting_order()).where(_is_mine())


def _is_mine() -> ColumnElement[bool]:
    """Served by the court `court_code`, if the caller is one, or served on `member` or one of its predecessors."""
    lineage = member_lineage.alias("lineage")
    took_its_place = exists().where(lineage.c.ancestor == notice.c.agency, lineage.c.member == bindparam("member"))
    return or_(notice.c.court_code == bindparam("court_code"), took_its_place)


def _waiting_order() -> ColumnElement[int]:
    earlier = notices.alias("e")
    before_it = (
        select(func.count())
        .select_from(earlier)
        .where(
            earlier.c.agency == notice.c.agency,
            earlier.c.object_key == notice.c.object_key,
            earlier.c.action.in_(ON_AN_OBJECT),
            earlier.c.released_at.is_(None),
            or_(earlier.c.valid_until.is_(None), earlier.c.valid_until >= TODAY),
            tuple_(earlier.c.served_at, earlier.c.id) < tuple_(notice.c.served_at, notice.c.id),
        )
        .scalar_subquery()
    )
    waits_for_none = or_(
        notice.c.object_key.is_(None), notice.c.action.not_in(ON_AN_OBJECT), notice.c.released_at.is_not(None)
    )
    return case((waits_for_none, null()), else_=literal_column("1", Integer) + before_it).label("waiting_order")
