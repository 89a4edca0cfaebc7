"""The names of the codes of the court's acts, in addition to `wording`, for the court's pages."""

from collections.abc import Mapping
from typing import Any

from blacklist_service.console.translations import Translate
from blacklist_service.console.wording import CIRCUMSTANCES, IDENTIFIER_TYPES, KINDS
from blacklist_service.console.wording_officers import KEY_ROLES
from blacklist_service.ledger.actions import NAMES
from blacklist_service.listings.columns import KEPT, TITLES

COURT_ACTS: Mapping[str, str] = {
    "publish": "发布",
    "correct": "更正",
    "extend": "延长期限",
    "import": "批量导入",
    "stop_notice": "送达协助执行通知书",
    "delete": "删除",
    "withdraw": "撤销",
    "release": "解除协助执行通知书",
    "suspend": "暂时屏蔽",
    "resume": "恢复公布",
    "contest": "登记身份存疑",
    "lift_contest": "解除身份存疑",
    "renew_notice": "协助执行通知书续期",
    "key": "签发密钥",
    "catalogue": "措施目录生效",
}
PROPOSAL_STATES: Mapping[str, str] = {
    "waiting": "待复核",
    "in_force": "已生效",
    "returned": "已退回",
    "recalled": "已撤回",
    "expired": "已过期",
}
STATE_KINDS: Mapping[str, str] = {
    "waiting": "flag",
    "in_force": "clear",
    "returned": "block",
    "published": "block",
    "grace": "flag",
    "suspended": "flag",
    "queued": "plain",
    "running": "plain",
    "awaiting_confirmation": "flag",
    "done": "clear",
    "failed": "block",
}
"""The colours of the words."""
RETURN_CODES: Mapping[str, str] = {
    "reason": "复核人员退回",
    "number_differs": "两次录入的证件号码不一致",
}
LISTING_STATES: Mapping[str, str] = {
    "grace": "宽限期内",
    "published": "公布中",
    "suspended": "暂时屏蔽",
    "expired": "期限届满",
    "deleted": "已删除",
    "withdrawn": "已撤销",
}
GROUNDS: Mapping[str, str] = {
    "performed": "（一）已履行生效法律文书确定的义务，或者已执行完毕",
    "settlement_performed": "（二）达成执行和解协议且已履行完毕",
    "creditor_request": "（三）申请执行人书面申请删除，经审查同意",
    "no_assets_found": "（四）终结本次执行后两次查询未发现有可供执行财产",
    "stayed": "（五）因审判监督或破产程序，依法裁定中止执行",
    "not_to_enforce": "（六）依法裁定不予执行",
    "terminated": "（七）依法裁定终结执行",
    "early_by_decision": "第二条第二款：决定提前删除",
    "term_expired": "第十条第二款：纳入期限届满",
}
SUSPENSION_GROUNDS: Mapping[str, str] = {"bankruptcy": "人民法院裁定受理破产申请", "other": "其他（以决定书为准）"}
TASKS: Mapping[str, str] = {
    "delete_after_term": "期限届满，应予删除",
    "delete_after_performance": "已履行，应予删除",
    "review_after_performance": "另案信息已因履行删除，请核查本条",
    "decide_early_deletion": "已履行，决定是否提前删除",
    "confirm_identity": "身份存疑，须当日核实",
    "give_ground": "补充终止的法定事由",
    "decide_objection": "异议待决定",
    "decide_reconsideration": "复议待决定",
    "act_on_upheld_objection": "异议成立，须更正、删除或者撤销",
}
TASK_BUTTONS: Mapping[str, str] = {
    "delete_after_term": "办理删除",
    "delete_after_performance": "办理删除",
    "review_after_performance": "查看",
    "decide_early_deletion": "办理删除",
    "confirm_identity": "登记身份存疑",
    "give_ground": "补充事由",
    "decide_objection": "作出决定",
    "decide_reconsideration": "登记复议结果",
    "act_on_upheld_objection": "办理",
}
LISTING_ACTS: Mapping[str, str] = {act: names.in_history.zh for act, names in NAMES.items()}
PERFORMANCES: Mapping[str, str] = {
    "none": "全部未履行",
    "partial": "部分未履行",
    "full": "全部已履行",
    "other": "其他",
}
PERFORMANCE_KINDS: Mapping[str, str] = {"performed": "义务已全部履行", "settlement_performed": "和解协议已履行完毕"}
APPLICANTS: Mapping[str, str] = {"creditor": "申请执行人申请", "court": "人民法院依职权"}
PEOPLE: Mapping[str, str] = {
    "legal_representative": "法定代表人",
    "principal": "主要负责人",
    "directly_responsible": "影响债务履行的直接责任人员",
    "actual_controller": "实际控制人",
}
LISTING_FIELDS = TITLES
NOTICE_FIELDS: Mapping[str, str] = {"valid_until": "协助期限至"}
"""The fields of a notice that a renewal changes."""
IMPORT_STATES: Mapping[str, str] = {
    "queued": "排队中",
    "running": "正在处理",
    "awaiting_confirmation": "预览（尚未生效）",
    "done": "已完成",
    "failed": "未完成",
    "cancelled": "已取消",
}
MODES: Mapping[str, str] = {"upsert": "增量：只处理文件中的行", "snapshot": "全量：文件即本院全部名单，缺少的将终止"}
FATES: Mapping[str, str] = {
    "created": "新增",
    "corrected": "更正",
    "ended": "终止",
    "unchanged": "无变化",
    "rejected": "退回",
}
FATE_KINDS: Mapping[str, str] = {
    "created": "block",
    "corrected": "flag",
    "ended": "clear",
    "unchanged": "plain",
    "rejected": "flag",
}
OBJECTION_GROUNDS: Mapping[str, str] = {
    "not_to_be_listed": "不应纳入",
    "inaccurate": "记载的信息不准确",
    "to_be_deleted": "应予删除",
    "not_the_debtor": "并非被执行人本人",
}
OBJECTION_STATES: Mapping[str, str] = {
    "filed": "审查中",
    "rejected": "已驳回",
    "upheld": "成立",
    "reconsideration": "复议中",
}
OBJECTION_RESULTS: Mapping[str, str] = {"upheld": "异议成立", "rejected": "驳回异议"}
FINDINGS: Mapping[str, str] = {"in_order": "办理无误", "not_in_order": "存在问题"}
OBJECT_KINDS: Mapping[str, str] = {
    "deposit": "存款",
    "movable": "动产",
    "real_estate": "不动产",
    "other_right": "其他财产权",
}
NOTICE_STEPS: Mapping[str, str] = {
    "served": "送达",
    "acknowledged": "签收",
    "answered": "回复",
    "renewed": "续期",
    "released": "解除",
    "escalated": "逾时上报",
    "attached": "上传附件",
}
LEAD_KINDS: Mapping[str, str] = {
    "asset": "财产线索",
    "whereabouts": "下落线索",
    "evasion": "规避执行",
    "refusal_to_perform": "拒不执行",
    "other": "其他",
}
LEAD_STATES: Mapping[str, str] = {"filed": "待受理", "taken_up": "已受理", "closed": "已办结"}
LOSSES: Mapping[str, str] = {
    "matter_removed": "取消事项",
    "measure_removed": "取消措施",
    "class_weakened": "力度减弱",
    "reach_narrowed": "范围缩小",
}
VALUES: Mapping[str, Mapping[str, str]] = {
    "debtor.kind": KINDS,
    "performance": PERFORMANCES,
    "decision.on_application_of": APPLICANTS,
    **{one.path: {code: ways[0] for code, ways in one.words.items()} for one in KEPT if one.words is not None},
}


