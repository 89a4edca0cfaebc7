"""List files of three formats, as courts send them."""

import csv
import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files import (
    CellFault,
    RawRow,
    RelatedPerson,
    Sheet,
    UnreadableFile,
    UnreadSheet,
    open_list_file,
)
from blacklist_service.listings.files.names import meaning_of

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"

HEADER = "姓名,案号,身份证号码,生效法律文书确定的义务"


@pytest.fixture
def write(tmp_path: Path):
    def write_file(content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "list"
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def save(tmp_path: Path):
    def save_workbook(*rows: list[Any], at: tuple[int, int] = (1, 1)) -> Path:
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        for down, row in enumerate(rows):
            for right, cell in enumerate(row):
                sheet.cell(at[0] + down, at[1] + right).value = cell
        book.save(tmp_path / "list.xlsx")
        return tmp_path / "list.xlsx"

    return save_workbook


def read(path: Path) -> list[RawRow]:
    with open_list_file(path) as file:
        rows = list(file.rows())
        assert file.fraction == 1.0
    return rows


def refusal_of(path: Path) -> str:
    with pytest.raises(UnreadableFile) as refusal:
        read(path)
    return refusal.value.detail


# --- one list, three formats


CELLS = [
    ["操作", "被执行人姓名/名称", "证件号码", "案号", "执行法院", "立案日期", "备注"],
    ["发布", "张 三", "530111198503170015", "(2018)云0111执1234号", "昆明市官渡区人民法院", "2018-01-05", "甲"],
    ["", "", "", "", "", "", ""],
    ["删除", " 李四", "", "(2018)云0111执1235号", "", "", ""],
]
ROWS = [
    RawRow(
        2,
        {
            Field.ACTION: "发布",
            Field.NAME: "张 三",
            Field.IDENTIFIER_NUMBER: "530111198503170015",
            Field.CASE_NUMBER: "(2018)云0111执1234号",
            Field.COURT_NAME: "昆明市官渡区人民法院",
            Field.FILED_ON: "2018-01-05",
        },
        {"备注": "甲"},
    ),
    RawRow(4, {Field.ACTION: "删除", Field.NAME: " 李四", Field.CASE_NUMBER: "(2018)云0111执1235号"}, {}),
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_reads_the_same_in_every_encoding_and_with_every_delimiter(write, encoding, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(CELLS)
    path = write(text.getvalue(), encoding)
    file = open_list_file(path)
    assert (file.format, file.encoding, file.unknown_columns) == ("csv", encoding, ("备注",))
    assert list(file.rows()) == ROWS


def test_a_workbook_reads_as_its_csv_does(save):
    with open_list_file(save(*CELLS)) as file:
        assert (file.format, file.unknown_columns) == ("xlsx", ("备注",))
        assert list(file.rows()) == ROWS
        assert list(file.rows()) == ROWS  # a second time too


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_json_lines_read_as_their_csv_does_but_for_the_line(write, encoding):
    objects = [dict(zip(CELLS[0], cells, strict=True)) for cells in CELLS[1:]]
    lines = ["", *(json.dumps(each, ensure_ascii=False) if any(each.values()) else "" for each in objects)]
    file = open_list_file(write("\n".join(lines), encoding))
    assert (file.format, file.encoding) == ("jsonl", encoding)
    assert list(file.rows()) == ROWS
    assert file.unknown_columns == ("备注",)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples lie outside the repository")
class TestSamples:
    folder = SAMPLES

    def test_the_court_list_is_the_same_as_csv_and_as_xlsx(self):
        as_csv, as_xlsx = read(self.folder / "court-list.csv"), read(self.folder / "court-list.xlsx")
        assert as_csv == as_xlsx
        assert [row.number for row in as_csv] == list(range(2, 78))
        assert as_csv[67].values[Field.IDENTIFIER_NUMBER] == "5.30111E+17"
        assert open_list_file(self.folder / "court-list.csv").encoding == "gb18030"

    def test_the_official_list_has_a_row_for_each_line(self):
        with open_list_file(self.folder / "official-list.jsonl") as file:
            rows = list(file.rows())
            assert file.unknown_columns == ()
        assert [row.number for row in rows] == list(range(1, 13))
        assert {"id", "age", "areaName"} == set(rows[0].notes)
        assert rows[0].values[Field.NAME] == "钱洋勇"


# --- headers


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("被执行人姓名／名称", Field.NAME),
        (" 被执行人\n姓名/名称 ", Field.NAME),
        ("ＩＮＡＭＥ", Field.NAME),
        ("cardnum", Field.IDENTIFIER_NUMBER),
        ("Identifier Number", Field.IDENTIFIER_NUMBER),
        ("作出执行依据单位", Field.BASIS_ISSUER),
        ("unperformPart", Field.UNPERFORMED_PART),
        ("\ufeff案号", Field.CASE_NUMBER),
        ("期限 届满日", Field.EXPIRES_ON),
        ("什么", None),
        ("", None),
    ],
)
def test_a_header_is_known_without_case_width_or_spaces(name, field):
    assert meaning_of(name) is field


def test_every_field_is_known_by_its_own_name():
    assert all(meaning_of(field) is field for field in Field if field is not Field.PEOPLE)


def test_a_title_above_the_header_is_passed_over_and_counted(write):
    assert [row.number for row in read(write(f"失信被执行人名单,,,\n\n{HEADER}\n张三,1,2,3\n"))] == [4]


def test_a_header_alone_is_a_list_of_nobody(write):
    assert read(write(HEADER)) == []


@pytest.mark.parametrize("content", ["", " \n\n", "\ufeff"])
def test_an_empty_file_is_refused(write, content):
    assert "empty" in refusal_of(write(content))


@pytest.mark.parametrize("content", ["甲,乙\n1,2\n", '{"x": 1}\n', "张三,(2018)云0111执1234号\n"])
def test_a_file_without_names_and_cases_is_refused_and_told_what_was_expected(write, content):
    detail = refusal_of(write(content))
    assert "被执行人姓名/名称" in detail
    assert "张三" not in detail


def test_a_workbook_without_a_list_is_refused(save):
    assert "案号" in refusal_of(save(["甲", "乙"], [1, 2]))


def test_two_columns_of_one_meaning_have_to_agree(write, save):
    for path in (
        write("姓名,iname,案号\n张三,李四,1\n张三,,2\n,李四,3\n张三,张三,4\n"),
        save(
            ["姓名", "被执行人", "案号"],
            ["张三", "李四", "1"],
            ["张三", "", "2"],
            ["", "李四", "3"],
            ["张三", "张三", "4"],
        ),
    ):
        rows = read(path)
        assert [row.faults for row in rows] == [((Field.NAME, CellFault.TWO_VALUES),), (), (), ()]
        assert [row.values[Field.NAME] for row in rows[1:]] == ["张三", "李四", "张三"]


def test_one_day_written_in_two_ways_is_one_day(write):
    (row,) = read(write("姓名,案号,发布时间,发布日期\n张三,1,2024-04-20,2024/4/20 00:00:00\n"))
    assert row.faults == ()


def test_numbers_in_several_columns_are_all_kept(write):
    one, two = read(
        write("姓名,案号,身份证号,组织机构代码\n张三,1,,10162374-1\n李四,2,530111198503170015,10162374-1\n")
    )
    assert one.values[Field.IDENTIFIER_NUMBER] == "10162374-1"
    assert (two.values[Field.IDENTIFIER_NUMBER], two.values[Field.OTHER_NUMBERS]) == (
        "530111198503170015",
        "10162374-1",
    )


def test_a_second_choice_counts_where_the_first_is_empty(write):
    one, two = read(
        write("被执行人姓名,失信被执行人,案号,发布时间,公布日期\n张三,7,1,2024-04-20,2024-04-21\n,李四,2,,2024-04-22\n")
    )
    assert (one.values[Field.NAME], one.values[Field.PUBLISHED_ON], one.faults) == ("张三", "2024-04-20", ())
    assert (two.values[Field.NAME], two.values[Field.PUBLISHED_ON]) == ("李四", "2024-04-22")


def test_columns_without_a_meaning_are_told_by_name_unless_the_name_may_hold_a_number(write):
    header = f"{HEADER},530111198503170015,电话,{'长' * 100},,电话"
    file = open_list_file(write(f"{header}\n张三,1,2,3,甲,乙,丙,丁,戊,己\n"))
    assert file.unknown_columns == ("column 5", "电话", "长" * 64, "电话")
    assert next(file.rows()).notes == {
        "column 5": "甲",
        "电话": "乙",
        "长" * 64: "丙",
        "column 8": "丁",
        "电话 (column 9)": "戊",
        "column 10": "己",
    }


def test_no_more_than_fifty_unknown_names_are_told(write):
    names = [f"栏{chr(0x4E00 + number)}" for number in range(80)]
    assert len(open_list_file(write(f"姓名,{','.join(names)}\n")).unknown_columns) == 50
    file = open_list_file(write("\n".join(json.dumps({"姓名": "张三", name: 1}) for name in names)))
    assert len(list(file.rows())) == 80
    assert len(file.unknown_columns) == 50


# --- CSV


def test_a_quoted_cell_may_have_line_ends_and_quotes(write):
    content = f'{HEADER}\r\n张三,1,2,"一\r\n""二"",三"\r\n李四,4,5,6\r\n'
    rows = read(write(content))
    assert [row.number for row in rows] == [2, 3]
    assert rows[0].values[Field.OBLIGATION] == '一\n"二",三'
    assert rows[1].values[Field.OBLIGATION] == "6"


def test_short_and_long_records_are_read(write):
    short, long = read(write(f"{HEADER}\n张三,1\n李四,1,2,3,,多\n"))
    assert short.values == {Field.NAME: "张三", Field.CASE_NUMBER: "1"}
    assert long.notes == {"column 6": "多"}


def test_what_a_spreadsheet_wraps_digits_in_is_taken_off(write):
    (row,) = read(write(f'{HEADER}\n\'张三,\'123,"=""0123""",\'甲\'\n'))
    assert row.values == {
        Field.NAME: "张三",
        Field.CASE_NUMBER: "123",
        Field.IDENTIFIER_NUMBER: "0123",
        Field.OBLIGATION: "甲",
    }


def test_space_around_a_cell_goes_but_a_name_stays_raw(write):
    (row,) = read(write(f"{HEADER}\n\u3000张三 ,\u00a01 ,\t2,\u3000\n"))
    assert row.values == {Field.NAME: "\u3000张三 ", Field.CASE_NUMBER: "1", Field.IDENTIFIER_NUMBER: "2"}


def test_control_characters_go_and_tabs_stay_within(write):
    (row,) = read(write(f"{HEADER}\n张\x07三,1\x1b,2,一\t二\x7f\n"))
    assert row.values[Field.NAME] == "张三"
    assert row.values[Field.CASE_NUMBER] == "1"
    assert row.values[Field.OBLIGATION] == "一\t二"


def test_rows_of_blanks_count_and_are_not_given(write):
    assert [row.number for row in read(write(f"{HEADER}\n\n,,,\n , ,\u3000,\n张三,1,2,3\n\n"))] == [5]


def test_the_columns_may_stand_in_any_order_among_others(write):
    (row,) = read(write("序,案号,备注,姓名\n1,2,3,张三\n"))
    assert row.values == {Field.CASE_NUMBER: "2", Field.NAME: "张三"}
    assert row.notes == {"序": "1", "备注": "3"}


def test_people_of_an_organisation_are_read_from_a_cell_too(write):
    cell = json.dumps([{"iname": "王五", "cardNum": "5301", "corporationtypename": "法定代表人"}], ensure_ascii=False)
    text = io.StringIO()
    csv.writer(text).writerows([["iname", "caseCode", "qysler"], ["甲公司", "1", cell], ["乙公司", "2", "无"]])
    first, second = read(write(text.getvalue()))
    assert first.people == (RelatedPerson("法定代表人", "王五", "5301"),)
    assert (second.people, second.notes) == ((), {"qysler": "无"})


# --- XLSX


def test_a_workbook_keeps_its_own_row_numbers_and_columns(save):
    rows = read(save(["姓名", "案号", None], ["张三", "1", "多"], [None, None], ["李四", "2"], at=(3, 2)))
    assert [(row.number, row.values[Field.NAME], row.notes) for row in rows] == [
        (4, "张三", {"column 4": "多"}),
        (6, "李四", {}),
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (date(2018, 4, 20), "2018-04-20"),
        (datetime(2018, 4, 20), "2018-04-20"),  # noqa: DTZ001 - a sheet knows no zone
        (datetime(2018, 4, 20, 13, 30), "2018-04-20 13:30:00"),  # noqa: DTZ001
        (20180420, "20180420"),
        (530111850317001, "530111850317001"),
        (530111198503170015, "5.30111198503170E+17"),
        (1.5, "1.5"),
        (True, "TRUE"),
        ("#N/A", "#N/A"),
        ("=1+1", "#VALUE!"),
        ("005", "005"),
        ("=\u300d", "#VALUE!"),
    ],
)
def test_every_kind_of_cell_becomes_a_text(save, cell, text):
    (row,) = read(save(["姓名", "案号"], ["张三", cell]))
    assert row.values.get(Field.CASE_NUMBER) == text


