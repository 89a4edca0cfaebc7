"""安全: the members, their names, contacts and matters, and the keys of their systems."""

from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.access.scopes import Role
from blacklist_service.clock import now
from blacklist_service.console.forms import Form
from blacklist_service.console.home import all_matters, chosen_matters, matter_names, matter_options
from blacklist_service.console.officer_proposals import needs_second_officer, propose
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.wording_officers import COURT_ACTS, KEY_ROLES, MEMBER_KINDS, ROLES_OF_KIND
from blacklist_service.members.rules import LONGEST_KEY_DAYS
from blacklist_service.problems import NotFound

MEMBER_FIELDS = {
    "/code": "unit_code",
    "/name": "name",
    "/kind": "unit_kind",
    "/court_code": "court_code",
    "/from": "from",
}
SENTENCES = {
    "missing": "不能为空",
    "string-too-short": "不能为空",
    "string-too-long": "内容过长",
    "date": "请按 2026-04-26 的形式填写日期",
    "member-exists": "该单位代码已被使用",
    "court-exists": "已有同一代码或名称的法院",
    "conflict": "该代码已被使用",
}


@page("GET", "/members", Duty.SECURITY)
async def members(visit: Visit) -> Response:
    kind = visit.chosen("kind", MEMBER_KINDS)
    found = await visit.read("/v1/members", kind=kind, cursor=visit.query.get("cursor"), limit=FULL_PAGE)
    kept = {"kind": kind} if kind else {}
    return visit.show("members.html", form=Form({"kind": kind}), items=found["items"], next=found["next"], kept=kept)


@page("GET", "/members/new", Duty.SECURITY)
async def new_member_page(visit: Visit) -> Response:
    return visit.show("member_new.html", form=Form({"unit_kind": "agency"}))


@page("POST", "/members/new", Duty.SECURITY, keeps=True)
async def add_member(visit: Visit) -> Response:
    form = visit.form
    if form["edit"]:
        return visit.show("member_new.html")
    for name, sentence in (("unit_code", "请填写单位代码"), ("name", "请填写单位名称"), ("unit_kind", "请选择类型")):
        form.require(name, sentence)
    if form["unit_kind"] == "court":
        form.require("court_code", "法院须填写法院代码，如 云0111")
    if form.is_faulty:
        return visit.show("member_new.html", status=422)
    body = {"code": form["unit_code"].strip(), "name": form["name"].strip(), "kind": form["unit_kind"]}
    if form["unit_kind"] == "court":
        body["court_code"] = form["court_code"].strip()
    reply = await visit.call("POST", "/v1/members", body=body, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        form.take_problem(reply.json, MEMBER_FIELDS, SENTENCES)
        return visit.show("member_new.html", status=reply.status)
    return visit.go(f"/members/{body['code']}", done="added")


@page("GET", "/members/{code}", Duty.SECURITY)
async def member(visit: Visit) -> Response:
    return await _member(visit, Form())


@page("POST", "/members/{code}/name", Duty.SECURITY)
async def rename(visit: Visit) -> Response:
    form = visit.form
    form.require("name", "请填写新名称")
    form.require("from", "请填写起用日期")
    if form.is_faulty:
        return await _member(visit, form, status=422)
    return await _on_member(visit, "POST", "name", {"name": form["name"].strip(), "from": form["from"]})


@page("POST", "/members/{code}/contacts", Duty.SECURITY)
async def change_contacts(visit: Visit) -> Response:
    names = ("responsible_leader", "department", "liaison", "phone")
    return await _on_member(visit, "PUT", "contacts", {name: visit.form.given(name) for name in names})


@page("POST", "/members/{code}/matters", Duty.SECURITY)
async def change_matters(visit: Visit) -> Response:
    """The matters that its keys and its people may be allowed to ask; existing keys keep theirs."""
    form = visit.form
    chosen = chosen_matters(form)
    if form["narrowed"] == "on" and not chosen:
        form.faults["narrowed"] = "请至少选择一个事项，或不限定事项"
        return await _member(visit, form, status=422)
    return await _on_member(visit, "PUT", "matters", {"matters": chosen if form["narrowed"] == "on" else None})


@page("POST", "/members/{code}/successor", Duty.SECURITY)
async def succeed(visit: Visit) -> Response:
    form = visit.form
    form.require("successor", "请填写承继单位的代码")
    form.require("on", "请填写承继日期")
    if form.is_faulty:
        return await _member(visit, form, status=422)
    return await _on_member(visit, "POST", "successor", {"successor": form["successor"].strip(), "on": form["on"]})


@page("POST", "/members/{code}/options", Duty.SECURITY)
async def change_options(visit: Visit) -> Response:
    """How many people acts of a court's accounts need. Needs the second factor."""
    form = visit.form
    if not await visit.is_proved():
        return await _member(visit, form, status=403)
    chosen = {act: int(form[f"persons-{act}"]) for act in COURT_ACTS if form[f"persons-{act}"] in {"1", "2"}}
    return await _on_member(visit, "PUT", "options", {"options": chosen})


@page("POST", "/members/{code}/keys", Duty.SECURITY)
async def make_key(visit: Visit) -> Response:
    """The key is shown on this page and nowhere else. Needs the second factor."""
    form, code = visit.form, visit.path["code"]
    days = form["days"].strip()
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= LONGEST_KEY_DAYS):
        form.faults["days"] = "有效期为1至365天"
    if form["role"] not in set(Role):
        form.faults["role"] = "请选择用途"
    if form.is_faulty:
        return await _member(visit, form, status=422)
    if not await visit.is_proved():
        return await _member(visit, form, status=403)
    body = {"role": form["role"], "days": int(days)}
    reply = await visit.call("POST", f"/v1/members/{code}/keys", body=body, headers={"Idempotency-Key": form["once"]})
    if needs_second_officer(reply):
        return await propose(visit, {"act": "key", "member": code, "key": body})
    if not reply.is_ok:
        form.take_problem(reply.json, {"/role": "role", "/days": "days"}, {"key-invalid": "此单位不能有该用途的密钥"})
        return await _member(visit, form, status=reply.status)
    return visit.show("member_key.html", status=201, code=code, made=reply.json)


