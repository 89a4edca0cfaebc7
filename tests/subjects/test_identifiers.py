"""Reading, verifying and masking identifiers: domain §3.1 to §3.4."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc as stdnum_uscc

from blacklist_service.subjects.identifiers import (
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    birth_date,
    looks_damaged,
    mask_identifier,
    read_identifier,
)
from tests.subjects.numbers import (
    TODAY,
    credit_codes,
    organisation_codes,
    resident_check,
    resident_number,
    resident_numbers,
)

PERSON, ORGANISATION = SubjectKind.PERSON, SubjectKind.ORGANISATION
VALID, CHECK_FAILED = IdentifierQuality.VALID, IdentifierQuality.CHECK_FAILED
MASKED, UNUSABLE = IdentifierQuality.MASKED, IdentifierQuality.UNUSABLE
T = IdentifierType


def test_an_old_number_becomes_the_new_one():
    assert read(PERSON, T.RESIDENT_ID, "110105491231002") == Identifier(T.RESIDENT_ID, "11010519491231002X", VALID)


def test_an_old_number_of_a_centenarian_belongs_to_the_century_before():
    identifier = read(PERSON, T.RESIDENT_ID, "530111880101997")
    assert identifier.number.startswith("53011118880101997")
    assert identifier.quality is VALID


@pytest.mark.parametrize("region", ["362222", "372801", "342301", "330621", "810000", "820000", "830000", "659999"])
def test_a_county_that_was_abolished_or_never_was_is_no_fault(region):
    number = resident_number(region, date(1985, 3, 17), 1)
    assert read(PERSON, T.RESIDENT_ID, number).quality is VALID


@pytest.mark.parametrize(
    "number",
    [
        "530111198503170016",  # check character
        "53011119850317001X",
        resident_number("990111", date(1985, 3, 17), 1),  # province
        resident_number("530111", date(2026, 3, 2), 1),  # not born yet
        resident_number("530111", date(1849, 12, 31), 1),
        "53011119850230001" + resident_check("53011119850230001"),  # no such day
        "530111850230001",
    ],
)
def test_a_number_of_full_form_that_does_not_hold_fails_its_check(number):
    assert read(PERSON, T.RESIDENT_ID, number).quality is CHECK_FAILED


@pytest.mark.parametrize(
    "text",
    [
        " 53011119900319295x ",
        "５３０１１１１９９００３１９２９５Ｘ",
        "53011119900319295×",
        "53011119900319295Х",
        "53011119900319295х",
        "530111 19900319 295X",
        "530111\u200b19900319\ufeff295X\u3000",
        "'53011119900319295X",
        "530111-19900319-295X",
    ],
)
def test_however_it_is_typed_it_is_the_same_number(text):
    assert read(PERSON, T.RESIDENT_ID, text) == Identifier(T.RESIDENT_ID, "53011119900319295X", VALID)


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "-", "无", "不详", "0", "/", "N/A"])
def test_nothing_and_placeholders_are_no_identifier(text):
    assert read(PERSON, None, text) is None
    assert read(ORGANISATION, T.USCC, text) is None


@pytest.mark.parametrize("number", ["91350100M000100Y43", "91110000101623741K", "91530111080734599W"])
def test_a_credit_code_holds(number):
    assert read(ORGANISATION, T.USCC, number).quality is VALID
    assert read(ORGANISATION, None, number.lower()) == Identifier(T.USCC, number, VALID)


def test_a_real_company_whose_credit_code_fails_stays_usable():
    assert read(ORGANISATION, T.USCC, "91350211M0000XUF46").quality is CHECK_FAILED


@pytest.mark.parametrize("number", ["91350100M000100Y4", "91350100I000100Y43", "91350100M000100Y433", "64772964-4"])
def test_a_credit_code_of_another_length_or_alphabet_is_unusable(number):
    assert read(ORGANISATION, T.USCC, number).quality is UNUSABLE


def test_an_organisation_code_is_kept_without_its_hyphen():
    assert read(ORGANISATION, T.ORGANISATION_CODE, "10162374-1") == Identifier(T.ORGANISATION_CODE, "101623741", VALID)
    assert read(ORGANISATION, None, "10162374－1").type is T.ORGANISATION_CODE
    assert read(ORGANISATION, T.ORGANISATION_CODE, "10162374-2").quality is CHECK_FAILED
    assert read(ORGANISATION, T.ORGANISATION_CODE, "10162374").quality is UNUSABLE
    assert read(ORGANISATION, T.ORGANISATION_CODE, "10162374-Z").quality is UNUSABLE


def test_fifteen_digits_are_read_by_whose_they_are():
    assert read(PERSON, None, "530103620128086").type is T.RESIDENT_ID
    assert read(ORGANISATION, None, "530103620128086") == Identifier(
        T.BUSINESS_REGISTRATION_NUMBER, "530103620128086", VALID
    )
    assert read(ORGANISATION, None, "5301036201280").type is T.BUSINESS_REGISTRATION_NUMBER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("530111198503170015", T.RESIDENT_ID),
        ("5301111985****0015", T.RESIDENT_ID),
        ("810000199001010019", T.HMT_RESIDENCE_PERMIT),
        ("911156199001010011", T.FOREIGN_PERMANENT_RESIDENT_ID),
        ("ABC110019900101", T.FOREIGN_PERMANENT_RESIDENT_ID),
        ("E12345678", T.PASSPORT),
        ("EA1234567", T.PASSPORT),
        ("H12345678", T.HK_MACAO_PERMIT),
        ("M1234567801", T.HK_MACAO_PERMIT),
        ("12345678", T.OTHER),
        ("军字第1234567号", T.OTHER),
    ],
)
def test_the_type_of_a_persons_number_is_seen_from_its_form(text, expected):
    assert read(PERSON, None, text).type is expected


def test_a_resident_id_that_lost_a_digit_is_unusable_not_another_document():
    assert read(PERSON, None, "53011119850317001") == Identifier(T.RESIDENT_ID, "53011119850317001", UNUSABLE)


def test_a_business_can_be_listed_under_its_owners_number():
    assert read(ORGANISATION, None, "530111198503170015").type is T.RESIDENT_ID
    assert read(ORGANISATION, None, "9135010000010").type is T.BUSINESS_REGISTRATION_NUMBER
    assert read(ORGANISATION, None, "91350100M000100Y4").quality is UNUSABLE
    assert read(ORGANISATION, None, "企合滇总字第000123号") == Identifier(T.OTHER, "企合滇总字第000123号", VALID)


@pytest.mark.parametrize(
    ("type_", "text", "quality"),
    [
        (T.HMT_RESIDENCE_PERMIT, "810000199001010019", VALID),
        (T.HMT_RESIDENCE_PERMIT, "810000199001010018", CHECK_FAILED),
        (T.HMT_RESIDENCE_PERMIT, "81000019900101", UNUSABLE),
        (T.FOREIGN_PERMANENT_RESIDENT_ID, "ABC110019900101", VALID),
        (T.FOREIGN_PERMANENT_RESIDENT_ID, "911156199001010011", CHECK_FAILED),
        (T.FOREIGN_PERMANENT_RESIDENT_ID, "91115619900101001" + resident_check("91115619900101001"), VALID),
        (T.FOREIGN_PERMANENT_RESIDENT_ID, "ABC11", UNUSABLE),
    ],
)
def test_the_other_cards_of_the_same_form_are_checked_too(type_, text, quality):
    assert read(PERSON, type_, text).quality is quality


@pytest.mark.parametrize(
    ("type_", "text", "is_unusual"),
    [
        (T.PASSPORT, "E12345678", False),
        (T.PASSPORT, "护照E12345678", True),
        (T.HK_MACAO_PERMIT, "H12345678", False),
        (T.HK_MACAO_PERMIT, "H123", True),
        (T.TAIWAN_PERMIT, "0123456701", False),
        (T.TAIWAN_PERMIT, "01234567(B)", True),
        (T.MILITARY_ID, "军字第 1234567 号", False),
        (T.OTHER, "A123456(7)", False),
    ],
)
def test_a_document_of_an_unusual_form_stays_usable(type_, text, is_unusual):
    identifier = read(PERSON, type_, text)
    assert identifier.quality is VALID
    assert identifier.is_unusual is is_unusual


@pytest.mark.parametrize("text", ["12" * 21, "12_45", "E1234*678", "12@3"])
def test_a_document_with_signs_that_no_number_has_is_unusable(text):
    assert read(PERSON, T.PASSPORT, text).quality is UNUSABLE


def test_a_resident_id_under_other_is_read_as_what_it_is():
    assert read(PERSON, T.OTHER, "530111198503170015").type is T.RESIDENT_ID
    assert read(PERSON, T.OTHER, "110105491231002").number == "11010519491231002X"
    assert read(ORGANISATION, T.OTHER, "91350100M000100Y43").type is T.USCC
    failing = read(PERSON, T.OTHER, "530111198503170016")
    assert (failing.type, failing.quality, failing.is_unusual) == (T.OTHER, VALID, True)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5301111985****0015", "5301111985****0015"),
        ("5301111985＊＊＊＊001x", "5301111985****001X"),
        ("5301111985xxxx0015", "5301111985****0015"),
        ("5301111985ＸＸＸＸ001Ｘ", "5301111985****001X"),
        ("5301111985××××0015", "5301111985****0015"),
        ("53011119850****0015", "53011119850****0015"),
        ("530111************", "530111************"),
        ("530111XXXXXXXXXXXX", "530111************"),
    ],
)
def test_the_public_masks_are_known(text, number):
    for type_ in (T.RESIDENT_ID, None):
        identifier = read(PERSON, type_, text)
        assert identifier == Identifier(T.RESIDENT_ID, number, MASKED)
        assert birth_date(identifier) is None


@pytest.mark.parametrize(
    "text",
    ["530111********0015", "5301111985***0015", "530111198****00015", "**************0015", "__________0317____"],
)
def test_another_mask_is_unusable(text):
    assert read(PERSON, T.RESIDENT_ID, text).quality is UNUSABLE


def test_a_birth_date_is_read_even_if_the_check_digit_failed():
    assert birth_date(read(PERSON, None, "530111198503170016")) == date(1985, 3, 17)
    assert birth_date(read(PERSON, None, "810000199001010019")) == date(1990, 1, 1)
    assert birth_date(read(PERSON, None, "110105491231002")) == date(1949, 12, 31)
    assert birth_date(read(PERSON, None, "530111198502300010")) is None
    assert birth_date(read(PERSON, None, "E12345678")) is None


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("530111198503170015", "5301**********0015"),
        ("5301111985****0015", "5301**********0015"),
        ("53011119850****0015", "5301***********0015"),
        ("530111************", "5301**************"),
        ("E12345678", "E1*****78"),
        ("12345678", "12******"),
        ("1234", "1***"),
        ("12", "**"),
        ("", ""),
    ],
)
def test_a_mask_shows_little(number, masked):
    assert mask_identifier(number) == masked


@given(st.text("0123456789X*", max_size=40))
def test_no_mask_shows_more_than_four_at_each_end(number):
    masked = mask_identifier(number)
    assert len(masked) == len(number)
    assert set(masked[4:-4]) <= {"*"}
    assert mask_identifier(masked).count("*") >= masked.count("*")


@pytest.mark.parametrize(
    "text",
    ["5.30111E+17", "5.30111e+17", "５．３０１１１Ｅ＋１７", "5.30111198503170E17", "5E+17", "530111198503170000"],
)
def test_what_a_spreadsheet_rounded_is_damaged(text):
    assert looks_damaged(text)


def test_what_only_ends_in_zeros_is_not_damaged():
    start = next(start for day in range(1, 29) if resident_check(start := f"530111198503{day:02d}000"[:17]) == "0")
    assert not looks_damaged(start + "0")
    for text in ("", "530111198503170015", "530111850317000", "E12345678", "91350100M000100Y43"):
        assert not looks_damaged(text)


def test_a_credit_code_of_digits_alone_is_judged_by_its_own_check():
    number = next(
        number
        for serial in range(10**5)
        if (number := f"9153011{serial:08d}000")
        and stdnum_uscc.calc_check_digit(number[:17]) == "0"
        and resident_check(number[:17]) != "0"
    )
    assert not looks_damaged(number)


@given(resident_numbers)
def test_a_number_checked_by_another_library_holds(number):
    assert read(PERSON, T.RESIDENT_ID, number) == Identifier(T.RESIDENT_ID, number, VALID)


@given(resident_numbers, st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(number, place, step):
    if not number[place].isdigit():
        return
    wrong = f"{number[:place]}{(int(number[place]) + step) % 10}{number[place + 1 :]}"
    assert read(PERSON, T.RESIDENT_ID, wrong).quality is CHECK_FAILED


def test_a_wrong_digit_of_the_province_makes_no_credit_code():
    assert read(PERSON, T.RESIDENT_ID, "166502190005050006").quality is CHECK_FAILED


@given(resident_numbers, st.data())
def test_width_and_spaces_make_no_other_number(number, data):
    wide = "".join(chr(ord(c) + 0xFEE0) if data.draw(st.booleans()) else c for c in number)
    at = data.draw(st.integers(0, 18))
    gap = data.draw(st.sampled_from([" ", "\u3000", "\u200b", "\t", "\ufeff", "\u00a0"]))
    crossed = (wide[:at] + gap + wide[at:]).replace("X", data.draw(st.sampled_from("xX×ХхＸ")))
    assert read(PERSON, T.RESIDENT_ID, crossed).number == number


@given(resident_numbers)
def test_an_old_number_and_its_new_form_are_one(number):
    old = number[:6] + number[8:17]
    assert read(PERSON, T.RESIDENT_ID, old) == read(PERSON, T.RESIDENT_ID, number)


@given(credit_codes)
def test_a_credit_code_checked_by_another_library_holds(number):
    assert read(ORGANISATION, None, number) == Identifier(T.USCC, number, VALID)


@given(organisation_codes)
def test_an_organisation_code_of_the_standards_formula_holds(code):
    assert read(ORGANISATION, None, f"{code[:8]}-{code[8]}") == Identifier(T.ORGANISATION_CODE, code, VALID)


@settings(max_examples=300)
@given(
    st.sampled_from(SubjectKind),
    st.sampled_from([None, *IdentifierType]),
    st.text() | st.text("0123456789XＸ×*＊-() HMEA", max_size=20) | resident_numbers,
)
def test_any_text_is_read_and_its_normal_form_reads_as_itself(kind, type_, text):
    identifier = read(kind, type_, text)
    looks_damaged(text)
    if identifier is None:
        return
    mask_identifier(identifier.number)
    birth_date(identifier)
    assert read(kind, identifier.type, identifier.number) == identifier


@pytest.mark.parametrize("text", ["\ud800", "²³", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨", "ß" * 18, "9" * 100_000, "\0"])
def test_strange_text_is_read_too(text):
    for type_ in (None, *IdentifierType):
        read(PERSON, type_, text)
        read(ORGANISATION, type_, text)
    looks_damaged(text)


def read(kind: SubjectKind, type_: IdentifierType | None, text: str) -> Any:
    """`Any`, because most tests want the identifier and not the None."""
    return read_identifier(kind, type_, text, today=TODAY)