def test_all_sheets_with_a_header_are_read_and_the_others_named(tmp_path):
    book = openpyxl.Workbook()
    book.worksheets[0].title = "说明"
    book.worksheets[0].append(["姓名", "填写被执行人的姓名"])
    hidden = book.create_sheet("旧")
    hidden.sheet_state = "hidden"
    for sheet, names in ((hidden, ["旧"]), (book.create_sheet("名单"), ["新", "藏"]), (book.create_sheet("空"), [])):
        for cells in (["姓名", "案号"], *([name, "1"] for name in names)):
            sheet.append(cells if sheet.title != "空" else [])
    book["名单"].row_dimensions[3].hidden = True
    book.save(tmp_path / "list")
    with open_list_file(tmp_path / "list") as file:
        for _ in range(2):  # a second time too
            assert [(row.number, row.values[Field.NAME]) for row in file.rows()] == [(2, "旧"), (4, "新"), (5, "藏")]
            assert file.sheets == (Sheet("旧", 0), Sheet("名单", 2))
            assert file.unread_sheets == (UnreadSheet("说明", "no-header"),)
            assert (file.hidden_rows, file.first_hidden_row) == (2, 2)


def test_what_stands_in_merged_cells_counts_for_all_their_rows(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for cells in (["名单"], ["姓名", "案号", "操作"], ["甲", "1", "删除"], ["乙", "2"], ["丙", "3"], ["丁", "4"]):
        sheet.append(cells)
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("C3:C5")
    book.save(tmp_path / "list")
    assert [row.values.get(Field.ACTION) for row in read(tmp_path / "list")] == ["删除", "删除", "删除", None]


def test_a_formula_without_a_value_and_an_error_are_seen(save):
    rows = read(save(["姓名", "案号", "期限届满日", "备注"], ["甲", "1", "=A1", "=A1"], ["乙", "2", "#REF!"]))
    assert [row.faults for row in rows] == [((Field.EXPIRES_ON, CellFault.NO_VALUE),), ()]
    assert rows[1].values[Field.EXPIRES_ON] == "#REF!"


def test_day_numbers_are_of_the_workbooks_own_epoch(tmp_path):
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.worksheets[0]
    sheet.append(["姓名", "案号", "期限届满日", "立案时间", "已履行部分"])
    sheet.append(["甲", "1", 45035, "45035", 45035])
    book.save(tmp_path / "list")
    (row,) = read(tmp_path / "list")
    assert (row.values[Field.EXPIRES_ON], row.values[Field.FILED_ON]) == ("2027-04-20", "2027-04-20")
    assert row.values[Field.PERFORMED_PART] == "45035"


def test_a_workbook_is_found_by_its_relationships(save):
    path = save(*CELLS)
    moved = path.with_name("moved.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(moved, "w") as target:
        for name in source.namelist():
            content = source.read(name).replace(b"xl/workbook.xml", b"xl/workbook22.xml")
            target.writestr(name.replace("workbook.xml", "workbook22.xml"), content)
    assert read(moved) == ROWS


def test_a_workbook_of_before_2007_is_read_with_its_errors_merged_cells_and_hidden_rows(tmp_path):
    """The file was made with xlwt, which nobody keeps any more. WPS calls the same format .et."""
    path = tmp_path / "list.et"
    path.write_bytes((Path(__file__).parent / "data" / "list.xls").read_bytes())
    with open_list_file(path, name="list.et") as file:
        rows = list(file.rows())
        assert (file.format, file.sheets, file.unread_sheets) == (
            "xls",
            (Sheet("自然人", 0),),
            (UnreadSheet("说明", "no-header"),),
        )
        assert (file.hidden_rows, file.first_hidden_row) == (1, 2)
    assert [row.values.get(Field.ACTION) for row in rows] == [None, None, "#N/A", "删除", "删除"]
    assert rows[0].values[Field.PUBLISHED_ON] == "2024-04-20"
    assert rows[1].values[Field.EXPIRES_ON].startswith("#")


def test_a_word_of_an_end_is_seen_in_each_sheet(tmp_path: Path):
    book = openpyxl.Workbook()
    for number, word in enumerate(("新增", "删除")):
        sheet = book.worksheets[0] if number == 0 else book.create_sheet("第二页")
        sheet.append(["name", "case_number", "处理方式"])
        sheet.append(["张三", f"(2024)云0111执{number}号", word])
    book.save(tmp_path / "list.xlsx")
    with open_list_file(tmp_path / "list.xlsx") as file:
        assert len(list(file.rows())) == 2
        assert [(column.name, column.sheet) for column in file.doubtful_columns] == [("处理方式", "第二页")]
