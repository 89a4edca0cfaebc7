"""From matches to a decision. Pure: identity rules and the tables of the law, never a score.

A block needs all three: a prohibition (or a stop notice in force), an exact identity, a listing in force. Anything weaker is
a flag, which a human decides. No match is clear. There is no fourth answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from blacklist_service.assistance.rules import NoticeAction
from blacklist_service.measures.rules import Matter, Measure, MeasureClass
from blacklist_service.subjects.keys import Identity
from blacklist_service.subjects.relations import Relation

SHOWN_MATCHES = 100
EXIT_MEASURE = "M30"
SHOWN_WITHOUT_IDENTIFIER = 20


class Decision(StrEnum):
    BLOCK = "block"
    FLAG = "flag"
    CLEAR = "clear"


class OutcomeAction(StrEnum):
    """What an agency did with an answer."""

    REFUSED = "refused"
    SUSPENDED = "suspended"
    APPROVED = "approved"
    REFERRED = "referred"
    WITHDRAWN = "withdrawn"


class Reason(StrEnum):
    PROHIBITION = "prohibition"
    NOTICE = "notice"
    RESTRICTION = "restriction"
    REFERENCE = "reference"
    IDENTITY_UNCERTAIN = "identity_uncertain"
    NOTICE_MISSING = "notice_missing"


class Tell(StrEnum):
    """What a watch reports: changes of the decision only, or of the matches too."""

    DECISION = "decision"
    MATCHES = "matches"


STRENGTH: Mapping[Decision, int] = {Decision.BLOCK: 2, Decision.FLAG: 1, Decision.CLEAR: 0}
IDENTITY_STRENGTH: Mapping[Identity, int] = {
    Identity.EXACT: 3,
    Identity.NAME_DIFFERS: 2,
    Identity.MASKED: 1,
    Identity.NAME_ONLY: 0,
}
EFFECT_OF_CLASS: Mapping[MeasureClass, tuple[Decision, Reason]] = {
    MeasureClass.PROHIBITION: (Decision.BLOCK, Reason.PROHIBITION),
    MeasureClass.NOTICE_REQUIRED: (Decision.FLAG, Reason.NOTICE_MISSING),
    MeasureClass.RESTRICTION: (Decision.FLAG, Reason.RESTRICTION),
    MeasureClass.REFERENCE: (Decision.FLAG, Reason.REFERENCE),
}


@dataclass(frozen=True, slots=True)
class ListingShown:
    """What an answer shows of a listing: the minimum an officer needs to stop the matter and to say why."""

    case_number: str
    court: str
    debtor_name: str
    debtor_identifier_masked: str | None
    circumstances: tuple[str, ...]
    published_on: date
    expires_on: date | None
    dispute_state: str | None
    identity_contested_on: date | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A listing in force found by one of the subject's keys, and how far that key proves the identity.

    Both are None for a person who is not listed and whom a notice names.
    """

    listing_id: UUID | None
    relation: Relation
    identity: Identity
    listing: ListingShown | None


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """What an answer shows of a notice. `served_at` is RFC 3339, to the second."""

    notice_id: str
    number: str
    court: str
    action: str
    served_at: str
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class NoticeHit:
    """A stop notice in force that binds the asking member, found by one of the subject's keys."""

    notice: NoticeShown
    identity: Identity


@dataclass(frozen=True, slots=True)
class Match:
    hit: Hit
    measure: Measure
    effect: Decision
    reason: Reason
    notice: NoticeShown | None = None


class SubjectDecision(NamedTuple):
    """`total` counts all matches; `matches` are those shown, exact first."""

    decision: Decision
    matches: tuple[Match, ...]
    total: int


NOTHING_FOUND = SubjectDecision(Decision.CLEAR, (), 0)


def decide(
    matter: Matter,
    *,
    kind: str,
    role: str,
    has_identifier: bool,
    hits: Iterable[Hit],
    on: date,
    more: int = 0,
    notices: Iterable[NoticeHit] = (),
) -> SubjectDecision:
    """Decide for one subject on the legal date `on`; `more` counts hits that were found but not fetched.

    `notices` are those that bind the asking member for this subject and the object asked about.
    """
    served = _strongest_notices(hit for hit in notices if _decides(hit.notice, matter))
    asked = _Asked(matter, kind, role, on, _first_proved(served))
    found = [match for hit in _strongest(hits) if (match := _match(asked, hit))]
    shown_notices = {match.notice.notice_id for match in found if match.notice}
    found += _unlisted(asked, [hit for hit in served if hit.notice.notice_id not in shown_notices])
    found.sort(key=_order)
    shown = SHOWN_MATCHES if has_identifier else SHOWN_WITHOUT_IDENTIFIER
    total = len(found) + (more if found else 0)
    return SubjectDecision(strongest(match.effect for match in found), tuple(found[:shown]), total)


