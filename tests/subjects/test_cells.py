"""What courts write into the cell of a number: law.md §0, faults 01, 02 and 15."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from blacklist_service.subjects.cells import Cell, read_cell
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import (
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    read_by_check,
)
from blacklist_service.subjects.keys import KeyKind, Subject, asked_keys, listed_keys
from tests.subjects.numbers import TODAY, credit_codes, resident_numbers

PERSON, ORGANISATION = SubjectKind.PERSON, SubjectKind.ORGANISATION
VALID, CHECK_FAILED = IdentifierQuality.VALID, IdentifierQuality.CHECK_FAILED
MASKED, UNUSABLE = IdentifierQuality.MASKED, IdentifierQuality.UNUSABLE
T = IdentifierType
DIGESTER = Digester(b"k" * 32)
RESIDENT, OTHERS, CODE, SHOP = "530111198503170015", "11010519491231002X", "91530111MA6K70012B", "92530111MA6K700390"


@pytest.mark.parametrize(
    "text",
    [
        f"身份证{RESIDENT}",
        f"身份证：{RESIDENT}",
        f"{RESIDENT}（已核实）",
        f"{RESIDENT} 男",
        f"（旧证）{RESIDENT}，汉族",
        f"ID{RESIDENT}",
        f'=T("{RESIDENT}")',
        f'=CONCATENATE("{RESIDENT}")',
        "530,111,198,503,170,015",
        "530111.19850317.0015",
        "530111_19850317_0015",
        f"{RESIDENT} 13800138000",
        f"{RESIDENT}/13800138000",
        f"{RESIDENT}X",
        "53O111198503170015",
        "5301I1l985O317oo15",
        "53011119850317001S",
        "53〇111198503170〇15",
        "53零111198503170零15",
        "五三〇一一一一九八五〇三一七〇〇一五",
        "身份证号53O111 19850317 OO15",
    ],
)
def test_a_number_in_words_or_with_letters_like_digits_is_that_number(text: str):
    assert read(PERSON, text) == Cell((Identifier(T.RESIDENT_ID, RESIDENT, VALID),), is_extracted=True)


@pytest.mark.parametrize(
    "text",
    [
        RESIDENT,
        f" {RESIDENT}\u3000",
        "530111 19850317 0015",
        "５３０１１１１９８５０３１７００１５",
        f'="{RESIDENT}"',
        f"({RESIDENT})",
        f"{RESIDENT}.0",
        "530111850317001",
    ],
)
def test_a_number_alone_is_no_surprise(text: str):
    assert read(PERSON, text) == Cell((Identifier(T.RESIDENT_ID, RESIDENT, VALID),))


@pytest.mark.parametrize(
    "text",
    [
        "待补充",
        "未采集",
        "不知道",
        "保密",
        "UNKNOWN",
        "TRUE",
        "False",
        "无身份证号",
        "见判决书",
        "见附件2",
        "1",
        "1.0",
        "0",
        "null",
        "N/A",
        "#N/A",
        "неизвестно",
        "không có",
        "bilinmiyor",
        "",
        " ",
        "****",
        "0" * 18,
        "0" * 17 + "X",
        "1" * 18,
    ],
)
@pytest.mark.parametrize("kind", SubjectKind)
@pytest.mark.parametrize("declared", [None, T.RESIDENT_ID, T.USCC, T.PASSPORT, T.OTHER])
def test_a_cell_without_a_number_is_missing(kind: SubjectKind, declared: IdentifierType | None, text: str):
    assert read(kind, text, declared) == Cell()


@pytest.mark.parametrize("filler", ["*", "＊", "x", "X", "×", "#", "＃", "-", "—", "某", "●", "○", "_", "?", "■", "."])
def test_every_filler_makes_the_public_masks(filler: str):
    for text in (f"5301111985{filler * 4}0015", f"53011119850{filler * 4}0015", "530111" + filler * 12):
        [mask] = read(PERSON, text).identifiers
        assert (mask.type, mask.quality) == (T.RESIDENT_ID, MASKED)
        assert read(PERSON, f"身份证{text}（公示）") == Cell((mask,), is_extracted=True)


@pytest.mark.parametrize(
    "text",
    [
        "53011119850xxx0015",
        "530111--------5222",
        "530111某某某某7210",
        "530111…0015",
        "5301111985*0015",
        "****0015",
        "530111198503******",
        "53011119850317xxxx",
        "138****5678",
        "530111x98503170015",
    ],
)
def test_any_other_mask_is_a_mask_and_found_by_name(text: str):
    cell = read(PERSON, text)
    assert cell.identifier
    assert "*" in cell.identifier.number
    assert cell.identifier.quality is UNUSABLE
    assert KeyKind.NAME_ONLY in keys(PERSON, cell)


@pytest.mark.parametrize(
    "text", ["19720205", "尾号5892", "P868xxx(x)", "护照E12345678", "军字第1234567号", "13800138000"]
)
def test_whatever_else_a_person_has_without_a_type_is_unusable(text: str):
    cell = read(PERSON, text)
    assert cell.identifier
    assert cell.identifier.quality is UNUSABLE
    assert KeyKind.NAME_ONLY in keys(PERSON, cell)


@pytest.mark.parametrize(
    "text",
    ["○○○110199901010009", "***110199901010009", "●●●110199901010009", "---110199901010009", "530111850317001***"],
)
def test_an_old_number_beside_the_signs_of_a_mask_is_found_by_the_name(text: str):
    cell = read(PERSON, text)
    assert KeyKind.NAME_ONLY in keys(PERSON, cell)


@given(
    resident_numbers,
    st.sampled_from("○◯〇零OОX*#●?-_某"),
    st.integers(0, 15),
    st.integers(3, 8),
    st.sampled_from([None, *IdentifierType]),
)
def test_a_masked_number_under_any_type_is_found_by_the_name(
    number: str, sign: str, start: int, length: int, declared: IdentifierType | None
):
    end = min(start + length, 18)
    assume(end - start >= 3)
    cell = read(PERSON, f"{number[:start]}{sign * (end - start)}{number[end:]}", declared)
    numbers = cell.identifiers or (None,)
    listed = {key.digest for one in numbers for key in listed_keys(Subject(PERSON, "张三", one), DIGESTER)}
    right = Identifier(T.RESIDENT_ID, number, VALID)
    assert listed & {key.digest for key in asked_keys(Subject(PERSON, "张三", right), DIGESTER)}


def test_a_mask_of_rings_whose_zeros_hold_is_found_by_the_name():
    cell = read(PERSON, "82○○○0190110181491")
    assert cell.identifier
    assert cell.identifier.is_unusual
    assert {KeyKind.IDENTIFIER, KeyKind.NAME_ONLY} <= keys(PERSON, cell)


@pytest.mark.parametrize("text", ["E12345678", "H12345678", "ABC110019900101", "53O111600110209", "A123456(7)"])
def test_what_may_be_a_passport_is_found_by_it_and_by_the_name(text: str):
    cell = read(PERSON, text)
    assert cell.identifier
    assert cell.identifier.is_unusual
    assert {KeyKind.IDENTIFIER, KeyKind.NAME_ONLY} <= keys(PERSON, cell)


@pytest.mark.parametrize(
    ("declared", "text", "number"),
    [
        (T.PASSPORT, "护照E12345678", "E12345678"),
        (T.PASSPORT, "护照号：E 1234 5678", "E12345678"),
        (T.HK_MACAO_PERMIT, "回乡证H12345678", "H12345678"),
    ],
)
def test_a_document_is_taken_out_of_its_words(declared: IdentifierType, text: str, number: str):
    assert read(PERSON, text, declared) == Cell((Identifier(declared, number, VALID),), is_extracted=True)


@pytest.mark.parametrize("declared", [T.PASSPORT, T.MILITARY_ID, T.HK_MACAO_PERMIT, T.TAIWAN_PERMIT, T.USCC])
@pytest.mark.parametrize("text", [RESIDENT, f"证号{RESIDENT}"])
def test_the_check_digit_decides_over_the_type_beside_it(declared: IdentifierType, text: str):
    cell = read(PERSON, text, declared)
    assert cell.identifiers == (Identifier(T.RESIDENT_ID, RESIDENT, VALID),)
    assert cell.is_of_another_type


@pytest.mark.parametrize(
    "declared", [T.BUSINESS_REGISTRATION_NUMBER, T.ORGANISATION_CODE, T.OTHER, T.RESIDENT_ID, None]
)
def test_a_credit_code_is_one_under_every_type(declared: IdentifierType | None):
    cell = read(ORGANISATION, CODE, declared)
    assert cell.identifiers == (Identifier(T.USCC, CODE, VALID),)
    assert cell.is_of_another_type == (declared not in (None, T.OTHER))


def test_a_shop_under_a_persons_kind_is_found_as_both():
    cell = read(PERSON, SHOP)
    assert cell == Cell((Identifier(T.USCC, SHOP, VALID),), is_of_another_type=True)
    assert {KeyKind.IDENTIFIER, KeyKind.NAME_ONLY, KeyKind.NAME} <= keys(PERSON, cell)


def test_a_permanent_residents_number_under_resident_id_is_taken():
    cell = read(PERSON, "911156199001010010", T.RESIDENT_ID)
    assert cell == Cell(
        (Identifier(T.FOREIGN_PERMANENT_RESIDENT_ID, "911156199001010010", VALID),), is_of_another_type=True
    )


@pytest.mark.parametrize("between", [" ", "、", ",", "/", "；", "（旧）", "\n"])
def test_two_numbers_are_both_there(between: str):
    cell = read(PERSON, f"{RESIDENT}{between}{OTHERS}")
    assert [one.number for one in cell.identifiers] == [RESIDENT, OTHERS]
    assert read(ORGANISATION, f"{CODE}{between}{SHOP}").identifiers == (
        Identifier(T.USCC, CODE, VALID),
        Identifier(T.USCC, SHOP, VALID),
    )


@pytest.mark.parametrize(
    ("text", "type_", "number", "quality"),
    [
        (f"统一社会信用代码：{CODE}", T.USCC, CODE, VALID),
        (f"{CODE}(1-1)", T.USCC, CODE, VALID),
        ("91350211M0000XUF46(旧)", T.USCC, "91350211M0000XUF46", CHECK_FAILED),
        ("注册号530103620128086", T.BUSINESS_REGISTRATION_NUMBER, "530103620128086", VALID),
        ("组织机构代码10162374-1", T.ORGANISATION_CODE, "101623741", VALID),
    ],
)
def test_an_organisations_number_in_words(text: str, type_: IdentifierType, number: str, quality: IdentifierQuality):
    assert read(ORGANISATION, text) == Cell((Identifier(type_, number, quality),), is_extracted=True)


def test_letters_in_a_credit_code_are_read_as_digits_with_doubt():
    cell = read(ORGANISATION, "91530111MA6K7OO12B")
    assert cell == Cell((Identifier(T.USCC, CODE, VALID, is_unusual=True),), is_extracted=True)
    assert {KeyKind.IDENTIFIER, KeyKind.NAME_ONLY} <= keys(ORGANISATION, cell)


def test_a_mistyped_credit_code_is_not_mended_by_reading_its_own_letters_as_digits():
    cell = read(ORGANISATION, "93659801A2N85LNC97")
    assert cell == Cell((Identifier(T.USCC, "93659801A2N85LNC97", CHECK_FAILED),))


def test_letters_are_read_as_digits_only_where_the_check_then_holds():
    for text in ("53O111198503170016", "S30111198503170016"):
        cell = read(PERSON, text)
        assert not cell.is_extracted
        assert KeyKind.NAME_ONLY in keys(PERSON, cell)


words = st.text("身份证号码男女旧已核实（）()：:，, 　\"='的某无", max_size=8)


@settings(deadline=None)
@given(resident_numbers, words, words)
def test_words_around_a_number_never_hide_it(number: str, before: str, after: str):
    assert number in [one.number for one in read(PERSON, f"{before}{number}{after}").identifiers]


@settings(deadline=None)
@given(credit_codes, words, words)
def test_words_around_a_credit_code_never_hide_it(code: str, before: str, after: str):
    assert code in [one.number for one in read(ORGANISATION, f"{before}{code}{after}").identifiers]


ends_of_words = st.sampled_from(["No.", "NO", "N0", "A1", "Y9 ", "编号N1", "1-", "(2025)", "11", "Nl:"])


@settings(deadline=None)
@given(resident_numbers, ends_of_words, ends_of_words, st.booleans(), st.sampled_from(SubjectKind))
def test_no_end_of_a_word_makes_another_number_of_a_resident_id(
    number: str, before: str, after: str, are_alike: bool, kind: SubjectKind
):
    written = number.replace("0", "o").replace("1", "l").replace("8", "B").replace("2", "Z") if are_alike else number
    assert number in [one.number for one in read(kind, f"公民身份号码 {before}{written}{after}").identifiers]


@settings(deadline=None)
@given(credit_codes, ends_of_words, ends_of_words)
def test_no_end_of_a_word_makes_another_code_of_a_credit_code(code: str, before: str, after: str):
    assume(read_by_check(code, TODAY))  # of a region there is
    assert code in [one.number for one in read(ORGANISATION, f"{before}{code}{after}").identifiers]


def test_a_code_that_holds_by_accident_does_not_hide_the_resident_id():
    cell = read(ORGANISATION, "公民身份号码 No.3Z835Bl936oZ||3376")
    assert cell.identifiers[0].number == "328358193602113376"
    assert {KeyKind.IDENTIFIER, KeyKind.NAME_ONLY} <= keys(ORGANISATION, cell)


@settings(deadline=None)
@given(st.sampled_from(SubjectKind), st.sampled_from([None, *IdentifierType]), st.text(max_size=30))
def test_any_text_is_read(kind: SubjectKind, declared: IdentifierType | None, text: str):
    cell = read(kind, text, declared)
    assert keys(kind, cell)


def read(kind: SubjectKind, text: str, declared: IdentifierType | None = None) -> Cell:
    return read_cell(kind, declared, text, today=TODAY)


def keys(kind: SubjectKind, cell: Cell) -> set[KeyKind]:
    return {key.kind for key in listed_keys(Subject(kind, "张三", cell.identifier), DIGESTER)}
