"""批量导入: the file, the progress bars, the expected result of every row, and the report. Nothing takes effect before it is
confirmed.
"""

import csv
import io
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.court_forms import SENTENCES
from blacklist_service.console.court_words import FATES, MODES
from blacklist_service.console.forms import Form
from blacklist_service.console.maker import id_of, needs_two
from blacklist_service.console.routing import PREFIX, page
from blacklist_service.console.translations import Language, chinese_of_files
from blacklist_service.console.uploads import send_file
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.listings.findings import ROW_SENTENCES

HALF = 0.5
"""A job first reads its file, then compares or applies its rows: half of the bar each."""
MENDED = ("name", "case_number")
"""Columns that refused rows are returned with even if all rows lack them: they are to be filled in."""
COURT = (Duty.MAKER, Duty.CHECKER)
LOAD_SENTENCES = {
    "too-many-requests": "本院等待处理的文件已满，请待其完成后再上传",
    "unsupported-media-type": "不能读取这种文件，请上传 CSV、XLSX、XLS 或 JSON Lines 文件",
    "payload-too-large": "文件超过 512 MB",
    "plan-moved": "名单在预览之后已有变动，请重新预览",
    "second-person-needed": "按本院设置，导入须提交复核",
    "conflict": "该文件的状态已经改变，请刷新后查看",
}


@page("GET", "/imports", *COURT)
async def imports(visit: Visit) -> Response:
    return await _imports(visit, Form({"mode": "upsert"}))


@page("POST", "/imports", Duty.MAKER, takes_upload=True)
async def send(visit: Visit) -> Response:
    """With the script, the answer is where to go on, or what is wrong; without it, the page itself."""
    form, file = visit.form, visit.uploads.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        form.faults["file"] = "请选择文件"
    if form["mode"] not in MODES:
        form.faults["mode"] = "请选择方式"
    if not form.is_faulty and isinstance(file, UploadFile):
        query = {"mode": form["mode"], "preview": "true"}
        reply = await send_file(visit, "/v1/imports", file, query=query, headers={"Idempotency-Key": form["once"]})
        if reply.is_ok:
            return _went(visit, f"/imports/{reply.json['import_id']}")
        form.take_problem(reply.json, {"/file": "file"}, SENTENCES | LOAD_SENTENCES)
    if _wants_json(visit):
        said = [*form.general, *form.faults.values()]
        return _json({"fault": visit.t(said[0])}, 422)
    return await _imports(visit, form, status=422)


@page("GET", "/imports/{import_id}", *COURT)
async def load(visit: Visit) -> Response:
    return await _load(visit, Form())


@page("GET", "/imports/{import_id}/absent", *COURT)
async def absent(visit: Visit) -> Response:
    """Listings that a snapshot lacks, and would end: to be checked before it is confirmed."""
    import_id = id_of(visit, "import_id")
    found = await visit.read(f"/v1/imports/{import_id}")
    rows = await visit.read(f"/v1/imports/{import_id}/absent", limit=FULL_PAGE, cursor=visit.query.get("cursor"))
    return visit.show("court/absent.html", load=found, items=rows["items"], next=rows["next"])


@page("GET", "/imports/{import_id}/state", *COURT, is_background=True)
async def state(visit: Visit) -> Response:
    """For the progress bar: the script requests it every second."""
    found = await visit.read(f"/v1/imports/{id_of(visit, 'import_id')}")
    said, total = visit.t("已读 {rows} 行", rows=found["rows"]["total"]), found["rows"]["total"]
    if found["progress"] > HALF:
        said = visit.t("已比对 {rows}/{total} 行", rows=int((2 * found["progress"] - 1) * total), total=total)
    return _json({"state": found["state"], "progress": found["progress"], "said": said})


@page("GET", "/imports/{import_id}/refused.csv", *COURT)
async def refused(visit: Visit) -> Response:
    """The court's own refused rows, as they were sent, to correct and send again."""
    path = f"/v1/imports/{id_of(visit, 'import_id')}/rows"
    reply = await visit.call("GET", path, headers={"Accept": "text/csv"})
    name = f"refused-{visit.path['import_id'][:8]}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    content = _in_words(reply.text, visit.language) if reply.is_ok else reply.content
    return Response(content, reply.status, headers=headers, media_type="text/csv; charset=utf-8")


