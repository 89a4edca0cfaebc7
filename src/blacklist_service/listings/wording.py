"""The words that courts write, and their meanings. Tables, not code: add a wording here."""

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from blacklist_service.listings.rules import Circumstance, Ground, RowAction
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind

_FOLD = str.maketrans({" ": None, "\u3000": None, "\t": None, "\n": None, "\r": None, "（": "(", "）": ")"})


LONGEST_REMEMBERED = 200


def fold(text: str) -> str:
    """The form in which wordings are compared. A file repeats the same few words a million times, so results are cached; long
    texts are no words.
    """
    return _remembered(text) if len(text) <= LONGEST_REMEMBERED else _fold(text)


def _fold(text: str) -> str:
    return text.translate(_FOLD).lower()


_remembered = lru_cache(maxsize=4096)(_fold)


ACTIONS: Mapping[str, RowAction] = {
    **{action.value: action for action in RowAction},
    **dict.fromkeys(("发布", "新增", "纳入"), RowAction.PUBLISH),
    "更正": RowAction.CORRECT,
    **dict.fromkeys(("删除", "屏蔽", "移除", "移出"), RowAction.DELETE),
    "撤销": RowAction.WITHDRAW,
    **dict.fromkeys(("暂时屏蔽", "临时屏蔽", "暂停公布", "暂时移出"), RowAction.SUSPEND),
    **dict.fromkeys(("恢复", "解除屏蔽", "恢复公布", "取消屏蔽"), RowAction.RESUME),
}


class End(Enum):
    """How a record's own columns say that its listing is over."""

    REMOVED = "removed"
    WITHHELD = "withheld"
    """屏蔽: temporarily or permanently; its reason says which."""
    WITHDRAWN = "withdrawn"


# How a data-sharing platform changed its copy of a record; None if that is no end.
OPERATIONS: Mapping[str, End | None] = {
    **dict.fromkeys(("insert", "update", "upsert", "merge", "add", "modify", "i", "u", "a", "m", "c", "create"), None),
    **dict.fromkeys(("新增", "增加", "插入", "修改", "更新", "变更", "save", "replace", "r", "read"), None),
    **dict.fromkeys(
        ("delete", "deleted", "del", "d", "remove", "removed", "delist", "删除", "移除", "移出"), End.REMOVED
    ),
    **dict.fromkeys(("屏蔽",), End.WITHHELD),
    **dict.fromkeys(("撤销", "撤消", "withdraw", "revoke"), End.WITHDRAWN),
}

STATES_IN_FORCE = frozenset(
    {
        *(
            "有效",
            "正常",
            "在列",
            "在册",
            "在榜",
            "公示",
            "公示中",
            "已公示",
            "正在公示",
            "公布",
            "已公布",
            "公布中",
            "发布",
            "已发布",
        ),
        *(
            "发布中",
            "已发布有效",
            "生效",
            "已生效",
            "生效中",
            "失信",
            "失信中",
            "纳入",
            "已纳入",
            "纳入中",
            "列入",
            "已列入",
            "执行中",
        ),
        *("未屏蔽", "未撤销", "未删除", "未移除", "未移出", "未退出", "未解除", "未失效", "未到期", "未届满"),
        *("active", "valid", "published", "normal", "in_force", "inforce", "effective", "current", "listed", "live"),
    }
)
ENDING_STATES: Mapping[str, End] = {
    **dict.fromkeys(
        ("删除", "已删除", "移除", "已移除", "移出", "已移出", "退出", "已退出", "解除", "已解除"), End.REMOVED
    ),
    **dict.fromkeys(
        ("失效", "已失效", "无效", "作废", "已作废", "终止", "已终止", "结束", "已结束", "注销", "已注销"), End.REMOVED
    ),
    **dict.fromkeys(
        ("到期", "已到期", "期满", "已期满", "届满", "已届满", "期限届满", "过期", "已过期", "超期"), End.REMOVED
    ),
    **dict.fromkeys(
        ("修复", "已修复", "信用修复", "已信用修复", "下架", "已下架", "取消", "已取消", "停止公示"), End.REMOVED
    ),
    **dict.fromkeys(("历史", "历史失信", "已撤下", "不再公示", "公示结束", "已停止公示"), End.REMOVED),
    **dict.fromkeys(
        ("deleted", "delete", "removed", "delisted", "expired", "inactive", "invalid", "ended"), End.REMOVED
    ),
    **dict.fromkeys(("exited", "repaired", "closed", "cancelled", "canceled", "history", "historical"), End.REMOVED),
    **dict.fromkeys(
        ("屏蔽", "已屏蔽", "屏蔽中", "暂时屏蔽", "已暂时屏蔽", "临时屏蔽", "暂停公布", "暂停公示"), End.WITHHELD
    ),
    **dict.fromkeys(("withheld", "masked", "suspended"), End.WITHHELD),
    **dict.fromkeys(("撤销", "已撤销", "撤消", "已撤消", "撤回", "已撤回", "withdrawn", "revoked"), End.WITHDRAWN),
}
MARKS: Mapping[str, bool] = {
    **dict.fromkeys(("是", "1", "1.0", "y", "yes", "true", "t", "√", "✓"), True),
    **dict.fromkeys(("否", "0", "0.0", "n", "no", "false", "f", "×", "x", "无", "未", "-", "/", "null", "none"), False),
}
BANKRUPTCY_WORDS = ("破产", "重整", "bankrupt")
TEMPORARY_WORDS = ("暂时", "临时", "暂停", "temporar", "suspended")

