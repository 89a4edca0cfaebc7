"""The life cycle of a listing. Pure: no database, no clock, no HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from blacklist_service.subjects.identifiers import Identifier, SubjectKind


class ListingState(StrEnum):
    """Derived from dates and acts, see `state_of`."""

    GRACE = "grace"
    PUBLISHED = "published"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    DELETED = "deleted"
    WITHDRAWN = "withdrawn"


ENDED = frozenset({ListingState.EXPIRED, ListingState.DELETED, ListingState.WITHDRAWN})
_COURTS_ENDINGS = frozenset({ListingState.DELETED, ListingState.WITHDRAWN})

NEXT_STATES: Mapping[ListingState, frozenset[ListingState]] = {
    ListingState.GRACE: _COURTS_ENDINGS | {ListingState.PUBLISHED, ListingState.SUSPENDED},
    ListingState.PUBLISHED: _COURTS_ENDINGS | {ListingState.EXPIRED, ListingState.SUSPENDED},
    ListingState.SUSPENDED: _COURTS_ENDINGS | {ListingState.GRACE, ListingState.PUBLISHED, ListingState.EXPIRED},
    ListingState.EXPIRED: _COURTS_ENDINGS,
    ListingState.DELETED: frozenset({ListingState.WITHDRAWN}),
    ListingState.WITHDRAWN: frozenset(),
}


class ImportMode(StrEnum):
    """Whether a file is what changes (`UPSERT`), or a court's whole list (`SNAPSHOT`): then what it lacks ends."""

    UPSERT = "upsert"
    SNAPSHOT = "snapshot"


class RowAction(StrEnum):
    PUBLISH = "publish"
    CORRECT = "correct"
    DELETE = "delete"
    WITHDRAW = "withdraw"
    SUSPEND = "suspend"
    RESUME = "resume"


class Ground(StrEnum):
    """Why a listing is deleted: Art. 10(1) ①–⑦, Art. 2(2), Art. 10(2)."""

    PERFORMED = "performed"
    SETTLEMENT_PERFORMED = "settlement_performed"
    CREDITOR_REQUEST = "creditor_request"
    NO_ASSETS_FOUND = "no_assets_found"
    STAYED = "stayed"
    NOT_TO_ENFORCE = "not_to_enforce"
    TERMINATED = "terminated"
    EARLY_BY_DECISION = "early_by_decision"
    TERM_EXPIRED = "term_expired"


UNSTATED = "unstated"
"""In place of a ground: the record's own columns say that it has ended, but not why. The court has the task to give the
ground.
"""


GROUNDS_OF_A_TERM = frozenset({Ground.EARLY_BY_DECISION, Ground.TERM_EXPIRED})
"""The grounds that end a listing with a term (Art. 10(2)); all others are those of Art. 10(1), for a listing without one."""


class SuspensionGround(StrEnum):
    """Why a listing is suspended: a bankruptcy ruling (国办发〔2025〕22号), or another decision of the court."""

    BANKRUPTCY = "bankruptcy"
    OTHER = "other"


class Circumstance(StrEnum):
    """The six circumstances of Art. 1; CX is a wording not known to us, kept in force."""

    C1 = "C1"
    C2 = "C2"
    C3 = "C3"
    C4 = "C4"
    C5 = "C5"
    C6 = "C6"
    CX = "CX"


class Refusal(StrEnum):
    """Why a row is refused, in the order in which the first one counts (design §6)."""

    CELL_UNREADABLE = "cell-unreadable"
    CELLS_DISAGREE = "cells-disagree"
    NAME_MISSING = "name-missing"
    CASE_NUMBER_MISSING = "case-number-missing"
    TEXT_TOO_LONG = "text-too-long"
    MINOR = "minor"
    DATE_INVALID = "date-invalid"
    IDENTIFIER_DAMAGED = "identifier-damaged"
    KIND_UNKNOWN = "kind-unknown"
    ACTION_MISSING = "action-missing"
    ACTION_CONFLICTING = "action-conflicting"
    COURT_MISMATCH = "court-mismatch"
    CONFLICTING_DUPLICATE = "conflicting-duplicate"
    POSSIBLE_DUPLICATE = "possible-duplicate"
    GROUND_MISSING = "ground-missing"
    UNKNOWN_LISTING = "unknown-listing"
    AMBIGUOUS_LISTING = "ambiguous-listing"


class Warn(StrEnum):
    """What a row or an act that succeeded is warned about."""

    IDENTIFIER_CHECKSUM = "identifier-checksum"
    IDENTIFIER_MASKED = "identifier-masked"
    IDENTIFIER_MISSING = "identifier-missing"
    IDENTIFIER_UNUSABLE = "identifier-unusable"
    IDENTIFIER_EXTRACTED = "identifier-extracted"
    IDENTIFIER_TYPE_DIFFERS = "identifier-type-differs"
    IDENTIFIERS_SEVERAL = "identifiers-several"
    CIRCUMSTANCE_UNKNOWN = "circumstance-unknown"
    TERM_MISSING = "term-missing"
    DECISION_MISSING = "decision-missing"
    NAME_SUSPECT = "name-suspect"
    CASE_NUMBER_LEGACY = "case-number-legacy"
    DATES_UNUSUAL = "dates-unusual"
    COURT_UNKNOWN = "court-unknown"
    PERSON_UNIDENTIFIED = "person-unidentified"
    GROUND_UNUSUAL = "ground-unusual"
    ALREADY_ENDED = "already-ended"
    RELISTING_UNDECIDED = "relisting-undecided"
    SUPERSEDED = "superseded"
    PERFORMANCE_UNKNOWN = "performance-unknown"
    PARTY_SEQUENCE_UNUSUAL = "party-sequence-unusual"
    NUMBER_IN_TEXT = "number-in-text"
    IDENTIFIER_COMPLETED = "identifier-completed"
    POSSIBLE_DUPLICATE = "possible-duplicate"
    OTHER_LISTING_REMAINS = "other-listing-remains"
    SEVERITY_UNKNOWN = "severity-unknown"


