"""安全: acts that need two security officers, if the service is so configured: one proposes a key or a catalogue, another
approves it. Nobody approves their own proposals.
"""

from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.calls import Reply
from blacklist_service.console.forms import Form
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit

SECOND_NEEDED = "second-person-needed"
SENTENCES = {
    "own-work": "不能复核本人提交的事项",
    "proposal-stale": "提交之后目录已有变动，须重新提交",
    "missing": "请填写",
}


def needs_second_officer(reply: Reply) -> bool:
    """Whether the act must be proposed instead."""
    return not reply.is_ok and reply.json.get("code") == SECOND_NEEDED


async def propose(visit: Visit, body: dict[str, Any]) -> Response:
    """Let it wait for another officer."""
    reply = await visit.call("POST", "/v1/proposals", body=body, headers={"Idempotency-Key": visit.form["once"]})
    if not reply.is_ok:
        form = Form()
        form.take_problem(reply.json, {}, SENTENCES)
        return await _proposals(visit, form, status=reply.status)
    return visit.go(f"/officer-proposals/{reply.json['proposal_id']}", done="proposed")


@page("GET", "/officer-proposals", Duty.SECURITY)
async def proposals(visit: Visit) -> Response:
    return await _proposals(visit, Form())


@page("GET", "/officer-proposals/{proposal}", Duty.SECURITY)
async def proposal(visit: Visit) -> Response:
    return await _proposal(visit, Form())


@page("POST", "/officer-proposals/{proposal}/approval", Duty.SECURITY)
async def approve(visit: Visit) -> Response:
    """Approve exactly what was read, by its digest. Needs the second factor; a key is shown on this page and nowhere else."""
    form = visit.form
    if not await visit.is_proved():
        return await _proposal(visit, form, status=403)
    path = f"/v1/proposals/{visit.path['proposal']}/approval"
    headers = {"Idempotency-Key": form["once"]}
    reply = await visit.call("POST", path, body={"sha256": form["sha256"]}, headers=headers)
    if not reply.is_ok:
        form.take_problem(reply.json, {}, SENTENCES)
        return await _proposal(visit, form, status=reply.status)
    done = reply.json
    if done["act"] == "key":
        made = {"key": done.get("key"), "key_id": done["outcome"]["key_id"]}
        return visit.show("member_key.html", status=201, code=done["content"].get("member", ""), made=made)
    return visit.go(f"/officer-proposals/{visit.path['proposal']}", done="approved")


@page("POST", "/officer-proposals/{proposal}/return", Duty.SECURITY)
async def give_back(visit: Visit) -> Response:
    form = visit.form
    form.require("reason", "请写明退回理由")
    if form.is_faulty:
        return await _proposal(visit, form, status=422)
    return await _decide(visit, "return", {"reason": form["reason"].strip()})


@page("POST", "/officer-proposals/{proposal}/recall", Duty.SECURITY)
async def recall(visit: Visit) -> Response:
    return await _decide(visit, "recall", {})


async def _decide(visit: Visit, act: str, body: dict[str, Any]) -> Response:
    path = f"/v1/proposals/{visit.path['proposal']}/{act}"
    reply = await visit.call("POST", path, body=body, headers={"Idempotency-Key": visit.form["once"]})
    if not reply.is_ok:
        visit.form.take_problem(reply.json, {"/reason": "reason"}, SENTENCES)
        return await _proposal(visit, visit.form, status=reply.status)
    return visit.go(f"/officer-proposals/{visit.path['proposal']}", done=act)


async def _proposals(visit: Visit, form: Form, *, status: int = 200) -> Response:
    found = await visit.read("/v1/proposals", limit=FULL_PAGE, cursor=visit.query.get("cursor"))
    items, further = found["items"], found["next"]
    return visit.show("officer_proposals.html", status=status, form=form, items=items, next=further)


async def _proposal(visit: Visit, form: Form, *, status: int = 200) -> Response:
    found = await visit.read(f"/v1/proposals/{visit.path['proposal']}")
    done = visit.query.get("done", "")
    return visit.show("officer_proposal.html", status=status, form=form, found=found, done=done)
