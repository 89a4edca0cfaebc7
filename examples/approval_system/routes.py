"""What people and programs may do: apply, look, correct, decide, appoint."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from examples.approval_system.asking import Desk
from examples.approval_system.pages import FORM, page, table
from examples.approval_system.store import Application, State, Store

ACTIONS = {"approve": (State.GOES_ON, "approved"), "refuse": (State.REFUSED, "refused")}

router = APIRouter()


def store_of(request: Request) -> Store:
    found: Store = request.app.state.store
    return found


def desk_of(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


Kept = Annotated[Store, Depends(store_of)]
AtDesk = Annotated[Desk, Depends(desk_of)]
Text = Annotated[str, Form(min_length=1, max_length=200)]


@router.get("/", response_class=HTMLResponse)
async def applications(store: Kept) -> str:
    return page("招录报名", FORM + table(store.applications()))


@router.get("/officers", response_class=HTMLResponse)
async def officers(store: Kept) -> str:
    return page("承办人员", table(store.with_officers(), for_officers=True))


@router.post("/applications")
async def apply(request: Request, store: Kept, desk: AtDesk, name: Text, number: Text, post: Text) -> Any:
    application = store.file(name.strip(), number.strip(), post.strip())
    await desk.ask(application)
    return shown(request, store.get(application.id))


@router.get("/applications/{number}")
async def application(store: Kept, number: int) -> JSONResponse:
    return JSONResponse(wire(store.get(number)))


@router.get("/applications/{number}/receipt")
async def receipt(store: Kept, number: int) -> JSONResponse:
    found = store.receipt(store.get(number).check_id or "")
    return JSONResponse(found or {}, 200 if found else 202)


@router.post("/applications/{number}/correction")
async def correct(request: Request, store: Kept, desk: AtDesk, number: int, resident_id: Text) -> Any:
    found = store.correct(store.get(number), resident_id.strip())
    if found.state is State.FILED:
        await desk.ask(found)
    return shown(request, store.get(number))


@router.post("/applications/{number}/decision")
async def decide(
    request: Request,
    store: Kept,
    number: int,
    decision: Annotated[str, Form(pattern="^(approve|refuse)$")],
    officer: Text,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Any:
    state, action = ACTIONS[decision]
    found = store.get(number)
    if found.decision == "block" and decision == "approve" and not reason.strip():
        return JSONResponse({"detail": "结论为停止办理而准予的，必须写明理由"}, 422)
    if found.state is State.WITH_OFFICER:
        store.decide(found, state, action, reason.strip() or None, officer)
    return shown(request, store.get(number))


@router.post("/applications/{number}/appointment")
async def appoint(request: Request, store: Kept, desk: AtDesk, number: int, officer: Text) -> Any:
    found = store.get(number)
    if found.state is State.GOES_ON:
        await desk.appoint(found, officer)
    return shown(request, store.get(number))


def shown(request: Request, application: Application) -> Any:
    """A page for a browser, JSON for what asks for it."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(wire(application))
    return RedirectResponse(request.headers.get("referer", "/"), 303)


def wire(application: Application) -> dict[str, Any]:
    return {
        "id": application.id,
        "reference": application.reference,
        "state": application.state,
        "why": application.why,
        "reasons": application.reasons,
        "decision": application.decision,
        "check_id": application.check_id,
    }
