"""What surrounds every page: the session, the required duty, protection from other sites, refusals as pages."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.clock import now
from blacklist_service.console import sealed
from blacklist_service.console.forms import Form, read_form
from blacklist_service.console.problems import DutyMissing, ForeignForm, LoggedOut, NotServedHere, StaleForm
from blacklist_service.console.routing import PREFIX, ConsolePage, Handler, find_page
from blacklist_service.console.translations import Language
from blacklist_service.console.visits import COOKIE, LANGUAGE_COOKIE, Visit
from blacklist_service.console.wording import DUTIES
from blacklist_service.database.servers import Server
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members.staff.sessions import StaffSession, find_session, is_form_token, note_use
from blacklist_service.problems import InvalidRequest, NotFound, PayloadTooLarge, Problem
from blacklist_service.web.context import source_ip
from blacklist_service.web.refusals import recorded
from blacklist_service.web.shares import Share
from blacklist_service.web.transactions import borrowed

BESIDE_THE_CHECK_SECONDS = 0.4
"""Time for finding the session and rendering the page, in addition to the deadline of a check: less than 1 s together."""
REMEMBERED_SECONDS = 0.5
REMEMBERED_SESSIONS = 4096
MOST_FORM_BYTES = 256 * 1024
MOST_UPLOAD_BYTES = 513 * 1024 * 1024
FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers that show that there is a proxy: then the console must know its own name."""
NEVER_KEPT = frozenset(
    {"token", "once", "code", "passkey", "asked", "password", "repeated", "held", "enrolment", "edit"}
)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"

log = structlog.get_logger()


