"""From a publication over HTTP to the content of a listing; the same readers as for a file's row."""

from datetime import date

from blacklist_service.listings.intake import naming_warnings
from blacklist_service.listings.rules import Circumstance, Content, Person, Warn, content_warnings, is_minor
from blacklist_service.listings.schemas import ListedIdentifierRequest, PublishRequest
from blacklist_service.listings.wording import read_circumstance
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.subjects.case_numbers import CaseNumber, read_case_number
from blacklist_service.subjects.identifiers import (
    Identifier,
    IdentifierQuality,
    SubjectKind,
    birth_date,
    looks_damaged,
    read_identifier,
)
from blacklist_service.subjects.names import name_key


def read_publication(
    request: PublishRequest, *, court_name: str, today: date, prefix: str = ""
) -> tuple[Content, list[Warn]]:
    """Raise `InvalidRequest`, by the codes of a refused row, for what no listing may be; `prefix` points into the body."""
    debtor = request.debtor
    case_number = _case_number(request, prefix)
    identifier = _identifier(debtor.kind, debtor.identifier, today, f"{prefix}/debtor/identifier/number")
    if not name_key(debtor.name):
        raise _refusal(f"{prefix}/debtor/name", "name-missing", "Must not be blank")
    if debtor.kind is SubjectKind.PERSON and debtor.people:
        raise _refusal(f"{prefix}/debtor/people", "people", "Only an organisation has people who answer for it")
    _refuse_minor(request, identifier, today, prefix)
    circumstances = {read_circumstance(text) for text in request.circumstances}
    unknown = [text for text in request.circumstances if read_circumstance(text) is Circumstance.CX]
    content = Content(
        court_code=request.court.code,
        court_name=court_name,
        case_number=case_number.text,
        kind=debtor.kind,
        name=debtor.name.strip(),
        party_sequence=request.party_sequence,
        sex=debtor.sex,
        identifier=identifier,
        people=_people(request, today, prefix),
        circumstances=tuple(sorted(one.value for one in circumstances)),
        circumstances_text=",".join(request.circumstances) if unknown else None,
        decision_number=request.decision.document_number,
        decided_on=request.decision.decided_on,
        on_application_of=request.decision.on_application_of,
        published_on=request.published_on,
        expires_on=request.expires_on,
        grace_until=request.grace_until,
        filed_on=request.filed_on,
        basis_number=request.basis.document_number,
        basis_issuer=request.basis.issuer,
        obligation=request.obligation,
        performance=request.performance,
        performed_part=request.performed_part,
        unperformed_part=request.unperformed_part,
    )
    warnings = naming_warnings(content.kind, content.name, identifier, is_legacy=case_number.is_legacy)
    if any(person.identifier is None for person in content.people):
        warnings.append(Warn.PERSON_UNIDENTIFIED)
    return content, warnings + content_warnings(content)


def _case_number(request: PublishRequest, prefix: str) -> CaseNumber:
    case_number = read_case_number(request.case_number)
    if case_number is None:
        raise _refusal(f"{prefix}/case_number", "case-number-missing", "Must not be blank")
    return case_number


def _identifier(
    kind: SubjectKind, asked: ListedIdentifierRequest | None, today: date, pointer: str
) -> Identifier | None:
    if asked is None:
        return None
    if looks_damaged(asked.number, kind):
        raise _refusal(pointer, "identifier-damaged", "a spreadsheet has rounded this number")
    return read_identifier(kind, asked.type, asked.number, today=today)


def _people(request: PublishRequest, today: date, prefix: str) -> tuple[Person, ...]:
    return tuple(
        Person(
            relation=person.relation,
            name=person.name.strip(),
            identifier=_identifier(
                SubjectKind.PERSON, person.identifier, today, f"{prefix}/debtor/people/{place}/identifier/number"
            ),
            since=person.from_,
            until=person.to,
        )
        for place, person in enumerate(request.debtor.people)
    )


def _refuse_minor(request: PublishRequest, identifier: Identifier | None, today: date, prefix: str) -> None:
    if request.debtor.kind is not SubjectKind.PERSON or identifier is None:
        return
    if identifier.quality is IdentifierQuality.MASKED:
        return
    if is_minor(birth_date(identifier), (request.decision.decided_on, request.published_on), today=today):
        raise _refusal(f"{prefix}/debtor/identifier/number", "minor", "nobody under 18 may be listed (Art. 4)")


def _refusal(pointer: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(errors=[FieldError(pointer, code, message)])
