"""Registers every page with the duties it is for; tests request each page with each duty."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.duties import Duty

PREFIX = "/console"

Handler = Callable[[Any], Awaitable[Response]]
"""Takes the `Visit`."""


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """A page of the console. `duties` None: for everybody who has logged in; empty: for everybody."""

    method: str
    path: str
    handler: Handler
    duties: frozenset[Duty] | None
    takes_upload: bool = False
    keeps: bool = False
    is_background: bool = False
    unanswered: Handler | None = None
    pattern: re.Pattern[str] = field(default=re.compile(""), compare=False)


PAGES: list[ConsolePage] = []


def page(
    method: str,
    path: str,
    *duties: Duty,
    is_open: bool = False,
    takes_upload: bool = False,
    keeps: bool = False,
    is_background: bool = False,
    unanswered: Handler | None = None,
) -> Callable[[Handler], Handler]:
    """Register a page for these duties, or for everybody who has logged in if none is given.

    A page that `keeps` accepts `edit` for "show the form again, do nothing": what was typed when a session ended comes back
    to it. A page requested in the background (by a script) does not keep a session from expiring. `unanswered` is shown, with
    the request and nothing else, if the answer is not known in time.
    """

    def register(handler: Handler) -> Handler:
        allowed = frozenset() if is_open else frozenset(duties) or None
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        PAGES.append(
            ConsolePage(method, path, handler, allowed, takes_upload, keeps, is_background, unanswered, pattern)
        )
        return handler

    return register


def find_page(request: Request) -> tuple[ConsolePage | None, Mapping[str, str]]:
    path = request.url.path.removeprefix(PREFIX) or "/"
    method = "GET" if request.method == "HEAD" else request.method
    found = [(one, match) for one in PAGES if one.method == method and (match := one.pattern.fullmatch(path))]
    if not found:
        return None, {}
    page_found, match = min(found, key=lambda pair: len(pair[1].groupdict()))  # a fixed segment before any parameter
    return page_found, match.groupdict()
