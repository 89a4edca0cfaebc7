"""The columns of a court's list, and how listings keep those that no rule reads. Pure.

A column that is only kept (the severity that the court finds, the day the decision was served) is declared in `KEPT`. From
the declaration follow how it is read from a file's cell and from a publication over HTTP, how it is stored, shown, compared,
masked and followed, and the console's form. A column that a rule reads instead has its own field in `Particulars` and
`Content`, and is parsed in `contents`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from blacklist_service.listings.rules import Warn


class Field(StrEnum):
    """What a column means, whatever its header."""

    ACTION = "action"
    NAME = "name"
    KIND = "kind"
    IDENTIFIER_TYPE = "identifier_type"
    IDENTIFIER_NUMBER = "identifier_number"
    OTHER_NUMBERS = "other_numbers"
    """What further columns say about the debtor's number, separated by `;`."""
    SEX = "sex"
    LEGAL_REPRESENTATIVE = "legal_representative"
    REPRESENTATIVE_NUMBER = "representative_number"
    PEOPLE = "qysler"
    """Never holds a value: people are parsed separately. It names them if they cannot be parsed."""
    CASE_NUMBER = "case_number"
    PARTY_SEQUENCE = "party_sequence"
    COURT_NAME = "court_name"
    COURT_CODE = "court_code"
    FILED_ON = "filed_on"
    PUBLISHED_ON = "published_on"
    BASIS_NUMBER = "basis_number"
    BASIS_ISSUER = "basis_issuer"
    OBLIGATION = "obligation"
    PERFORMANCE = "performance"
    PERFORMED_PART = "performed_part"
    UNPERFORMED_PART = "unperformed_part"
    CIRCUMSTANCES = "circumstances"
    RECORD_ID = "record_id"
    DECISION_NUMBER = "decision_number"
    DECIDED_ON = "decided_on"
    EXPIRES_ON = "expires_on"
    GRACE_UNTIL = "grace_until"
    GROUND = "ground"
    SEVERITY = "severity"
    SERVED_ON = "served_on"
    OPERATION = "operation"
    """How a data-sharing platform changed its copy: insert, update, delete."""
    STATE = "state"
    DELETED_ON = "deleted_on"
    WITHHELD_ON = "withheld_on"
    """屏蔽: no longer shown, temporarily or permanently."""
    WITHHELD_REASON = "withheld_reason"
    WITHDRAWN_ON = "withdrawn_on"
    WITHDRAWN_REASON = "withdrawn_reason"
    EXITED_ON = "exited_on"
    EXIT_REASON = "exit_reason"
    IS_REMOVED = "is_removed"
    IS_WITHHELD = "is_withheld"
    IS_WITHDRAWN = "is_withdrawn"
    IS_IN_FORCE = "is_in_force"


class KeptColumn(NamedTuple):
    """A column whose text, day or word is kept as the court wrote it.

    `path` is its place in the document of a listing, with dots; `asked_at` its place in a publication, if that differs.
    """

    field: Field
    path: str
    asked_at: str = ""
    is_day: bool = False
    words: Mapping[str, tuple[str, ...]] | None = None
    """For a column of words: the spellings of each code; pages show the first."""
    unknown: Warn | None = None
    """The warning for a word that is none of these; such a word is not kept."""
    is_narrative: bool = False
    """Free text in which no person's number belongs: the court is warned about one."""
    is_shown_empty: bool = False
    """Whether an absent value is null in the document, and so part of its digest. True only for columns that were digested
    from the beginning; for any other, the next load of each file would correct all existing listings.
    """

    @property
    def place_in_request(self) -> str:
        return self.asked_at or self.path

    @property
    def is_text(self) -> bool:
        return not self.is_day and self.words is None


KEPT = (
    KeptColumn(
        Field.SEX,
        "debtor.sex",
        words={"male": ("男", "男性", "m"), "female": ("女", "女性", "f")},
        is_shown_empty=True,
    ),
    KeptColumn(Field.SERVED_ON, "served_on", asked_at="decision.served_on", is_day=True),
    KeptColumn(Field.BASIS_NUMBER, "basis.document_number", is_shown_empty=True),
    KeptColumn(Field.BASIS_ISSUER, "basis.issuer", is_shown_empty=True),
    KeptColumn(Field.OBLIGATION, "obligation", is_narrative=True, is_shown_empty=True),
    KeptColumn(Field.PERFORMED_PART, "performed_part", is_narrative=True, is_shown_empty=True),
    KeptColumn(Field.UNPERFORMED_PART, "unperformed_part", is_narrative=True, is_shown_empty=True),
    # The severity of the dishonesty as the court finds it (since 2026); no text attaches a consequence to it yet, so it has
    # none here.
    KeptColumn(
        Field.SEVERITY,
        "severity",
        words={
            "light": ("轻微", "轻微失信"),
            "ordinary": ("一般", "一般失信"),
            "serious": ("严重", "严重失信"),
        },
        unknown=Warn.SEVERITY_UNKNOWN,
    ),
)
KEPT_DAYS = tuple(one.field for one in KEPT if one.is_day)
KEPT_TEXTS = tuple(one.field for one in KEPT if one.is_text)
KEPT_BESIDE_DAYS = tuple(one.field for one in KEPT if not one.is_day)

TITLES: Mapping[str, str] = {
    "case_number": "案号",
    "party_sequence": "被执行人序号",
    "debtor.kind": "类型",
    "debtor.name": "被执行人姓名/名称",
    "debtor.sex": "性别",
    "debtor.identifier": "证件类型和号码",
    "debtor.people": "法定代表人等有关人员",
    "circumstances": "失信情形",
    "circumstances_text": "决定书所写情形",
    "decision.document_number": "决定书文号",
    "decision.decided_on": "决定日期",
    "decision.on_application_of": "纳入方式",
    "served_on": "决定书送达日期",
    "published_on": "发布日期",
    "grace_until": "宽限期至",
    "expires_on": "期限届满日",
    "basis.document_number": "执行依据文号",
    "basis.issuer": "作出执行依据单位",
    "filed_on": "立案日期",
    "obligation": "生效法律文书确定的义务",
    "performance": "履行情况",
    "performed_part": "已履行部分",
    "unperformed_part": "未履行部分",
    "severity": "失信程度",
    "record_id": "失信编号或流水号",
    "further_identifiers": "其他证件号码",
}
"""The names of the fields of a listing's document, in the order of a decision letter."""
