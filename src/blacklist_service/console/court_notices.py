"""经办: notices to units and their replies, with files (协助执行通知)."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.assistance.rules import DECIDING
from blacklist_service.clock import SHANGHAI
from blacklist_service.console.court_forms import SENTENCES, take_refusal
from blacklist_service.console.forms import Form
from blacklist_service.console.home import addressee_names
from blacklist_service.console.maker import NOT_KEPT, given_of, id_of, needs_two
from blacklist_service.console.routing import page
from blacklist_service.console.stopped import stopped_matters
from blacklist_service.console.translations import translator
from blacklist_service.console.uploads import send_file
from blacklist_service.console.visits import FULL_PAGE, Forwarded, Visit
from blacklist_service.console.wording import NOTICE_ACTIONS, NOTICE_STATES, TYPES_OF_KIND

NOTICE_LABELS = {
    "number": "证件号码",
    "notice_number": "文号",
    "case_number": "案号",
    "ruling_number": "裁定文号",
    "agency": "协助单位",
    "action": "措施",
    "name": "姓名/名称",
    "type": "证件类型",
    "object": "财产或证照编号",
    "object_kind": "财产种类",
    "valid_until": "协助期限至",
    "due_at": "回复期限",
    "urgency": "紧急程度",
    "text": "通知内容",
    "reason": "理由",
    "file": "文件",
    "word": "办理情况",
}
NOTICE_POINTERS = {
    "/number": "notice_number",
    "/subject/name": "name",
    "/subject/identifier/number": "number",
    "/subject/identifier": "type",
    **{
        f"/{name}": name
        for name in (
            *("case_number", "ruling_number", "agency", "action", "object_kind", "object", "valid_until", "due_at"),
            *("urgency", "text", "reason", "file", "word"),
        )
    },
}
NOTICE_SENTENCES = {
    "beyond-limit": "超过法定最长期限",
    "too-early": "不能早于原期限",
    "unknown": "没有这一单位",
}
REQUIRED = {
    "notice_number": "请填写文号",
    "case_number": "请填写案号",
    "ruling_number": "请填写裁定文号",
    "agency": "请选择协助单位",
    "action": "请选择措施",
    "name": "请填写姓名或名称",
}


@page("GET", "/court/notices", Duty.MAKER)
async def notices(visit: Visit) -> Response:
    state = visit.chosen("state", NOTICE_STATES)
    found = await visit.read("/v1/notices", state=state, cursor=visit.query.get("cursor"), limit=FULL_PAGE)
    return visit.show(
        "court/notices.html",
        form=Form({"state": state}),
        items=found["items"],
        next=found["next"],
        units=await addressee_names(visit),
    )


@page("GET", "/court/notices/new", Duty.MAKER)
async def new_page(visit: Visit) -> Response:
    """`from` is one's own returned proposal: its form is filled in again."""
    given = await given_of(visit, visit.query["from"]) if visit.query.get("from") else {}
    values = _values(given["notice"]) | {"replaces": visit.query["from"]} if "notice" in given else {}
    return await _notice_form(visit, Form({"urgency": "normal"} | values))


@page("POST", "/court/notices/new", Duty.MAKER, keeps=True)
async def new(visit: Visit) -> Response:
    """A stop notice is proposed if the court wants two people for it; other notices are served at once."""
    form = visit.form
    if form["edit"]:
        return await _notice_form(visit, form)
    for name, sentence in REQUIRED.items():
        form.require(name, sentence)
    if form.is_faulty:
        return await _notice_form(visit, form, status=422)
    body = _body(form)
    is_proposed = form["action"] in {action.value for action in DECIDING} and await needs_two(visit, "stop_notice")
    once = {"Idempotency-Key": form["once"]}
    asked = {"act": "stop_notice", "notice": body}
    if form["step"] != "submit":
        reply = await visit.call("POST", "/v1/proposals", body=asked, query={"dry_run": "true"})
    elif is_proposed:
        replaces = {"replaces": form["replaces"]} if form["replaces"] else {}
        reply = await visit.call("POST", "/v1/proposals", body=asked | replaces, headers=once)
    else:
        reply = await visit.call("POST", "/v1/notices", body=body, headers=once)
    if not reply.is_ok:
        prefix = "/notice" if form["step"] != "submit" or is_proposed else ""
        take_fault(form, reply.json, prefix)
        return await _notice_form(visit, form, status=reply.status if reply.status in {403, 409} else 422)
    if form["step"] != "submit":
        kept = {name: value for name, value in form.values.items() if name not in NOT_KEPT and value}
        return visit.show(
            "court/notice_check.html",
            notice=reply.json["content"],
            kept=kept,
            is_proposed=is_proposed,
            stopped=await stopped_matters(visit, body),
            units=await addressee_names(visit),
        )
    if is_proposed:
        return visit.go(f"/proposals/{reply.json['proposal_id']}", done="made")
    return visit.go(f"/court/notices/{reply.json['notice_id']}", done="served")