def doubt(decided: SubjectDecision) -> SubjectDecision:
    """What becomes of a clear on a list that is past its soft age: a flag without a match."""
    return decided._replace(decision=strongest([decided.decision, Decision.FLAG]))


def strongest(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=STRENGTH.__getitem__, default=Decision.CLEAR)


def effect_of(measure: Measure, identity: Identity, notice: NoticeShown | None = None) -> tuple[Decision, Reason]:
    """The effect of an identity under a measure (design §5): unless the identity is exact it is a flag, whatever the
    class.
    """
    if identity is not Identity.EXACT:
        return Decision.FLAG, Reason.IDENTITY_UNCERTAIN
    if measure.measure_class is MeasureClass.NOTICE_REQUIRED and notice is not None:
        return Decision.BLOCK, Reason.NOTICE
    return EFFECT_OF_CLASS[measure.measure_class]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The context in which every hit is judged. `notice` is the first-served one that names exactly this subject."""

    matter: Matter
    kind: str
    role: str
    on: date
    notice: NoticeShown | None


def _strongest(hits: Iterable[Hit]) -> Iterable[Hit]:
    """One hit for each listing and relation: the one with the strongest identity."""
    best: dict[tuple[UUID | None, Relation], Hit] = {}
    for hit in hits:
        place = (hit.listing_id, hit.relation)
        held = best.get(place)
        if held is None or IDENTITY_STRENGTH[hit.identity] > IDENTITY_STRENGTH[held.identity]:
            best[place] = hit
    return best.values()


def _strongest_notices(notices: Iterable[NoticeHit]) -> list[NoticeHit]:
    """One hit for each notice, the one with the strongest identity; in the order of service."""
    best: dict[str, NoticeHit] = {}
    for hit in notices:
        held = best.get(hit.notice.notice_id)
        if held is None or IDENTITY_STRENGTH[hit.identity] > IDENTITY_STRENGTH[held.identity]:
            best[hit.notice.notice_id] = hit
    return sorted(best.values(), key=lambda hit: (hit.notice.served_at, hit.notice.notice_id))


def _decides(notice: NoticeShown, matter: Matter) -> bool:
    """Whether the notice decides this matter. A ban on leaving the country stops nothing else of the same agency (vehicles,
    licences).
    """
    return notice.action != NoticeAction.BAR_EXIT or any(one.id == EXIT_MEASURE for one in matter.measures)


def _first_proved(notices: Sequence[NoticeHit]) -> NoticeShown | None:
    return next((hit.notice for hit in notices if hit.identity is Identity.EXACT), None)


def _match(asked: _Asked, hit: Hit) -> Match | None:
    """The strongest effect that any measure of the matter gives this hit; None if no measure covers it."""
    # A notice names the debtor: it does not bind the people of a listed organisation.
    notice = asked.notice if hit.relation is Relation.DEBTOR else None
    identity = hit.identity
    if hit.listing is not None and hit.listing.identity_contested_on is not None:
        # The court itself doubts the number: however exact the match, it does not prove who the debtor is.
        identity = min(identity, Identity.NAME_DIFFERS, key=IDENTITY_STRENGTH.__getitem__)
    matches = []
    for measure in _covering(asked, hit.relation):
        effect, reason = effect_of(measure, identity, notice)
        matches.append(Match(hit, measure, effect, reason, notice if reason is Reason.NOTICE else None))
    return max(matches, key=lambda match: STRENGTH[match.effect], default=None)


def _unlisted(asked: _Asked, notices: Iterable[NoticeHit]) -> list[Match]:
    """Matches by a notice alone: the person it names need not be listed."""
    measure = next(
        (one for one in _covering(asked, Relation.DEBTOR) if one.measure_class is MeasureClass.NOTICE_REQUIRED), None
    )
    if measure is None:
        return []
    return [
        Match(
            Hit(None, Relation.DEBTOR, found.identity, None),
            measure,
            *effect_of(measure, found.identity, found.notice),
            found.notice,
        )
        for found in notices
    ]


def _covering(asked: _Asked, relation: Relation) -> list[Measure]:
    return [
        measure
        for measure in asked.matter.measures
        if measure.measure_class is not MeasureClass.NONE
        and measure.covers(kind=asked.kind, role=asked.role, relation=relation, on=asked.on)
    ]


def _order(match: Match) -> tuple[int, int, int]:
    published = match.hit.listing.published_on.toordinal() if match.hit.listing else 0
    return (-IDENTITY_STRENGTH[match.hit.identity], -STRENGTH[match.effect], -published)


def decision_of_check(subjects: Sequence[SubjectDecision]) -> Decision:
    return strongest(subject.decision for subject in subjects)
