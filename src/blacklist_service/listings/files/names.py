"""The names under which a column is known: Chinese header, English field name, official JSON name."""

from enum import Enum

from blacklist_service.listings.files.rows import Field


class Special(Enum):
    """A column that is known and yet no field."""

    PEOPLE = "people"
    NOTE = "note"
    """Of the official JSON, and of no use: kept as a note and not reported as unknown."""


_CHINESE = {
    Field.ACTION: ("操作",),
    Field.NAME: ("被执行人姓名/名称", "被执行人", "姓名", "名称"),
    Field.KIND: ("类型",),
    Field.IDENTIFIER_TYPE: ("证件类型",),
    Field.IDENTIFIER_NUMBER: ("身份证号码/组织机构代码", "身份证号码", "证件号码", "统一社会信用代码"),
    Field.SEX: ("性别",),
    Field.LEGAL_REPRESENTATIVE: ("法定代表人或者负责人姓名", "法定代表人"),
    Field.CASE_NUMBER: ("案号",),
    Field.PARTY_SEQUENCE: ("被执行人序号",),
    Field.COURT_NAME: ("执行法院",),
    Field.COURT_CODE: ("法院代码",),
    Field.FILED_ON: ("立案时间", "立案日期"),
    Field.PUBLISHED_ON: ("发布时间", "发布日期"),
    Field.BASIS_NUMBER: ("执行依据文号",),
    Field.BASIS_ISSUER: ("做出执行依据单位", "作出执行依据单位"),
    Field.OBLIGATION: ("生效法律文书确定的义务",),
    Field.PERFORMANCE: ("被执行人的履行情况",),
    Field.PERFORMED_PART: ("已履行部分",),
    Field.UNPERFORMED_PART: ("未履行部分",),
    Field.CIRCUMSTANCES: ("失信被执行人行为具体情形", "失信情形"),
    Field.RECORD_ID: ("失信ID", "流水号"),
    Field.DECISION_NUMBER: ("决定书文号",),
    Field.DECIDED_ON: ("决定日期",),
    Field.EXPIRES_ON: ("期限届满日",),
    Field.GRACE_UNTIL: ("宽限期至",),
    Field.GROUND: ("删除事由",),
}
_OFFICIAL: dict[str, Field | Special] = {
    "iname": Field.NAME,
    "partyTypeName": Field.KIND,
    "cardNum": Field.IDENTIFIER_NUMBER,
    "sexy": Field.SEX,
    "businessEntity": Field.LEGAL_REPRESENTATIVE,
    "qysler": Special.PEOPLE,
    "caseCode": Field.CASE_NUMBER,
    "courtName": Field.COURT_NAME,
    "regDate": Field.FILED_ON,
    "publishDate": Field.PUBLISHED_ON,
    "gistId": Field.BASIS_NUMBER,
    "gistUnit": Field.BASIS_ISSUER,
    "duty": Field.OBLIGATION,
    "performance": Field.PERFORMANCE,
    "performedPart": Field.PERFORMED_PART,
    "unperformPart": Field.UNPERFORMED_PART,
    "disruptTypeName": Field.CIRCUMSTANCES,
    "id": Special.NOTE,
    "age": Special.NOTE,
    "areaName": Special.NOTE,
}
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("_"): None, ord("\ufeff"): None}


def meaning_of(name: str) -> Field | Special | None:
    """Find what a header or a JSON name means: case, full width, underscores and any whitespace do not count."""
    return _MEANINGS.get(_fold(name))


def _fold(name: str) -> str:
    return "".join(name.translate(_HALF_WIDTH).replace("_", "").split()).lower()


_MEANINGS: dict[str, Field | Special] = {
    **{_fold(name): meaning for name, meaning in _OFFICIAL.items()},
    **{_fold(field): field for field in Field},
    **{_fold(name): field for field, names in _CHINESE.items() for name in names},
}
