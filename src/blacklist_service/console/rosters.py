"""名册核查: a roster is uploaded, a bar shows the progress, and the result is downloaded; the page may be closed
meanwhile.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from blacklist_service.access.duties import Duty
from blacklist_service.console import wording_rosters
from blacklist_service.console.forms import Form
from blacklist_service.console.home import all_matters, matter_names, matter_options
from blacklist_service.console.limits import require_budget
from blacklist_service.console.maker import id_of
from blacklist_service.console.problems import TooManyPersons
from blacklist_service.console.routing import PREFIX, page
from blacklist_service.console.visits import Visit
from blacklist_service.console.wording import ROLES, TYPES_OF_KIND
from blacklist_service.problems import NotFound, Problem
from blacklist_service.rosters.keeping import Private, read_part
from blacklist_service.rosters.operations import RosterTerms, begin_roster, delete_roster, in_parts, keep_upload
from blacklist_service.rosters.problems import RosterTooLarge, TooManyRosters
from blacklist_service.rosters.queries import get_roster, list_rosters
from blacklist_service.rosters.rules import KEPT, RosterState, Titles
from blacklist_service.subjects.roster_results import CONCLUSIONS
from blacklist_service.web.refusals import recorded
from blacklist_service.web.shares import Share
from blacklist_service.web.streams import in_parts as leaving_in_parts
from blacklist_service.web.transactions import borrowed

SHOWN = 50
LONGEST_NAME = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PROBLEMS: Mapping[type[Problem], str] = {
    TooManyRosters: "本单位已有 3 份名册在处理，请待其完成后再上传",
    RosterTooLarge: "文件超过 64 MB，请分次上传",
    TooManyPersons: "十分钟内核查的对象已超过 30 人，请稍后再试",
}


@page("GET", "/rosters", Duty.WINDOW)
async def rosters(visit: Visit) -> Response:
    return await _rosters(visit, Form({"kind": "person"}))


@page("POST", "/rosters", Duty.WINDOW, takes_upload=True)
async def hand_in(visit: Visit) -> Response:
    """With the script, the answer is where to go on, or what is wrong; without it, the page itself."""
    form, file = visit.form, visit.uploads.get("file")
    await _look_over(visit, form, file)
    if not form.is_faulty and isinstance(file, UploadFile):
        try:
            roster_id = await _keep(visit, form, file)
        except (TooManyRosters, RosterTooLarge, TooManyPersons) as problem:
            stands = await recorded(visit.request, problem, visit.state.record_refusal)
            if stands is not problem:
                raise stands from None
            form.general.append(PROBLEMS[type(problem)])
        else:
            target = f"/rosters/{roster_id}"
            return _json({"to": f"{PREFIX}{target}"}) if _wants_json(visit) else visit.go(target)
    if _wants_json(visit):
        said = [*form.general, *form.faults.values()]
        return _json({"fault": visit.t(said[0])}, 422)
    return await _rosters(visit, form, status=422)


@page("GET", "/rosters/{roster_id}", Duty.WINDOW)
async def roster(visit: Visit) -> Response:
    row = await _own(visit)
    return visit.show(
        "roster.html",
        roster=_shown(visit, row),
        matters=await matter_names(visit),
        rosters=wording_rosters,
        conclusions=CONCLUSIONS,
    )


@page("GET", "/rosters/{roster_id}/state", Duty.WINDOW, is_background=True)
async def state(visit: Visit) -> Response:
    """For the progress bar: the script requests it every second."""
    row = await _own(visit)
    return _json({"state": row["state"], "progress": _progress(row), "said": _said(visit, row)})


@page("GET", "/rosters/{roster_id}/result.xlsx", Duty.WINDOW)
async def result(visit: Visit) -> Response:
    row = await _own(visit)
    if row["state"] != RosterState.DONE:
        raise NotFound
    pool, secrecy = visit.state.shares.pool(Share.STREAM), visit.state.secrecy

    async def read(part: int) -> bytes | None:
        async with borrowed(pool) as connection:
            return await read_part(connection, row["id"], "result", part, secrecy=secrecy)

    leaves = leaving_in_parts(visit.request, read)
    await anext(leaves)
    headers = {
        "Content-Length": str(row["result_bytes"]),
        "Content-Disposition": f'attachment; filename="roster-{row["id"].hex[:12]}.xlsx"',
    }
    return StreamingResponse(leaves, media_type=XLSX, headers=headers)


@page("POST", "/rosters/{roster_id}/deletion", Duty.WINDOW)
async def delete(visit: Visit) -> Response:
    roster_id = UUID(id_of(visit, "roster_id"))
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        await delete_roster(connection, roster_id, member=visit.principal.member)
    return visit.go("/rosters", deleted="1")


async def _look_over(visit: Visit, form: Form, file: Any) -> None:
    """Checks that are possible before the file is read; the worker makes the others."""
    form.require("matter", "请选择办理事项")
    if not isinstance(file, UploadFile) or not file.filename:
        form.faults["file"] = "请选择文件"
    if form["kind"] not in TYPES_OF_KIND:
        form.faults["kind"] = "请选择自然人或法人"
    elif form["type"] not in TYPES_OF_KIND[form["kind"]]:
        form.values["type"] = TYPES_OF_KIND[form["kind"]][0]
    if form["role"] not in ROLES:
        form.faults["role"] = "请选择对象身份"
    if form.is_faulty:
        return
    matter = next((one for one in await _own_matters(visit) if one["matter"] == form["matter"]), None)
    if matter is None:
        form.faults["matter"] = "您无权核查该事项"
    elif not _covers(matter, form):
        form.faults["role"] = "该办理事项的措施不涉及这一身份，请核对对象身份"


def _covers(matter: Mapping[str, Any], form: Form) -> bool:
    roles, kinds = matter.get("roles") or (), matter.get("kinds") or ()
    return (not roles or form["role"] in roles) and (not kinds or form["kind"] in kinds)


async def _keep(visit: Visit, form: Form, file: UploadFile) -> UUID:
    """Raise `TooManyPersons`, `TooManyRosters` or `RosterTooLarge`."""
    await require_budget(visit)
    titles = Titles(*(form.given(name) for name in ("reference", "name", "number")))
    wanted = RosterTerms(form["matter"], form["role"], form["kind"], form["type"], titles)
    named = "".join(one for one in file.filename or "" if one.isprintable())[:LONGEST_NAME]
    secrecy, pool = visit.state.secrecy, visit.state.pool
    async with borrowed(pool) as connection, connection.transaction():
        roster_id, is_new = await begin_roster(
            connection, wanted, file_name=named, once=form["once"], actor=visit.actor, secrecy=secrecy
        )
    if is_new:
        await keep_upload(pool, roster_id, in_parts(file.read), secrecy=secrecy, room=visit.state.room)
    return roster_id


async def _own(visit: Visit) -> asyncpg.Record:
    async with borrowed(visit.state.pool) as connection:
        return await get_roster(connection, UUID(id_of(visit, "roster_id")), member=visit.principal.member)


async def _own_matters(visit: Visit) -> list[dict[str, Any]]:
    allowed = visit.principal.matters
    return [one for one in await all_matters(visit) if one["matter"] in allowed]


async def _rosters(visit: Visit, form: Form, *, status: int = 200) -> Response:
    matters = await _own_matters(visit)
    async with borrowed(visit.state.pool) as connection:
        rows = await list_rosters(connection, member=visit.principal.member, limit=SHOWN)
    return visit.show(
        "rosters.html",
        status=status,
        form=form,
        items=[_shown(visit, row) for row in rows],
        names=await matter_names(visit),
        matters=matter_options(visit, matters),
        covered={
            str(one["matter"]): {"roles": one.get("roles") or [], "kinds": one.get("kinds") or []} for one in matters
        },
        types=TYPES_OF_KIND,
        rosters=wording_rosters,
        deleted=bool(visit.query.get("deleted")),
    )


def _shown(visit: Visit, row: asyncpg.Record) -> dict[str, Any]:
    """What a page shows of a roster."""
    private = Private.open(row["private"], row["id"], visit.state.secrecy)
    columns = [private.header[place] for place in private.places if place is not None and private.header]
    return dict(row) | {
        "file_name": private.file_name,
        "columns": columns,
        "passed_over": private.passed_over,
        "until": row["queued_at"] + KEPT,
        "progress": _progress(row),
        "said": _said(visit, row),
    }


def _progress(row: asyncpg.Record) -> float:
    return float(row["settled"] / row["rows"]) if row["rows"] else 0.0


def _said(visit: Visit, row: asyncpg.Record) -> str:
    if row["rows"] is None:
        return visit.t("已读 {rows} 行", rows=row["staged"])
    return visit.t("已核查 {rows}/{total} 行", rows=row["settled"], total=row["rows"])


def _wants_json(visit: Visit) -> bool:
    return visit.request.headers.get("accept", "") == "application/json"


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
