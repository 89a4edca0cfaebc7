"""JSON Lines, as the official site writes its objects and as others do."""

import json
from pathlib import Path

import pytest

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files import CellFault, RawRow, RelatedPerson, UnreadableFile, open_list_file


@pytest.fixture
def write(tmp_path: Path):
    def write_file(content: str) -> Path:
        (tmp_path / "list").write_text(content)
        return tmp_path / "list"

    return write_file


def read(path: Path) -> list[RawRow]:
    return list(open_list_file(path).rows())


def refusal_of(path: Path) -> str:
    with pytest.raises(UnreadableFile) as refusal:
        read(path)
    return refusal.value.detail


def one(write, **values) -> RawRow:
    (row,) = read(write(json.dumps(values)))
    return row


def test_official_names_numbers_lists_and_people_are_read(write):
    row = one(
        write,
        iname="甲公司",
        caseCode="（2018）云0111执1号",
        cardNum=91530111,
        partyTypeName=581,
        gistId=["一", "二"],
        sexy=None,
        age=0,
        qysler=[{"cardNum": "5301**", "corporationtypename": "法定代表人", "iname": "王五"}],
    )
    assert row.values == {
        Field.NAME: "甲公司",
        Field.CASE_NUMBER: "（2018）云0111执1号",
        Field.IDENTIFIER_NUMBER: "91530111",
        Field.KIND: "581",
        Field.BASIS_NUMBER: "一,二",
    }
    assert row.people == (RelatedPerson("法定代表人", "王五", "5301**"),)
    assert row.notes == {"age": "0"}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("530111198503170015", "5.30111198503170E+17"),  # beyond 2^53 JavaScript has rounded it
        ("5.30111198503170E+17", "5.30111198503170E+17"),
        ("530111198503170000.0", "5.30111198503170E+17"),
        ("12.0", "12"),
        ("NaN", None),
        ("1e999", None),
        ("true", "TRUE"),
        ('"  5301 "', "5301"),
        ('["5301"]', "5301"),
    ],
)
def test_numbers_become_text_and_lost_digits_are_seen(write, number, text):
    (row,) = read(write(f'{{"name": "张三", "cardNum": {number}}}'))
    assert row.values.get(Field.IDENTIFIER_NUMBER) == text


def test_what_is_no_text_is_no_value_but_a_fault(write):
    row = one(write, name={"a": 1}, case_number="1", cardNum=["1", "2"], qysler="无", x=[{"y": 1}])
    assert row.values == {Field.NAME: "#VALUE!", Field.CASE_NUMBER: "1", Field.IDENTIFIER_NUMBER: "#VALUE!"}
    unread = {"name (unread)": '{"a":1}', "cardNum (unread)": '["1","2"]'}
    assert row.notes == unread | {"qysler": "无", "x": '[{"y":1}]'}
    assert row.faults == ((Field.NAME, CellFault.NO_TEXT), (Field.IDENTIFIER_NUMBER, CellFault.NO_TEXT))


def test_what_is_no_word_and_no_day_is_given_to_be_told_so(write):
    row = one(write, name="张三", action={"code": "delete"}, state=["1", "2"], expires_on=[2026, 1, 1], publishDate={})
    assert row.values == {
        Field.NAME: "张三",
        Field.ACTION: '{"code":"delete"}',
        Field.STATE: '["1","2"]',
        Field.EXPIRES_ON: "[2026,1,1]",
    }


def test_people_that_cannot_be_read_are_a_fault(write):
    assert one(write, name="张三", qysler=[{"cardNum": "1"}]).faults == ((Field.PEOPLE, CellFault.NO_TEXT),)


def test_a_record_may_be_a_list_of_labels_and_values(write):
    line = json.dumps(
        [{"title": "被执行人姓名", "value": "张三"}, {"title": "案号：", "value": "1"}, {"title": "备注", "value": ""}]
    )
    assert [row.values for row in read(write(f"{line}\n{line}\n"))] == [
        {Field.NAME: "张三", Field.CASE_NUMBER: "1"}
    ] * 2


@pytest.mark.parametrize(
    "line",
    ['{"name": "张三", "name": "李四", "案号": "1"}', '{"name": "张三", "iname": "李四", "案号": "1"}'],
)
def test_an_object_that_says_two_things_of_one_field_is_a_fault(write, line):
    first, second = read(write(f'{line}\n{{"name": "王五", "案号": "2"}}'))
    assert first.faults == ((Field.NAME, CellFault.TWO_VALUES),)
    assert second.values[Field.NAME] == "王五"


@pytest.mark.parametrize("line", ['{"name": "张三", "name": "张三"}', '{"name": "张三", "iname": ""}'])
def test_a_name_given_twice_alike_is_no_matter(write, line):
    assert read(write(line))[0].values == {Field.NAME: "张三"}


def test_half_a_character_does_not_cost_the_line(write):
    (row,) = read(write('{"name": "张\\ud800三\\u0000", "x": {"a": "\\udfff", "b": {"c": 1}}}'))
    assert row.values[Field.NAME] == "张\ufffd三"
    assert row.notes["x"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ('{"name": "张三"}\n{"name": ', "Line 2 is no JSON"),
        ('{"name": "张三"}\n[1]', "Line 2 begins a JSON array"),
        ('{"name": "张三"}\n5', "Line 2 is no JSON object"),
        ('{\n"name": "张三"\n}', "Line 1 is no JSON"),
        ('[{"name": "张三"}]', "one JSON array"),
        ('{"name": ' + "[" * 5000 + "]" * 5000 + "}", "Line 1 is nested too deeply"),
        ("{" + ",".join(f'"a{number}": 1' for number in range(501)) + "}", "more than 500"),
    ],
)
def test_a_line_that_is_no_object_ends_the_file(write, content, word):
    assert word in refusal_of(write(content))


def test_whole_numbers_may_be_absurd(write):
    assert one(write, name="张三", age=10**600).notes["age"] == str(10**600)
    (row,) = read(write(f'{{"name": "张三", "x": {"9" * 5000}}}'))
    assert row.notes == {}
