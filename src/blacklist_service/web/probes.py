"""Probes: is the process alive, may it be asked, and its figures. They need no key."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.problems import Undetermined
from blacklist_service.web.documented import problems

router = APIRouter(tags=["probes"])

Readiness = Callable[[], Awaitable[dict[str, object]]]
"""Says what was found; raises `Undetermined` with one sentence where the service must not be asked."""


@router.get("/healthz", summary="Is the process alive")
async def health() -> dict[str, str]:
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="May the service be asked",
    description="The database answers, fits this code and this key, and the ledger is not behind by more than the limit;"
    " `ledger` says how it is sealed (`sealed`, `behind` by a minute, `refused` with what to do).",
    responses=problems(503),
)
async def readiness(request: Request) -> dict[str, object]:
    check: Readiness = request.app.state.readiness
    try:
        return {"status": "ready"} | await check()
    except OSError:
        raise Undetermined("the database does not answer") from None


@router.get("/metrics", summary="Figures for Prometheus, of all workers together", response_class=Response)
async def metrics(request: Request) -> Response:
    registry = REGISTRY
    if request.app.state.is_one_of_several:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
