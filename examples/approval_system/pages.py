"""What people see: one table, a form to apply, and the officers' buttons."""

from html import escape

from examples.approval_system.store import Application, State

STATES = {
    State.FILED: "待核查（暂缓办理）",
    State.GOES_ON: "继续办理",
    State.WITH_OFFICER: "待承办人员审核",
    State.TO_MEND: "信息有误，请更正",
    State.REFUSED: "不予录用",
    State.APPOINTED: "已录用",
}
STYLE = """
body{font:16px/1.6 system-ui,"Noto Sans CJK SC",sans-serif;max-width:76em;margin:2em auto;padding:0 1em;color:#1f2933}
nav a{margin-right:1.5em}table{border-collapse:collapse;width:100%;margin-top:1.5em}
th,td{text-align:left;vertical-align:top;padding:.5em .6em;border-bottom:1px solid #d5dbe1}
td form{display:flex;gap:.4em;flex-wrap:wrap;min-width:24em}
td:nth-child(-n+4){white-space:nowrap}ul{margin:0;padding-left:1.2em}
input{padding:.3em;max-width:11em}button{padding:.3em .8em}label{margin-right:1em}
.filed{color:#8a5a00}.with_officer,.to_mend{color:#a4262c}.goes_on,.appointed{color:#0b6a3b}.refused,.empty{color:#5f6b76}
"""
FORM = """<form method="post" action="/applications">
<label>姓名 <input name="name" required></label>
<label>身份证号 <input name="number" required maxlength="18"></label>
<label>职位 <input name="post" value="科员" required></label>
<button>报名</button></form>"""
DECIDE = """<input name="officer" placeholder="承办人" required><input name="reason" placeholder="理由">
<button name="decision" value="approve">准予继续</button><button name="decision" value="refuse">不予录用</button>"""
CORRECT = """<input name="resident_id" placeholder="身份证号" required maxlength="18"><button>更正并核查</button>"""
APPOINT = """<input name="officer" placeholder="承办人" required><button>录用</button>"""
ACTS = {
    State.WITH_OFFICER: ("decision", DECIDE),
    State.TO_MEND: ("correction", CORRECT),
    State.GOES_ON: ("appointment", APPOINT),
}


def page(title: str, content: str) -> str:
    links = '<nav><a href="/">报名</a><a href="/officers">承办人员</a></nav>'
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="zh-CN"><head>{head}</head><body><h1>{title}</h1>{links}{content}</body></html>'


def table(found: list[Application], *, for_officers: bool = False) -> str:
    if not found:
        return '<p class="empty">没有待处理的报名。</p>'
    rows = "".join(row(one, for_officers=for_officers) for one in found)
    head = "".join(f"<th>{title}</th>" for title in ("编号", "姓名", "职位", "状态", "说明", ""))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def row(one: Application, *, for_officers: bool) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in one.reasons)
    why = escape(one.why) + (f"<ul>{reasons}</ul>" if reasons else "")
    word, fields = ACTS.get(one.state, ("", "")) if for_officers else ("", "")
    act = f'<form method="post" action="/applications/{one.id}/{word}">{fields}</form>' if word else ""
    state = f'<span class="{one.state}">{STATES[one.state]}</span>'
    return (
        "<tr>"
        + "".join(f"<td>{cell}</td>" for cell in (one.reference, escape(one.name), escape(one.post), state, why, act))
        + "</tr>"
    )
