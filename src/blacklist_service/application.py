"""The web application: composes the packages, holds no rules."""

import asyncio
import math
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import orjson
import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.principals import Principal
from blacklist_service.assistance.attachment_routes import leads as lead_files_router
from blacklist_service.assistance.attachment_routes import notices as notice_files_router
from blacklist_service.assistance.lead_routes import router as leads_router
from blacklist_service.assistance.queries import get_notices_version
from blacklist_service.assistance.routes import router as notices_router
from blacklist_service.audit.export_routes import router as exports_router
from blacklist_service.audit.inquiry_routes import router as inquiries_router
from blacklist_service.audit.ledger_routes import keys as ledger_keys_router
from blacklist_service.audit.ledger_routes import router as ledger_router
from blacklist_service.audit.routes import router as audit_router
from blacklist_service.audit.simulation_routes import router as simulation_router
from blacklist_service.checks.answers import ListAges
from blacklist_service.checks.batcher import Batcher
from blacklist_service.checks.explanation_routes import router as explanations_router
from blacklist_service.checks.fishing import Fishing
from blacklist_service.checks.outcome_routes import router as outcomes_router
from blacklist_service.checks.record_routes import router as records_router
from blacklist_service.checks.routes import batches as check_batches_router
from blacklist_service.checks.routes import hot as hot_checks_router
from blacklist_service.checks.routes import router as checks_router
from blacklist_service.console.app import install_console
from blacklist_service.database.connections import Connection
from blacklist_service.database.fences import Fence
from blacklist_service.database.lanes import Lane
from blacklist_service.database.room import Room
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.act_routes import router as act_router
from blacklist_service.listings.fate_routes import router as fates_router
from blacklist_service.listings.feed_routes import router as changes_router
from blacklist_service.listings.following.routes import router as followers_router
from blacklist_service.listings.import_routes import router as imports_router
from blacklist_service.listings.letter_routes import router as letters_router
from blacklist_service.listings.objection_routes import router as objections_router
from blacklist_service.listings.operations.quotas import BrokenOff
from blacklist_service.listings.performance_routes import router as performances_router
from blacklist_service.listings.publication_routes import router as publication_router
from blacklist_service.listings.routes import router as listings_router
from blacklist_service.listings.setdigests import SetDigests
from blacklist_service.measures.routes import measures as measures_router
from blacklist_service.measures.routes import router as matters_router
from blacklist_service.members.authentication import Authenticator
from blacklist_service.members.routes import keys as keys_router
from blacklist_service.members.routes import router as members_router
from blacklist_service.members.second_person.routes import options as court_options_router
from blacklist_service.members.second_person.routes import router as reviews_router
from blacklist_service.problems import Problem
from blacklist_service.proposals.routes import router as proposals_router
from blacklist_service.readiness import readiness_of
from blacklist_service.secrecy import KEY_BYTES, Secrecy
from blacklist_service.settings import Settings
from blacklist_service.subjects.digests import Digester
from blacklist_service.supervision.routes import router as supervision_router
from blacklist_service.supervision.rows_routes import router as supervised_rows_router
from blacklist_service.supervision.untold_routes import router as untold_router
from blacklist_service.watches.event_routes import router as watch_events_router
from blacklist_service.watches.operations import Watches
from blacklist_service.watches.queries import sum_of_feeds
from blacklist_service.watches.routes import router as watches_router
from blacklist_service.web.context import RequestContext
from blacklist_service.web.courtesy import UPLOAD_BYTES_A_SECOND, Company, Courtesy, SharedRate
from blacklist_service.web.documented import ProblemResponse
from blacklist_service.web.fencing import Fenced
from blacklist_service.web.hotlane import HotLane
from blacklist_service.web.idempotency import Replayed
from blacklist_service.web.lookouts import LookOut
from blacklist_service.web.patience import end_overdue
from blacklist_service.web.probes import CachedBytes, figures
from blacklist_service.web.probes import router as probes_router
from blacklist_service.web.refusals import install_refusals
from blacklist_service.web.routing import actor_of
from blacklist_service.web.shares import Share, open_shares
from blacklist_service.webhooks.routes import router as webhooks_router
from blacklist_service.webhooks.targets import Targets
from blacklist_service.webhooks.withdrawal_routes import router as withdrawal_router

