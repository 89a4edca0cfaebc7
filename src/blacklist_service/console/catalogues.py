"""安全: the catalogue of measures. A candidate is uploaded, compared and simulated before it is put in force."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from starlette.datastructures import UploadFile
from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.audit.jobs import find_own
from blacklist_service.console.forms import Form
from blacklist_service.console.home import all_matters, matter_names
from blacklist_service.console.officer_proposals import needs_second_officer, propose
from blacklist_service.console.routing import page
from blacklist_service.console.translations import Language, chinese_of_notes
from blacklist_service.console.visits import Visit
from blacklist_service.measures.operations import founding_catalogue, read_catalogue
from blacklist_service.measures.rules import Catalogue
from blacklist_service.problems import InvalidRequest, NotFound, VersionMismatch
from blacklist_service.web.refusals import problem_wire
from blacklist_service.web.transactions import snapshot

MOST_BYTES = 4 * 1024 * 1024
HARDEST_FIRST = ("prohibition", "notice_required", "restriction", "reference", "none")


@page("GET", "/measures", Duty.SECURITY)
async def measures(visit: Visit) -> Response:
    return await _measures(visit, Form())


@page("GET", "/measures/matters/{matter}", Duty.SECURITY)
async def matter_page(visit: Visit) -> Response:
    found = next((one for one in await all_matters(visit) if one["matter"] == visit.path["matter"]), None)
    if found is None:
        raise NotFound
    name = (await matter_names(visit))[found["matter"]]
    notes = chinese_of_notes() if visit.language is Language.CHINESE else {}
    return visit.show("measures_matter.html", matter=found, name=name, notes=notes)


@page("POST", "/measures/candidates", Duty.SECURITY, takes_upload=True)
async def upload(visit: Visit) -> Response:
    """Upload TOML or JSON, or take the edition included in this version. This puts nothing in force."""
    form, file = visit.form, visit.uploads.get("file")
    try:
        if form["founding"] == "1":
            candidate = founding_catalogue()
        elif isinstance(file, UploadFile) and file.filename:
            candidate = read_catalogue((await file.read(MOST_BYTES)).decode("utf-8-sig"))
        else:
            form.faults["file"] = "请选择文件"
            return await _measures(visit, form, status=422)
    except UnicodeDecodeError:
        form.faults["file"] = "文件不是UTF-8编码的文本"
        return await _measures(visit, form, status=422)
    except InvalidRequest as problem:
        wire = problem_wire(problem, None)
        errors = [f"{one['pointer']}: {one['message']}" for one in wire.get("errors", ())][:5]
        form.faults["file"] = "文件不是有效的措施目录"
        return await _measures(visit, form, status=422, found=errors or [wire["detail"]])
    reply = await visit.call(
        "POST", "/v1/measures/simulation", body=_wire(candidate), headers={"Idempotency-Key": form["once"]}
    )
    if not reply.is_ok:
        form.take_problem(reply.json, {}, {})
        return await _measures(visit, form, status=reply.status)
    return visit.go(f"/measures/candidates/{reply.json['simulation_id']}")


@page("GET", "/measures/candidates/{simulation}", Duty.SECURITY)
async def candidate_page(visit: Visit) -> Response:
    return await _candidate(visit, Form())


@page("GET", "/measures/candidates/{simulation}/state", Duty.SECURITY, is_background=True)
async def candidate_state(visit: Visit) -> Response:
    """For the progress bar: the script requests it every two seconds."""
    found = await visit.call("GET", f"/v1/measures/simulation/{visit.path['simulation']}")
    return Response(found.content, found.status, media_type="application/json")


@page("POST", "/measures/candidates/{simulation}/application", Duty.SECURITY)
async def apply(visit: Visit) -> Response:
    """Put it in force for every check that begins afterwards: exactly the difference that was shown. Needs the second
    factor.
    """
    form = visit.form
    if form["seen"] != "on":
        form.faults["seen"] = "请先核对差异并确认"
        return await _candidate(visit, form, status=422)
    if not await visit.is_proved():
        return await _candidate(visit, form, status=403)
    candidate = _wire(Catalogue.model_validate((await _row(visit))["candidate"]))
    reply = await visit.call(
        "PUT",
        "/v1/measures",
        body=candidate,
        query={"confirm": form["digest"]},
        headers={"If-Match": f'"{form["replaces"]}"'},
    )
    if needs_second_officer(reply):
        return await propose(visit, {"act": "catalogue", "catalogue": candidate, "version": int(form["replaces"])})
    if reply.status == VersionMismatch.status:
        form.general.append("目录已被更新，请重新核对差异后再生效")
        return await _candidate(visit, form, status=412)
    if not reply.is_ok:
        form.take_problem(reply.json, {}, {"conflict": "差异与所核对的不同，请重新核对后再生效"})
        return await _candidate(visit, form, status=reply.status)
    return visit.go("/measures", done=str(reply.json["measures_version"]))


async def _measures(visit: Visit, form: Form, *, status: int = 200, found: Sequence[str] = ()) -> Response:
    """`found`: the faults of an uploaded file, by location, for its author."""
    matters = await all_matters(visit)
    version = (await visit.read("/v1/matters", limit=1))["version"]
    async with snapshot(visit.state.pool) as connection:
        waiting = await connection.fetch(
            "SELECT id, state, queued_at FROM simulations WHERE key_id = $1 ORDER BY id DESC LIMIT 5",
            visit.principal.key_id,
        )
        applied = await connection.fetchrow(
            "SELECT applied_at, applied_by FROM measures_versions WHERE version = $1", version
        )
    names = await matter_names(visit)
    shown = [
        {"code": one["matter"], "name": names[one["matter"]], "measures": one["measures"], "hardest": _hardest(one)}
        for one in matters
    ]
    return visit.show(
        "measures.html",
        status=status,
        form=form,
        found=found,
        version=version,
        applied=applied,
        rows=sorted(shown, key=lambda one: (HARDEST_FIRST.index(one["hardest"]), one["name"])),
        waiting=waiting,
        done=visit.query.get("done", ""),
    )


def _hardest(matter: Mapping[str, Any]) -> str:
    return min((one["class"] for one in matter["measures"]), key=HARDEST_FIRST.index, default="none")


async def _candidate(visit: Visit, form: Form, *, status: int = 200) -> Response:
    row = await _row(visit)
    simulation = await visit.read(f"/v1/measures/simulation/{visit.path['simulation']}")
    candidate = _wire(Catalogue.model_validate(row["candidate"]))
    reply = await visit.call("PUT", "/v1/measures", body=candidate, query={"dry_run": "true"})
    if not reply.is_ok:
        raise InvalidRequest
    in_force = await matter_names(visit)
    language = "name_en" if visit.language.value == "en" else "name"
    names = {one["code"]: one[language] for one in candidate["matters"]} | in_force
    return visit.show(
        "measures_candidate.html",
        status=status,
        form=form,
        simulation=simulation,
        difference=reply.json["difference"],
        digest=reply.json["digest"],
        names=names,
    )


async def _row(visit: Visit) -> asyncpg.Record:
    """The candidate as it was uploaded by the person's own member."""
    await visit.read(
        f"/v1/measures/simulation/{visit.path['simulation']}"
    )  # refuses an invalid id, and another member's
    async with snapshot(visit.state.pool) as connection:
        return await find_own(connection, "simulations", UUID(visit.path["simulation"]), visit.principal)


def _wire(catalogue: Catalogue) -> Any:
    return catalogue.model_dump(mode="json", by_alias=True, exclude_defaults=True)
