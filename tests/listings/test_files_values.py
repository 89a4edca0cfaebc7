"""Days and circumstances as cells have them."""

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blacklist_service.listings.files.values import read_date, split_circumstances

DAY = date(2017, 9, 21)


@pytest.mark.parametrize(
    "text",
    [
        "20170921",
        "2017-09-21",
        "2017-9-21",
        "2017/9/21",
        "2017.9.21",
        "2017年9月21日",
        "2017年09月21日",
        "2017 年 9 月 21 日",
        "2017-09-21 00:00:00",
        "2017-09-21T00:00:00Z",
        "2017-09-21T00:00:00+08:00",
        "2017-09-21 00:00:00.0",
        "２０１７－０９－２１",
        " 2017-09-21\u3000",
        "42999",
        "42999.0",
        "42999.5",
        "20170921000000",
        "2017-09-20T16:00:00.000Z",
        "2017-09-20T16:00:00+0000",
        "2017-09-21T00:00:00+08:00[Asia/Shanghai]",
        "2017-09-20 23:59:17",
        "2017-09-20T15:59:17.000Z",
        "42998.99950231481",
        "1505923200000",
        "1505923200",
        "[2017,9,21]",
        "[2017, 9, 21, 0, 0]",
        '{"$date": "2017-09-20T16:00:00Z"}',
        '{"$date": 1505923200000}',
        '{"$date": {"$numberLong": "1505923200000"}}',
    ],
)
def test_a_day_is_read_in_every_form(text):
    assert read_date(text) == DAY


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "空",
        "无",
        "暂无",
        "null",
        "NULL",
        "-",
        "/",
        "－",
        "0001-01-01",
        "1900-01-01",
        "1900-01-01 00:00:00",
        "长期",
        "9999-12-31",
        "9999/12/31 00:00:00",
        "99991231",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "None",
        "NaT",
        "\\N",
        "[]",
    ],
)
def test_what_stands_for_nothing_is_no_day(text):
    assert read_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2025-13-45",
        "2025-02-30",
        "1899-01-01",
        "2201-01-01",
        "19999",
        "80001",
        "2017-09",
        "2017-09/21",
        "21.9.2017",
        "昨天",
        "#N/A",
        "#VALUE!",
        "2017-09-21 25:00",
        "[2017,9]",
        "[2017,13,1]",
        '{"$date": true}',
        '{"code": 1}',
        "9999999999999",
        "2017-09-21 x",
        "0",
        "٢٠١٧٠٩٢١",
        "2" * 100_000,
    ],
)
def test_what_is_no_day_is_told_so(text):
    with pytest.raises(ValueError, match=r"no date|out of range|must be in"):
        read_date(text)


def test_excel_counts_from_the_end_of_1899():
    assert read_date("45123") == date(2023, 7, 16)


@given(st.dates(date(1900, 1, 2), date(2200, 12, 31)))
def test_every_day_comes_back(day):
    assert (
        read_date(day.isoformat())
        == read_date(f"{day:%Y%m%d}")
        == read_date(f"{day.year}年{day.month}月{day.day}日")
        == day
    )


@given(st.text())
def test_any_text_is_a_day_or_nothing_or_no_date(text):
    with contextlib.suppress(ValueError):
        day = read_date(text)
        assert day is None or 1900 <= day.year <= 2200


def test_circumstances_are_split_at_commas_and_semicolons_only():
    text = "违反财产报告制度,违反限制高消费令，以伪造证据、暴力、威胁等方法妨碍、抗拒执行; ；其他"
    assert split_circumstances(text) == [
        "违反财产报告制度",
        "违反限制高消费令",
        "以伪造证据、暴力、威胁等方法妨碍、抗拒执行",
        "其他",
    ]
    assert split_circumstances("") == []