DESCRIPTION = """Keeps the list of dishonest judgment debtors (失信被执行人) and answers, before an approval, **block**,
**flag** or **clear**, with the reason, the legal basis and durable evidence. To try it here: *Authorize* with an API key."""
BATCHES_REST = 1.0
"""While single checks are asked, a batch pauses for as long as each of its slices took."""
ROUTERS = (
    hot_checks_router,
    check_batches_router,
    checks_router,
    records_router,
    outcomes_router,
    explanations_router,
    watches_router,
    watch_events_router,
    webhooks_router,
    withdrawal_router,
    matters_router,
    measures_router,
    simulation_router,
    members_router,
    keys_router,
    act_router,
    listings_router,
    performances_router,
    letters_router,
    imports_router,
    fates_router,
    objections_router,
    changes_router,
    followers_router,
    publication_router,
    notices_router,
    notice_files_router,
    leads_router,
    lead_files_router,
    proposals_router,
    reviews_router,
    court_options_router,
    supervision_router,
    supervised_rows_router,
    untold_router,
    audit_router,
    inquiries_router,
    exports_router,
    ledger_router,
    ledger_keys_router,
    probes_router,
)
"""In the order of the OpenAPI document."""
log = structlog.get_logger()


def create_app(
    settings: Settings,
    dsn: str,
    secrecy: Secrecy,
    *,
    is_rehearsed: bool = False,
    company: Company | None = None,
) -> FastAPI:
    """Compose the service on a database that is migrated and bound to `secrecy`. With `is_rehearsed`, the first check is as
    fast as any other. `company` is shared with the other processes that answer checks.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.shares = await open_shares(dsn, settings, lambda: fence.server)
        app.state.pool = app.state.shares.pool(Share.ORDINARY)
        deadline_seconds = settings.check_deadline_ms / 1000
        authenticator = Authenticator(dsn, deadline_seconds=deadline_seconds)
        app.state.proofs = authenticator
        app.state.room = Room(settings.data_dir if settings.is_embedded else None)
        app.state.watching = Watches(secrecy, most=settings.watches_per_member)
        app.state.batcher = _batcher(app, dsn, company)
        readiness_lane, app.state.refusals, app.state.set_digests = Lane(dsn), Lane(dsn), SetDigests()
        app.state.readiness = readiness_of(readiness_lane, app.state.pool, secrecy, settings, app.state.draining)
        app.state.notice_look_out = LookOut(app.state.shares.pool(Share.STREAM), get_notices_version)
        app.state.event_look_out = LookOut(app.state.shares.pool(Share.STREAM), sum_of_feeds)
        app.state.courtesy, app.state.batch_courtesy, app.state.upload_pace = _courtesies(app.state.batcher)
        app.state.batcher.start()
        patience = asyncio.create_task(end_overdue(settings.read_patience, settings.least_rate))
        if is_rehearsed:
            await _rehearse(app.state.batcher, authenticator)
        try:
            yield
        finally:
            patience.cancel()
            await app.state.notice_look_out.stop()
            await app.state.event_look_out.stop()
            await fence.stop()
            await app.state.batcher.stop()
            authenticator.close()
            readiness_lane.terminate()
            app.state.refusals.terminate()
            app.state.shares.terminate()

    app = FastAPIOffline(
        title="blacklist-service",
        version=version("blacklist-service"),
        description=DESCRIPTION,
        lifespan=lifespan,
        separate_input_output_schemas=False,
        redirect_slashes=False,  # a redirect repeats the Host that the client sent
    )
    app.state.draining = threading.Event()
    fence = Fence(None if settings.is_embedded else dsn)
    app.state.settings = settings
    app.state.secrecy = secrecy
    app.state.digester = Digester(secrecy.digest_key)
    app.state.figures = figures(is_one_of_several="PROMETHEUS_MULTIPROC_DIR" in os.environ)
    app.state.webhook_targets = Targets.parse(settings.webhook_targets)
    app.state.record_refusal, app.state.broken_off = _record_refusal, BrokenOff()
    for router in ROUTERS:
        app.include_router(router)
    install_console(app)
    install_refusals(app, _record_refusal)
    app.add_exception_handler(Replayed, _render_replayed)
    if not settings.is_embedded:
        app.add_middleware(Fenced, fence=fence)
    app.add_middleware(RequestContext)
    _describe_problems(app)
    _serve_document(app)
    return app


def _batcher(app: FastAPI, dsn: str, company: Company | None) -> Batcher:
    settings, secrecy = app.state.settings, app.state.secrecy
    return Batcher(
        dsn,
        secrecy=secrecy,
        lanes=settings.check_lanes,
        queue=settings.check_queue,
        ages=ListAges.of(settings),
        room=app.state.room,
        fishing=Fishing(settings.numbers_per_name, secrecy=secrecy),
        watching=app.state.watching,
        company=company,
    )


def _courtesies(batcher: Batcher) -> tuple[Courtesy, Courtesy, SharedRate]:
    """Separate budgets for long reads, for batches and for uploads, so that none uses up another's."""
    has_company = batcher.has_company
    pace = SharedRate(has_company, bytes_a_second=UPLOAD_BYTES_A_SECOND)
    return Courtesy(has_company), Courtesy(has_company, rest=BATCHES_REST), pace


