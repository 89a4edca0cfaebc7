"""What a court is told about its file, in Chinese and in English: a code for programs, a sentence for people. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files import Column, ListFile, Sheet


class Sentence(NamedTuple):
    """`{column}` and `{sheet}` are filled in if the finding concerns one."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class FileFinding:
    """`count` rows with one code (or how often, for a finding about the file); `example_row` is the first of them."""

    code: str
    count: int
    example_row: int | None = None
    sheet: str | None = None
    column: str | None = None

    @property
    def zh(self) -> str:
        return self._said(0)

    @property
    def en(self) -> str:
        return self._said(1)

    def _said(self, language: int) -> str:
        sentence = sentence_of(self.code)[language]
        where = _WHERE[language].format(sheet=self.sheet) if self.sheet and self.code in FILE_SENTENCES else ""
        amount = _ROWS[language].format(count=self.count) if self.code not in FILE_SENTENCES else ""
        return f"{amount}{where}{sentence.format(count=self.count, column=self.column)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "count": self.count,
            "example_row": self.example_row,
            "sheet": self.sheet,
            "zh": self.zh,
            "en": self.en,
        }


class Sheets:
    """From the number of a row in the file to the worksheet and its own row; a CSV file has none."""

    def __init__(self, sheets: Sequence[Sheet] = ()) -> None:
        self._sheets = sheets

    def place(self, number: int) -> tuple[str | None, int]:
        sheet = next((one for one in reversed(self._sheets) if number > one.after), None)
        return (sheet.name, number - sheet.after) if sheet else (None, number)


def file_findings(file: ListFile) -> list[FileFinding]:
    """The findings about a file whose rows have been read."""
    sheets = Sheets(file.sheets)
    found = [_of_column("column-doubtful", column) for column in file.doubtful_columns]
    found += [_of_column(_CODE_OF_GAP[column.name], column) for column in file.gaps]
    found += [FileFinding("sheet-not-read", 1, None, one.name) for one in file.unread_sheets]
    if file.hidden_rows and file.first_hidden_row is not None:
        sheet, row = sheets.place(file.first_hidden_row)
        found.append(FileFinding("rows-hidden", file.hidden_rows, row, sheet))
    return found


def row_findings(counted: Iterable[tuple[str, int, int]], sheets: Sheets) -> list[FileFinding]:
    """From (code, how many rows, the first of them)."""
    found = []
    for code, count, first in counted:
        sheet, row = sheets.place(first)
        found.append(FileFinding(code, count, row, sheet))
    return found


def sentence_of(code: str) -> Sentence:
    return FILE_SENTENCES.get(code) or ROW_SENTENCES.get(code) or Sentence(code, code)


def _of_column(code: str, column: Column) -> FileFinding:
    return FileFinding(code, 1, None, column.sheet, column.name)


NO_NUMBER_COLUMN = "no-number-column"
_CODE_OF_GAP = {Field.NAME.value: "no-name-column", Field.IDENTIFIER_NUMBER.value: NO_NUMBER_COLUMN}
_ROWS = ("{count} 行：", "{count} rows: ")
_WHERE = ("工作表“{sheet}”：", "sheet “{sheet}”: ")

HOLDING = frozenset({"column-doubtful", "no-name-column", "no-number-column"})
"""Findings that make a file wait until a person has confirmed that it may be loaded."""

FILE_SENTENCES: Mapping[str, Sentence] = {
    "column-doubtful": Sentence(
        "不认识“{column}”一列，它可能表示状态、结束或移除；确认它不影响在列与否之前，文件暂不载入",
        "the column “{column}” is not known and may speak of a state, an end or a removal; the file waits until somebody "
        "confirms that it does not",
    ),
    "no-name-column": Sentence(
        "没有认出被执行人姓名/名称一列；请核对表头，文件暂不载入",
        "no column for the debtor's name was recognised; look at the header, the file waits",
    ),
    "no-number-column": Sentence(
        "没有认出证件号码一列，这样载入只能按姓名提示，不能拦截；确认之前文件暂不载入",
        "no column for the debtor's number was recognised: so loaded, a hit by name can only be a flag; the file waits until "
        "somebody confirms it",
    ),
    "sheet-not-read": Sentence("没有名单的表头，未读入", "has no header of a list and was not read"),
    "rows-hidden": Sentence(
        "其中 {count} 行在表格中被隐藏，已照常读入",
        "{count} rows that were hidden in the workbook were read like all others",
    ),
}

