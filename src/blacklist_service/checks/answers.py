"""Decides an ask on a snapshot: returns the exact bytes of the answer and the ledger entry that proves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self
from uuid import UUID

import orjson

from blacklist_service.assistance.rules import object_key
from blacklist_service.checks import rules
from blacklist_service.checks.asks import Answer, AskedSubject, Question
from blacklist_service.checks.problems import ChildNotWatched, SubjectNotCovered, UncoveredSubject, UnknownMatter
from blacklist_service.checks.queries import Snapshot, hits_of, notices_of, unfetched
from blacklist_service.checks.screenings import FACT
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import NO_FACTS, Entry, EntrySubject
from blacklist_service.listings.rules import is_minor
from blacklist_service.measures.rules import Catalogue, Matter
from blacklist_service.problems import MatterNotAllowed, Unauthenticated, Undetermined
from blacklist_service.settings import Settings
from blacklist_service.subjects.identifiers import birth_date, mask_identifier
from blacklist_service.subjects.keys import proves_who
from blacklist_service.subjects.names import mask_name

LIST_EMPTY = "list-empty"
LIST_STALE = "list-stale"
DISPROVED = "the database is proved to be another than was signed; nothing is answered until an officer has looked"


_new = tuple.__new__  # half the time of a named tuple's own constructor


@dataclass(frozen=True, slots=True)
class ListAges:
    """How long a court's feed may be silent. Past `soft` a clear becomes a flag; past `hard` nothing is answered. Nothing is
    answered either if a ledger entry has been unsealed for longer than `unsealed`.

    A stale block does as much harm as a stale clear, so freshness limits both (trust.md §4).
    """

    soft: timedelta | None = None
    hard: timedelta | None = None
    unsealed: timedelta | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        ages = (settings.list_soft_age, settings.list_hard_age, settings.seal_limit)
        return cls(*(None if age is None else timedelta(seconds=age) for age in ages))

    def is_stale(self, snapshot: Snapshot) -> bool:
        """Return whether the list is past its soft age. Raise `Undetermined` past the hard age, or if the ledger is not
        being sealed, because its evidence could not be relied on; and at once if the database is proved not to be the one
        that was signed, because listings may be missing from it.
        """
        if snapshot.disproof is not None:
            raise Undetermined(DISPROVED, retry_after_seconds=60)
        waiting_since = snapshot.unsealed_since
        if self.unsealed is not None and waiting_since is not None and snapshot.at - waiting_since > self.unsealed:
            raise Undetermined("the ledger has not been sealed for too long", retry_after_seconds=60)
        if _is_older(snapshot, self.hard):
            raise Undetermined("the list has not been fed for too long", retry_after_seconds=60)
        return _is_older(snapshot, self.soft)


def answer_question(
    question: Question,
    snapshot: Snapshot,
    catalogue: Catalogue,
    check_id: UUID,
    ages: ListAges,
    *,
    must_cover: bool = True,
) -> tuple[Answer, Entry]:
    """Answer the question on this snapshot.

    Raise `Unauthenticated` if the key, or `UnknownMatter` if the matter, ended before the snapshot; `MatterNotAllowed` if
    the key may not ask about the matter; `SubjectNotCovered` if no measure covers a subject (a replay passes
    `must_cover=False` and judges it as it was judged then); `Undetermined` if the list is too old to answer from.
    """
    request = question.request
    if question.actor.key_id is not None and question.actor.key_id not in snapshot.valid_keys:
        raise Unauthenticated
    matter = catalogue.by_code.get(request.matter)
    if matter is None or not matter.is_decided_here:
        raise UnknownMatter
    if question.matters is not None and matter.code not in question.matters:
        raise MatterNotAllowed(matter.code)
    if must_cover:
        _refuse_uncovered(question, matter, snapshot.legal_date)
    if request.watch is not None and matter.about_children:
        _refuse_children(question, snapshot.legal_date)
    is_stale = ages.is_stale(snapshot)
    decided = [decide_subject(question, asked, matter, snapshot) for asked in question.subjects]
    if is_stale:
        decided = [rules.doubt(one) for one in decided]
    decision = rules.decision_of_check(decided) if len(decided) > 1 else decided[0].decision
    warnings = question.warnings
    if is_stale or not snapshot.list_version:
        warnings = [*warnings, *([] if snapshot.list_version else [LIST_EMPTY]), *([LIST_STALE] if is_stale else [])]
    wire: dict[str, object] = {
        "check_id": str(check_id),
        "decision": decision._value_,
        "matter": matter.code,
        "reference": request.reference,
        "checked_at": snapshot.wire_at,
        "list_version": snapshot.list_version,
        "measures_version": snapshot.measures_version,
        "notices_version": snapshot.notices_version,
        "warnings": warnings,
        "subjects": [_subject_wire(asked, one) for asked, one in zip(question.subjects, decided, strict=True)],
    }
    if request.watch is not None:
        wire["watch"] = {"watch_id": str(check_id), "until": request.watch.until}
    content = orjson.dumps(wire)
    return _new(Answer, (check_id, content)), _entry(question, matter, snapshot, decision, decided, content)


def _refuse_uncovered(question: Question, matter: Matter, on: date) -> None:
    coverage = matter.coverage(on)
    pairs = coverage.pairs
    for asked in question.subjects:
        if (asked.subject.kind, asked.role) not in pairs:
            break
    else:
        return
    places = enumerate(question.subjects)
    uncovered = [
        UncoveredSubject(place, asked.role, asked.subject.kind, coverage)
        for place, asked in places
        if (asked.subject.kind, asked.role) not in pairs
    ]
    raise SubjectNotCovered(matter.code, uncovered)


def _refuse_children(question: Question, today: date) -> None:
    if any(_is_child(asked, today) for asked in question.subjects):
        raise ChildNotWatched


def _is_older(snapshot: Snapshot, age: timedelta | None) -> bool:
    return age is not None and (snapshot.list_alive_at is None or snapshot.at - snapshot.list_alive_at > age)


def decide_subject(
    question: Question, asked: AskedSubject, matter: Matter, snapshot: Snapshot
) -> rules.SubjectDecision:
    if not snapshot.notices and not _is_found(asked, snapshot.rows):
        return rules.NOTHING_FOUND
    hits = [hit for key in asked.keys for hit in hits_of(snapshot, asked.subject, key.digest, key.kind)]
    # Two keys of a subject (a USCC and its organisation code) find the same listings, so take the larger remainder, not the
    # sum.
    more = max((unfetched(snapshot, key.digest) for key in asked.keys), default=0)
    return rules.decide(
        matter,
        kind=asked.subject.kind,
        role=asked.role,
        has_identifier=proves_who(asked.subject.identifier),
        hits=hits,
        on=snapshot.legal_date,
        more=more,
        notices=_notices(question, asked, snapshot) if snapshot.notices else (),
    )


def _is_found(asked: AskedSubject, rows: Mapping[bytes, object]) -> bool:
    for _, digest in asked.keys:  # noqa: SIM110 - a generator would take twice as long
        if digest in rows:
            return True
    return False


def _notices(question: Question, asked: AskedSubject, snapshot: Snapshot) -> list[rules.NoticeHit]:
    place = {"asking": question.actor.member, "object_asked": object_key(question.request.object)}
    return [
        notice for key in asked.keys for notice in notices_of(snapshot, asked.subject, key.digest, key.kind, **place)
    ]


def _subject_wire(asked: AskedSubject, decided: rules.SubjectDecision) -> dict[str, object]:
    wire: dict[str, object] = {
        "role": asked.role,
        "decision": decided.decision._value_,
        "matches": [_match_wire(match) for match in decided.matches] if decided.matches else [],
    }
    if decided.total > len(decided.matches):
        wire["matches_total"] = decided.total
    return wire


def _match_wire(match: rules.Match) -> dict[str, object]:
    measure = match.measure
    return {
        "listing_id": str(match.hit.listing_id) if match.hit.listing_id else None,
        "relation": match.hit.relation,
        "identity": match.hit.identity,
        "effect": match.effect,
        "reason": match.reason,
        "measure": {"id": measure.id, "class": measure.measure_class, "basis": measure.basis},
        "listing": match.hit.listing,
        "notice": match.notice,
    }


def _entry(
    question: Question,
    matter: Matter,
    snapshot: Snapshot,
    decision: rules.Decision,
    decided: list[rules.SubjectDecision],
    content: bytes,
) -> Entry:
    actor, request, body, asked, _, _, screening = question
    if matter.about_children:
        today = snapshot.legal_date
        subjects = [_child() if _is_child(one, today) else _entry_subject(one) for one in asked]
    else:
        subjects = [_entry_subject(one) for one in asked]
    # By place, in the order of its fields: by name it would take five times as long.
    return _new(
        Entry,
        (
            *(Action.CHECK, actor, matter.code, request.reference, None, decision._value_, _found(decided)),
            *(snapshot.list_version, snapshot.measures_version, snapshot.notices_version),
            tuple(subjects),
            NO_FACTS if screening is None else {FACT: screening},
            {"object": request.object},
            *(body, content),
        ),
    )


def _found(decided: list[rules.SubjectDecision]) -> tuple[UUID, ...]:
    """The listings that matched, each once."""
    found: dict[UUID, None] = {}
    for subject in decided:
        for match in subject.matches:
            if match.hit.listing_id:
                found[match.hit.listing_id] = None
    return tuple(found)


def _is_child(asked: AskedSubject, today: date) -> bool:
    identifier = asked.subject.identifier
    born = birth_date(identifier) if identifier else None
    return is_minor(born, (), today=today)


def _child() -> EntrySubject:
    """Children are never stored: the record says that a child was named, not who it was."""
    return EntrySubject(bytes(16), "*", None, None, {"role": "child"})


def _entry_subject(asked: AskedSubject) -> EntrySubject:
    """A subject as the ledger indexes it: by its first key, which is that of the identifier, or of the name if there is
    none.
    """
    role, (kind, name, identifier), keys, sent = asked
    private: dict[str, object] = {"role": role, "kind": kind._value_, "name": name}
    if (written := sent.identifier) is not None:
        private["identifier"] = {"type": written.type._value_, "number": written.number}
    masked = mask_identifier(identifier.number) if identifier else None
    return _new(EntrySubject, (keys[0].digest, mask_name(name), masked, role, private))