async def _rehearse(batcher: Batcher, authenticator: Authenticator) -> None:
    """Without the database there is nothing to rehearse: /readyz reports that, until the database is back."""
    for found in await asyncio.gather(batcher.rehearse(), authenticator.rehearse(), return_exceptions=True):
        if isinstance(found, BaseException):
            log.warning("not_rehearsed", cause=type(found).__name__)


async def _record_refusal(request: Request, problem: Problem) -> None:
    """Record a refusal for lack of right, or for a subject that no measure covers, in a transaction of its own."""
    principal: Principal | None = request.scope.get("principal")
    if principal is None:
        return
    state = request.app.state
    route = getattr(request.scope.get("route"), "path", "unknown")
    facts = {"code": problem.code, "method": request.method, "route": route} | getattr(problem, "facts", {})
    entry = Entry(Action.REFUSED, actor_of(request), facts=facts, matter=getattr(problem, "matter", None))

    async def keep(connection: Connection) -> None:
        async with connection.transaction():
            await record(connection, [entry], at=await database_clock(connection), secrecy=state.secrecy)

    await state.refusals.run(keep, timeout_seconds=state.settings.check_deadline_ms / 1000)


async def _render_replayed(_request: Request, replayed: Exception) -> Response:
    assert isinstance(replayed, Replayed)  # noqa: S101 - registered for it
    return replayed.response


def _describe_problems(app: FastAPI) -> None:
    """Add the schema of problems, which every operation refers to, to the OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        document = generate()
        schema = ProblemResponse.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(schema.pop("$defs", {}))
        schemas["ProblemResponse"] = schema
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _serve_document(app: FastAPI) -> None:
    """The OpenAPI document, serialised once: that takes a second, and FastAPI would repeat it for each request."""
    document = CachedBytes(lambda: orjson.dumps(app.openapi()), seconds=math.inf)

    async def openapi(_request: Request) -> Response:
        return Response(await document.get(), media_type="application/json")

    routes = app.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", None) != app.openapi_url]
    app.add_route(str(app.openapi_url), openapi, include_in_schema=False)


def with_hot_lane(app: FastAPI) -> HotLane:
    """The application as served: the busiest operations bypass the framework."""
    routes = [*hot_checks_router.routes, *check_batches_router.routes]
    return HotLane(app, routes=routes, record_refusal=_record_refusal)


def openapi_document() -> str:
    """The contract as defined by the code: the same on every machine."""
    app = create_app(Settings(), "postgresql://", Secrecy(bytes(KEY_BYTES)))
    return orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
