"""窗口: notices to the unit, its acknowledgement and its reply (协助执行通知)."""

from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.forms import Form
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Forwarded, Visit
from blacklist_service.console.wording import NOTICE_STATES


@page("GET", "/notices", Duty.WINDOW)
async def notices(visit: Visit) -> Response:
    state = visit.chosen("state", NOTICE_STATES)
    found = await visit.read("/v1/notices", state=state, cursor=visit.query.get("cursor"), limit=FULL_PAGE)
    return visit.show("notices.html", form=Form({"state": state}), items=found["items"], next=found["next"])


@page("GET", "/notices/stream", Duty.WINDOW, is_background=True)
async def stream(visit: Visit) -> Response:
    """For the count on the home page: a notice appears within two seconds. `after` is the version that the page shows."""
    after = visit.request.headers.get("last-event-id") or visit.query.get("after", "")
    return Forwarded(visit, "/v1/notices/stream", {"last-event-id": after})


@page("GET", "/notices/{notice_id}", Duty.WINDOW)
async def notice(visit: Visit) -> Response:
    return await _notice(visit, Form())


@page("POST", "/notices/{notice_id}/acknowledgement", Duty.WINDOW)
async def acknowledge(visit: Visit) -> Response:
    path = f"/v1/notices/{visit.path['notice_id']}/acknowledgement"
    return await _on_notice(visit, path, {"operator": visit.principal.operator})


@page("POST", "/notices/{notice_id}/reply", Duty.WINDOW, keeps=True)
async def reply_to_notice(visit: Visit) -> Response:
    form = visit.form
    if form["edit"]:
        return await _notice(visit, form)
    if not form.given("result"):
        form.faults["result"] = "请选择办理情况"
        return await _notice(visit, form, status=422)
    body = {"operator": visit.principal.operator, "result": form["result"], "text": form["text"]}
    return await _on_notice(visit, f"/v1/notices/{visit.path['notice_id']}/reply", body)


async def _notice(visit: Visit, form: Form, *, status: int = 200) -> Response:
    found = await visit.read(f"/v1/notices/{visit.path['notice_id']}")
    return visit.show("notice.html", status=status, form=form, notice=found)


async def _on_notice(visit: Visit, path: str, body: dict[str, Any]) -> Response:
    reply = await visit.call("POST", path, body=body, headers={"Idempotency-Key": visit.form["once"]})
    if not reply.is_ok:
        visit.form.take_problem(reply.json, {"/result": "result", "/text": "text"}, {"conflict": "该通知书已经办理过"})
        return await _notice(visit, visit.form, status=reply.status)
    return visit.go(f"/notices/{visit.path['notice_id']}", done="1")
