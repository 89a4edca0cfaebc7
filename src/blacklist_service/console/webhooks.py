"""推送: the addresses at which units are told. The security officer approves them; a unit's own people see the state of
theirs and have given-up events sent again.
"""

from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console import wording_webhooks
from blacklist_service.console.forms import Form
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.wording_webhooks import DELIVERY_STATES, WEBHOOK_STATES

SENTENCES = {
    "webhook-state": "该推送地址的状态已变，请按现在的状态办理",
    "webhook-target-not-allowed": "该地址不在系统管理员允许的范围内",
    "too-many-requests": "刚刚测试过，请稍后再试",
}


@page("GET", "/webhooks", Duty.SECURITY, Duty.WINDOW)
async def webhooks(visit: Visit) -> Response:
    """The unit's own, or for the officer those of all units; unless another state is requested, those that wait for approval
    first.
    """
    state = visit.chosen("state", WEBHOOK_STATES)
    found = await visit.read("/v1/webhooks", state=state, cursor=visit.query.get("cursor"), limit=FULL_PAGE)
    items = sorted(found["items"], key=lambda one: one["state"] != "awaiting_approval")
    kept = {"state": state} if state else {}
    return visit.show(
        "webhooks.html", form=Form({"state": state}), items=items, next=found["next"], kept=kept, hooks=wording_webhooks
    )


@page("GET", "/webhooks/{webhook_id}", Duty.SECURITY, Duty.WINDOW)
async def webhook(visit: Visit) -> Response:
    return await _webhook(visit, Form(dict(visit.query)))


@page("POST", "/webhooks/{webhook_id}/approval", Duty.SECURITY)
async def approve(visit: Visit) -> Response:
    """Needs the second factor: from then on the service connects to the address."""
    return await _act(visit, "approval", {}, is_proof_needed=True)


@page("POST", "/webhooks/{webhook_id}/closure", Duty.SECURITY)
async def close(visit: Visit) -> Response:
    """For good. Needs the second factor."""
    return await _act(visit, "closure", {}, is_proof_needed=True)


@page("POST", "/webhooks/{webhook_id}/test", Duty.SECURITY, Duty.WINDOW)
async def test(visit: Visit) -> Response:
    return await _act(visit, "test", {})


@page("POST", "/webhooks/{webhook_id}/replay", Duty.SECURITY, Duty.WINDOW)
async def replay(visit: Visit) -> Response:
    """Send given-up events again."""
    return await _act(visit, "replay", {"from": "dead"})


async def _act(visit: Visit, act: str, body: dict[str, Any], *, is_proof_needed: bool = False) -> Response:
    if is_proof_needed and not await visit.is_proved():
        return await _webhook(visit, visit.form, status=403)
    path = f"/v1/webhooks/{visit.path['webhook_id']}/{act}"
    body |= {"operator": visit.principal.operator}
    headers = {"Idempotency-Key": visit.form["once"]} if visit.form["once"] else {}
    reply = await visit.call("POST", path, body=body, headers=headers)
    if not reply.is_ok:
        visit.form.take_problem(reply.json, {}, SENTENCES)
        return await _webhook(visit, visit.form, status=reply.status)
    return visit.go(f"/webhooks/{visit.path['webhook_id']}", done=act)


async def _webhook(visit: Visit, form: Form, *, status: int = 200) -> Response:
    path = f"/v1/webhooks/{visit.path['webhook_id']}"
    found = await visit.read(path)
    state = visit.chosen("state", DELIVERY_STATES)
    deliveries = await visit.read(f"{path}/deliveries", state=state, limit=FULL_PAGE)
    form.values["state"] = state
    return visit.show(
        "webhook.html",
        status=status,
        form=form,
        hook=found,
        deliveries=deliveries["items"],
        hooks=wording_webhooks,
        done=visit.query.get("done", ""),
    )
