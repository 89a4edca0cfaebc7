"""窗口: asking, the answer, its outcome, and printing."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from starlette.responses import PlainTextResponse, Response

from blacklist_service.access.duties import Duty
from blacklist_service.checks.explanations import REMEDY
from blacklist_service.checks.outcome_queries import Outcome, find_outcome
from blacklist_service.clock import legal_date, now
from blacklist_service.console.forms import Form, subject_of
from blacklist_service.console.home import (
    all_matters,
    kept_matters,
    matter_names,
    matter_names_on_paper,
    matter_options,
    waiting_checks,
)
from blacklist_service.console.limits import require_budget
from blacklist_service.console.pictures import qr_picture
from blacklist_service.console.proofs import shown_proof
from blacklist_service.console.routing import page
from blacklist_service.console.times import end_of_day, start_of_day
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.wording import TYPES_OF_KIND
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.watches.queries import Watch, find_watch
from blacklist_service.web.transactions import borrowed

FIELDS = {
    "/matter": "matter",
    "/reference": "reference",
    "/object": "object",
    "/subjects/0/name": "name",
    "/subjects/0/identifier/number": "number",
    "/subjects/0/identifier": "type",
    "/subjects/0/kind": "kind",
    "/subjects/0/role": "role",
}
SENTENCES = {
    "invalid-identifier": "证件号码有误，请对照证件核对",
    "blank": "不能为空",
    "missing": "不能为空",
    "string-too-short": "不能为空",
    "string-too-long": "内容过长",
    "subject-not-covered": "该办理事项的措施不涉及这一身份，请核对对象身份",
    "not-covered": "该办理事项的措施不涉及这一身份，请核对对象身份",
    "matter-not-allowed": "您无权核查该事项",
    "idempotency-key-reused": "该表单已提交过，请重新填写后核查",
}
WATCHED_DAYS = 180


@page("GET", "/checks/new", Duty.WINDOW)
async def ask_page(visit: Visit) -> Response:
    """`again` keeps matter, role and reference for the next person at the window."""
    kept = visit.unseal(visit.query.get("again", ""), "again") or {}
    return await _ask(visit, Form(dict(kept)))


async def undetermined(visit: Visit) -> Response:
    """Nothing is known, not even whether it is recorded: show the same form again, under the same key."""
    names = dict(matter_options(visit, kept_matters(visit)))
    form = visit.form
    return visit.show(
        "undetermined.html", status=503, typed=_typed(form), sent=form["once"], proof=form["token"], names=names
    )


@page("POST", "/checks/new", Duty.WINDOW, keeps=True, unanswered=undetermined)
async def ask(visit: Visit) -> Response:
    form = visit.form
    if form["edit"]:
        return await _ask(visit, Form(_typed(form)))
    form.require("matter", "请选择办理事项")
    form.require("reference", "请填写业务编号")
    form.require("name", "请填写姓名或名称")
    if form["kind"] not in TYPES_OF_KIND:
        form.faults["kind"] = "请选择自然人或法人"
    if form.is_faulty:
        return await _ask(visit, form, status=422)
    await require_budget(visit)
    reply = await visit.call("POST", "/v1/checks", body=_question(form), headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        form.take_problem(reply.json, FIELDS, SENTENCES)
        return await _ask(visit, form, status=422)
    return visit.go(f"/checks/{reply.json['check_id']}")


@page("GET", "/checks/{check_id}", Duty.WINDOW)
async def answer(visit: Visit) -> Response:
    return await show_answer(visit, Form())


@page("POST", "/checks/{check_id}/outcome", Duty.WINDOW, keeps=True)
async def say_outcome(visit: Visit) -> Response:
    """Record what the unit did; overriding a block needs a reason."""
    form, check_id = visit.form, visit.path["check_id"]
    if form["edit"]:
        return await show_answer(visit, form)
    if not form.given("action"):
        form.faults["action"] = "请选择办理结果"
        return await show_answer(visit, form, status=422)
    body = {"action": form["action"], "reason": form.given("reason"), "operator": visit.principal.operator}
    reply = await visit.call("PUT", f"/v1/checks/{check_id}/outcome", body=body)
    if not reply.is_ok:
        form.take_problem(reply.json, {"/action": "action", "/reason": "reason"}, OUTCOME_SENTENCES)
        return await show_answer(visit, form, status=422)
    return visit.go(f"/checks/{check_id}", said="1")


@page("GET", "/checks/{check_id}/explanation", Duty.WINDOW)
async def explanation(visit: Visit) -> Response:
    """For the person it is about. Opening it for printing is recorded."""
    check = await visit.read(f"/v1/checks/{visit.path['check_id']}")
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        entry = Entry(Action.EXPLANATION_PRINTED, visit.actor, check_id=check["check_id"])
        at = await database_clock(connection)
        await record(connection, [entry], at=at, secrecy=visit.state.secrecy)
    return visit.show(
        "explanation.html",
        check=check,
        matters=await matter_names_on_paper(visit),
        remedies=REMEDY,
        printed_on=legal_date(now()),
        picture=qr_picture(f"BLS1:{check['check_id']}", scale=3),
    )


@page("GET", "/checks/{check_id}/receipt", Duty.WINDOW)
async def receipt(visit: Visit) -> Response:
    check = await visit.read(f"/v1/checks/{visit.path['check_id']}")
    reply = await visit.call("GET", f"/v1/checks/{visit.path['check_id']}/receipt")
    proof = reply.text if reply.is_ok and reply.content else None
    if visit.query.get("file") and proof:
        headers = {"Content-Disposition": f'attachment; filename="receipt-{check["check_id"]}.txt"'}
        return PlainTextResponse(proof, headers=headers)
    if visit.query.get("leaf"):
        headers = {"Content-Disposition": f'attachment; filename="leaf-{check["check_id"]}.json"'}
        return Response(base64.b64decode(check["leaf"]), media_type="application/json", headers=headers)
    return visit.show(
        "receipt.html", check=check, proof=proof and shown_proof(proof), matters=await matter_names_on_paper(visit)
    )


@page("GET", "/checks/pending", Duty.WINDOW)
async def pending(visit: Visit) -> Response:
    """The unit's blocks and flags without an outcome, overdue ones first."""
    items, more = await waiting_checks(visit, FULL_PAGE, visit.query.get("cursor"))
    return visit.show("checks_pending.html", items=items, next=more, matters=await matter_names(visit))


