"""Converts a notice from the form in which a court sends it."""

from blacklist_service.assistance.operations import NoticeContent
from blacklist_service.assistance.schemas import NoticeRequest, NoticeSubjectRequest
from blacklist_service.clock import legal_date, now
from blacklist_service.problems import FieldError, InvalidIdentifier, InvalidRequest
from blacklist_service.subjects.identifiers import IdentifierQuality, read_identifier
from blacklist_service.subjects.keys import Subject
from blacklist_service.subjects.names import name_key


def read_notice(body: NoticeRequest) -> NoticeContent:
    """Raise `InvalidIdentifier` unless the subject's number is complete and its check holds."""
    return NoticeContent(
        **{name: getattr(body, name) for name in NoticeRequest.model_fields if name not in {"subject", "operator"}},
        subject=_read_subject(body.subject),
        subject_wire=body.subject.model_dump(mode="json", exclude_none=True),
    )


def _read_subject(asked: NoticeSubjectRequest) -> Subject:
    if not name_key(asked.name):
        raise InvalidRequest(errors=[FieldError("/subject/name", "blank", "Must not be blank")])
    if asked.identifier is None:
        return Subject(asked.kind, asked.name, None)
    today = legal_date(now())
    identifier = read_identifier(asked.kind, asked.identifier.type, asked.identifier.number, today=today)
    is_usable = identifier is not None and identifier.quality in {
        IdentifierQuality.VALID,
        IdentifierQuality.CHECK_FAILED,
    }
    is_resident = asked.identifier.type == "resident_id"
    if not is_usable or (is_resident and identifier and identifier.quality is not IdentifierQuality.VALID):
        fault = "not a complete number of this type whose check holds"
        raise InvalidIdentifier(errors=[FieldError("/subject/identifier/number", "invalid-identifier", fault)])
    return Subject(asked.kind, asked.name, identifier)
