"""复核: proposals, read and decided by somebody other than their maker; and reviews of acts that took effect at once."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.court_forms import CONFLICTS, SENTENCES, take_refusal
from blacklist_service.console.court_words import PROPOSAL_STATES
from blacklist_service.console.forms import Form
from blacklist_service.console.home import matter_names
from blacklist_service.console.maker import counts_of, id_of
from blacklist_service.console.routing import page
from blacklist_service.console.stopped import stopped_matters
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.problems import NotFound

REVIEWS_SHOWN = 20
COURT = (Duty.MAKER, Duty.CHECKER)
DECIDERS = (Duty.CHECKER, Duty.SECURITY)
"""A court's acts are decided by its checkers; keys and catalogues by a second security officer."""
PAGE_OF_ACT = {
    "publish": "/listings/new?from={proposal_id}",
    "correct": "/listings/{listing_id}/correction?from={proposal_id}",
    "extend": "/listings/{listing_id}/extension?from={proposal_id}",
    "import": "/imports/{import_id}",
    "stop_notice": "/court/notices/new?from={proposal_id}",
    "resume": "/listings/{listing_id}/resumption?from={proposal_id}",
    "lift_contest": "/listings/{listing_id}/identity-contest-withdrawal?from={proposal_id}",
    "renew_notice": "/court/notices/{notice_id}?from={proposal_id}",
    "key": "/members",
    "catalogue": "/measures",
}
"""Where a returned proposal is corrected."""
DECISION_FIELDS = {"/identifier_number": "number", "/reason": "reason", "/note": "note", "/finding": "finding"}
DECISION_SENTENCES = {
    "proposal-stale": "该信息在提交之后已有变动，须由经办人员重新核对后再提交",
    "own-work": "不能复核本人经办的事项",
    "missing": "请填写",
    "invalid-identifier": "您录入的不是有效的证件号码，请对照纸质材料重新录入",
}

CLOSED = {
    "The proposal does not wait": "该事项已经办结，或已超过七天",
    "Whoever made this proposal": "提交人已离任或其密钥已停用，该事项不能再生效：请退回，由其他经办人员重新提交",
}


@page("GET", "/proposals", Duty.MAKER, *DECIDERS)
async def proposals(visit: Visit) -> Response:
    """A checker starts with others' proposals; a maker with their own."""
    by = visit.query.get("by") or ("others" if visit.has(*DECIDERS) else "me")
    by = by if by in {"me", "others"} else "me"
    state = visit.chosen("state", PROPOSAL_STATES, unsaid="waiting" if by == "others" else "")
    found = await visit.read("/v1/proposals", by=by, state=state, limit=FULL_PAGE, cursor=visit.query.get("cursor"))
    return visit.show(
        "court/proposals.html",
        form=Form({"by": by, "state": state}),
        items=found["items"],
        next=found["next"],
        counts=await counts_of(visit),
    )


@page("GET", "/proposals/{proposal_id}", Duty.MAKER, *DECIDERS)
async def proposal(visit: Visit) -> Response:
    return await _proposal(visit, Form())


@page("POST", "/proposals/{proposal_id}/approval", *DECIDERS)
async def approve(visit: Visit) -> Response:
    """The number is typed from the document, not read from the screen; the second factor identifies the person."""
    form = visit.form
    seen = await visit.read(_path(visit))
    if seen["needs_number"]:
        form.require("number", "请对照纸质材料录入证件号码")
    if form.is_faulty or not await visit.is_proved():
        return await _proposal(visit, form, status=422 if "number" in form.faults else 403)
    body = {"sha256": form["sha256"], "identifier_number": form.given("number")}
    headers = {"Idempotency-Key": form["once"]}
    reply = await visit.call("POST", f"{_path(visit)}/approval", body=body, headers=headers)
    if not reply.is_ok:
        return await _refused(visit, form, reply.json, reply.status)
    if reply.json["key"]:
        return visit.show("court/key.html", proposal=reply.json)
    done = "approved" if reply.json["state"] == "in_force" else ""
    return visit.go(f"/proposals/{id_of(visit, 'proposal_id')}", **({"done": done} if done else {}))


@page("POST", "/proposals/{proposal_id}/return", *DECIDERS)
async def give_back(visit: Visit) -> Response:
    form = visit.form
    form.require("reason", "请写明退回理由")
    if form.is_faulty:
        return await _proposal(visit, form, status=422)
    body, headers = {"reason": form["reason"].strip()}, {"Idempotency-Key": form["once"]}
    reply = await visit.call("POST", f"{_path(visit)}/return", body=body, headers=headers)
    if not reply.is_ok:
        return await _refused(visit, form, reply.json, reply.status)
    return visit.go(f"/proposals/{id_of(visit, 'proposal_id')}")


