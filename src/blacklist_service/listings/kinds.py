"""Whether a debtor is a person or an organisation, where a court's table leaves it to be seen. Pure."""

import re
from datetime import date

from blacklist_service.listings.wording import KINDS, ORGANISATION_WORDS, fold
from blacklist_service.subjects.identifiers import (
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    read_identifier,
)
from blacklist_service.subjects.names import name_key

ORGANISATION_TYPES = frozenset(
    {IdentifierType.USCC, IdentifierType.ORGANISATION_CODE, IdentifierType.BUSINESS_REGISTRATION_NUMBER}
)
_SHORT_NAME = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]{2,4}")


def find_kind(
    written: str,
    name: str,
    declared: IdentifierType | None,
    number: str,
    *,
    has_people: bool,
    today: date,
) -> SubjectKind | None:
    """As written; else by the identifier's type, by who stands beside the debtor, by the name, by the number's form.

    None where the word is not known, or nothing says it.
    """
    if written:
        return KINDS.get(fold(written))
    if declared is not None and declared is not IdentifierType.OTHER:
        return SubjectKind.ORGANISATION if declared in ORGANISATION_TYPES else SubjectKind.PERSON
    if has_people or any(word in name for word in ORGANISATION_WORDS):
        return SubjectKind.ORGANISATION
    return _by_number(name, number, today)


def _by_number(name: str, number: str, today: date) -> SubjectKind | None:
    as_person, as_organisation = (read_identifier(kind, None, number, today=today) for kind in SubjectKind)
    is_short = _SHORT_NAME.fullmatch(name) is not None
    fits_person = _fits(as_person, SubjectKind.PERSON)
    if fits_person and as_person is not None and as_person.quality is IdentifierQuality.VALID:
        return SubjectKind.PERSON
    if _holds(as_organisation) or (_fits(as_organisation, SubjectKind.ORGANISATION) and not is_short):
        return SubjectKind.ORGANISATION
    return SubjectKind.PERSON if fits_person or is_short or "·" in name_key(name) else None


def _holds(identifier: Identifier | None) -> bool:
    """Whether it is a credit or organisation code whose check holds: no accident."""
    return (
        identifier is not None
        and identifier.quality is IdentifierQuality.VALID
        and identifier.type in (IdentifierType.USCC, IdentifierType.ORGANISATION_CODE)
    )


def _fits(identifier: Identifier | None, kind: SubjectKind) -> bool:
    if identifier is None or identifier.quality is IdentifierQuality.UNUSABLE:
        return False
    return (identifier.type in ORGANISATION_TYPES) == (kind is SubjectKind.ORGANISATION) and (
        identifier.type is not IdentifierType.OTHER
    )
