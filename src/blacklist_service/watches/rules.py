"""What counts as a change of an answer, when the calendar may change it, and which outcomes are final. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import orjson

from blacklist_service.checks.rules import Decision, OutcomeAction
from blacklist_service.measures.rules import Catalogue, Matter, MeasureClass

MATCHES_BYTES = 16
LIST_STALE = "list-stale"
EVENTS_KEPT = timedelta(days=400)
"""How long told events stay in the feed: as long as a watch may last, and as far back as a scorecard goes."""
UNTOLD_EVENTS_KEPT = timedelta(days=3 * 366)
"""Where nobody took them: as long as records of processing are kept (Personal Information Protection Law, Art. 56)."""
FEW = 10
"""So many changes of one commit at most are single acts', for which somebody waits, and so many events of one instant: a
file's come by the hundred."""
FINAL = frozenset({OutcomeAction.APPROVED, OutcomeAction.REFUSED, OutcomeAction.WITHDRAWN})
"""Outcomes after which nothing is left to decide; `suspended` and `referred` wait for more."""


class EventType(StrEnum):
    """What a unit is told."""

    DECISION_CHANGED = "watch.decision_changed"
    MATCHES_CHANGED = "watch.matches_changed"
    ENDED = "watch.ended"
    LISTING_WITHDRAWN = "check.listing_withdrawn"


class Cause(StrEnum):
    """What caused a recheck, or the end of the watch."""

    LIST = "list"
    NOTICES = "notices"
    MEASURES = "measures"
    CALENDAR = "calendar"
    FRESHNESS = "freshness"
    SUCCESSION = "succession"
    DIGESTS = "digests"

    UNTIL = "until"
    CLOSED = "closed"
    OUTCOME = "outcome"
    NOT_COVERED = "not_covered"
    NOT_READABLE = "not_readable"


@dataclass(frozen=True, slots=True)
class AnswerState:
    """The parts of an answer that are compared with the next one. `is_doubted`: it may be a flag only because the list is
    stale.
    """

    decision: Decision
    matches: bytes
    is_doubted: bool


def state_of(answer: Mapping[str, Any]) -> AnswerState:
    """The state of an answer as it was sent. Matches are equal if the same listing or notice has the same effect for the same
    reason; what is shown of it does not matter.
    """
    matches = [
        [place, subject.get("matches_total", len(subject["matches"])), sorted(map(_identity, subject["matches"]))]
        for place, subject in enumerate(answer["subjects"])
    ]
    digest = blake2b(orjson.dumps(matches), digest_size=MATCHES_BYTES).digest()
    return AnswerState(Decision(answer["decision"]), digest, LIST_STALE in answer["warnings"])


def _identity(match: Mapping[str, Any]) -> list[str]:
    notice = match["notice"] or {}
    return [
        *(match["listing_id"] or "", match["relation"], match["identity"], match["effect"], match["reason"]),
        *(match["measure"]["id"], notice.get("notice_id", "")),
    ]


def next_change(
    listings: Iterable[Mapping[str, Any]], notices: Iterable[Mapping[str, Any]], *, today: date
) -> date | None:
    """The first day after `today` on which the calendar alone changes the meaning of the listings and notices found: a term
    or a notice ends, a person takes up or leaves an office. Measures are not considered: their days affect the whole matter.
    """
    days = [
        *(day for row in listings for day in _days_of_listing(row)),
        *(_after(row["valid_until"]) for row in notices),
    ]
    return min((day for day in days if day is not None and day > today), default=None)


def _days_of_listing(row: Mapping[str, Any]) -> Iterator[date | None]:
    yield _after(row["expires_on"])
    if row["person"] is not None:
        person = row["people"][row["person"]]
        since = person.get("from")
        yield date.fromisoformat(since) if since else None
        yield _after(person.get("to"))


def _after(last: date | str | None) -> date | None:
    """The day after the last one, as the database or JSON gives it."""
    if not last:
        return None
    day = date.fromisoformat(last) if isinstance(last, str) else last
    return day + timedelta(days=1) if day < date.max else None


def matters_that_turn(matters: Iterable[Matter], after: date, until: date) -> list[str]:
    """Matters with a measure that begins or ends on a day after `after`, up to `until`."""
    return sorted(
        matter.code
        for matter in matters
        if any(
            measure.measure_class is not MeasureClass.NONE
            and (
                after < measure.valid_from <= until
                or (measure.valid_to is not None and after <= measure.valid_to < until)
            )
            for measure in matter.measures
        )
    )


def matters_that_differ(old: Catalogue, new: Catalogue) -> list[str]:
    """Matters whose measures differ, or that no longer exist."""
    return sorted(code for code, matter in old.by_code.items() if new.by_code.get(code) != matter)
