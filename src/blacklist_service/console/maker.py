"""经办: tasks, the court's listings, and acts on them. An act for which the court wants two people is proposed."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.clock import legal_date, now
from blacklist_service.console.court_forms import FURTHER, LABELS, PEOPLE_ROWS, body_of, take_refusal, values_of
from blacklist_service.console.court_words import LISTING_STATES
from blacklist_service.console.forms import Form
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.wording import TYPES_OF_KIND
from blacklist_service.problems import NotFound

NONE_FOUND: Mapping[str, Any] = {"items": (), "next": None}
NOT_KEPT = frozenset({"token", "once", "step", "edit", "code"})
PAGE_OF_TASK = {
    "delete_after_term": "/listings/{listing_id}/deletion?ground=term_expired",
    "delete_after_performance": "/listings/{listing_id}/deletion?ground=performed",
    "decide_early_deletion": "/listings/{listing_id}/deletion?ground=early_by_decision",
    "give_ground": "/listings/{listing_id}/deletion",
    "review_after_performance": "/listings/{listing_id}",
    "confirm_identity": "/listings/{listing_id}/identity-contest",
    "decide_objection": "/objections/{objection_id}",
    "decide_reconsideration": "/objections/{objection_id}",
    "act_on_upheld_objection": "/listings/{listing_id}",
}


@page("GET", "/tasks", Duty.MAKER)
async def tasks(visit: Visit) -> Response:
    """Overdue first; each task opens the form that settles it."""
    found = (await visit.read("/v1/listings/tasks"))["items"]
    for one in found:
        one["page"] = PAGE_OF_TASK[one["task"]].format(**one)
    today = legal_date(now()).isoformat()
    found.sort(key=lambda one: (not one["is_overdue"], not one["is_emergency"], one["due_on"]))
    return visit.show("court/tasks.html", items=found, today=today, counts=await counts_of(visit))


@page("GET", "/listings", Duty.MAKER, Duty.CHECKER)
async def listings(visit: Visit) -> Response:
    """By case number or state; a search for a person is sealed: no name or number may be in a URL."""
    asked = visit.unseal(visit.query.get("q", ""), "listings")
    form = Form({"case_number": visit.query.get("case_number", ""), "state": visit.chosen("state", LISTING_STATES)})
    kept = {name: form[name] for name in ("case_number", "state") if form[name]}
    if asked:
        form.values |= {name: str(value) for name, value in asked.items()}
        kept = {"q": visit.query["q"]}
        query = {"limit": FULL_PAGE, "cursor": visit.query.get("cursor")}
        # A debtor asks at the desk what became of a listing: what has ended is shown as well.
        body = {"subject": _subject(form), "include_ended": True}
        body |= {name: form[name] for name in ("case_number", "state") if form[name]}
        reply = await visit.call("POST", "/v1/listings/search", body=body, query=query)
    else:
        query = {"court_code": visit.principal.court_code, "limit": FULL_PAGE, "cursor": visit.query.get("cursor")}
        reply = await visit.call("GET", "/v1/listings", query=query | dict(kept))
    if not reply.is_ok:
        take_refusal(form, reply.json, pointers={"/subject/identifier": "number", "/subject/name": "name"})
    return _listings(visit, form, reply.json if reply.is_ok else NONE_FOUND, kept)


@page("POST", "/listings", Duty.MAKER, Duty.CHECKER)
async def search(visit: Visit) -> Response:
    given = {name: visit.form.given(name) for name in ("kind", "name", "type", "number", "case_number", "state")}
    if given["number"] and not given["name"]:  # else everything would be listed, as if no number had been typed
        visit.form.faults["name"] = "按号码查询也要填写姓名或名称"
        return _listings(visit, visit.form, NONE_FOUND, {})
    if given["name"]:
        return visit.go("/listings", q=visit.seal({name: value for name, value in given.items() if value}, "listings"))
    asked = {name: visit.form.given(name) or "" for name in ("case_number", "state")}
    return visit.go("/listings", **{name: value for name, value in asked.items() if value})


def _listings(visit: Visit, form: Form, found: Mapping[str, Any], kept: Mapping[str, str]) -> Response:
    return visit.show(
        "court/listings.html",
        status=422 if form.is_faulty else 200,
        form=form,
        items=found["items"],
        next=found["next"],
        kept=kept,
        types=TYPES_OF_KIND,
    )


@page("GET", "/listings/new", Duty.MAKER)
async def new_page(visit: Visit) -> Response:
    """`from` is one's own returned proposal: its form is filled in again."""
    values: dict[str, str] = {}
    if visit.query.get("from"):
        values = await _given(visit, visit.query["from"], "publication")
    return _listing_form(visit, Form(values), None)


