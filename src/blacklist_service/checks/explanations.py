"""The printable explanation of an answer, for the person it is about (PIPL Art. 24): in Chinese, with English beside it on
request. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from blacklist_service.checks import english
from blacklist_service.clock import SHANGHAI
from blacklist_service.listings.printing import sheet
from blacklist_service.measures.rules import Catalogue

TITLE = "失信被执行人核查结果说明"
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
    "filed": "已提出纠正申请，人民法院审查中",
    "reconsideration": "已申请复议（复议期间不停止公布）",
    "rejected": "纠正申请已被驳回",
    "upheld": "纠正申请成立，人民法院正在处理",
}
WARNINGS = {
    "list-empty": "名单中尚无任何信息",
    "list-stale": "名单长时间未更新，结果须由人工核实",
    "identifier-checksum": "所提交的证件号码校验位不符",
    "identifier-unusual": "所提交的证件号码格式少见",
    "identifier-type-differs": "所提交的证件号码与所选证件类型不符，已按号码本身核查",
}
REMEDY = (
    "本结果不构成对您的处罚。本结果由系统按名单比对得出，您有权要求承办单位说明，并有权拒绝仅由自动化方式作出的决定。",
    (
        "如认为不应被纳入名单、公布的信息不准确或者应当删除，可以向上列执行法院书面申请纠正；人民法院自收到之日起十五日内审查，"
        "理由成立的三个工作日内纠正；驳回的，可以自送达之日起十日内向上一级人民法院申请复议，复议期间不停止公布。"
    ),
    (
        "如认为身份核对有误（例如同名），请向承办单位出示有效身份证件，由承办人员核实；承办单位可以代为向执行法院提出“不是被执行人”的异议，"
        "人民法院当日核实。"
    ),
    "履行义务或者与申请执行人达成和解并履行完毕的，可以向执行法院申请删除失信信息。",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line in Chinese and English. A line without a label is a heading."""

    label: str
    text: str
    english: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """The court's decision letter about one listing, as it was when the check was answered."""

    number: str | None
    served_on: str | None


ASKED_HERE = "本服务管理方"
"""Shown as the asking unit if no member asked: the operator of the service, at its command line."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer and what explains it. `letters` are keyed by listing; `is_bilingual` prints English beside the Chinese."""

    answer: Mapping[str, Any]
    catalogue: Catalogue | None
    agency: str
    letters: Mapping[str, Letter]
    is_bilingual: bool = False

    def as_text(self) -> str:
        title = f"{TITLE}\n{english.TITLE}" if self.is_bilingual else TITLE
        return f"{title}\n\n" + "\n".join(self._text_of(line) for line in self.lines()) + "\n"

    def as_html(self) -> str:
        """Render one HTML page that prints without loading anything else."""
        body = "".join(self._row_of(line) for line in self.lines())
        second = f"<p>{escape(english.TITLE)}</p>" if self.is_bilingual else ""
        return sheet(TITLE, f"{second}<table>{body}</table>")

    def lines(self) -> Iterator[Line]:
        answer = self.answer
        matter = self.catalogue.by_code.get(answer["matter"]) if self.catalogue else None
        checked_at = datetime.fromisoformat(answer["checked_at"]).astimezone(SHANGHAI)
        yield Line("核查编号", answer["check_id"])
        yield Line("承办单位", self.agency)
        yield Line("办理事项", *(matter.name, matter.name_en) if matter else (answer["matter"], ""))
        yield Line("业务编号", answer["reference"])
        yield Line(
            "核查时间", f"{checked_at:%Y年%m月%d日 %H:%M:%S}（北京时间）", f"{checked_at:%Y-%m-%d %H:%M:%S} UTC+8"
        )
        yield Line("核查结论", DECISIONS[answer["decision"]], english.DECISIONS[answer["decision"]])
        versions = (answer["list_version"], answer["measures_version"], answer["notices_version"])
        yield Line(
            "依据版本",
            "名单第{}版，措施目录第{}版，协助通知第{}版".format(*versions),
            "list version {}, measures version {}, notices version {}".format(*versions),
        )
        for warning in answer["warnings"]:
            yield Line("提示", WARNINGS.get(warning, warning), warning)
        for place, subject in enumerate(answer["subjects"], start=1):
            for match in subject["matches"]:
                yield from self._match_lines(place, match)
            if total := subject.get("matches_total"):
                shown = len(subject["matches"])
                more = f"{total} in all, {shown} shown"
                yield Line(f"第{place}名被查询人另有", f"共{total}条，此处列出{shown}条", more)
        for right, said in zip(REMEDY, english.REMEDY, strict=True):
            yield Line("权利与救济", right, said)

    def _match_lines(self, place: int, match: Mapping[str, Any]) -> Iterator[Line]:
        listing, notice, measure = match["listing"], match["notice"], match["measure"]
        yield Line("", f"—— 第{place}名被查询人 ——", f"subject {place}")
        effect, reason = match["effect"], match["reason"]
        yield Line(
            "处理", f"{EFFECTS[effect]}：{REASONS[reason]}", f"{english.EFFECTS[effect]}: {english.REASONS[reason]}"
        )
        yield Line("身份核对", IDENTITIES[match["identity"]], english.IDENTITIES[match["identity"]])
        if listing:
            yield Line("关系", RELATIONS[match["relation"]], english.RELATIONS[match["relation"]])
            yield from self._listing_lines(listing, self.letters.get(match["listing_id"], Letter(None, None)))
        if notice:
            yield Line("协助执行通知书", f"{notice['number']}（{notice['court']}，{notice['served_at']} 送达）")
        yield Line("法律依据", f"{measure['basis']}（措施 {measure['id']}）")
        court = (listing or notice or {}).get("court")
        if court:
            yield Line("向何处提出异议", court)

    def _listing_lines(self, listing: Mapping[str, Any], letter: Letter) -> Iterator[Line]:
        yield Line("执行法院", listing["court"])
        yield Line("执行案号", listing["case_number"])
        yield Line("决定书文号", letter.number or "未登记", "" if letter.number else english.NOT_REGISTERED)
        yield Line("决定书送达日期", letter.served_on or "未登记", "" if letter.served_on else english.NOT_REGISTERED)
        codes = listing["circumstances"]
        yield Line(
            "失信情形",
            "；".join(CIRCUMSTANCES.get(code, code) for code in codes),
            "; ".join(english.CIRCUMSTANCES.get(code, code) for code in codes),
        )
        yield Line("发布日期", listing["published_on"])
        yield Line("期限届满", listing["expires_on"] or "未设期限", "" if listing["expires_on"] else english.NO_TERM)
        if listing["dispute_state"]:
            yield Line("异议情况", DISPUTES[listing["dispute_state"]], english.DISPUTES[listing["dispute_state"]])
        if since := listing.get("identity_contested_on"):
            yield Line(
                "身份异议",
                f"自{since}起，人民法院正在核实该证件号码是否属于被执行人本人",
                f"since {since} the court has been verifying whether the number is the debtor's",
            )

    def _text_of(self, line: Line) -> str:
        label, text = self._said(line)
        return f"{label}：{text}" if label else text

    def _row_of(self, line: Line) -> str:
        label, text = self._said(line)
        if not label:
            return f'<tr><td colspan="2">{escape(text)}</td></tr>'
        return f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>"

    def _said(self, line: Line) -> tuple[str, str]:
        if not self.is_bilingual:
            return line.label, line.text
        label = f"{line.label} / {english.LABELS[line.label]}" if line.label in english.LABELS else line.label
        return label, f"{line.text} / {line.english}" if line.english else line.text
