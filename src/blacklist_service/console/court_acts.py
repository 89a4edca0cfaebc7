"""经办: acts on a listing, each with a short form: deleting, withdrawing, suspending, performance, identity, the certificate.

An act for which the court wants two people is proposed.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse, Response

from blacklist_service.access.duties import Duty
from blacklist_service.clock import legal_date, now
from blacklist_service.console.calls import Reply
from blacklist_service.console.court_forms import take_refusal
from blacklist_service.console.court_words import GROUNDS, PERFORMANCE_KINDS, SUSPENSION_GROUNDS
from blacklist_service.console.forms import Form
from blacklist_service.console.home import addressee_names
from blacklist_service.console.maker import given_of, id_of, needs_two, own_listing, version_of
from blacklist_service.console.routing import page
from blacklist_service.console.visits import Visit


@dataclass(frozen=True, slots=True)
class ActForm:
    """An act: its address and the fields of its form, each with the sentence for a missing value; None: optional.

    `proposed` is the act's name and part in a proposal; None if it never waits for a second person.
    """

    name: str
    path: str
    title: str
    note: str
    """A note for the person who does it."""
    fields: Mapping[str, str | None]
    proposed: tuple[str, str] | None = None


ACTS = (
    ActForm(
        "deletion",
        "deletion",
        "删除失信信息",
        "立即生效：拖延会损害被执行人。由其他人员在一个工作日内事后复核。",
        {"ground": "请选择删除事由", "decided_on": "请填写决定日期", "note": None},
    ),
    ActForm(
        "withdrawal",
        "withdrawal",
        "撤销失信信息",
        "自始错误的，予以撤销，立即生效；随后列出受影响的核查，以便告知有关单位。",
        {"reason": "请写明撤销理由", "decided_on": "请填写决定日期"},
    ),
    ActForm(
        "suspension",
        "suspension",
        "暂时屏蔽",
        "立即生效：屏蔽期间不公布，期限照算，可以恢复。由其他人员在一个工作日内事后复核。",
        {"ground": "请选择屏蔽事由", "decided_on": "请填写决定日期", "reason": "请写明理由"},
    ),
    ActForm(
        "resumption",
        "resumption",
        "恢复公布",
        "恢复后下一次核查即按在列答复。按本院设置须两人办理的，提交后由另一名人员复核。",
        {"decided_on": "请填写决定日期", "reason": "请写明理由"},
        ("resume", "resumption"),
    ),
    ActForm(
        "performance",
        "performance",
        "登记履行",
        "只作登记，不会自动删除；应在期限内办理删除。",
        {"kind": "请选择履行情况", "performed_on": "请填写履行日期", "note": None},
    ),
    ActForm(
        "identity-contest",
        "identity-contest",
        "登记身份存疑",
        "立即生效：证件号码一致的核查只作人工审核提示，直至解除。由其他人员在一个工作日内事后复核。",
        {"reason": "请写明理由"},
    ),
    ActForm(
        "identity-contest-withdrawal",
        "identity-contest/withdrawal",
        "解除身份存疑",
        "确认证件号码属被执行人本人的，予以解除。按本院设置须两人办理的，提交后由另一名人员复核。",
        {"reason": "请写明理由"},
        ("lift_contest", "contest_withdrawal"),
    ),
)
ACT_LABELS = {
    "ground": "事由",
    "decided_on": "决定日期",
    "reason": "理由",
    "note": "备注",
    "kind": "履行情况",
    "performed_on": "履行日期",
}
TABLES = {
    "deletion": {"ground": GROUNDS},
    "suspension": {"ground": SUSPENSION_GROUNDS},
    "performance": {"kind": PERFORMANCE_KINDS},
}


def _register(act: ActForm) -> None:
    async def show(visit: Visit) -> Response:
        given = visit.query.get("ground", "")
        values = {"ground": given} if given in GROUNDS else await _values_before(visit, act)
        return await _form(visit, act, Form(values), await own_listing(visit))

    async def do(visit: Visit) -> Response:
        return await _do(visit, act)

    path = f"/listings/{{listing_id}}/{act.name}"
    handlers: tuple[tuple[str, Callable[[Visit], Awaitable[Response]]], ...] = (("GET", show), ("POST", do))
    for method, handler in handlers:
        page(method, path, Duty.MAKER, keeps=method == "POST")(handler)


for _act in ACTS:
    _register(_act)


@page("POST", "/listings/{listing_id}/removal-certificate", Duty.MAKER)
async def certify(visit: Visit) -> Response:
    """The API's own page, to be printed, with its own content policy. Each issue is recorded."""
    path = f"/v1/listings/{id_of(visit, 'listing_id')}/removal-certificate"
    reply = await visit.call("POST", path, body={"operator": visit.principal.operator})
    if not reply.is_ok:
        form = Form()
        take_refusal(form, reply.json)
        return visit.show("court/told.html", status=reply.status, form=form, listing_id=id_of(visit, "listing_id"))
    if reply.status == 202:
        form = Form(general=["证明的条目正在封存，请过几秒钟再出具"])
        return visit.show("court/told.html", status=202, form=form, listing_id=id_of(visit, "listing_id"))
    return HTMLResponse(reply.content, headers={"Content-Security-Policy": reply.headers["content-security-policy"]})


