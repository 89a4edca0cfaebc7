"""A number that is valid by two standards belongs to a person where a person is asked about."""

from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind, read_identifier
from tests.subjects.numbers import TODAY

BOTH = "110000199901010000"


def test_a_number_that_holds_as_both_is_of_the_kind_that_is_asked_about():
    for type_ in IdentifierType:
        identifier = read_identifier(SubjectKind.PERSON, type_, BOTH, today=TODAY)
        assert identifier
        assert identifier.type is IdentifierType.RESIDENT_ID or type_ in {
            IdentifierType.HMT_RESIDENCE_PERMIT,
            IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID,
        }
    company = read_identifier(SubjectKind.ORGANISATION, IdentifierType.USCC, BOTH, today=TODAY)
    assert company
    assert company.type is IdentifierType.USCC
