"""What the columns of a court's list are, and what listings keep of those that no rule reads. Pure.

A column that is only kept (how grave the court finds it, when the decision was served) is declared in `KEPT`. How a file's
cell and a publication over HTTP are read follows from it, what is stored, shown, compared, masked and followed, and the
console's form. A column that a rule reads has its own field in `Particulars` and `Content` instead, and its reading in
`contents`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from blacklist_service.listings.rules import Warn


class Field(StrEnum):
    """What a column can mean, whatever its header calls it."""

    ACTION = "action"
    NAME = "name"
    KIND = "kind"
    IDENTIFIER_TYPE = "identifier_type"
    IDENTIFIER_NUMBER = "identifier_number"
    OTHER_NUMBERS = "other_numbers"
    """What further columns say of the debtor's number, separated by `;`."""
    SEX = "sex"
    LEGAL_REPRESENTATIVE = "legal_representative"
    REPRESENTATIVE_NUMBER = "representative_number"
    PEOPLE = "qysler"
    """Never a value: people are apart. Named where they cannot be read."""
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
    """What a data-sharing platform does with its copy: insert, update, delete."""
    STATE = "state"
    DELETED_ON = "deleted_on"
    WITHHELD_ON = "withheld_on"
    """屏蔽: no longer shown, for a time or for good."""
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

    `path` is its place in the document of a listing, with dots; `asked_at` that in a publication, where it is another.
    """

    field: Field
    path: str
    asked_at: str = ""
    is_day: bool = False
    words: Mapping[str, tuple[str, ...]] | None = None
    """Of a column of words: the ways to write each code; the first is the one that pages show."""
    unknown: Warn | None = None
    """What a court is told of a word that is none of these; it is not kept."""
    is_narrative: bool = False
    """Free text in which nobody's number belongs: the court is warned of one."""
    is_shown_empty: bool = False
    """Null in the document where nothing is said, and so in its digest: true only of the columns that were digested from
    the beginning. With any other, the next load of each file would correct all listings that are held.
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
    # How grave the court finds the dishonesty (since 2026); no text says yet what follows from it, so nothing does.
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
"""What the fields of a listing's document are called, in the order of a decision letter."""