@page("POST", "/proposals/{proposal_id}/recall", Duty.MAKER, Duty.SECURITY)
async def recall(visit: Visit) -> Response:
    reply = await visit.call("POST", f"{_path(visit)}/recall", body={})
    if not reply.is_ok:
        return await _refused(visit, visit.form, reply.json, reply.status)
    return visit.go(f"/proposals/{id_of(visit, 'proposal_id')}")


@page("GET", "/reviews", Duty.CHECKER)
async def reviews(visit: Visit) -> Response:
    return await _reviews(visit, Form())


@page("POST", "/reviews/{review_id}", Duty.CHECKER)
async def review(visit: Visit) -> Response:
    form = visit.form
    form.require("finding", "请选择复核结果")
    if form["finding"] == "not_in_order":
        form.require("note", "存在问题的，请写明是什么问题")
    if form.is_faulty:
        return await _reviews(visit, form, status=422)
    body = {"finding": form["finding"]} | ({"note": form["note"].strip()} if form.given("note") else {})
    path = f"/v1/reviews/{id_of(visit, 'review_id')}"
    reply = await visit.call("POST", path, body=body, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        form.take_problem(reply.json, DECISION_FIELDS, DECISION_SENTENCES | {"conflict": "该事项已由其他人员复核"})
        return await _reviews(visit, form, status=reply.status)
    return visit.go("/reviews", done="1")


async def _proposal(visit: Visit, form: Form, *, status: int = 200) -> Response:
    found = await visit.read(_path(visit))
    listing = await _find(visit, "/v1/listings", found["listing_id"])
    load = await _find(visit, "/v1/imports", found["import_id"])
    return visit.show(
        "court/proposal.html",
        status=status,
        form=form,
        proposal=found,
        listing=listing,
        load=load,
        stopped=await stopped_matters(visit, found["content"]) if found["act"] == "stop_notice" else None,
        matters=await matter_names(visit) if visit.has(Duty.SECURITY) else {},
        mend=PAGE_OF_ACT[found["act"]].format(**found),
        done=visit.query.get("done", ""),
    )


async def _reviews(visit: Visit, form: Form, *, status: int = 200) -> Response:
    state = "done" if visit.query.get("state") == "done" else "open"
    found = await visit.read("/v1/reviews", state=state, limit=REVIEWS_SHOWN, cursor=visit.query.get("cursor"))
    for one in found["items"]:
        one["listing"] = await _find(visit, "/v1/listings", one["listing_id"])
        one["step"] = await _step_of(visit, one)
    return visit.show(
        "court/reviews.html",
        status=status,
        form=form,
        state=state,
        items=found["items"],
        next=found["next"],
        open_id=visit.path.get("review_id"),
    )


async def _step_of(visit: Visit, owed: Mapping[str, Any]) -> Any:
    """The step of the listing's history that is reviewed: its ground and reason."""
    if owed["listing_id"] is None:
        return None
    history = (await visit.read(f"/v1/listings/{owed['listing_id']}/history"))["items"]
    return next((one for one in history if one["version"] == owed["version"]), None)


async def _refused(visit: Visit, form: Form, problem: Mapping[str, Any], status: int) -> Response:
    """A refusal of the act itself is worded as for the maker."""
    is_known = problem["code"] in DECISION_SENTENCES or problem.get("errors")
    if is_known:
        form.take_problem(problem, DECISION_FIELDS, SENTENCES | DECISION_SENTENCES)
    elif said := next((said for start, said in CLOSED.items() if problem["title"].startswith(start)), None):
        form.general.append(said)
    elif any(problem["title"].startswith(start) for start in CONFLICTS):
        take_refusal(form, problem)
    else:
        form.general.append(SENTENCES.get(problem["code"], problem["detail"]))
    form.values.pop("number", None)  # typed without seeing it: not shown again
    return await _proposal(visit, form, status=status)


async def _find(visit: Visit, path: str, id_: str | None) -> Any:
    if id_ is None:
        return None
    try:
        reply = await visit.call("GET", f"{path}/{id_}")
    except NotFound:
        return None
    return reply.json if reply.is_ok else None


def _path(visit: Visit) -> str:
    return f"/v1/proposals/{id_of(visit, 'proposal_id')}"
