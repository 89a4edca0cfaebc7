"""The words that people see for the API's codes. A code without a word here is an error that a test finds."""

from collections.abc import Mapping
from typing import NamedTuple

from blacklist_service.access.duties import Duty
from blacklist_service.console.wording_officers import MEMBER_KINDS
from blacklist_service.ledger.actions import NAMES

DUTIES: Mapping[str, str] = {
    Duty.WINDOW: "窗口",
    Duty.MAKER: "经办",
    Duty.CHECKER: "复核",
    Duty.AUDITOR: "审计",
    Duty.SUPERVISOR: "督查",
    Duty.SYSTEM: "系统管理",
    Duty.SECURITY: "安全管理",
}
OWN_MENU_ITEMS = frozenset({"/checks/new", "/checks/pending", "/listings/new"})
"""Pages with their own item in the menu, beside that of the list they belong to."""
DECISIONS: Mapping[str, str] = {"block": "停止办理", "flag": "人工审核", "clear": "未发现限制"}
DECISION_SIGNS: Mapping[str, str] = {"block": "■", "flag": "▲", "clear": "●"}
DECISION_ADVICE: Mapping[str, str] = {
    "block": "不得继续办理，交由负责人处理。",
    "flag": "不得自动决定，由经办人员核实后决定。",
    "clear": "名单中未发现依法应予限制的信息，可以继续办理。",
}
KINDS: Mapping[str, str] = {"person": "自然人", "organisation": "法人或其他组织"}
ROLES: Mapping[str, str] = {
    "applicant": "申请人",
    "guardian": "监护人",
    "legal_representative": "法定代表人",
    "principal": "主要负责人",
    "shareholder": "股东",
    "actual_controller": "实际控制人",
    "transferor": "转让方",
    "transferee": "受让方",
    "bidder": "投标人（供应商）",
    "consortium_member": "联合体成员",
    "other": "其他",
}
IDENTIFIER_TYPES: Mapping[str, str] = {
    "resident_id": "居民身份证",
    "uscc": "统一社会信用代码",
    "organisation_code": "组织机构代码",
    "business_registration_number": "工商注册号",
    "passport": "护照",
    "hk_macao_permit": "港澳居民来往内地通行证",
    "taiwan_permit": "台湾居民来往大陆通行证",
    "hmt_residence_permit": "港澳台居民居住证",
    "foreign_permanent_resident_id": "外国人永久居留身份证",
    "military_id": "军官证（士兵证）",
    "other": "其他证件",
}
TYPES_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "person": (
        *("resident_id", "passport", "hk_macao_permit", "taiwan_permit", "hmt_residence_permit"),
        *("foreign_permanent_resident_id", "military_id", "other"),
    ),
    "organisation": ("uscc", "organisation_code", "business_registration_number", "other"),
}
IDENTITIES: Mapping[str, str] = {
    "exact": "姓名（名称）与证件号码一致",
    "name_differs": "证件号码一致，姓名（名称）不一致",
    "masked": "姓名一致，名单中证件号码有隐去",
    "name_only": "仅姓名（名称）一致，不能排除同名",
}
REASONS: Mapping[str, str] = {
    "prohibition": "法律、法规或者国家规定禁止或者限制",
    "notice": "人民法院已送达协助执行通知书",
    "restriction": "依规定从严审核",
    "reference": "作为审慎性参考",
    "identity_uncertain": "身份未能完全核对一致",
    "notice_missing": "尚无人民法院的协助执行通知书",
}
RELATIONS: Mapping[str, str] = {
    "debtor": "本人（本单位）被列入名单",
    "legal_representative": "所列单位的法定代表人，本人未被列入",
    "principal": "所列单位的主要负责人，本人未被列入",
    "directly_responsible": "影响债务履行的直接责任人员，本人未被列入",
    "actual_controller": "所列单位的实际控制人，本人未被列入",
}
MEASURE_CLASSES: Mapping[str, str] = {
    "prohibition": "禁止性措施",
    "notice_required": "须有协助执行通知书的措施",
    "restriction": "从严审核措施",
    "reference": "审慎性参考",
    "none": "不作限制",
}
CIRCUMSTANCES: Mapping[str, str] = {
    "C1": "有履行能力而拒不履行",
    "C2": "妨碍、抗拒执行",
    "C3": "规避执行",
    "C4": "违反财产报告制度",
    "C5": "违反限制消费令",
    "C6": "拒不履行执行和解协议",
    "CX": "其他情形（以决定书为准）",
}
DISPUTES: Mapping[str, str] = {
    "filed": "已提出异议，法院审查中",
    "reconsideration": "已申请复议",
    "rejected": "异议已被驳回",
    "upheld": "异议成立，法院正在处理",
}
WARNINGS: Mapping[str, str] = {
    "list-empty": "名单中尚无任何信息，本结果不能作为依据",
    "list-stale": "名单长时间未更新，请人工核实",
    "identifier-checksum": "证件号码校验位不符，请核对是否录错",
    "identifier-unusual": "证件号码格式少见，请核对是否录错",
    "identifier-type-differs": "证件号码与所选证件类型不符，已按号码本身核查",
}
OUTCOMES: Mapping[str, str] = {
    "refused": "不予办理",
    "suspended": "暂停办理",
    "approved": "准予办理",
    "referred": "转交处理",
    "withdrawn": "申请人撤回",
}
NOTICE_ACTIONS: Mapping[str, str] = {
    "stop_transfer": "停止办理转移登记",
    "stop_procedure": "停止办理手续",
    "query": "协助查询",
    "freeze": "协助冻结",
    "deduct": "协助扣划",
    "seize": "协助查封",
    "dispatch_police": "请求警力协助",
    "transfer_execution": "协助办理过户",
    "locate_person": "协助查找人员",
    "control_vehicle": "协助控制车辆",
    "bar_exit": "协助限制出境",
    "withhold_income": "协助扣留收入",
    "refer_crime": "移送涉嫌犯罪线索",
}
WATCH_STATES: Mapping[str, str] = {"open": "关注中", "closed": "已结束"}
EVENT_TYPES: Mapping[str, str] = {
    "watch.decision_changed": "结论变动",
    "watch.matches_changed": "命中情况变动",
    "watch.ended": "关注结束",
    "check.listing_withdrawn": "所依据的名单已撤销",
}
EVENT_CAUSES: Mapping[str, str] = {
    "list": "名单变动",
    "notices": "协助执行通知变动",
    "measures": "措施目录变动",
    "calendar": "期限届至",
    "freshness": "名单恢复更新",
    "succession": "单位承继",
    "digests": "比对规则更新",
    "until": "关注期满",
    "closed": "本单位结束",
    "outcome": "已反馈办理结果",
    "not_covered": "措施不再涉及，请重新核查",
    "not_readable": "无法再次核查，请重新核查",
}
NOTICE_STATES: Mapping[str, str] = {
    "served": "待签收",
    "acknowledged": "已签收，待回复",
    "answered": "已回复",
    "released": "已解除",
    "expired": "已期满",
    "overdue": "已逾期",
}
REPLY_RESULTS: Mapping[str, str] = {
    "done": "已办理",
    "partly_done": "部分办理",
    "not_found": "查无此项",
    "refused": "不予协助",
}
URGENCIES: Mapping[str, str] = {"normal": "一般", "urgent": "紧急", "emergency": "特急"}
EXPORT_STATES: Mapping[str, str] = {"queued": "排队中", "running": "正在生成", "done": "已完成", "failed": "未完成"}
FACTORS: Mapping[str, str] = {"totp": "动态码", "passkey": "通行密钥", "backup_code": "备用码"}

