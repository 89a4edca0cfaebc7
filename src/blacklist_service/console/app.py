"""The console within the web application: its pages below `/console`, and the redirect from `/`."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from blacklist_service.console import (  # noqa: F401 - registers their pages
    auditor,
    auditor_exports,
    catalogues,
    checker,
    court_acts,
    court_leads,
    court_notices,
    entrance,
    home,
    loads,
    maker,
    me,
    members,
    objections,
    officer_proposals,
    rosters,
    security,
    supervisor,
    system,
    told,
    watches,
    webhooks,
    window,
    window_notices,
)
from blacklist_service.console.assets import serve_asset
from blacklist_service.console.routing import PREFIX
from blacklist_service.console.serving import Console


def install_console(app: FastAPI) -> None:
    """Outside the OpenAPI document, which already has the operations that the pages call."""
    console = Console(app.state)
    app.state.api, app.state.console = app, console
    app.router.routes += [
        Route("/", _to_console, include_in_schema=False),
        Route(PREFIX, _to_console, include_in_schema=False),
        Route(f"{PREFIX}/static/{{name}}", serve_asset, include_in_schema=False),
        Mount(PREFIX, console, name="console"),
    ]


async def _to_console(_request: Request) -> Response:
    """A path without a host: the Host header sent by the client is not repeated."""
    return RedirectResponse(f"{PREFIX}/", 303)
