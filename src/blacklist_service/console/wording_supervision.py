"""Words of the supervision figures."""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "block": "停止办理",
    "flag": "人工审核",
    "clear": "未发现限制",
    "in_time": "三个工作日内",
    "late": "超期",
    "undated": "未注明决定日期",
}
"""Labels of the segments of a chart's bars."""


def duration(seconds: float | None) -> tuple[str, dict[str, int]] | None:
    """A sentence and its numbers: minutes below an hour, hours below two days, otherwise days."""
    if seconds is None:
        return None
    minutes = round(seconds / 60)
    if minutes < 60:
        return "{minutes} 分钟", {"minutes": minutes}
    if minutes < 48 * 60:
        return "{hours} 小时", {"hours": round(minutes / 60)}
    return "{days} 天", {"days": round(minutes / 60 / 24)}
