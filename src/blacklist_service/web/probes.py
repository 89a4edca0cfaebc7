"""Probes: is the process alive, is the service ready, and its metrics. They need no key, so their cost is bounded."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.problems import Undetermined
from blacklist_service.web.documented import problems

router = APIRouter(tags=["probes"])

FIGURES_SECONDS = 2.0
"""Seconds for which metrics are cached: computing them takes as long as a hundred checks."""
METHODS = "GET, HEAD, OPTIONS"

Readiness = Callable[[], Awaitable[dict[str, object]]]
"""Returns the state; raises `Undetermined` with one sentence if the service must not be used."""


class CachedBytes:
    """Bytes that take long to compute: computed in a thread, once for all concurrent callers, and cached for a while."""

    def __init__(self, make: Callable[[], bytes], *, seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._made_at = 0.0
        self._making: asyncio.Future[bytes] | None = None

    async def get(self) -> bytes:
        loop = asyncio.get_running_loop()
        making = self._making
        is_old = making is None or (making.done() and loop.time() - self._made_at > self._seconds)
        if making is None or is_old or making.get_loop() is not loop or (making.done() and making.exception()):
            making = self._making = loop.run_in_executor(None, self._make)
            making.add_done_callback(lambda _: setattr(self, "_made_at", loop.time()))
        return await asyncio.shield(making)


def figures(*, is_one_of_several: bool) -> CachedBytes:
    """The body of `/metrics`."""

    def make() -> bytes:
        if not is_one_of_several:
            return generate_latest(REGISTRY)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    return CachedBytes(make, seconds=FIGURES_SECONDS)


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Is the process alive")
async def health() -> dict[str, str]:
    return {"status": "alive"}


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Is the service ready",
    description="The database answers, fits this code and this key, and the ledger is not behind by more than the limit;"
    " `ledger` says how it is sealed (`sealed`, `behind` by a minute, `refused` with what to do); `jobs.stuck` how many"
    " imports and exports were begun three times or more and never done: somebody must look at them.",
    responses=problems(503),
)
async def readiness(request: Request) -> dict[str, object]:
    check: Readiness = request.app.state.readiness
    try:
        return {"status": "ready"} | await check()
    except OSError:
        raise Undetermined("the database does not answer") from None


@router.head("/metrics", include_in_schema=False)
@router.get(
    "/metrics",
    summary="Metrics for Prometheus, of all workers together",
    description="At most two seconds old.",
    response_class=Response,
)
async def metrics(request: Request) -> Response:
    kept: CachedBytes = request.app.state.figures
    return Response(await kept.get(), media_type=CONTENT_TYPE_LATEST)


@router.options("/healthz", include_in_schema=False)
@router.options("/readyz", include_in_schema=False)
@router.options("/metrics", include_in_schema=False)
async def options() -> Response:
    return Response(status_code=204, headers={"Allow": METHODS})