ACTIONS: Mapping[str, str] = {
    "check": "核查",
    "refused": "越权请求（已拒绝）",
    "recheck": "复查",
    "member_added": "新增成员单位",
    "member_renamed": "成员单位更名",
    "member_succeeded": "成员单位承继",
    "member_contacts_changed": "联系人变更",
    "member_matters_changed": "可查事项变更",
    "follower_registered": "登记下级系统公钥",
    "key_created": "签发密钥",
    "key_revoked": "吊销密钥",
    "measures_applied": "措施目录生效",
    **{names.entry.value: names.in_ledger.zh for names in NAMES.values()},
    "date_confirmed": "确认日期",
    "grace_ended": "宽限期届满",
    "import": "批量导入",
    "import_confirmed": "确认导入",
    "import_cancelled": "取消导入",
    "objection_filed": "收到异议",
    "objection_decided": "异议决定",
    "objection_reconsidered": "异议复议",
    "notice_served": "送达协助执行通知书",
    "notice_acknowledged": "签收通知书",
    "notice_answered": "回复通知书",
    "notice_renewed": "续期通知书",
    "notice_released": "解除通知书",
    "notice_escalated": "特急通知上报",
    "outcome_recorded": "反馈办理结果",
    "watches_opened": "设置持续关注",
    "watch_changed": "变更持续关注",
    "watch_closed": "结束持续关注",
    "events_told": "确认收到变动通知",
    "webhook_opened": "申请推送地址",
    "webhook_approved": "批准推送地址",
    "webhook_verified": "推送地址验证通过",
    "webhook_rotated": "更换推送密钥",
    "webhook_tested": "测试推送",
    "webhook_replayed": "重新推送",
    "webhook_disabled": "停用推送地址",
    "webhook_closed": "关闭推送地址",
    "audit_read": "审计查阅",
    "audit_unmasked": "揭示身份",
    "export_asked": "申请导出",
    "export_made": "完成导出",
    "subject_reported": "向本人告知查询情况",
    "embargo_set": "设置保密",
    "embargo_lifted": "解除保密",
    "signing_key_rotated": "更换签名密钥",
    "anchor_adopted": "确认检查点",
    "log_begun": "启用新日志",
    "entries_displaced": "记录时序异常",
    "witness_added": "增加见证方",
    "secrets_erased": "期满销毁",
    "staff_added": "开立账号",
    "staff_enrolled": "启用账号",
    "staff_granted": "授予或收回岗位",
    "staff_ended": "注销账号",
    "staff_locked": "账号锁定",
    "staff_unlocked": "账号解锁",
    "factor_added": "更换口令或因子",
    "factor_removed": "重置登录方式",
    "session_begun": "登录",
    "session_ended": "退出登录",
    "login_refused": "登录被拒",
    "many_numbers_asked": "同名多号预警",
    "upload_aborted": "上传中断",
    "measures_simulated": "模拟措施目录",
    "performance_recorded": "登记履行",
    "removal_certified": "出具解除证明",
    "listing_notified": "告知相关单位",
    "notice_attached": "通知附件",
    "lead_filed": "提供线索",
    "lead_taken_up": "受理线索",
    "lead_closed": "办结线索",
    "lead_attached": "线索附件",
    "late_entries_noted": "登记迟到条目",
    "explanation_printed": "打开说明",
    "proposal_made": "提交复核",
    "proposal_approved": "复核通过",
    "proposal_returned": "复核退回",
    "proposal_recalled": "撤回提交",
    "review_done": "事后复核",
    "court_options_changed": "更改双人复核设置",
}