@page("GET", "/court/notices/{notice_id}", Duty.MAKER)
async def notice(visit: Visit) -> Response:
    """`from` is one's own returned renewal: its form is filled in again."""
    before = visit.query.get("from", "")
    given = (await given_of(visit, before)).get("renewal") if before else None
    return await _notice(visit, Form({"replaces": before} | given if given else {}))


@page("POST", "/court/notices/{notice_id}/renewal", Duty.MAKER)
async def renew(visit: Visit) -> Response:
    form = visit.form
    form.require("valid_until", "请填写新的期限")
    form.require("ruling_number", "请填写裁定文号")
    if form.is_faulty:
        return await _notice(visit, form, status=422)
    body = {"valid_until": form["valid_until"], "ruling_number": form["ruling_number"].strip()}
    path = f"/v1/notices/{id_of(visit, 'notice_id')}"
    if not await _is_renewal_proposed(visit, await visit.read(path)):
        return await _act(visit, "renewal", body)
    asked = {"act": "renew_notice", "notice_id": id_of(visit, "notice_id"), "renewal": body}
    replaces = {"replaces": form["replaces"]} if form["replaces"] else {}
    once = {"Idempotency-Key": form["once"]}
    reply = await visit.call("POST", "/v1/proposals", body=asked | replaces, headers=once)
    if not reply.is_ok:
        take_fault(form, reply.json, "/renewal")
        return await _notice(visit, form, status=reply.status if reply.status in {403, 409} else 422)
    return visit.go(f"/proposals/{reply.json['proposal_id']}", done="made")


@page("POST", "/court/notices/{notice_id}/release", Duty.MAKER)
async def release(visit: Visit) -> Response:
    """At once; reviewed afterwards by another person."""
    form = visit.form
    form.require("reason", "请写明解除理由")
    if form.is_faulty:
        return await _notice(visit, form, status=422)
    return await _act(visit, "release", {"reason": form["reason"].strip()})


