"""持续关注: the unit's watched questions, and the events it is told."""

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.forms import Form
from blacklist_service.console.home import matter_names, untold
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.window import show_answer
from blacklist_service.console.wording import WATCH_STATES

SENTENCES = {
    "range": "请选择今天起 400 天以内的日期",
    "date": "请选择今天起 400 天以内的日期",
    "check-too-old": "该核查时间较早，不能直接关注；请重新核查",
    "child-not-watched": "涉及未成年人的核查不予留存，不能持续关注",
    "too-many-requests": "本单位的持续关注已满，请先结束一部分",
    "matter-not-allowed": "您无权核查该事项",
}


@page("GET", "/watches", Duty.WINDOW)
async def watches(visit: Visit) -> Response:
    """The unit's watches, those of the newest checks first; and how many events nobody has acknowledged."""
    asked = dict(visit.query)
    state = visit.chosen("state", WATCH_STATES, unsaid="open")
    wanted = {"state": state, "reference": asked.get("reference"), "cursor": asked.get("cursor"), "limit": FULL_PAGE}
    reply = await visit.call("GET", "/v1/watches", query=wanted)
    found = reply.json if reply.is_ok else {"items": [], "next": None}
    form = Form(asked | {"state": state}, general=[] if reply.is_ok else ["查询条件有误"])
    kept = {name: form[name] for name in ("state", "reference") if form[name]}
    return visit.show(
        "watches.html",
        form=form,
        items=found["items"],
        next=found["next"],
        kept=kept,
        matters=await matter_names(visit),
        untold=await untold(visit, 1),
    )


@page("GET", "/watches/events", Duty.WINDOW)
async def events(visit: Visit) -> Response:
    """Changes since the unit's last acknowledgement."""
    found = await untold(visit, FULL_PAGE)
    return visit.show("watch_events.html", items=found["items"], more=found["more"], matters=await matter_names(visit))


@page("POST", "/watches/events/acknowledgement", Duty.WINDOW)
async def acknowledge(visit: Visit) -> Response:
    """Acknowledge the events that were shown, and no later ones."""
    through = visit.form["through"]
    if through.isascii() and through.isdigit() and len(through) < 19:
        body = {"through": int(through), "operator": visit.principal.operator}
        await visit.call("POST", "/v1/watch-events/acknowledgement", body=body)
    return visit.go("/watches/events")


@page("POST", "/checks/{check_id}/watch", Duty.WINDOW, keeps=True)
async def open_watch(visit: Visit) -> Response:
    form, check_id = visit.form, visit.path["check_id"]
    if form["edit"]:
        return await show_answer(visit, form)
    form.require("until", SENTENCES["date"])
    if form.is_faulty:
        return await show_answer(visit, form, status=422)
    body = {"check_ids": [check_id], "until": form["until"], "operator": visit.principal.operator}
    reply = await visit.call("POST", "/v1/watches", body=body, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        form.take_problem(reply.json, {"/until": "until", "/watch": "until", "/check_ids": "until"}, SENTENCES)
        return await show_answer(visit, form, status=422)
    return visit.go(f"/checks/{check_id}")


@page("POST", "/watches/{watch_id}/closure", Duty.WINDOW)
async def close_watch(visit: Visit) -> Response:
    watch_id = visit.path["watch_id"]
    await visit.call("POST", f"/v1/watches/{watch_id}/closure", body={"operator": visit.principal.operator})
    return visit.go("/watches")
