"""Determines whether a debtor is a person or an organisation, if a court's table does not say. Pure."""

import re
from datetime import date

from blacklist_service.listings.wording import KINDS, ORGANISATION_WORDS, fold
from blacklist_service.subjects.cells import read_cell
from blacklist_service.subjects.identifiers import (
    ORGANISATION_TYPES,
    RESIDENT_FORM_TYPES,
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    is_of_kind,
)
from blacklist_service.subjects.names import name_key

COMPANY = "公司"
DIGITS_BEFORE_THE_CHECK = 17
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
    """As written; or else by the identifier's type, by the number, by the related people, by the name.

    None if the word is unknown, or nothing decides.
    """
    if written:
        return KINDS.get(fold(written))
    if declared is not None and declared is not IdentifierType.OTHER:
        return SubjectKind.ORGANISATION if declared in ORGANISATION_TYPES else SubjectKind.PERSON
    as_person = read_cell(SubjectKind.PERSON, None, number, today=today).identifier
    if _is_a_persons(as_person, number) and COMPANY not in name and (_is_masked(as_person) or _is_a_persons_name(name)):
        return SubjectKind.PERSON
    if has_people or any(word in name for word in ORGANISATION_WORDS):
        return SubjectKind.ORGANISATION
    return _by_form(name, number, today)


def _by_form(name: str, number: str, today: date) -> SubjectKind | None:
    as_person, as_organisation = (read_cell(kind, None, number, today=today).identifier for kind in SubjectKind)
    if _is_an_organisations(as_organisation):
        return SubjectKind.ORGANISATION
    is_short = _is_a_persons_name(name)
    if _fits(as_organisation, SubjectKind.ORGANISATION) and not is_short:
        return SubjectKind.ORGANISATION
    return SubjectKind.PERSON if _fits(as_person, SubjectKind.PERSON) or is_short else None


def _is_a_persons(identifier: Identifier | None, written: str) -> bool:
    """Whether it passes as a resident ID, or is a masked one, which means a person whatever the name ends in.

    Fifteen digits prove nothing: a number of the old business register has as many.
    """
    if identifier is None or identifier.type not in RESIDENT_FORM_TYPES:
        return False
    has_check = sum(map(str.isdigit, written)) >= DIGITS_BEFORE_THE_CHECK
    return _is_masked(identifier) or (identifier.quality is IdentifierQuality.VALID and has_check)


def _is_masked(identifier: Identifier | None) -> bool:
    return identifier is not None and "*" in identifier.number


def _is_a_persons_name(name: str) -> bool:
    return _SHORT_NAME.fullmatch(name) is not None or "·" in name_key(name)


def _is_an_organisations(identifier: Identifier | None) -> bool:
    """Whether it is a credit or organisation code with a valid check digit, which is no coincidence where it is read as it is
    written. Read from letters or from the signs of a mask, it may be one.
    """
    return (
        identifier is not None
        and identifier.quality is IdentifierQuality.VALID
        and not identifier.is_unusual
        and identifier.type in (IdentifierType.USCC, IdentifierType.ORGANISATION_CODE)
    )


def _fits(identifier: Identifier | None, kind: SubjectKind) -> bool:
    if identifier is None or identifier.quality is IdentifierQuality.UNUSABLE:
        return False
    return is_of_kind(identifier.type, kind) and identifier.type is not IdentifierType.OTHER