@page("GET", "/checks", Duty.WINDOW)
async def own_checks(visit: Visit) -> Response:
    """The unit's own checks, newest first."""
    asked, matters = dict(visit.query), await matter_names(visit)
    wanted: dict[str, object] = {
        name: asked.get(name) for name in ("reference", "matter", "decision", "cursor") if asked.get(name)
    }
    wanted |= {"from": start_of_day(asked.get("from")), "to": end_of_day(asked.get("to")), "limit": FULL_PAGE}
    reply = await visit.call("GET", "/v1/checks", query=wanted)
    found = reply.json if reply.is_ok else {"items": [], "next": None}
    kept = {name: asked[name] for name in ("from", "to", "reference", "matter", "decision") if asked.get(name)}
    form = Form(asked, general=[] if reply.is_ok else ["查询条件有误"])
    return visit.show("checks.html", form=form, items=found["items"], next=found["next"], matters=matters, kept=kept)


OUTCOME_SENTENCES = {
    "missing": "结论为停止办理而准予的，必须写明理由",
}


async def _ask(visit: Visit, form: Form, *, status: int = 200) -> Response:
    """The form; its first select has the matters that this person may ask about."""
    allowed = visit.principal.matters
    matters = [one for one in await all_matters(visit) if one["matter"] in allowed]
    return visit.show(
        "ask.html",
        status=status,
        form=form,
        matters=matter_options(visit, matters),
        covered={str(one["matter"]): _covered(one) for one in matters},
        types=TYPES_OF_KIND,
    )


def _covered(matter: Mapping[str, Any]) -> dict[str, list[str]]:
    """The roles and kinds that the matter's measures cover; empty lists mean all."""
    return {"roles": list(matter.get("roles") or ()), "kinds": list(matter.get("kinds") or ())}


async def show_answer(visit: Visit, form: Form, *, status: int = 200) -> Response:
    """The answer, with the actions it allows.

    Whether there is an outcome or a watch is read from the database and not from the API: asking the API for a missing one
    would be recorded as a refused request of a clerk who only opened her page.
    """
    check = await visit.read(f"/v1/checks/{visit.path['check_id']}")
    async with borrowed(visit.state.pool) as connection:
        outcome, watch = await _outcome(connection, visit, check), await _watch(connection, visit, check)
    again = {"matter": check["matter"], "reference": check["reference"], "role": check["subjects"][0]["role"]}
    return visit.show(
        "answer.html",
        status=status,
        form=form,
        check=check,
        outcome=outcome,
        watch=watch,
        usual_until=(legal_date(now()) + timedelta(days=WATCHED_DAYS)).isoformat(),
        said=bool(visit.query.get("said")),
        matters=await matter_names(visit),
        again=visit.seal(again, "again"),
    )


async def _outcome(connection: Connection, visit: Visit, check: Mapping[str, Any]) -> Outcome | None:
    return await find_outcome(connection, UUID(check["check_id"]), secrecy=visit.state.secrecy)


async def _watch(connection: Connection, visit: Visit, check: Mapping[str, Any]) -> Watch | Literal[False] | None:
    """Whether its question is watched; False for a recheck, which belongs to a watch itself."""
    if orjson.loads(base64.b64decode(check["leaf"]))["action"] == Action.RECHECK:
        return False
    watch = await find_watch(connection, UUID(check["check_id"]), visit.principal.member)
    return watch if watch and watch.closed_at is None else None


def _typed(form: Form) -> dict[str, str]:
    names = ("matter", "role", "kind", "reference", "name", "type", "number", "object")
    return {name: form[name] for name in names}


def _question(form: Form) -> dict[str, Any]:
    question: dict[str, Any] = {
        "matter": form["matter"],
        "reference": form["reference"].strip(),
        "subjects": [{"role": form.given("role") or "applicant", **subject_of(form)}],
    }
    if form.given("object"):
        question["object"] = form.given("object")
    return question
