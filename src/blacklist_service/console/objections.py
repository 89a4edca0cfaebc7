"""经办: objections (异议): registered, decided within 15 days, and what follows."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.clock import legal_date, now
from blacklist_service.console.court_forms import SENTENCES, take_refusal
from blacklist_service.console.forms import Form
from blacklist_service.console.home import addressee_names
from blacklist_service.console.maker import id_of
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.listings.queries import find_case_numbers
from blacklist_service.problems import NotFound
from blacklist_service.web.transactions import borrowed

LABELS = {
    "grounds": "异议事由",
    "received_on": "收到日期",
    "text": "异议内容",
    "result": "决定",
    "decided_on": "决定日期",
    "reason": "理由",
    "filed_on": "申请复议日期",
}
POINTERS = {f"/{name}": name for name in LABELS}
OBJECTION_SENTENCES = {
    "too-early": "不能早于收到日期",
    "too-late": "复议须在驳回后十日内提出",
    "in-future": "不能晚于今天",
}


@page("GET", "/objections", Duty.MAKER)
async def objections(visit: Visit) -> Response:
    found = await visit.read("/v1/objections", cursor=visit.query.get("cursor"), limit=FULL_PAGE)
    async with borrowed(visit.state.pool) as connection:
        cases = await find_case_numbers(connection, [UUID(one["listing_id"]) for one in found["items"]])
    numbers = {str(listing_id): number for listing_id, number in cases.items()}
    return visit.show("court/objections.html", items=found["items"], next=found["next"], cases=numbers)


@page("GET", "/objections/new", Duty.MAKER)
async def new_page(visit: Visit) -> Response:
    return await _new(visit, Form({"listing": visit.query.get("listing", "")}))


@page("POST", "/objections/new", Duty.MAKER, keeps=True)
async def new(visit: Visit) -> Response:
    form = visit.form
    if form["edit"]:
        return await _new(visit, form)
    form.require("grounds", "请选择异议事由")
    form.require("received_on", "请填写收到日期")
    if form.is_faulty:
        return await _new(visit, form, status=422)
    body = {
        "listing_id": form["listing"],
        "received_on": form["received_on"],
        "grounds": form["grounds"],
        "text": form["text"],
    }
    reply = await visit.call("POST", "/v1/objections", body=body, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        _take(form, reply.json)
        return await _new(visit, form, status=reply.status if reply.status in {403, 409} else 422)
    return visit.go(f"/objections/{reply.json['objection_id']}", done="1")


@page("GET", "/objections/{objection_id}", Duty.MAKER)
async def objection(visit: Visit) -> Response:
    return await _objection(visit, Form())


@page("POST", "/objections/{objection_id}/decision", Duty.MAKER, keeps=True)
async def decide(visit: Visit) -> Response:
    form = visit.form
    if form["edit"]:
        return await _objection(visit, form)
    form.require("result", "请选择决定")
    form.require("decided_on", "请填写决定日期")
    form.require("reason", "请写明理由")
    if form.is_faulty:
        return await _objection(visit, form, status=422)
    body = {"result": form["result"], "decided_on": form["decided_on"], "reason": form["reason"].strip()}
    return await _act(visit, "decision", body)


@page("POST", "/objections/{objection_id}/reconsideration", Duty.MAKER)
async def reconsider(visit: Visit) -> Response:
    form = visit.form
    form.require("filed_on", "请填写申请复议日期")
    if form.is_faulty:
        return await _objection(visit, form, status=422)
    return await _act(visit, "reconsideration", {"filed_on": form["filed_on"]})


async def _act(visit: Visit, step: str, body: dict[str, Any]) -> Response:
    path = f"/v1/objections/{id_of(visit, 'objection_id')}/{step}"
    reply = await visit.call("POST", path, body=body, headers={"Idempotency-Key": visit.form["once"]})
    if not reply.is_ok:
        _take(visit.form, reply.json)
        return await _objection(visit, visit.form, status=reply.status if reply.status in {403, 409} else 422)
    return visit.go(f"/objections/{id_of(visit, 'objection_id')}", done="1")


def _take(form: Form, problem: Any) -> None:
    if problem.get("errors"):
        form.take_problem(problem, POINTERS, SENTENCES | OBJECTION_SENTENCES)
    elif problem["title"].startswith("The objection is not in a state"):
        form.general.append("该异议的状态不能办理此项")
    else:
        take_refusal(form, problem, pointers={})


async def _new(visit: Visit, form: Form, *, status: int = 200) -> Response:
    try:
        listing = await visit.read(f"/v1/listings/{UUID(form['listing'])}")
    except ValueError:
        raise NotFound from None
    today = legal_date(now()).isoformat()
    return visit.show(
        "court/objection_form.html", status=status, form=form, listing=listing, labels=LABELS, today=today
    )


async def _objection(visit: Visit, form: Form, *, status: int = 200) -> Response:
    found = await visit.read(f"/v1/objections/{id_of(visit, 'objection_id')}")
    listing = await visit.read(f"/v1/listings/{found['listing_id']}")
    return visit.show(
        "court/objection.html",
        status=status,
        form=form,
        objection=found,
        listing=listing,
        labels=LABELS,
        units=await addressee_names(visit),
        today=legal_date(now()).isoformat(),
        done=visit.query.get("done", ""),
    )