@page("POST", "/members/{code}/keys/{key_id}/revocation", Duty.SECURITY)
async def revoke_key(visit: Visit) -> Response:
    """At once. Needs the second factor."""
    if not await visit.is_proved():
        return await _member(visit, visit.form, status=403)
    path = f"/v1/keys/{visit.path['key_id']}/revocation"
    reply = await visit.call("POST", path, body={}, headers={"Idempotency-Key": visit.form["once"]})
    if not reply.is_ok:
        visit.form.take_problem(reply.json, {}, {})
        return await _member(visit, visit.form, status=reply.status)
    return visit.go(f"/members/{visit.path['code']}", done="revoked")


async def _member(visit: Visit, form: Form, *, status: int = 200) -> Response:
    code = visit.path["code"]
    found = await visit.read(f"/v1/members/{code}")
    keys = (await visit.read(f"/v1/members/{code}/keys"))["items"]
    options = await visit.find(f"/v1/members/{code}/options") if found["kind"] == "court" else None
    return visit.show(
        "member.html",
        status=status,
        form=form,
        member=found,
        keys=keys,
        options=options and options.json["options"],
        at=now().isoformat(),
        roles=[(role, KEY_ROLES[role]) for role in ROLES_OF_KIND[found["kind"]]],
        held=_held(found["matters"]),
        matters=matter_options(visit, await all_matters(visit)),
        names=await matter_names(visit),
        done=visit.query.get("done", ""),
    )


def _held(matters: list[str] | None) -> Form:
    """The matters that a member's keys may be given, as its form shows them; None means all."""
    narrowed = {} if matters is None else {"narrowed": "on"}
    return Form(narrowed | {f"matter-{one}": "on" for one in matters or ()})


async def _on_member(visit: Visit, method: str, act: str, body: Any) -> Response:
    headers = {"Idempotency-Key": visit.form["once"]} if method == "POST" else {}
    try:
        reply = await visit.call(method, f"/v1/members/{visit.path['code']}/{act}", body=body, headers=headers)
    except NotFound:
        visit.form.faults["successor"] = "没有这个单位代码"
        return await _member(visit, visit.form, status=422)
    if not reply.is_ok:
        visit.form.take_problem(reply.json, MEMBER_FIELDS | {"/on": "on", "/successor": "successor"}, SENTENCES)
        return await _member(visit, visit.form, status=reply.status)
    return visit.go(f"/members/{visit.path['code']}", done=act)
