"""审计: searching the ledger, one entry with its proof, unmasking, past answers, exports, verifying."""

import asyncio
import base64
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from operator import ge, lt
from typing import Any, NamedTuple

from starlette.datastructures import UploadFile
from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.audit import verify_bundle
from blacklist_service.audit.filters import FILTERS, Filter
from blacklist_service.console import wording
from blacklist_service.console.forms import Form, subject_of
from blacklist_service.console.home import all_matters, matter_names, matter_options, unit_names
from blacklist_service.console.proofs import verify_receipt
from blacklist_service.console.routing import page
from blacklist_service.console.times import end_of_day, instant, start_of_day
from blacklist_service.console.visits import Forwarded, Visit
from blacklist_service.console.wording import TYPES_OF_KIND
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.queries import database_clock
from blacklist_service.web.transactions import borrowed, snapshot

FULL_PAGE = 50
SHOWN_FILTERS = tuple(one for one in FILTERS if one.name in wording.FILTERS)
EXPORT_FILTERS = tuple(one for one in SHOWN_FILTERS if one.name in verify_bundle.ON_LEAF)
"""The filters for which an export proves that no row is missing."""
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
MOST_BUNDLE_BYTES = 512 * 1024 * 1024


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


@page("GET", "/exports", Duty.AUDITOR)
async def exports(visit: Visit) -> Response:
    return await _exports(visit, Form())


@page("POST", "/exports", Duty.AUDITOR)
async def ask_export(visit: Visit) -> Response:
    form = visit.form
    if not await visit.is_proved():
        return await _exports(visit, form, status=403)
    body = _filters(form) | {"format": form.given("format") or "jsonl"}
    reply = await visit.call("POST", "/v1/audit/exports", body=body, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        form.take_problem(reply.json, {"/from": "from", "/to": "to"}, SENTENCES)
        return await _exports(visit, form, status=422)
    return visit.go(f"/exports/{reply.json['export_id']}")


@page("GET", "/exports/{export_id}", Duty.AUDITOR)
async def export(visit: Visit) -> Response:
    found = await visit.read(f"/v1/audit/exports/{visit.path['export_id']}")
    return visit.show("export.html", export=found)


@page("GET", "/exports/{export_id}/state", Duty.AUDITOR, is_background=True)
async def export_state(visit: Visit) -> Response:
    """For the progress bar: the script requests it every two seconds."""
    found = await visit.call("GET", f"/v1/audit/exports/{visit.path['export_id']}")
    return Response(found.content, found.status, media_type="application/json")


@page("GET", "/exports/{export_id}/bundle", Duty.AUDITOR)
async def bundle(visit: Visit) -> Response:
    return Forwarded(visit, f"/v1/audit/exports/{visit.path['export_id']}/bundle")


@page("GET", "/verify", Duty.AUDITOR)
async def verify_page(visit: Visit) -> Response:
    return visit.show("verify.html", result=None, vkey=await _vkey(visit))


@page("POST", "/verify", Duty.AUDITOR, takes_upload=True)
async def verify(visit: Visit) -> Response:
    """Verify a bundle, or a receipt with its leaf, by the key in the form, not by the one in the file."""
    form, upload = visit.form, visit.uploads.get("file")
    vkey = form.given("vkey") or await _vkey(visit)
    if not isinstance(upload, UploadFile) or not upload.filename:
        form.faults["file"] = "请选择文件"
        return visit.show("verify.html", status=422, result=None, vkey=vkey)
    if upload.filename.endswith(".zip"):
        result = await _verify_bundle(upload, vkey)
    else:
        result = verify_receipt((await upload.read(1 << 20)).decode("utf-8", "replace"), _leaf(form), vkey)
    ended = await _ended(visit, result["origin"]) if result["is_proved"] else None
    return visit.show("verify.html", result=result | {"ended": ended}, vkey=vkey, name=upload.filename)


def _leaf(form: Form) -> str:
    """The leaf in base64, as the API returns it; or as in the file of the entry, which is JSON on one line."""
    given = form["leaf"].strip()
    return base64.b64encode(given.encode()).decode() if given.startswith("{") else given


async def _entries(
    visit: Visit, form: Form, cursor: str | None, *, status: int = 200, is_refused: bool = False
) -> Response:
    body = _filters(form) | {"limit": FULL_PAGE}
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
        filters=await _filter_fields(visit, SHOWN_FILTERS),
    )


async def _entry(visit: Visit, form: Form, *, status: int = 200, unmasked: Any = None) -> Response:
    """One entry with its leaf, and its proof against a checkpoint."""
    entry = await visit.read(f"/v1/audit/entries/{visit.path['entry_id']}")
    vkey = await _vkey(visit)
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


async def _exports(visit: Visit, form: Form, *, status: int = 200) -> Response:
    async with snapshot(visit.state.pool) as connection:
        rows = await connection.fetch(
            "SELECT id, state, format, queued_at, finished_at, rows, bytes FROM exports WHERE key_id = $1"
            " ORDER BY queued_at DESC LIMIT 20",
            visit.principal.key_id,
        )
    filters = await _filter_fields(visit, EXPORT_FILTERS)
    return visit.show("exports.html", status=status, form=form, rows=rows, filters=filters)


class FilterField(NamedTuple):
    """A filter as a form shows it: its label, and the options to choose from unless it is typed."""

    name: str
    label: str
    choices: Mapping[str, str] | None
    longest: int | None
    is_day: bool
    is_past: bool


async def _filter_fields(visit: Visit, filters: Iterable[Filter]) -> list[FilterField]:
    known = {"agency": await unit_names(visit), "matter": await matter_names(visit)}
    return [
        FilterField(
            one.name,
            wording.FILTERS[one.name].label,
            known.get(one.name, wording.FILTERS[one.name].choices),
            one.longest,
            is_day=one.type is datetime,
            is_past=one.type is Action,
        )
        for one in filters
    ]


def _filters(form: Form) -> dict[str, Any]:
    """The filters in the form, for a search or an export; a chosen day becomes an instant."""
    midnights = {ge: start_of_day, lt: end_of_day}
    given: dict[str, Any] = {}
    for one in SHOWN_FILTERS:
        value = form.given(one.name)
        given[one.name] = midnights[one.compares.comparison](value) if one.type is datetime else value
    return {name: value for name, value in given.items() if value}


async def _vkey(visit: Visit) -> str:
    reply = await visit.find("/v1/ledger/vkey")
    return reply.text if reply else ""


async def _ended(visit: Visit, log: str) -> Any:
    """The log that succeeded the one of a proof, if an officer ended that log after a restore."""
    reply = await visit.find("/v1/ledger/keys")
    return next((one for one in reply.json["ended"] if one["log"] == log), None) if reply else None


async def _verify_bundle(upload: UploadFile, vkey: str) -> dict[str, Any]:
    """In a thread; the uploaded file is deleted with the request."""
    try:
        proved = await asyncio.to_thread(verify_bundle.verify, upload.file, vkey)
    except verify_bundle.Doubt as doubt:
        return {"is_proved": False, "sentence": str(doubt)}
    return {"is_proved": True, "rows": proved.get("rows"), "origin": proved["log"], "details": proved}
