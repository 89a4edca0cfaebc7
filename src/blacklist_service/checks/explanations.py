"""The printable explanation of an answer, in Chinese, for the person it is about (PIPL Art. 24). Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any

from blacklist_service.measures.rules import Catalogue

SHANGHAI = timezone(timedelta(hours=8))
DECISIONS = {
    "block": "停止办理，交由承办人员处理",
    "flag": "不自动决定，须由承办人员审核后决定",
    "clear": "未发现依法应予限制的失信信息",
}
EFFECTS = {"block": "停止办理", "flag": "人工审核", "clear": "不受影响"}
RELATIONS = {
    "debtor": "本人（本单位）为失信被执行人",
    "legal_representative": "失信被执行人的法定代表人（本人未被列入名单）",
    "principal": "失信被执行人的主要负责人（本人未被列入名单）",
    "directly_responsible": "影响债务履行的直接责任人员（本人未被列入名单）",
    "actual_controller": "失信被执行人的实际控制人（本人未被列入名单）",
}
IDENTITIES = {
    "exact": "证件号码与姓名（名称）均一致",
    "name_differs": "证件号码一致，姓名（名称）不一致，身份有待核实",
    "masked": "姓名一致，名单中的证件号码已隐去部分数字，身份有待核实",
    "name_only": "仅姓名（名称）一致，身份有待核实，可能为同名",
}
REASONS = {
    "prohibition": "法律、法规或者国家规定禁止或者限制",
    "notice": "人民法院已送达协助执行通知书",
    "restriction": "依规定从严审核",
    "reference": "作为审慎性参考",
    "identity_uncertain": "身份未能完全核对一致",
    "notice_missing": "尚无人民法院的协助执行通知书，由承办人员决定",
}
CIRCUMSTANCES = {
    "C1": "有履行能力而拒不履行生效法律文书确定义务",
    "C2": "以伪造证据、暴力、威胁等方法妨碍、抗拒执行",
    "C3": "以虚假诉讼、虚假仲裁或者以隐匿、转移财产等方法规避执行",
    "C4": "违反财产报告制度",
    "C5": "违反限制消费令",
    "C6": "无正当理由拒不履行执行和解协议",
    "CX": "其他情形（以人民法院决定书为准）",
}
DISPUTES = {
    "filed": "已提出纠正申请，人民法院审查中（审查期间不停止公布）",
    "reconsideration": "已申请复议（复议期间不停止公布）",
    "rejected": "纠正申请已被驳回",
    "upheld": "纠正申请成立，人民法院正在处理",
}
WARNINGS = {
    "list-empty": "名单中尚无任何信息",
    "list-stale": "名单长时间未更新，结果须由人工核实",
    "identifier-checksum": "所提交的证件号码校验位不符",
    "identifier-unusual": "所提交的证件号码格式少见",
}
REMEDY = (
    "本结果不构成对您的处罚。本结果由系统按名单比对得出，您有权要求承办单位说明，并有权拒绝仅由自动化方式作出的决定。",
    (
        "如认为不应被纳入名单、公布的信息不准确或者应当删除，可以向上列执行法院书面申请纠正；人民法院自收到之日起十五日内审查，"
        "理由成立的三个工作日内纠正；驳回的，可以自送达之日起十日内向上一级人民法院申请复议。"
    ),
    "如认为身份核对有误（例如同名），请向承办单位出示有效身份证件，由承办人员核实。",
    "履行义务或者与申请执行人达成和解并履行完毕的，可以向执行法院申请删除失信信息。",
)

Line = tuple[str, str]


ASKED_HERE = "本服务管理方"
"""Who asked where no member did: the operator of the service, at its command line."""


def explain_text(answer: Mapping[str, Any], catalogue: Catalogue | None, agency: str) -> str:
    lines = [f"{label}：{value}" if value else label for label, value in _lines(answer, catalogue, agency)]
    return "失信被执行人核查结果说明\n\n" + "\n".join(lines) + "\n"


def explain_html(answer: Mapping[str, Any], catalogue: Catalogue | None, agency: str) -> str:
    """One page that prints without anything from elsewhere."""
    body = "".join(
        f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>"
        if value
        else f'<tr><td colspan="2">{escape(label)}</td></tr>'
        for label, value in _lines(answer, catalogue, agency)
    )
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>失信被执行人核查结果说明</title><style>'
        "body{font-family:serif;max-width:46em;margin:2em auto}table{border-collapse:collapse;width:100%}"
        "th,td{border:1px solid #999;padding:.4em;text-align:left;vertical-align:top}th{width:9em}"
        f"</style></head><body><h1>失信被执行人核查结果说明</h1><table>{body}</table></body></html>"
    )


def _lines(answer: Mapping[str, Any], catalogue: Catalogue | None, agency: str) -> Iterator[Line]:
    matter = catalogue.by_code.get(answer["matter"]) if catalogue else None
    checked_at = datetime.fromisoformat(answer["checked_at"]).astimezone(SHANGHAI)
    yield "核查编号", answer["check_id"]
    yield "承办单位", agency
    yield "办理事项", matter.name if matter else answer["matter"]
    yield "业务编号", answer["reference"]
    yield "核查时间", f"{checked_at:%Y年%m月%d日 %H:%M:%S}（北京时间）"
    yield "核查结论", DECISIONS[answer["decision"]]
    versions = (answer["list_version"], answer["measures_version"], answer["notices_version"])
    yield "依据版本", "名单第{}版，措施目录第{}版，协助通知第{}版".format(*versions)
    for warning in answer["warnings"]:
        yield "提示", WARNINGS.get(warning, warning)
    for place, subject in enumerate(answer["subjects"], start=1):
        for match in subject["matches"]:
            yield from _match_lines(place, match)
        if total := subject.get("matches_total"):
            yield f"第{place}名被查询人另有", f"共{total}条，此处列出{len(subject['matches'])}条"
    for right in REMEDY:
        yield "权利与救济", right


def _match_lines(place: int, match: Mapping[str, Any]) -> Iterator[Line]:
    listing, notice, measure = match["listing"], match["notice"], match["measure"]
    yield f"—— 第{place}名被查询人 ——", ""
    yield "处理", f"{EFFECTS[match['effect']]}：{REASONS[match['reason']]}"
    yield "身份核对", IDENTITIES[match["identity"]]
    if listing:
        yield "关系", RELATIONS[match["relation"]]
        yield "执行法院", listing["court"]
        yield "执行案号", listing["case_number"]
        yield "失信情形", "；".join(CIRCUMSTANCES.get(code, code) for code in listing["circumstances"])
        yield "发布日期", listing["published_on"]
        yield "期限届满", listing["expires_on"] or "未设期限"
        if listing["dispute_state"]:
            yield "异议情况", DISPUTES[listing["dispute_state"]]
    if notice:
        yield "协助执行通知书", f"{notice['number']}（{notice['court']}，{notice['served_at']} 送达）"
    yield "法律依据", f"{measure['basis']}（措施 {measure['id']}）"
    court = (listing or notice or {}).get("court")
    if court:
        yield "向何处提出异议", court