ROW_SENTENCES: Mapping[str, Sentence] = {
    "name-missing": Sentence("缺少被执行人姓名/名称", "the debtor's name is missing"),
    "text-too-long": Sentence(
        "文字太长：超过该列或整行（64 KiB）的限度",
        "longer than a text of this column may be, or than a row's texts may be together (64 KiB)",
    ),
    "number-in-text": Sentence(
        "自由文本中有个人证件号码：凡显示名单之处都会遮去",
        "a person's number stands in a free text: it is masked wherever the list is shown",
    ),
    "case-number-missing": Sentence("缺少案号", "the case number is missing"),
    "minor": Sentence("未满18周岁，不得纳入（规定第四条）", "nobody under 18 may be listed (Art. 4)"),
    "date-invalid": Sentence("不是日期，或日期不可能", "this is no date, or one that cannot be"),
    "identifier-damaged": Sentence("号码已被表格软件四舍五入，须重新填写", "a spreadsheet has rounded this number"),
    "kind-unknown": Sentence(
        "不认识的词（见所指的列）：是自然人还是组织，或者要做什么、现在是什么状态",
        "a word that is not known (the column says which): person or organisation, what is to be done, or how it stands",
    ),
    "cell-unreadable": Sentence(
        "单元格读不出内容：公式没有存下结果，或者不是文字",
        "nobody can say what the cell holds: a formula whose value was not stored, or no text",
    ),
    "cells-disagree": Sentence("同一内容的两列写得不一样", "two columns that mean the same say different things"),
    "action-missing": Sentence(
        "写了删除事由或删除日期，却没有写操作", "a ground or a day of deletion is given, and no action that asks for it"
    ),
    "action-conflicting": Sentence(
        "一列说在列，另一列说已结束，两者不能同时成立",
        "one column says that it is in force and another that it has ended",
    ),
    "court-mismatch": Sentence("其他法院的记录", "another court's row"),
    "conflicting-duplicate": Sentence(
        "本文件前面已有同一条信息而内容不同",
        "an earlier row of this file publishes the same listing with other content",
    ),
    "ground-missing": Sentence("删除须写明法定事由", "a deletion needs its legal ground"),
    "unknown-listing": Sentence("名单中没有这一条", "no such listing is held"),
    "ambiguous-listing": Sentence(
        "可能指多条信息：请写明证件号码、被执行人序号、失信ID或决定书文号",
        "several listings could be meant: give the identifier, the party sequence, 失信ID or 决定书文号",
    ),
    "possible-duplicate": Sentence(
        "该被执行人在本案中可能已用另一种号码纳入",
        "the debtor may be listed in this case already, under another form of the number",
    ),
    "identifier-completed": Sentence(
        "原来号码不完整的那一条现在有了这个号码", "the listing of the less complete number now has this one"
    ),
    "other-listing-remains": Sentence(
        "该被执行人在本案中的另一条信息继续有效", "another listing of this debtor in this case goes on"
    ),
    "identifier-checksum": Sentence("证件号码校验位不符", "the number's check does not hold"),
    "identifier-masked": Sentence(
        "证件号码已脱敏：只能提示，不能拦截", "the number is masked: a hit can only be a flag"
    ),
    "identifier-missing": Sentence("没有证件号码：只能提示，不能拦截", "no number: a hit can only be a flag"),
    "identifier-unusable": Sentence(
        "号码不是已知的格式：只能按姓名提示", "the number is of no known form: found by name alone, as a flag"
    ),
    "identifier-extracted": Sentence("证件号码是从周围的文字中取出的", "the number was read from text around it"),
    "identifier-type-differs": Sentence(
        "号码的校验位说明它是另一种证件，已按号码认定",
        "the number's own check says another type than stands beside it; taken as that",
    ),
    "identifiers-several": Sentence(
        "有几个证件号码：每个都能查到", "several numbers are given: each of them finds the listing"
    ),
    "circumstance-unknown": Sentence("不认识的失信情形写法", "this wording of the circumstance is not known"),
    "term-missing": Sentence("没有写明纳入期限", "the decision's term is missing"),
    "decision-missing": Sentence("没有写明决定书文号", "the decision letter's number is missing"),
    "name-suspect": Sentence(
        "姓名中有不该有的字符：只按号码比对", "the name holds what no name holds: compared by the number alone"
    ),
    "case-number-legacy": Sentence(
        "案号不是现行写法（2016年以前的写法，或者有误）",
        "a case number that is not of today's form (from before 2016, or mistyped)",
    ),
    "dates-unusual": Sentence("日期的先后或长短不合常理", "the dates are in an odd order, or of an odd length"),
    "court-unknown": Sentence("不认识的法院名称", "this court's name is not in the dictionary"),
    "person-unidentified": Sentence("有关人员没有证件号码，查不到", "a related person without a number is not found"),
    "ground-unusual": Sentence("这一事由与该条有无期限不相符", "this ground does not go with the listing's term"),
    "already-ended": Sentence("此前已经结束，没有变动", "the listing had ended before; nothing changed"),
    "superseded": Sentence(
        "此前已经办理，其后法院另有决定，没有变动；确需再次办理的，请写明决定日期",
        "carried out before, and the court decided otherwise since: nothing changed; give the day of a new decision",
    ),
    "relisting-undecided": Sentence(
        "该条已结束，再次纳入须有之后作出的决定", "the listing had ended; listing again needs a later decision"
    ),
    "party-sequence-unusual": Sentence("被执行人序号不是数字，按1处理", "the party sequence is no number; taken as 1"),
    "severity-unknown": Sentence(
        "不认识的失信程度（轻微、一般、严重）", "this word for how grave it is is not known: light, ordinary or serious"
    ),
    "performance-unknown": Sentence("不认识的履行情况写法", "this wording of the performance is not known"),
}
