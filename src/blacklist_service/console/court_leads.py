"""经办: leads from units and what the court does about them (线索)."""

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.court_notices import NOTICE_LABELS, take_fault
from blacklist_service.console.court_words import LEAD_STATES
from blacklist_service.console.forms import Form
from blacklist_service.console.home import addressee_names
from blacklist_service.console.maker import id_of
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Forwarded, Visit


@page("GET", "/leads", Duty.MAKER)
async def leads(visit: Visit) -> Response:
    state = visit.chosen("state", LEAD_STATES)
    found = await visit.read("/v1/leads", state=state, cursor=visit.query.get("cursor"), limit=FULL_PAGE)
    return visit.show(
        "court/leads.html",
        form=Form({"state": state}),
        items=found["items"],
        next=found["next"],
        units=await addressee_names(visit),
    )


@page("GET", "/leads/{lead_id}", Duty.MAKER)
async def lead(visit: Visit) -> Response:
    return await _lead(visit, Form())


@page("POST", "/leads/{lead_id}/{step}", Duty.MAKER)
async def act_on_lead(visit: Visit) -> Response:
    """Follow it up, or close it with a remark."""
    form, step = visit.form, visit.path["step"]
    if step == "closure":
        form.require("word", "请写明办理情况")
    if form.is_faulty or step not in {"taking-up", "closure"}:
        return await _lead(visit, form, status=422)
    body = {"word": form["word"].strip()} if form.given("word") else {}
    path = f"/v1/leads/{id_of(visit, 'lead_id')}/{step}"
    reply = await visit.call("POST", path, body=body, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        take_fault(form, reply.json, "")
        return await _lead(visit, form, status=reply.status)
    return visit.go(f"/leads/{id_of(visit, 'lead_id')}", done="1")


@page("GET", "/leads/{lead_id}/attachments/{attachment_id}", Duty.MAKER)
async def lead_file(visit: Visit) -> Response:
    return Forwarded(visit, f"/v1/leads/{id_of(visit, 'lead_id')}/attachments/{id_of(visit, 'attachment_id')}")


async def _lead(visit: Visit, form: Form, *, status: int = 200) -> Response:
    path = f"/v1/leads/{id_of(visit, 'lead_id')}"
    return visit.show(
        "court/lead.html",
        status=status,
        form=form,
        lead=await visit.read(path),
        files=(await visit.read(f"{path}/attachments"))["items"],
        units=await addressee_names(visit),
        labels=NOTICE_LABELS,
        done=visit.query.get("done", ""),
    )
