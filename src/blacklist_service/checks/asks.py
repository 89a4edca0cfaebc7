"""A check before it reaches the database: the bytes that were sent, then the parsed and digested question."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.checks.problems import WatchTooLong
from blacklist_service.checks.schemas import CheckRequest, SubjectRequest
from blacklist_service.problems import FieldError, InvalidIdentifier, InvalidRequest, Problem
from blacklist_service.subjects.cells import disagrees
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import (
    ORGANISATION_TYPES,
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    read_identifier,
)
from blacklist_service.subjects.keys import Subject, SubjectKey, asked_keys
from blacklist_service.subjects.names import name_key
from blacklist_service.web.bodies import parse_body, validate

CHECKED_TYPES = {
    IdentifierType.RESIDENT_ID,
    IdentifierType.HMT_RESIDENCE_PERMIT,
    IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID,
}
"""Identifier types with a check digit by MOD 11-2: a number that fails it was never issued, so no listing could match it."""

MOST_WATCHED_DAYS = 400


_VALID, _PERSON = IdentifierQuality.VALID, SubjectKind.PERSON
_new = tuple.__new__  # half the time of a named tuple's own constructor


class AskedSubject(NamedTuple):
    role: str
    subject: Subject
    keys: list[SubjectKey]
    asked: SubjectRequest


class Question(NamedTuple):
    """A parsed question. `matters` are those the key may ask about; None means all."""

    actor: Actor
    request: CheckRequest
    body: bytes
    subjects: list[AskedSubject]
    warnings: list[str]
    matters: frozenset[str] | None = None
    screening: str | None = None


class Answer(NamedTuple):
    """An answer: the exact bytes that are sent, already recorded and committed."""

    check_id: UUID
    content: bytes


Outcome = Answer | Problem
"""The outcome of an ask."""


class Asker(NamedTuple):
    """Who sends a check, and in which request. At the command line there is an operator and no key."""

    principal: Principal | None
    request_id: str | None = None
    source_ip: str | None = None
    operator: str | None = None

    @property
    def member(self) -> str | None:
        return None if self.principal is None else self.principal.member

    def acting(self, operator: str | None) -> Actor:
        key = self.principal
        if key is None:
            return Actor(None, None, operator or self.operator, self.request_id, self.source_ip)
        by = key.operator or operator or self.operator
        return _new(Actor, (key.member, key.key_id, by, self.request_id, self.source_ip))


class Answered(Protocol):
    """Receives the answer: a future, or an object with the same methods."""

    def done(self) -> bool: ...
    def set_result(self, answer: Answer, /) -> None: ...
    def set_exception(self, problem: BaseException, /) -> None: ...


@dataclass(slots=True, eq=False)
class Ask:
    """One check that waits for its answer. `deadline` is in the event loop's time; `key` is its Idempotency-Key.

    The body is parsed when its turn comes, together with the rest of its batch: doing one kind of work at a time keeps the
    processor's caches warm, and a check that is refused for overload is never parsed.
    """

    asker: Asker
    body: bytes
    deadline: float
    answered: Answered
    key: str | None = None
    is_of_a_batch: bool = False
    """The body comes from a larger JSON document that was already parsed strictly. It belongs to a batch, so it gives way to
    single checks.
    """
    question: Question | None = None
    request_digest: bytes = b""
    was_alone: bool = False
    screening: str | None = None
    """The screening it belongs to, if any."""
    opens_watch: bool = False
    """Open a watch on the question; the watch is written in the same transaction as the evidence."""

    @property
    def idempotency_place(self) -> tuple[str, str] | None:
        """The key of the stored answer: each member has its own Idempotency-Keys."""
        if self.key is None:
            return None
        return (self.asker.principal.member if self.asker.principal else "", self.key)


def refuse(asks: Iterable[Ask], problem: Problem) -> None:
    """Refuse the asks that have no answer yet."""
    for ask in asks:
        if not ask.answered.done():
            ask.answered.set_exception(problem)


def read_ask(ask: Ask, digester: Digester, *, today: date, also_former: bool = False) -> Question:
    """Parse the body into a question; raise the `Problem` that it deserves."""
    read = validate if ask.is_of_a_batch else parse_body
    request = read(CheckRequest, ask.body)
    principal = ask.asker.principal
    ask.question = read_question(
        request,
        ask.body,
        actor=ask.asker.acting(request.operator),
        matters=principal.matters if principal else None,
        digester=digester,
        today=today,
        also_former=also_former,
        screening=ask.screening,
    )
    if request.watch is not None:
        if principal is None:
            raise InvalidRequest(errors=[FieldError("/watch", "no-member", "nobody could be told")])
        principal.require(Scope.WATCHES_WRITE)
        require_until(request.watch.until, today)
        ask.opens_watch = True
    if ask.key is not None:
        # A keyed digest: the request holds numbers that could be guessed from a plain hash.
        ask.request_digest = digester.of("request", ask.body.hex())
    return ask.question


def require_until(until: date, today: date) -> None:
    """Raise `WatchTooLong` unless a watch may end on that day."""
    if not today <= until <= today + timedelta(days=MOST_WATCHED_DAYS):
        raise WatchTooLong(MOST_WATCHED_DAYS)


def read_question(
    request: CheckRequest,
    body: bytes,
    *,
    actor: Actor,
    digester: Digester,
    today: date,
    matters: frozenset[str] | None = None,
    also_former: bool = False,
    screening: str | None = None,
) -> Question:
    """Raise `InvalidIdentifier` for a number that cannot have been issued; such a number is never answered with clear.

    `also_former`: also look for listings digested by the earlier rules.
    """
    subjects, warnings = _read_subjects(request, digester, today=today, also_former=also_former)
    return _new(Question, (actor, request, body, subjects, warnings, matters, screening))


def _read_subjects(
    request: CheckRequest, digester: Digester, *, today: date, also_former: bool
) -> tuple[list[AskedSubject], list[str]]:
    subjects: list[AskedSubject] = []
    warnings: list[str] = []
    errors = []
    for place, asked in enumerate(request.subjects):
        kind, name, written = asked.kind, asked.name, asked.identifier
        if not name_key(name):
            raise InvalidRequest(errors=[FieldError(f"/subjects/{place}/name", "blank", "Must not be blank")])
        identifier = None
        if written is not None:
            identifier = read_identifier(kind, written.type, written.number, today=today)
            if fault := _fault(identifier):
                errors.append(FieldError(f"/subjects/{place}/identifier/number", "invalid-identifier", fault))
            elif identifier and not (
                identifier.quality is _VALID
                and identifier.type is written.type
                and not identifier.is_unusual
                and (identifier.type in ORGANISATION_TYPES) is (kind is not _PERSON)
            ):
                warnings += _warnings(identifier, kind, written.type)
        subject = _new(Subject, (kind, name, identifier))
        keys = asked_keys(subject, digester, also_former=also_former)
        subjects.append(_new(AskedSubject, (asked.role._value_, subject, keys, asked)))
    if errors:
        raise InvalidIdentifier(errors=errors)
    return subjects, list(dict.fromkeys(warnings)) if warnings else warnings


def _warnings(identifier: Identifier, kind: SubjectKind, asked_type: IdentifierType) -> list[str]:
    warnings = []
    if identifier.quality is not _VALID:
        warnings.append("identifier-checksum")
    elif identifier.is_unusual:
        warnings.append("identifier-unusual")
    if disagrees(identifier, kind, asked_type):
        warnings.append("identifier-type-differs")
    return warnings


def _fault(identifier: Identifier | None) -> str:
    if identifier is not None and identifier.quality is _VALID:
        return ""
    if identifier is None or identifier.quality is IdentifierQuality.UNUSABLE:
        return "no number of this type looks like that"
    if identifier.quality is IdentifierQuality.MASKED:
        return "the complete number is needed, not a masked one"
    if identifier.quality is IdentifierQuality.CHECK_FAILED and identifier.type in CHECKED_TYPES:
        return "the check character, the birth date or the province does not hold"
    return ""
