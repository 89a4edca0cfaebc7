"""审计: searching the ledger, one entry with its proof, unmasking, past answers."""

import base64
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.filter_forms import SHOWN_FILTERS, filter_fields, filters_in
from blacklist_service.console.forms import Form, subject_of
from blacklist_service.console.home import all_matters, matter_names, matter_options, unit_names
from blacklist_service.console.proofs import verify_receipt
from blacklist_service.console.routing import page
from blacklist_service.console.times import instant
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.wording import TYPES_OF_KIND
from blacklist_service.ledger.queries import database_clock
from blacklist_service.web.transactions import borrowed

SUBJECT_FIELDS = {
    "/subject/identifier/number": "number",
    "/subject/identifier": "type",
    "/subject/name": "name",
    "/subject/role": "role",
    "/at": "at",
    "/matter": "matter",
}
SENTENCES = {
    "invalid-identifier": "证件号码有误，请核对",
    "future": "时间不得晚于现在",
    "blank": "不能为空",
    "string-too-short": "不能为空",
}


@page("GET", "/entries", Duty.AUDITOR)
async def entries(visit: Visit) -> Response:
    """`q` is a search for a person, sealed: no name or number may be in a URL."""
    asked = visit.unseal(visit.query.get("q", ""), "search") or dict(visit.query)
    if not visit.query:
        return await _entries(visit, Form({}), None)
    form = Form({name: str(value) for name, value in asked.items()})
    if visit.query.get("q") and not asked.get("name"):
        return await _entries(visit, Form({}, general=["该查询已过期，请重新查询"]), None)
    return await _entries(visit, form, visit.query.get("cursor"))


@page("POST", "/entries", Duty.AUDITOR)
async def search(visit: Visit) -> Response:
    names = (*(one.name for one in SHOWN_FILTERS), "kind", "name", "type", "number")
    wanted = {name: visit.form.given(name) for name in names}
    given = {name: value for name, value in wanted.items() if value}
    if given.get("number") and not given.get("name"):
        visit.form.faults["name"] = "按号码查询也要填写姓名或名称"
        return await _entries(visit, visit.form, None, status=422, is_refused=True)
    if not given.get("name"):
        for name in ("kind", "type", "number"):
            given.pop(name, None)
        return visit.go("/entries", **(given or {"action": ""}))
    return visit.go("/entries", q=visit.seal(given, "search"))


@page("GET", "/entries/{entry_id}", Duty.AUDITOR)
async def entry(visit: Visit) -> Response:
    return await _entry(visit, Form())


@page("POST", "/entries/{entry_id}/unmasking", Duty.AUDITOR)
async def unmask(visit: Visit) -> Response:
    """Show who is behind the masks: needs a reason and the second factor; shown for a minute, and itself recorded."""
    form = visit.form
    form.require("reason", "请写明揭示身份的理由")
    if form.is_faulty:
        return await _entry(visit, form, status=422)
    if not await visit.is_proved():
        return await _entry(visit, form, status=403)
    body = {"reason": form["reason"].strip(), "operator": visit.principal.operator}
    reply = await visit.call("POST", f"/v1/audit/entries/{visit.path['entry_id']}/unmasking", body=body)
    if not reply.is_ok:
        form.take_problem(reply.json, {"/reason": "reason"}, SENTENCES)
        return await _entry(visit, form, status=422)
    return await _entry(visit, Form(), unmasked=reply.json)


@page("GET", "/as-of", Duty.AUDITOR)
async def as_of_page(visit: Visit) -> Response:
    return await _as_of(visit, Form())


@page("POST", "/as-of", Duty.AUDITOR)
async def as_of(visit: Visit) -> Response:
    """The past answer and today's, side by side."""
    form = visit.form
    form.require("matter", "请选择办理事项")
    form.require("name", "请填写姓名或名称")
    form.require("at", "请填写时间")
    at = instant(form["at"])
    if form.given("at") and at is None:
        form.faults["at"] = "请按 2026-04-26 08:41 的形式填写北京时间"
    if form.is_faulty:
        return await _as_of(visit, form, status=422)
    body = {"matter": form["matter"], "subject": subject_of(form), "at": at}
    then = await visit.call("POST", "/v1/audit/as-of", body=body)
    if not then.is_ok:
        form.take_problem(then.json, SUBJECT_FIELDS, SENTENCES)
        return await _as_of(visit, form, status=422)
    async with borrowed(visit.state.pool) as connection:
        just_now = await database_clock(connection) - timedelta(milliseconds=1)
    present = await visit.call("POST", "/v1/audit/as-of", body=body | {"at": just_now.isoformat()})
    return await _as_of(visit, form, then=then.json, present=present.json if present.is_ok else None)


async def _entries(
    visit: Visit, form: Form, cursor: str | None, *, status: int = 200, is_refused: bool = False
) -> Response:
    body = filters_in(form) | {"limit": FULL_PAGE}
    if cursor:
        body["cursor"] = cursor
    if form.given("name"):
        body["subject"] = subject_of(form)
    found: dict[str, Any] = {"items": [], "next": None}
    if not is_refused:
        reply = await visit.call("POST", "/v1/audit/entries/search", body=body)
        if reply.is_ok:
            found = reply.json
        else:
            form.take_problem(reply.json, SUBJECT_FIELDS, SENTENCES)
            status = 422
    kept = {one.name: form[one.name] for one in SHOWN_FILTERS if form.given(one.name)}
    if visit.query.get("q"):
        kept = {"q": visit.query["q"]}
    return visit.show(
        "entries.html",
        status=status,
        form=form,
        items=found["items"],
        next=found["next"],
        kept=kept,
        types=TYPES_OF_KIND,
        units=await unit_names(visit),
        filters=await filter_fields(visit, SHOWN_FILTERS),
    )


async def _entry(visit: Visit, form: Form, *, status: int = 200, unmasked: Any = None) -> Response:
    """One entry with its leaf, and its proof against a checkpoint."""
    entry = await visit.read(f"/v1/audit/entries/{visit.path['entry_id']}")
    vkey = await vkey_of(visit)
    receipt = entry["receipt"]
    return visit.show(
        "entry.html",
        status=status,
        form=form,
        entry=entry,
        leaf_text=base64.b64decode(entry["leaf"]).decode("utf-8", "replace"),
        verdict=verify_receipt(receipt, entry["leaf"], vkey) if receipt else None,
        vkey=vkey,
        unmasked=unmasked,
        matters=await matter_names(visit),
        units=await unit_names(visit),
    )


async def _as_of(visit: Visit, form: Form, *, status: int = 200, then: Any = None, present: Any = None) -> Response:
    matters = matter_options(visit, await all_matters(visit))
    return visit.show(
        "as_of.html", status=status, form=form, matters=matters, then=then, present=present, types=TYPES_OF_KIND
    )


async def vkey_of(visit: Visit) -> str:
    reply = await visit.find("/v1/ledger/vkey")
    return reply.text if reply else ""
