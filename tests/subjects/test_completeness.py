"""Which of two numbers is more complete, and whether they can be the same."""

from datetime import date

import pytest

from blacklist_service.subjects.completeness import Likeness, compare
from blacklist_service.subjects.identifiers import SubjectKind, read_identifier

TODAY = date(2026, 11, 27)
PERSON, FIRM = SubjectKind.PERSON, SubjectKind.ORGANISATION


@pytest.mark.parametrize(
    ("kind", "lesser", "fuller"),
    [
        (PERSON, "", "530111196611027540"),
        (PERSON, "5301111966****7540", "530111196611027540"),
        (PERSON, "53011119661****7540", "530111196611027540"),
        (PERSON, "530111************", "530111196611027540"),
        (PERSON, "530111********7540", "530111196611027540"),
        (PERSON, "5301**********7540", "530111196611027540"),
        (PERSON, "530111************", "5301111966****7540"),
        (PERSON, "5301111966****7540", "53011119661****7540"),
        (PERSON, "******************", "530111196611027540"),
        (PERSON, "无", "530111196611027540"),
        (PERSON, "", "5301111966****7540"),
        (FIRM, "", "91530111MA6K70055Q"),
        (FIRM, "MA6K70055", "91530111MA6K70055Q"),
        (FIRM, "MA6K7005-5", "91530111MA6K70055Q"),
        (FIRM, "530111000012345", "91530111MA6K70055Q"),
        (FIRM, "91530111MA6K****5Q", "91530111MA6K70055Q"),
    ],
)
def test_a_fuller_number_is_the_same_one(kind: SubjectKind, lesser: str, fuller: str):
    less, full = (read_identifier(kind, None, text, today=TODAY) for text in (lesser, fuller))
    assert compare(kind, full, less) is Likeness.FULLER
    assert compare(kind, less, full) is Likeness.LESSER
    assert compare(kind, full, full) is Likeness.SAME


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (PERSON, "530111196611027540", "530111198503170015"),
        (PERSON, "5301111985****0015", "530111196611027540"),
        (PERSON, "5301111966****7540", "5301111966****7541"),
        (PERSON, "G12345678", "530111196611027540"),
        (FIRM, "10162374-1", "91530111MA6K70055Q"),
        (FIRM, "91530111080734599W", "91530111MA6K70055Q"),
    ],
)
def test_another_number_is_another_one(kind: SubjectKind, one: str, other: str):
    first, second = (read_identifier(kind, None, text, today=TODAY) for text in (one, other))
    assert compare(kind, first, second) is Likeness.OTHER
    assert compare(kind, second, first) is Likeness.OTHER


def test_two_without_a_number_are_the_same():
    assert compare(PERSON, None, None) is Likeness.SAME
