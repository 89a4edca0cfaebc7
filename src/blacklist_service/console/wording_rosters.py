"""Words of the roster pages."""

from collections.abc import Mapping

STATES: Mapping[str, str] = {
    "queued": "等待读取",
    "running": "核查中",
    "done": "已完成",
    "refused": "未受理",
}
TAGS: Mapping[str, str] = {"queued": "plain", "running": "flag", "done": "clear", "refused": "block"}
"""The colour of each state."""
FAULTS: Mapping[str, str] = {
    "unreadable": "不能读取该文件：已损坏、展开后过大，或不是 XLSX、XLS、CSV 表格",
    "no-columns": "表格前 20 行中没有认得出的表头：需要编号（如“报名序号”）和姓名或名称两列",
    "no-such-column": "表格中没有所填的号码列",
    "no-rows": "表格中没有可核查的行",
    "too-many-rows": "行数超过本单位一日可核查的行数，请分次上传",
    "over-quota": "本单位二十四小时内核查名册的行数已满，请稍后再传或分次上传",
    "other-kind": "表头与所选对象类型不符：自然人的表格请选自然人，法人的请选法人",
    "given-up": "读取或写出时多次中断，请与系统管理员联系",
}
CONCLUSIONS: Mapping[str, str] = {
    "停止办理": "block",
    "人工审核": "flag",
    "未命中": "clear",
    "未受理": "plain",
    "未答复": "plain",
}
"""As the result file words them, with the colour of each."""
FIELDS: Mapping[str, str] = {
    "matter": "办理事项",
    "kind": "对象类型",
    "role": "对象身份",
    "type": "证件类型",
    "file": "名册文件",
}
