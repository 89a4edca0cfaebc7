"""Words of the officers' pages: members, keys, accounts, and what a catalogue takes away."""

from collections.abc import Mapping

MEMBER_KINDS: Mapping[str, str] = {"court": "人民法院", "agency": "协助单位", "auditor": "监督机构"}
KEY_ROLES: Mapping[str, str] = {
    "court": "法院系统",
    "agency": "单位业务系统",
    "auditor": "审计系统",
    "security": "安全管理系统",
    "system": "系统管理系统",
    "follower": "下级名单系统",
}
ROLES_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "court": ("court",),
    "agency": ("agency",),
    "auditor": ("auditor", "security"),
}
"""The roles that a new key may be given, the usual one first."""
STANDINGS: Mapping[str, str] = {
    "not_enrolled": "未启用",
    "no_duty": "未授予岗位",
    "locked": "已锁定",
    "ended": "已注销",
}
CONTACTS: Mapping[str, str] = {
    "responsible_leader": "分管领导",
    "department": "承办科室",
    "liaison": "联络员",
    "phone": "联系电话",
}
COURT_ACTS: Mapping[str, str] = {
    "publish": "发布",
    "correct": "更正",
    "extend": "延长",
    "import": "批量导入",
    "stop_notice": "停止类通知",
    "renew_notice": "停止类通知续期",
    "resume": "恢复公布",
    "lift_contest": "解除身份存疑",
}
"""Acts for which a court may require two people, or one."""
PROPOSED: Mapping[str, str] = {"key": "签发密钥", "catalogue": "措施目录生效"}
"""Acts that a second security officer approves."""
PROPOSAL_STATES: Mapping[str, str] = {
    "waiting": "待复核",
    "in_force": "已生效",
    "returned": "已退回",
    "recalled": "已撤回",
    "expired": "已过期",
}
LOSSES: Mapping[str, str] = {
    "matter_removed": "取消事项",
    "measure_removed": "取消措施",
    "class_weakened": "措施减弱",
    "reach_narrowed": "适用范围缩小",
}
CERTAINTIES: Mapping[str, str] = {"found": "已查到原文", "to_confirm": "待法院确认"}
JOB_STATES: Mapping[str, str] = {"queued": "排队中", "running": "正在模拟", "done": "已完成", "failed": "未完成"}
ANSWERS: Mapping[str, str] = {
    "block": "停止办理",
    "flag": "人工审核",
    "clear": "未发现限制",
    "refused": "不再答复",
}