KINDS: Mapping[str, SubjectKind] = {
    **{kind.value: kind for kind in SubjectKind},
    **dict.fromkeys(("自然人", "个人", "公民", "580", "0"), SubjectKind.PERSON),
    **dict.fromkeys(
        ("法人或其他组织", "法人", "其他组织", "非法人组织", "法人或者其他组织", "单位", "企业", "组织", "581", "1"),
        SubjectKind.ORGANISATION,
    ),
}

IDENTIFIER_TYPES: Mapping[str, IdentifierType] = {
    **{kind.value: kind for kind in IdentifierType},
    **dict.fromkeys(
        ("居民身份证", "身份证", "身份证号码", "二代身份证", "第二代居民身份证"), IdentifierType.RESIDENT_ID
    ),
    **dict.fromkeys(("统一社会信用代码", "社会信用代码", "信用代码"), IdentifierType.USCC),
    **dict.fromkeys(("组织机构代码", "组织机构代码证"), IdentifierType.ORGANISATION_CODE),
    **dict.fromkeys(("工商注册号", "注册号", "营业执照", "营业执照号"), IdentifierType.BUSINESS_REGISTRATION_NUMBER),
    **dict.fromkeys(("护照", "普通护照", "外国护照"), IdentifierType.PASSPORT),
    **dict.fromkeys(("港澳居民来往内地通行证", "港澳通行证", "回乡证"), IdentifierType.HK_MACAO_PERMIT),
    **dict.fromkeys(("台湾居民来往大陆通行证", "台胞证"), IdentifierType.TAIWAN_PERMIT),
    **dict.fromkeys(
        ("港澳台居民居住证", "港澳居民居住证", "台湾居民居住证", "居住证"), IdentifierType.HMT_RESIDENCE_PERMIT
    ),
    **dict.fromkeys(("外国人永久居留身份证", "外国人永久居留证"), IdentifierType.FOREIGN_PERMANENT_RESIDENT_ID),
    **dict.fromkeys(("军官证", "士兵证", "军人身份证"), IdentifierType.MILITARY_ID),
    **dict.fromkeys(("其他", "其它"), IdentifierType.OTHER),
}

PERFORMANCES: Mapping[str, str] = {
    **{code: code for code in ("none", "partial", "full", "other")},
    **dict.fromkeys(("全部未履行", "未履行"), "none"),
    **dict.fromkeys(("部分未履行", "部分履行"), "partial"),
    **dict.fromkeys(("全部已履行", "全部履行", "已履行"), "full"),
    **dict.fromkeys(("其他", "其它"), "other"),
}

RELATIONS: Mapping[str, str] = {
    **{code: code for code in ("legal_representative", "principal", "directly_responsible", "actual_controller")},
    **dict.fromkeys(("法定代表人", "法定代表人或者负责人", "法人代表"), "legal_representative"),
    **dict.fromkeys(("主要负责人", "负责人"), "principal"),
    **dict.fromkeys(("影响债务履行的直接责任人员", "直接责任人员", "直接责任人"), "directly_responsible"),
    "实际控制人": "actual_controller",
}

