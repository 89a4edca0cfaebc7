"""A check on its way: what was asked, read and digested, before it meets the database."""

import asyncio
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.checks.schemas import CheckRequest, SubjectRequest
from blacklist_service.problems import FieldError, InvalidIdentifier, InvalidRequest
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import Identifier, IdentifierQuality, IdentifierType, read_identifier
from blacklist_service.subjects.keys import KeyKind, Subject, SubjectKey, asked_keys
from blacklist_service.subjects.names import name_key

CHECKED_TYPES = {
    IdentifierType.RESIDENT_ID,
    IdentifierType.HMT_RESIDENCE_PERMIT,
    IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID,
}
"""Numbers whose check rests on MOD 11-2: one that fails was never issued, so nothing could ever match it."""


@dataclass(frozen=True, slots=True)
class AskedSubject:
    role: str
    subject: Subject
    keys: list[SubjectKey]
    asked: SubjectRequest


@dataclass(frozen=True, slots=True)
class Idempotency:
    """`request_digest` is keyed: the request holds numbers that could be guessed from a plain hash."""

    key: str
    request_digest: bytes


@dataclass(slots=True)
class Answer:
    """What leaves: the exact bytes, recorded and committed."""

    check_id: UUID
    content: bytes


@dataclass(slots=True, eq=False)
class Ask:
    """One check waiting for its answer. `deadline` is in the loop's time."""

    actor: Actor
    request: CheckRequest
    body: bytes
    subjects: list[AskedSubject]
    warnings: list[str]
    deadline: float
    answered: "asyncio.Future[Answer]"
    idempotency: Idempotency | None = None
    was_alone: bool = False

    @property
    def idempotency_place(self) -> tuple[str, str] | None:
        """Where its answer is kept: keys are each member's own."""
        return (self.actor.member or "", self.idempotency.key) if self.idempotency else None


def read_subjects(request: CheckRequest, digester: Digester, *, today: date) -> tuple[list[AskedSubject], list[str]]:
    """Raise `InvalidIdentifier` where a number cannot be right: that is never answered with clear."""
    subjects, warnings, errors = [], [], []
    for place, asked in enumerate(request.subjects):
        if not name_key(asked.name):
            raise InvalidRequest(errors=[FieldError(f"/subjects/{place}/name", "blank", "Must not be blank")])
        identifier = None
        if asked.identifier is not None:
            identifier = read_identifier(asked.kind, asked.identifier.type, asked.identifier.number, today=today)
            if fault := _fault(identifier):
                errors.append(FieldError(f"/subjects/{place}/identifier/number", "invalid-identifier", fault))
            elif identifier and identifier.quality is IdentifierQuality.CHECK_FAILED:
                warnings.append("identifier-checksum")
            elif identifier and identifier.is_unusual:
                warnings.append("identifier-unusual")
        subject = Subject(asked.kind, asked.name, identifier)
        subjects.append(AskedSubject(asked.role.value, subject, asked_keys(subject, digester), asked))
    if errors:
        raise InvalidIdentifier(errors=errors)
    return subjects, list(dict.fromkeys(warnings))


def key_order(key: SubjectKey) -> int:
    """Identifier before name: the first key is the one an auditor finds the subject by."""
    return (KeyKind.IDENTIFIER, KeyKind.ORGANISATION_CODE, KeyKind.NAME, KeyKind.NAME_ONLY, KeyKind.MASKED).index(
        key.kind
    )


def _fault(identifier: Identifier | None) -> str:
    if identifier is None or identifier.quality is IdentifierQuality.UNUSABLE:
        return "no number of this type looks like that"
    if identifier.quality is IdentifierQuality.MASKED:
        return "the complete number is needed, not a masked one"
    if identifier.quality is IdentifierQuality.CHECK_FAILED and identifier.type in CHECKED_TYPES:
        return "the check character, the birth date or the province does not hold"
    return ""