@page("POST", "/listings/new", Duty.MAKER, keeps=True)
async def new(visit: Visit) -> Response:
    form = visit.form
    if form["edit"]:
        return _listing_form(visit, form, None)
    asked: dict[str, Any] = {"act": "publish", "publication": body_of(form, visit.principal.court_code or "")}
    return await _settle(visit, asked, prefix="/publication", listing=None, alone="/v1/listings")


@page("GET", "/listings/{listing_id}", Duty.MAKER, Duty.CHECKER)
async def listing(visit: Visit) -> Response:
    found = await visit.read(f"/v1/listings/{id_of(visit, 'listing_id')}")
    history = await visit.read(f"/v1/listings/{id_of(visit, 'listing_id')}/history")
    is_own = found["court"]["code"] == visit.principal.court_code
    performed = []
    if is_own:
        performed = (await visit.read(f"/v1/listings/{id_of(visit, 'listing_id')}/performance"))["items"]
    return visit.show(
        "court/listing.html",
        listing=found,
        history=history["items"][::-1],
        performed=performed,
        is_own=is_own,
        done=visit.query.get("done", ""),
    )


@page("GET", "/listings/{listing_id}/correction", Duty.MAKER)
async def correction_page(visit: Visit) -> Response:
    """Filled in with the current listing, or with a returned proposal."""
    listing = await own_listing(visit)
    values = values_of(listing)
    if visit.query.get("from"):
        values |= await _given(visit, visit.query["from"], "correction")
    return _listing_form(visit, Form(values), listing)


@page("POST", "/listings/{listing_id}/correction", Duty.MAKER, keeps=True)
async def correction(visit: Visit) -> Response:
    form, listing = visit.form, await own_listing(visit)
    if form["edit"]:
        return _listing_form(visit, form, listing)
    form.require("reason", "请写明更正理由")
    form.require("act_decided_on", "请填写本次决定日期")
    if form.is_faulty:
        return _listing_form(visit, form, listing, status=422)
    body = {
        "listing": body_of(form, visit.principal.court_code or ""),
        "reason": form["reason"].strip(),
        "decided_on": form["act_decided_on"],
    }
    asked = {"act": "correct", "listing_id": listing["listing_id"], "version": version_of(form), "correction": body}
    path = f"/v1/listings/{listing['listing_id']}/correction"
    return await _settle(visit, asked, prefix="/correction/listing", listing=listing, alone=path)


@page("GET", "/listings/{listing_id}/extension", Duty.MAKER)
async def extension_page(visit: Visit) -> Response:
    values = await _given(visit, visit.query["from"], "extension") if visit.query.get("from") else {}
    return _extension_form(visit, Form(values), await own_listing(visit))


@page("POST", "/listings/{listing_id}/extension", Duty.MAKER, keeps=True)
async def extension(visit: Visit) -> Response:
    form, listing = visit.form, await own_listing(visit)
    if form["edit"]:
        return _extension_form(visit, form, listing)
    form.require("new_expires_on", "请填写新的期限届满日")
    form.require("act_decided_on", "请填写本次决定日期")
    form.require("reason", "请写明延长理由")
    if form.is_faulty:
        return _extension_form(visit, form, listing, status=422)
    body = {
        "expires_on": form["new_expires_on"],
        "decided_on": form["act_decided_on"],
        "reason": form["reason"].strip(),
    }
    asked = {"act": "extend", "listing_id": listing["listing_id"], "version": version_of(form), "extension": body}
    path = f"/v1/listings/{listing['listing_id']}/extension"
    return await _settle(visit, asked, prefix="/extension", listing=listing, alone=path)


async def counts_of(visit: Visit) -> Any:
    return await visit.read("/v1/proposals/counts")


async def own_listing(visit: Visit) -> Any:
    """The listing of an act, as its own court sees it; another court's cannot be acted on."""
    return await visit.read(f"/v1/listings/{id_of(visit, 'listing_id')}")


def id_of(visit: Visit, name: str) -> str:
    """The id in the URL; raise `NotFound` for an invalid one: the API has fixed words in its place."""
    try:
        return str(UUID(visit.path[name]))
    except ValueError:
        raise NotFound from None


async def needs_two(visit: Visit, act: str) -> bool:
    options = await visit.read(f"/v1/members/{visit.principal.member}/options")
    return bool(options["options"][act] > 1)


PART_OF_ACT = {"publish": "publication", "correct": "correction", "extend": "extension"}


