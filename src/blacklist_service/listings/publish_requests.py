"""From a publication over HTTP to the particulars of a listing, which `contents` parses like those of a file's row."""

from datetime import date
from operator import attrgetter

from blacklist_service.listings.columns import KEPT
from blacklist_service.listings.contents import Particulars, PersonParticulars, Refused, read_content
from blacklist_service.listings.findings import ROW_SENTENCES
from blacklist_service.listings.rules import Content, Refusal, Warn
from blacklist_service.listings.schemas import PublishRequest
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.subjects.identifiers import SubjectKind


def read_publication(
    request: PublishRequest, *, court_name: str, today: date, prefix: str = ""
) -> tuple[Content, tuple[Warn, ...]]:
    """Raise `InvalidRequest`, with the codes of a refused row, for content that no listing may have; `prefix` is the path
    within the body.
    """
    if request.debtor.kind is SubjectKind.PERSON and request.debtor.people:
        error = FieldError(f"{prefix}/debtor/people", "people", "Only an organisation has people who answer for it")
        raise InvalidRequest(errors=[error])
    reading = read_content(_particulars(request, court_name), today=today)
    if reading.content is None:
        raise InvalidRequest(errors=[_error(refused, prefix) for refused in reading.refused])
    return reading.content, reading.warnings


def _particulars(request: PublishRequest, court_name: str) -> Particulars:
    debtor, number = request.debtor, request.debtor.identifier
    return Particulars(
        court_code=request.court.code,
        court_name=court_name,
        name=debtor.name,
        case_number=request.case_number,
        kind=debtor.kind.value,
        identifier_type=number.type.value if number else "",
        identifier_number=number.number if number else "",
        party_sequence=str(request.party_sequence),
        people=tuple(
            PersonParticulars(
                name=person.name,
                relation=person.relation,
                identifier_type=person.identifier.type.value if person.identifier else "",
                identifier_number=person.identifier.number if person.identifier else "",
                since=person.from_,
                until=person.to,
            )
            for person in debtor.people
        ),
        circumstances=",".join(request.circumstances),
        record_id=request.record_id or "",
        decision_number=request.decision.document_number,
        decided_on=request.decision.decided_on,
        on_application_of=request.decision.on_application_of,
        published_on=request.published_on,
        expires_on=request.expires_on,
        grace_until=request.grace_until,
        filed_on=request.filed_on,
        performance=request.performance or "",
        kept={name: said for name, place in _KEPT.items() if (said := place(request)) is not None},
    )


def _error(refused: Refused, prefix: str) -> FieldError:
    pointer = _POINTERS[refused.part].format(place=refused.place)
    return FieldError(
        f"{prefix}{pointer}", refused.code.value, _MESSAGES.get(refused.code) or ROW_SENTENCES[refused.code].en
    )


_KEPT = {one.field.value: attrgetter(one.place_in_request) for one in KEPT}
_POINTERS = {
    **{one.field.value: f"/{one.place_in_request.replace('.', '/')}" for one in KEPT},
    "party_sequence": "/party_sequence",
    "circumstances": "/circumstances",
    "record_id": "/record_id",
    "decision_number": "/decision/document_number",
    "name": "/debtor/name",
    "case_number": "/case_number",
    "kind": "/debtor/kind",
    "identifier_number": "/debtor/identifier/number",
    "people": "/debtor/people/{place}/identifier/number",
}
_MESSAGES = {
    Refusal.NAME_MISSING: "Must not be blank",
    Refusal.CASE_NUMBER_MISSING: "Must not be blank",
    Refusal.TEXT_TOO_LONG: "longer than a listing's text may be, alone or with the others (64 KiB)",
    Refusal.MINOR: "nobody under 18 may be listed (Art. 4)",
    Refusal.IDENTIFIER_DAMAGED: "a spreadsheet has rounded this number",
    Refusal.KIND_UNKNOWN: "whether it is a person or an organisation is not said",
}
