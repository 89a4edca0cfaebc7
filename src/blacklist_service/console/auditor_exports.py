"""审计: exports of the ledger, and verifying a bundle or a receipt."""

import asyncio
import base64
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.audit import verify_bundle
from blacklist_service.console.auditor import SENTENCES, vkey_of
from blacklist_service.console.filter_forms import EXPORT_FILTERS, filter_fields, filters_in
from blacklist_service.console.forms import Form
from blacklist_service.console.proofs import verify_receipt
from blacklist_service.console.routing import page
from blacklist_service.console.visits import Forwarded, Visit
from blacklist_service.web.transactions import snapshot


@page("GET", "/exports", Duty.AUDITOR)
async def exports(visit: Visit) -> Response:
    return await _exports(visit, Form())


@page("POST", "/exports", Duty.AUDITOR)
async def ask_export(visit: Visit) -> Response:
    form = visit.form
    if not await visit.is_proved():
        return await _exports(visit, form, status=403)
    body = filters_in(form) | {"format": form.given("format") or "jsonl"}
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
    return visit.show("verify.html", result=None, vkey=await vkey_of(visit))


@page("POST", "/verify", Duty.AUDITOR, takes_upload=True)
async def verify(visit: Visit) -> Response:
    """Verify a bundle, or a receipt with its leaf, by the key in the form, not by the one in the file."""
    form, upload = visit.form, visit.uploads.get("file")
    vkey = form.given("vkey") or await vkey_of(visit)
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


async def _exports(visit: Visit, form: Form, *, status: int = 200) -> Response:
    async with snapshot(visit.state.pool) as connection:
        rows = await connection.fetch(
            "SELECT id, state, format, queued_at, finished_at, rows, bytes FROM exports WHERE key_id = $1"
            " ORDER BY queued_at DESC LIMIT 20",
            visit.principal.key_id,
        )
    filters = await filter_fields(visit, EXPORT_FILTERS)
    return visit.show("exports.html", status=status, form=form, rows=rows, filters=filters)


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
