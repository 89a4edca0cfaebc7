"""Case numbers in their canonical form: domain §3.6."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blacklist_service.subjects.case_numbers import CaseNumber, read_case_number


@pytest.mark.parametrize(
    "text",
    [
        "(2018)云0111执1234号",
        "（2018）云0111执1234号",
        "〔2018〕云0111执1234号",
        "［2018］云0111执1234号",
        "【2018】 云0111 执 001234 号 ",
        "（２０１８）云０１１１执１２３４号",
        "(2018)云0111执\u200b1234号",
    ],
)
def test_one_case_has_one_number(text):
    assert read_case_number(text) == CaseNumber("(2018)云0111执1234号", False, 2018, "云0111", "执")


@pytest.mark.parametrize(
    ("text", "court", "kind"),
    [
        ("(2018)云0111执恢12号", "云0111", "执恢"),
        ("(2018)云01执异3号", "云01", "执异"),
        ("(2018)云执复3号", "云", "执复"),
        ("(2018)最高法执监3号", "最高法", "执监"),
        ("(2018)最高法知民终3号", "最高法知", "民终"),
        ("(2018)川0191执1号", "川0191", "执"),
        ("(2018)云7101执1号", "云7101", "执"),
        ("(2018)云0111执1234号之一", "云0111", "执"),
        ("(2018)云0111执1234号之2", "云0111", "执"),
        ("(2018)云0111执1234号-1", "云0111", "执"),
    ],
)
def test_the_parts_of_a_standard_number_are_read(text, court, kind):
    case_number = read_case_number(text)
    assert case_number == CaseNumber(text, False, 2018, court, kind)


@pytest.mark.parametrize(
    "text",
    [
        "(2015)阜执字第00690号",
        "(2014)绍虞执民字第00243号",
        "(2003)皖1202执字第00174号",
        "(2012)宁执字第00065号",
        "2003州刑初字第5号",
        "(2017)临兰山证执字第76号",
        "(2018)云0111执1234",
        "(2018)云0111执0号",
        "(2018)云0111执123456789号",
        "(٢٠١٨)云0111执1号",
    ],
)
def test_a_legacy_number_is_kept_as_text(text):
    assert read_case_number(text) == CaseNumber(text, is_legacy=True)


def test_a_legacy_number_too_is_folded_and_trimmed():
    assert read_case_number(" （2015）阜执字 第00690号 ") == CaseNumber("(2015)阜执字第00690号", is_legacy=True)


def test_a_blank_is_no_case_number():
    for text in ("", " ", "\u3000\u200b"):
        assert read_case_number(text) is None


@settings(max_examples=300)
@given(st.text() | st.text("(（2018）)云0111执恢字第号之一-－ 〔〕[]", max_size=25))
def test_any_text_is_read_and_its_canonical_form_reads_as_itself(text):
    case_number = read_case_number(text)
    assert case_number is None or read_case_number(case_number.text) == case_number