async def _settle(visit: Visit, asked: dict[str, Any], *, prefix: str, listing: Any, alone: str) -> Response:
    """First shown completely, with its differences and warnings; then proposed, or carried out if one person is enough."""
    form = visit.form
    is_proposed = await needs_two(visit, asked["act"])
    if form["step"] != "submit":
        reply = await visit.call("POST", "/v1/proposals", body=asked, query={"dry_run": "true"})
    elif is_proposed:
        replaces = {"replaces": form["replaces"]} if form["replaces"] else {}
        once = {"Idempotency-Key": form["once"]}
        reply = await visit.call("POST", "/v1/proposals", body=asked | replaces, headers=once)
    else:
        headers = {"Idempotency-Key": form["once"]}
        if listing is not None:
            headers["If-Match"] = f'"{asked["version"]}"'
        reply = await visit.call("POST", alone, body=asked[PART_OF_ACT[asked["act"]]], headers=headers)
        prefix = prefix.removeprefix(f"/{PART_OF_ACT[asked['act']]}")
    if not reply.is_ok:
        pointers = None
        if asked["act"] == "extend":
            pointers = {"/expires_on": "new_expires_on", "/decided_on": "act_decided_on", "/reason": "reason"}
        take_refusal(form, reply.json, prefix=prefix, pointers=pointers)
        status = reply.status if reply.status in {403, 409, 412} else 422
        return _form_of(visit, asked["act"], listing, status)
    if form["step"] != "submit":
        kept = {name: value for name, value in form.values.items() if name not in NOT_KEPT and value}
        return visit.show(
            "court/check.html", act=asked["act"], shown=reply.json, kept=kept, listing=listing, is_proposed=is_proposed
        )
    if is_proposed:
        return visit.go(f"/proposals/{reply.json['proposal_id']}", done="made")
    return visit.go(f"/listings/{reply.json['listing_id']}", done=asked["act"])


def _form_of(visit: Visit, act: str, listing: Any, status: int) -> Response:
    if act == "extend":
        return _extension_form(visit, visit.form, listing, status=status)
    return _listing_form(visit, visit.form, listing, status=status)


def _listing_form(visit: Visit, form: Form, listing: Any, *, status: int = 200) -> Response:
    return visit.show(
        "court/listing_form.html",
        status=status,
        form=form,
        listing=listing,
        labels=LABELS,
        types=TYPES_OF_KIND,
        people=range(1, PEOPLE_ROWS + 1),
        further=FURTHER,
    )


def _extension_form(visit: Visit, form: Form, listing: Any, *, status: int = 200) -> Response:
    return visit.show("court/extension.html", status=status, form=form, listing=listing, labels=EXTENSION_LABELS)


EXTENSION_LABELS = {"new_expires_on": "新的期限届满日", "act_decided_on": "本次决定日期", "reason": "理由"}


def version_of(form: Form) -> int:
    return int(form["version"]) if re.fullmatch(r"[0-9]{1,9}", form["version"]) else 0


async def given_of(visit: Visit, proposal_id: str) -> Mapping[str, Any]:
    """The content of one's own proposal, as it was sent; nothing otherwise."""
    if not re.fullmatch(r"[0-9a-f-]{36}", proposal_id):
        return {}
    reply = await visit.find(f"/v1/proposals/{proposal_id}")
    given: Mapping[str, Any] | None = reply.json["given"] if reply is not None and reply.is_ok else None
    return given or {}


async def _given(visit: Visit, proposal_id: str, part: str) -> dict[str, str]:
    """The same, as its form holds it."""
    given = await given_of(visit, proposal_id)
    if part not in given:
        return {}
    body, values = given[part], {"replaces": proposal_id}
    if part == "extension":
        return values | {
            "new_expires_on": body["expires_on"],
            "act_decided_on": body["decided_on"],
            "reason": body["reason"],
        }
    publication = body["listing"] if part == "correction" else body
    if part == "correction":
        values |= {"act_decided_on": body["decided_on"], "reason": body["reason"]}
    return values | values_of(_as_listing(publication))


def _as_listing(publication: Mapping[str, Any]) -> dict[str, Any]:
    codes = [one for one in publication.get("circumstances", ()) if re.fullmatch(r"C[1-6]", one)]
    others = [one for one in publication.get("circumstances", ()) if one not in codes]
    return {
        "party_sequence": 1,
        **publication,
        "circumstances": codes,
        "circumstances_text": "；".join(others) or None,
        "served_on": (publication.get("decision") or {}).get("served_on"),
    }


def _subject(form: Form) -> dict[str, Any]:
    kind = form["kind"] if form["kind"] in TYPES_OF_KIND else "person"
    type_ = form["type"] if form["type"] in TYPES_OF_KIND[kind] else TYPES_OF_KIND[kind][0]
    number = form.given("number")
    subject: dict[str, Any] = {"kind": kind, "name": form["name"].strip()}
    return subject | {"identifier": {"type": type_, "number": number} if number else None}
