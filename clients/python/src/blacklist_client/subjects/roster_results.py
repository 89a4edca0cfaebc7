# Copied from src/blacklist_service/subjects/roster_results.py by clients/python/generate.py: change nothing here.
"""The results of a roster's rows in words: the columns added to it, and its sheet of totals.

No cell is ever a formula: text that begins like one stays text. Shared with the client, so that a result file reads the same
wherever it was made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from blacklist_client.subjects.rosters import text_of

SHANGHAI = timezone(timedelta(hours=8))
DECISIONS = {"block": "停止办理", "flag": "人工审核", "clear": "未命中"}
STRENGTH = {"clear": 0, "flag": 1, "block": 2}
REFUSED, UNANSWERED = "未受理", "未答复"
CONCLUSIONS = (*DECISIONS.values(), REFUSED, UNANSWERED)
ADDED = ("结论", "依据", "案号", "法院", "核验编号", "核验时间", "名单版本", "提示")
WIDTHS = {"结论": 10, "依据": 30, "案号": 26, "法院": 24, "核验编号": 38, "核验时间": 20, "名单版本": 10, "提示": 40}
FORMULA = tuple("=+-@\t\r\0＝＋－＠")
MOST_MATCHES = 5
"""The most matches described in one row; if there are more, the row says how many."""
HINTS = {
    "list-stale": "名单长时间未更新",
    "identifier-checksum": "证件号码校验位不符",
    "identifier-unusual": "证件号码格式少见",
    "identifier-type-differs": "证件类型与号码不符",
}
IDENTITIES = {
    "exact": "证件号码与姓名（名称）均一致",
    "name_differs": "证件号码一致而姓名（名称）不一致",
    "masked": "姓名一致，名单中的号码已隐去部分数字",
    "name_only": "仅姓名（名称）一致，可能为同名",
}
BY_NAME = "未填证件号码，仅按姓名（名称）核查"
REFUSALS = {
    "invalid-identifier": "证件号码不正确（校验位不符或不是完整号码）",
    "subject-not-covered": "该事项的惩戒措施不适用于此类主体",
    "matter-not-allowed": "本密钥无权核查该事项",
    "invalid-request": "内容不符合要求",
}
NO_ANSWER = "没有得到答复，不能视为未命中；请稍后重新核查"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one row. It holds nothing from the roster: no name and no number."""

    conclusion: str
    basis: str = ""
    cases: str = ""
    courts: str = ""
    check_id: str = ""
    checked_at: str = ""
    list_version: int | None = None
    hint: str = ""

    @property
    def is_answered(self) -> bool:
        return self.conclusion in DECISIONS.values()

    def cells(self) -> tuple[str | int | None, ...]:
        return tuple(asdict(self).values())


class RosterMatch(NamedTuple):
    """A listing or a notice that a check found, as far as a row has room for it."""

    effect: str
    identity: str
    basis: str
    case: str
    court: str


def worded(
    *,
    decision: str,
    matches: Iterable[RosterMatch],
    total: int,
    warnings: Iterable[str],
    is_by_name: bool,
    check_id: str,
    checked_at: datetime,
    list_version: int,
) -> Result:
    """An answer in the words of a row; `total` matched, of which `matches` are known. The strongest are named first."""
    shown = sorted(matches, key=lambda one: -STRENGTH[one.effect])[:MOST_MATCHES]
    hints = [BY_NAME] if is_by_name else []
    hints += [HINTS.get(warning, warning) for warning in warnings]
    hints += dict.fromkeys(IDENTITIES[match.identity] for match in shown if match.identity != "exact")
    if total > len(shown):
        hints.append(f"共命中 {total} 条，此处列出 {len(shown)} 条")
    return Result(
        DECISIONS[decision],
        basis=_several(match.basis for match in shown),
        cases=_several(match.case for match in shown),
        courts=_several(match.court for match in shown),
        check_id=check_id,
        checked_at=beijing(checked_at),
        list_version=list_version,
        hint="；".join(hints),
    )


def totals(
    counts: Mapping[str, int],
    *,
    source: str,
    sha256: str,
    matter: str,
    began_at: datetime,
    ended_at: datetime,
    versions: tuple[int, int] | None,
) -> list[tuple[str, str | int]]:
    """The lines of the sheet of totals; `versions` are the first and the last list version that answered."""
    return [
        *((word, counts.get(word, 0)) for word in CONCLUSIONS),
        ("合计", sum(counts.values())),
        ("名册", source),
        ("名册 SHA-256", sha256),
        ("事项", matter),
        ("核查开始", beijing(began_at)),
        ("核查结束", beijing(ended_at)),
        ("名单版本", f"{versions[0]}–{versions[1]}" if versions else ""),
        ("说明", "未命中：核查时未发现依法应予限制的失信信息。未答复、未受理的，不能视为未命中。"),
    ]


def cell_text(cell: Any) -> str:
    """For a CSV file that a spreadsheet opens: text that it would take for a formula gets a quote before it."""
    text = text_of(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def beijing(instant: datetime) -> str:
    return instant.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _several(texts: Iterable[str]) -> str:
    return "；".join(dict.fromkeys(text for text in texts if text))