@page("POST", "/imports/{import_id}/confirmation", *COURT)
async def confirm(visit: Visit) -> Response:
    """The maker proposes it; if one person is enough and it exceeds no limit, it continues at once."""
    import_id, once = id_of(visit, "import_id"), {"Idempotency-Key": visit.form["once"]}
    if await needs_two(visit, "import"):
        reply = await visit.call("POST", "/v1/proposals", body={"act": "import", "import_id": import_id}, headers=once)
        if reply.is_ok:
            return visit.go(f"/proposals/{reply.json['proposal_id']}", done="made")
    else:
        reply = await visit.call("POST", f"/v1/imports/{import_id}/confirmation")
    return await _after(visit, reply.status, reply.json)


@page("POST", "/imports/{import_id}/preview", Duty.MAKER)
async def preview(visit: Visit) -> Response:
    reply = await visit.call("POST", f"/v1/imports/{id_of(visit, 'import_id')}/preview")
    return await _after(visit, reply.status, reply.json)


@page("POST", "/imports/{import_id}/cancellation", Duty.MAKER)
async def cancel(visit: Visit) -> Response:
    reply = await visit.call("POST", f"/v1/imports/{id_of(visit, 'import_id')}/cancellation")
    return await _after(visit, reply.status, reply.json)


async def _after(visit: Visit, status: int, answer: Any) -> Response:
    if status < 400:
        return visit.go(f"/imports/{id_of(visit, 'import_id')}")
    form = Form()
    form.take_problem(answer, {}, SENTENCES | LOAD_SENTENCES | {"own-work": "不能确认本人上传的文件"})
    return await _load(visit, form, status=status)


async def _imports(visit: Visit, form: Form, *, status: int = 200) -> Response:
    found = await visit.read("/v1/imports", limit=FULL_PAGE, cursor=visit.query.get("cursor"))
    return visit.show(
        "court/imports.html", status=status, form=form, items=found["items"], next=found["next"], labels=LOAD_LABELS
    )


LOAD_LABELS = {"file": "文件", "mode": "方式"}


async def _load(visit: Visit, form: Form, *, status: int = 200) -> Response:
    """`fate` filters the rows: the counts are links to the filters."""
    import_id = id_of(visit, "import_id")
    found = await visit.read(f"/v1/imports/{import_id}")
    fate = visit.query.get("fate", "")
    kept = {"fate": fate} if fate in {*FATES, "warned"} else {}
    asked: dict[str, object] = {"limit": FULL_PAGE, "cursor": visit.query.get("cursor")}
    asked |= {"warned": "true"} if fate == "warned" else kept
    page_of_rows: dict[str, Any] = {"items": [], "next": None}
    if found["rows"][fate if kept else "total"]:  # otherwise all of them would be read to find none
        rows = await visit.call("GET", f"/v1/imports/{import_id}/fates", query=asked)
        page_of_rows = rows.json if rows.is_ok else page_of_rows
    waiting = []
    if found["state"] == "awaiting_confirmation":
        proposals = await visit.read("/v1/proposals", act="import", state="waiting", limit=FULL_PAGE)
        waiting = [one for one in proposals["items"] if one["import_id"] == import_id]
    return visit.show(
        "court/import.html",
        status=status,
        form=form,
        load=found,
        unreadable=_unreadable(visit, found["problem"]),
        fate=kept.get("fate", ""),
        kept=kept,
        rows=page_of_rows["items"],
        next=page_of_rows["next"],
        proposal=None,
        waiting=waiting[0] if waiting else None,
        is_proposed=await needs_two(visit, "import"),
    )


def _unreadable(visit: Visit, problem: str | None) -> str:
    """Why the file could not be read, in words; a reason without words is shown as the API gives it."""
    if problem is None or visit.language is Language.ENGLISH:
        return problem or ""
    known = chinese_of_files()["unreadable"]
    return next((said for part, said in known.items() if part in problem), problem)


def _in_words(table: str, language: Language) -> str:
    """The same rows with the column names of a court's own files, and the reason as a sentence, for the person who corrects
    them.
    """
    names = {} if language is Language.ENGLISH else chinese_of_files()["columns"]
    header, *rows = csv.reader(io.StringIO(table.removeprefix("\ufeff")))
    code = header.index("code")
    lacking = [name for name in MENDED if name not in header]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([names.get(name, name) for name in (*header, *lacking)])
    for row in rows:
        said = ROW_SENTENCES.get(row[code])
        if said is not None:
            row[code] = said.en if language is Language.ENGLISH else said.zh
        writer.writerow([*row, *("" for _ in lacking)])
    return "\ufeff" + out.getvalue()


def _went(visit: Visit, path: str) -> Response:
    return _json({"to": f"{PREFIX}{path}"}) if _wants_json(visit) else visit.go(path)


def _wants_json(visit: Visit) -> bool:
    return visit.request.headers.get("accept", "") == "application/json"


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