class Console:
    """The console as an ASGI application, below `/console`."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self._seen: dict[str, tuple[float, StaffSession]] = {}
        self._under_way: set[asyncio.Task[Response]] = set()
        self.matters: tuple[tuple[Server, int, date], list[dict[str, Any]]] | None = None
        """The matters in force, by the server that was read, their version and the day."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        scope["app"] = self
        request = Request(scope, receive, send)
        response = await self._respond(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.url.scheme == "https":
            response.headers["Strict-Transport-Security"] = HSTS
        try:
            await response(scope, receive, send)
        finally:
            await request.close()  # the uploads

    async def _respond(self, request: Request) -> Response:
        language = _language(request)
        found, path = find_page(request)
        if found is None:
            return await self._nowhere(request, language)
        request.scope["route"] = _Named(f"{PREFIX}{found.path}")
        visit = Visit(request, found, path, language)
        if found.unanswered is None:
            return await self._answer(visit)
        return await self._answer_in_time(visit, found.unanswered)

    async def _answer_in_time(self, visit: Visit, unanswered: Handler) -> Response:
        """Answer within a check's deadline plus the time for a page. A pool's connection to a database that hangs is
        abandoned without waiting for its end: the work continues by itself, and a retry with the same key finds its result.
        """
        answering = asyncio.create_task(self._answer(visit))
        self._under_way.add(answering)
        answering.add_done_callback(self._note_end)
        deadline = self.state.settings.check_deadline_ms / 1000
        await asyncio.wait({answering}, timeout=deadline + BESIDE_THE_CHECK_SECONDS)
        if answering.done() and answering.result().status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            return answering.result()
        return await unanswered(visit)

    def _note_end(self, answering: asyncio.Task[Response]) -> None:
        self._under_way.discard(answering)
        if not answering.cancelled() and (error := answering.exception()) is not None:
            log.warning("page_failed", cause=type(error).__name__)

    async def _answer(self, visit: Visit) -> Response:
        request, found, language = visit.request, visit.page, visit.language
        try:
            self._require_own_origin(request, found)
            if found.unanswered is not None:
                await self._take_form(visit)  # the request is shown again, even if it is not known who sent it
            visit.session = await self._session(request, found)
            if visit.session is not None:
                visit.language = _preferred(visit.session, language)
                request.scope["principal"] = visit.principal
            if found.method == "POST" and not found.takes_upload:
                await self._read_form(visit)
            self._require_duty(visit)
            if not found.takes_upload:
                return await self._handle(visit)
            async with self.state.shares.turn(Share.UPLOAD, visit.principal):  # a stranger's upload is not even read
                try:
                    await self._read_form(visit)
                    return await self._handle(visit)
                finally:
                    await request.close()
        except LoggedOut:
            return await self._log_in_again(visit)
        except Problem as problem:
            return await self._refuse(visit, problem)
        except HTTPException:
            return await self._refuse(visit, InvalidRequest())

    async def _handle(self, visit: Visit) -> Response:
        if visit.form["edit"] and not visit.page.keeps:
            raise StaleForm
        return await visit.page.handler(visit)

    def forget(self, cookie: str | None) -> None:
        """Forget the cached session of a cookie: it has ended, or its account's preferences changed."""
        self._seen.pop(cookie or "", None)

    def _require_own_origin(self, request: Request, page: ConsolePage) -> None:
        """Without a configured origin the console answers on loopback only, so that no password travels in clear text; with
        one, only under that name. A form, and a recorded read, must come from our own pages.
        """
        origin = self.state.settings.console_origin
        try:
            host = urlsplit(f"//{request.headers.get('host', '')}")
        except ValueError:
            raise NotServedHere from None
        if origin is None:
            is_forwarded = any(name in request.headers for name in FORWARDING)
            if is_forwarded or not _is_loopback(source_ip(request.scope)) or host.hostname not in LOOPBACK_NAMES:
                raise NotServedHere
        elif host.netloc != urlsplit(origin).netloc:
            raise NotServedHere
        site = request.headers.get("sec-fetch-site")
        if request.method != "POST" and page.duties and site not in (None, "same-origin", "none"):
            raise ForeignForm  # reads are recorded: another site must not make a person read
        if request.method == "POST":
            site, sender = request.headers.get("sec-fetch-site"), request.headers.get("origin")
            own = origin or f"{request.url.scheme}://{host.netloc}"
            # Under our own referrer policy a form's Origin is "null"; Sec-Fetch-Site tells whether it comes from our site.
            is_own = sender == own if site is None else site == "same-origin" and sender in (None, "null", own)
            if not is_own:
                raise ForeignForm

    async def _session(self, request: Request, page: ConsolePage) -> StaffSession | None:
        """The logged-in person; a proof is cached for half a second, as for a key."""
        secret = request.cookies.get(COOKIE)
        if not secret:
            return None
        remembered = self._seen.get(secret)
        if remembered is not None and time.monotonic() - remembered[0] <= REMEMBERED_SECONDS:
            return remembered[1] if remembered[1].is_alive_at(now()) else None
        asked_at = time.monotonic()
        async with borrowed(self.state.pool) as connection:
            session = await find_session(connection, secret, secrecy=self.state.secrecy)
            instant = await database_clock(connection)
            if session is None or not session.is_alive_at(instant):
                request.scope["ended_session"] = session
                return None
            if page.is_background:
                return session  # not cached: the person's next page must count as use
            await note_use(connection, session, instant)
        if len(self._seen) >= REMEMBERED_SESSIONS:
            self._seen.clear()
        self._seen[secret] = (asked_at, replace(session, seen_at=max(session.seen_at, instant)))
        return session

    async def _take_form(self, visit: Visit) -> None:
        request = visit.request
        length = request.headers.get("content-length", "")
        most = MOST_UPLOAD_BYTES if visit.page.takes_upload else MOST_FORM_BYTES
        if not length.isdigit() or int(length) > most:
            raise PayloadTooLarge
        data = await request.form(max_files=1, max_fields=500)
        visit.form, visit.uploads = read_form(data), {n: v for n, v in data.items() if not isinstance(v, str)}

    async def _read_form(self, visit: Visit) -> None:
        await self._take_form(visit)
        if visit.session is not None and not is_form_token(visit.session, visit.form["token"]):
            ended = visit.form["token"] != ""
            if visit.page.duties is None or visit.page.duties:
                raise ForeignForm if not ended else StaleForm

    def _require_duty(self, visit: Visit) -> None:
        needed = visit.page.duties
        if needed is not None and not needed:
            return
        if visit.session is None:
            raise LoggedOut
        if needed is not None and not visit.has(*needed):
            raise DutyMissing(needed)

    async def _log_in_again(self, visit: Visit) -> Response:
        """Redirect to the login with the typed content sealed in the form: it comes back without being submitted."""
        request = visit.request
        kept = ""
        ended: StaffSession | None = request.scope.get("ended_session")
        if request.method == "POST" and ended is not None and visit.page.keeps:
            values = {name: value for name, value in visit.form.values.items() if name not in NEVER_KEPT}
            value = [request.url.path, values]
            kept = sealed.seal(visit.cipher, value, purpose=f"{ended.account.id} kept")
        if request.method == "POST":
            return visit.show("login.html", status=401, kept=kept, target="", is_over=True, form=Form())
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return visit.go("/login", to=target) if target != f"{PREFIX}/" else visit.go("/login")

    async def _refuse(self, visit: Visit, problem: Problem) -> Response:
        if visit.session is not None:
            problem = await recorded(visit.request, problem, self.state.record_refusal)
        return self._page_of(visit, problem)

    def _page_of(self, visit: Visit, problem: Problem) -> Response:
        duties = [DUTIES[duty] for duty in sorted(getattr(problem, "duties", ()))]
        return visit.show(
            "refused.html",
            status=problem.status,
            problem=problem,
            duties=duties,
            request_id=visit.request.scope.get("request_id"),
        )

    async def _nowhere(self, request: Request, language: Language) -> Response:
        """There is no such page: a logged-in person keeps the menu."""
        visit = Visit(request, ConsolePage("GET", "", _nothing, frozenset()), {}, language)
        try:
            self._require_own_origin(request, visit.page)
            visit.session = await self._session(request, visit.page)
        except Problem as problem:
            return self._page_of(visit, problem)
        if visit.session is not None:
            visit.language = _preferred(visit.session, language)
        return self._page_of(visit, NotFound())


@dataclass(frozen=True, slots=True)
class _Named:
    """The page's name in the request's log line: its pattern, never a path with an id."""

    path: str


def _language(request: Request) -> Language:
    asked = request.cookies.get(LANGUAGE_COOKIE, "")
    return Language.ENGLISH if asked == Language.ENGLISH.value else Language.CHINESE


def _preferred(session: StaffSession, language: Language) -> Language:
    chosen = session.account.preferences.get("language")
    return Language(str(chosen)) if chosen in set(Language) else language


def _is_loopback(address: str | None) -> bool:
    try:
        return address is not None and ip_address(address).is_loopback
    except ValueError:
        return False


async def _nothing(_visit: Visit) -> Response:
    raise NotFound