def shown(field: str, value: Any, t: Translate) -> str:
    """A field of a listing in words, whatever form the document stores it in."""
    if value is None or value in ("", []):
        return ""
    if field == "debtor.identifier":
        return _identifier(value, t)
    if field == "circumstances":
        return t("；").join(t(CIRCUMSTANCES.get(code, code)) for code in value)
    if field == "debtor.people":
        return t("；").join(_person(one, t) for one in value)
    if field == "further_identifiers":
        return t("；").join(_identifier(one, t) for one in value)
    word = VALUES.get(field, {}).get(str(value))
    return str(value) if word is None else t(word)


def key_title(title: str) -> str:
    """The title of a proposed key: its member and the code of its role."""
    member, _, role = title.rpartition(" ")
    return f"{member} {KEY_ROLES.get(role, role)}"


def _identifier(value: Mapping[str, Any], t: Translate) -> str:
    number = value.get("number") or value.get("number_masked") or ""
    return f"{t(IDENTIFIER_TYPES.get(value['type'], value['type']))} {number}"


def _person(person: Mapping[str, Any], t: Translate) -> str:
    identifier = f"{t('（')}{_identifier(person['identifier'], t)}{t('）')}" if person.get("identifier") else ""
    return f"{t(PEOPLE.get(person['relation'], person['relation']))} {person['name']}{identifier}"