@dataclass(frozen=True, slots=True)
class Person:
    """A person related to a listed organisation; never listed themselves (法发〔2019〕35号 item 16)."""

    relation: str
    name: str
    identifier: Identifier | None
    since: date | None = None
    until: date | None = None


class Naming(NamedTuple):
    """What identifies a listing: enough for a row that deletes or withdraws it. `record_id` and `decision_number` distinguish
    two listings of one debtor in one case.
    """

    court_code: str
    court_name: str
    case_number: str
    party_sequence: int
    kind: SubjectKind
    name: str
    identifier: Identifier | None
    record_id: str | None = None
    decision_number: str | None = None


NOTHING_KEPT: Mapping[str, Any] = MappingProxyType({})


class Content(NamedTuple):
    """What a court says about a listing, parsed and normalised. Dates are as given: what follows from them is not content.

    `identifier` names the debtor; `further_identifiers` are other numbers given for the debtor, which find the listing too.
    """

    court_code: str
    court_name: str
    case_number: str
    kind: SubjectKind
    name: str
    party_sequence: int = 1
    identifier: Identifier | None = None
    further_identifiers: tuple[Identifier, ...] = ()
    people: tuple[Person, ...] = ()
    circumstances: tuple[str, ...] = ()
    circumstances_text: str | None = None
    record_id: str | None = None
    decision_number: str | None = None
    decided_on: date | None = None
    on_application_of: str | None = None
    published_on: date | None = None
    expires_on: date | None = None
    grace_until: date | None = None
    filed_on: date | None = None
    performance: str | None = None
    kept: Mapping[str, Any] = NOTHING_KEPT
    """Fields that no rule reads, those of `columns.KEPT`: texts, days and codes; absent values are left out."""


@dataclass(frozen=True, slots=True)
class LegalDates:
    """The dates that follow: the publication date to show, the last day of grace, and the first day in force."""

    published_on: date
    grace_until: date | None
    in_force_from: date


def legal_dates(published_on: date | None, grace_until: date | None, *, loaded_on: date) -> LegalDates:
    """A listing in grace is not published; the day after it is in force, which is also the publication date if none was
    given.
    """
    after_grace = grace_until + timedelta(days=1) if grace_until else None
    shown = published_on or after_grace or loaded_on
    return LegalDates(shown, grace_until, max(shown, after_grace) if after_grace else shown)


def state_of(
    *, ended: str | None, in_force_from: date, expires_on: date | None, is_suspended: bool, today: date
) -> ListingState:
    """`expires_on` is the last day in force (Asia/Shanghai). A suspended listing's term runs on."""
    if ended is not None:
        return ListingState(ended)
    if is_suspended and (expires_on is None or today <= expires_on):
        return ListingState.SUSPENDED
    if today < in_force_from:
        return ListingState.GRACE
    if expires_on is not None and expires_on < today:
        return ListingState.EXPIRED
    return ListingState.PUBLISHED


def can_become(state: ListingState, other: ListingState) -> bool:
    return other in NEXT_STATES[state]


PERFORMED = frozenset({Ground.PERFORMED, Ground.SETTLEMENT_PERFORMED})


def is_ground_unusual(ground: str | None, expires_on: date | None) -> bool:
    """A ground of Art. 10(1) for a listing with a term, or the reverse: the court is responsible for it, and is warned."""
    return ground not in (None, UNSTATED) and (ground in GROUNDS_OF_A_TERM) != (expires_on is not None)


def age_on(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


ADULT_AGE = 18


def is_minor(birth: date | None, content_dates: tuple[date | None, ...], *, today: date) -> bool:
    """Art. 4: nobody under 18 is listed. The age counts on the decision's day, or else the publication's, or else today.

    A birth date after that day is a typing error in the number, not a child: the number's check warns the court.
    """
    day = next((one for one in content_dates if one is not None), today)
    return birth is not None and birth <= day and age_on(birth, day) < ADULT_AGE


LONGEST_TERM_YEARS = 5


def are_dates_unusual(content: Content) -> bool:
    """An unusual order or length; this only warns (Art. 2: a term is two years, at most five)."""
    ordered = [day for day in (content.filed_on, content.decided_on, content.published_on, content.expires_on) if day]
    if ordered != sorted(ordered):
        return True
    start = content.published_on or content.decided_on
    if start is None or content.expires_on is None:
        return False
    return (content.expires_on.year - start.year, content.expires_on.month, content.expires_on.day) > (
        LONGEST_TERM_YEARS,
        start.month,
        start.day,
    )


def needs_term(content: Content) -> bool:
    """Only circumstance 1 has no term (Art. 2(1)); during the grace the term has not begun, so none can be required yet."""
    is_open_ended = set(content.circumstances) <= {Circumstance.C1}
    return content.expires_on is None and not is_open_ended and content.grace_until is None


def content_warnings(content: Content) -> list[Warn]:
    """What a court should check again, although the listing takes effect."""
    found: list[tuple[Any, Warn]] = [
        (Circumstance.CX in content.circumstances or not content.circumstances, Warn.CIRCUMSTANCE_UNKNOWN),
        (needs_term(content), Warn.TERM_MISSING),
        (content.decision_number is None, Warn.DECISION_MISSING),
        (are_dates_unusual(content), Warn.DATES_UNUSUAL),
    ]
    return [warning for is_so, warning in found if is_so]