@page("POST", "/court/notices/{notice_id}/attachments", Duty.MAKER, takes_upload=True)
async def attach(visit: Visit) -> Response:
    form, file = visit.form, visit.uploads.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        form.faults["file"] = "请选择文件"
        return await _notice(visit, form, status=422)
    path = f"/v1/notices/{id_of(visit, 'notice_id')}/attachments"
    reply = await send_file(visit, path, file, query={}, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        form.take_problem(reply.json, {"/file": "file"}, SENTENCES | FILE_SENTENCES)
        return await _notice(visit, form, status=422)
    return visit.go(f"/court/notices/{id_of(visit, 'notice_id')}", done="attached")


FILE_SENTENCES = {
    "unsupported-media-type": "只接收 PDF、JPEG、PNG 或 XLSX 文件",
    "payload-too-large": "文件超过 20 MB",
    "invalid-request": "只接收 PDF、JPEG、PNG 或 XLSX 文件",
}


@page("GET", "/court/notices/{notice_id}/attachments/{attachment_id}", Duty.MAKER)
async def attachment(visit: Visit) -> Response:
    return Forwarded(visit, f"/v1/notices/{id_of(visit, 'notice_id')}/attachments/{id_of(visit, 'attachment_id')}")


def take_fault(form: Form, problem: Mapping[str, Any], prefix: str) -> None:
    titled = problem["title"]
    if problem["code"] == "conflict" and "number" in titled.lower():
        form.faults["notice_number"] = "该文号的通知书已经送达过"
        return
    # Refusals by the notice's own rules are located within the notice, wherever it is in the body.
    pointers = {f"{prefix}{pointer}": name for pointer, name in NOTICE_POINTERS.items()} | NOTICE_POINTERS
    if problem.get("errors"):
        form.take_problem(problem, pointers, SENTENCES | NOTICE_SENTENCES)
    else:
        take_refusal(form, problem, pointers={})


def _body(form: Form) -> dict[str, Any]:
    kind = form["kind"] if form["kind"] in TYPES_OF_KIND else "person"
    type_ = form["type"] if form["type"] in TYPES_OF_KIND[kind] else TYPES_OF_KIND[kind][0]
    subject: dict[str, Any] = {"kind": kind, "name": form["name"].strip()}
    if number := form.given("number"):
        subject["identifier"] = {"type": type_, "number": number}
    body: dict[str, Any] = {"number": form["notice_number"].strip(), "subject": subject}
    for name in ("case_number", "ruling_number", "agency", "action", "object", "object_kind", "valid_until", "urgency"):
        body[name] = form.given(name)
    body["text"] = form["text"]
    if due := form.given("due_at"):
        body["due_at"] = _end_of(due)
    return {name: value for name, value in body.items() if value is not None}


def _values(notice: Mapping[str, Any]) -> dict[str, str]:
    subject = notice["subject"]
    values = {name: str(notice[name]) for name in NOTICE_LABELS if name in notice and name != "number"}
    values |= {"notice_number": notice["number"], "kind": subject["kind"], "name": subject["name"]}
    if identifier := subject.get("identifier"):
        values |= {"type": identifier["type"], "number": identifier["number"]}
    if due := notice.get("due_at"):
        values["due_at"] = datetime.fromisoformat(due).astimezone(SHANGHAI).date().isoformat()
    return values


def _end_of(day: str) -> str:
    """The last second of a day in Beijing; an invalid day is passed on, and the API refuses it."""
    try:
        return datetime.combine(date.fromisoformat(day), time(23, 59, 59), SHANGHAI).isoformat()
    except ValueError:
        return day


async def _act(visit: Visit, step: str, body: dict[str, Any]) -> Response:
    path = f"/v1/notices/{id_of(visit, 'notice_id')}/{step}"
    reply = await visit.call("POST", path, body=body, headers={"Idempotency-Key": visit.form["once"]})
    if not reply.is_ok:
        take_fault(visit.form, reply.json, "")
        return await _notice(visit, visit.form, status=reply.status if reply.status in {403, 409} else 422)
    return visit.go(f"/court/notices/{id_of(visit, 'notice_id')}", done=step)


async def _notice_form(visit: Visit, form: Form, *, status: int = 200) -> Response:
    duties = (await visit.read("/v1/notices/actions"))["items"]
    t = translator(visit.language)
    return visit.show(
        "court/notice_form.html",
        status=status,
        form=form,
        labels=NOTICE_LABELS,
        units=await addressee_names(visit),
        actions=[
            (one["action"], t(NOTICE_ACTIONS[one["action"]]) + t("（") + t(one["longest"]) + t("）")) for one in duties
        ],
        types=TYPES_OF_KIND,
    )


async def _is_renewal_proposed(visit: Visit, notice: Mapping[str, Any]) -> bool:
    return notice["action"] in {action.value for action in DECIDING} and await needs_two(visit, "renew_notice")


async def _notice(visit: Visit, form: Form, *, status: int = 200) -> Response:
    path = f"/v1/notices/{id_of(visit, 'notice_id')}"
    shown = await visit.read(path)
    return visit.show(
        "court/notice.html",
        status=status,
        form=form,
        notice=shown,
        is_renewal_proposed=await _is_renewal_proposed(visit, shown),
        steps=(await visit.read(f"{path}/history"))["items"],
        files=(await visit.read(f"{path}/attachments"))["items"],
        units=await addressee_names(visit),
        labels=NOTICE_LABELS,
        done=visit.query.get("done", ""),
    )