async def _do(visit: Visit, act: ActForm) -> Response:
    form, listing = visit.form, await own_listing(visit)
    if form["edit"]:
        return await _form(visit, act, form, listing)
    for name, sentence in act.fields.items():
        if sentence:
            form.require(name, sentence)
    if form.is_faulty:
        return await _form(visit, act, form, listing, status=422)
    body: dict[str, Any] = {name: form.given(name) for name in act.fields if form.given(name)}
    if act.proposed is not None and await needs_two(visit, act.proposed[0]):
        return await _propose(visit, act, body, listing)
    headers = {"If-Match": f'"{form["version"]}"', "Idempotency-Key": form["once"]}
    path = f"/v1/listings/{id_of(visit, 'listing_id')}/{act.path}"
    reply = await visit.call("POST", path, body=body, headers=headers)
    if not reply.is_ok:
        return await _refused(visit, act, reply, listing, prefix="")
    if act.name == "withdrawal":
        touched = reply.json["touched_checks"]
        units = await addressee_names(visit)
        return visit.show("court/withdrawn.html", listing=listing, touched=touched, units=units)
    return visit.go(f"/listings/{id_of(visit, 'listing_id')}", done=act.name)


async def _propose(visit: Visit, act: ActForm, body: dict[str, Any], listing: Any) -> Response:
    assert act.proposed is not None  # noqa: S101 - it was asked
    name, part = act.proposed
    form = visit.form
    asked = {"act": name, "listing_id": listing["listing_id"], "version": version_of(form), part: body}
    if form["replaces"]:
        asked["replaces"] = form["replaces"]
    reply = await visit.call("POST", "/v1/proposals", body=asked, headers={"Idempotency-Key": form["once"]})
    if not reply.is_ok:
        return await _refused(visit, act, reply, listing, prefix=f"/{part}")
    return visit.go(f"/proposals/{reply.json['proposal_id']}", done="made")


async def _refused(visit: Visit, act: ActForm, reply: Reply, listing: Any, *, prefix: str) -> Response:
    take_refusal(visit.form, reply.json, prefix=prefix, pointers={f"/{name}": name for name in act.fields})
    status = reply.status if reply.status in {403, 409, 412} else 422
    return await _form(visit, act, visit.form, listing, status=status)


async def _values_before(visit: Visit, act: ActForm) -> dict[str, str]:
    """The content of one's own returned proposal, to be corrected."""
    if act.proposed is None or not visit.query.get("from"):
        return {}
    given = (await given_of(visit, visit.query["from"])).get(act.proposed[1])
    return {} if given is None else {"replaces": visit.query["from"]} | {name: given[name] for name in act.fields}


async def _form(visit: Visit, act: ActForm, form: Form, listing: Any, *, status: int = 200) -> Response:
    return visit.show(
        "court/act.html",
        status=status,
        form=form,
        act=act,
        listing=listing,
        labels=ACT_LABELS,
        tables=TABLES.get(act.name, {}),
        today=legal_date(now()).isoformat(),
        is_proposed=act.proposed is not None and await needs_two(visit, act.proposed[0]),
    )