GROUNDS: Mapping[str, Ground] = {
    **{ground.value: ground for ground in Ground},
    **dict.fromkeys(
        ("已履行", "履行完毕", "全部履行", "已履行完毕", "执行完毕", "已执行完毕", "义务履行完毕", "全部履行完毕"),
        Ground.PERFORMED,
    ),
    **dict.fromkeys(
        (
            "和解履行完毕",
            "达成和解且履行完毕",
            "执行和解并履行完毕",
            "和解协议履行完毕",
            "和解已履行",
            "达成执行和解协议且已履行完毕",
        ),
        Ground.SETTLEMENT_PERFORMED,
    ),
    **dict.fromkeys(
        ("申请执行人申请", "申请执行人书面申请", "申请执行人申请删除", "债权人申请"), Ground.CREDITOR_REQUEST
    ),
    **dict.fromkeys(("未发现财产", "查无财产", "终本后未发现财产", "无财产可供执行"), Ground.NO_ASSETS_FOUND),
    **dict.fromkeys(("中止执行", "裁定中止执行", "中止"), Ground.STAYED),
    **dict.fromkeys(("不予执行", "裁定不予执行"), Ground.NOT_TO_ENFORCE),
    **dict.fromkeys(("终结执行", "裁定终结执行", "终结"), Ground.TERMINATED),
    **dict.fromkeys(("提前删除", "决定提前删除"), Ground.EARLY_BY_DECISION),
    **dict.fromkeys(("期限届满", "期满", "失信期限届满", "纳入期限届满"), Ground.TERM_EXPIRED),
}

# The official wordings and the raw variants seen in disruptTypeName (domain §1.2), without a trailing 的.
CIRCUMSTANCES: Mapping[str, Circumstance] = {
    **{code.value.lower(): code for code in Circumstance},
    **dict.fromkeys(
        (
            "有履行能力而拒不履行生效法律文书确定义务",
            "其他有履行能力而拒不履行生效法律文书确定义务",
            "其它有履行能力而拒不履行生效法律文书确定义务",
            "有履行能力而拒不履行生效法律文书确定的义务",
        ),
        Circumstance.C1,
    ),
    **dict.fromkeys(
        (
            "以伪造证据、暴力、威胁等方法妨碍、抗拒执行",
            "其他妨碍、抗拒执行",
            "其它妨碍、抗拒执行",
            "妨碍、抗拒执行",
            "伪造证据、暴力、威胁等方法妨碍、抗拒执行",
        ),
        Circumstance.C2,
    ),
    **dict.fromkeys(
        (
            "以虚假诉讼、虚假仲裁或者以隐匿、转移财产等方法规避执行",
            "以虚假诉讼、虚假仲裁或者隐匿、转移财产等方法规避执行",
            "其他规避执行",
            "其它规避执行",
            "规避执行",
        ),
        Circumstance.C3,
    ),
    **dict.fromkeys(("违反财产报告制度", "违反财产申报制度"), Circumstance.C4),
    **dict.fromkeys(("违反限制消费令", "违反限制高消费令"), Circumstance.C5),
    **dict.fromkeys(("无正当理由拒不履行执行和解协议", "被执行人无正当理由拒不履行执行和解协议"), Circumstance.C6),
}

ORGANISATION_WORDS = (
    "公司",
    "厂",
    "合作社",
    "中心",
    "医院",
    "学校",
    "协会",
    "事务所",
    "经营部",
    "商行",
    "集团",
    "企业",
    "委员会",
)
ABSENT_NAMES = frozenset({"无", "空", "暂无", "-", "/", "null", "none"})


def read_circumstance(text: str) -> Circumstance:
    return _remembered_circumstance(text) if len(text) <= LONGEST_REMEMBERED else Circumstance.CX


@lru_cache(maxsize=4096)
def _remembered_circumstance(text: str) -> Circumstance:
    folded = fold(text)
    return CIRCUMSTANCES.get(folded) or CIRCUMSTANCES.get(folded.removesuffix("的")) or Circumstance.CX