class FilterWords(NamedTuple):
    """The label of a filter, and the words of its options; a filter without options is typed."""

    label: str
    choices: Mapping[str, str] | None = None


FILTERS: Mapping[str, FilterWords] = {
    "from": FilterWords("自"),
    "to": FilterWords("至"),
    "agency": FilterWords("单位"),
    "operator": FilterWords("经办人"),
    "matter": FilterWords("办理事项"),
    "decision": FilterWords("结论", DECISIONS),
    "action": FilterWords("行为", ACTIONS),
    "reference": FilterWords("业务编号"),
}
"""The filters of the ledger (`audit/filters.py`) that auditors see; a filter without words here is only for systems."""

FIELDS: Mapping[str, str] = {
    "matter": "办理事项",
    "role": "对象身份",
    "reference": "业务编号",
    "kind": "对象类型",
    "name": "姓名/名称",
    "type": "证件类型",
    "number": "证件号码",
    "object": "财产或证照编号",
    "at": "时间（北京时间）",
    "from": "自",
    "to": "至",
    "agency": "单位代码",
    "operator": "经办人",
    "decision": "结论",
    "action": "办理结果",
    "reason": "理由",
    "result": "办理情况",
    "text": "说明",
    "code": "动态码",
    "file": "文件",
    "format": "格式",
    "member": "单位",
    "login": "登录名",
    "employee_number": "工号",
    "unit_code": "单位代码",
    "unit_kind": "类型",
    "court_code": "法院代码",
}
"""The names of form fields, for a summary or a restored form."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "role": ROLES,
    "kind": KINDS,
    "type": IDENTIFIER_TYPES,
    "decision": DECISIONS,
    "action": OUTCOMES,
    "result": REPLY_RESULTS,
    "unit_kind": MEMBER_KINDS,
}


def value_of(name: str, value: str) -> str:
    """The chosen value of a field, in words."""
    return TABLES.get(name, {}).get(value, value)


def word(table: Mapping[str, str], code: str | None) -> str:
    """The word for a code; a code without one is shown as it is, because nothing may be hidden."""
    return "" if code is None else table.get(code, code)
