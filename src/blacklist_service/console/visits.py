"""One request for a page, and everything its handler needs: the person, the form, the API, the template."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from blacklist_service.access.duties import Duty
from blacklist_service.access.principals import Actor, Principal
from blacklist_service.clock import now
from blacklist_service.console import sealed
from blacklist_service.console.calls import Reply, call, forward
from blacklist_service.console.forms import Form
from blacklist_service.console.problems import LoggedOut
from blacklist_service.console.rendering import Rendered
from blacklist_service.console.routing import PREFIX, ConsolePage
from blacklist_service.console.translations import Language, Translate, translator
from blacklist_service.database.connections import Connection
from blacklist_service.members.staff.passkeys import PasskeyChallenge, RelyingParty, ask_to_prove
from blacklist_service.members.staff.problems import FactorNeeded, FactorRefused
from blacklist_service.members.staff.rules import IDLE, WARNED_BEFORE_IDLE
from blacklist_service.members.staff.sessions import (
    StaffSession,
    find_session,
    form_token,
    prove_again,
    prove_by_passkey,
)
from blacklist_service.problems import InvalidRequest, NotFound, TooManyRequests, Unauthenticated, Undetermined
from blacklist_service.secrecy import Cipher
from blacklist_service.web.context import source_ip
from blacklist_service.web.shares import Share
from blacklist_service.web.transactions import borrowed

FULL_PAGE = 50
"""Rows on one page of a list."""
COOKIE = "__Host-console"
LANGUAGE_COOKIE = "console-language"


@dataclass
class Visit:
    """One request for a page, and everything its handler needs."""

    request: Request
    page: ConsolePage
    path: Mapping[str, str]
    language: Language
    session: StaffSession | None = None
    form: Form = field(default_factory=Form)
    uploads: Mapping[str, Any] = field(default_factory=dict)
    new_secret: str | None = None

    @property
    def state(self) -> Any:
        return self.request.app.state

    @property
    def t(self) -> Translate:
        return translator(self.language)

    @property
    def past(self) -> Translate:
        return translator(self.language, is_past=True)

    @property
    def person(self) -> StaffSession:
        if self.session is None:
            raise LoggedOut
        return self.session

    @property
    def principal(self) -> Principal:
        return self.person.account.principal

    @property
    def actor(self) -> Actor:
        request_id, address = self.request.scope.get("request_id"), source_ip(self.request.scope)
        if self.session is None:
            return Actor(request_id=request_id, source_ip=address)
        found = self.principal
        return Actor(found.member, found.key_id, found.operator, request_id, address)

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def chosen(self, name: str, choices: Container[str], *, unsaid: str = "") -> str:
        """The choice that the address names, `unsaid` where it has no such name; empty if it is none of them."""
        value = self.query.get(name, unsaid)
        return value if value in choices else ""

    @property
    def cipher(self) -> Cipher:
        cipher: Cipher = self.state.secrecy.cipher("console")
        return cipher

    def has(self, *duties: Duty) -> bool:
        return self.session is not None and bool(set(duties) & set(self.session.account.duties))

    @asynccontextmanager
    async def hashing(self) -> AsyncIterator[Connection]:
        """A transaction in which a password is hashed, on separate connections, so that it takes none from others."""
        shares = self.state.shares
        async with (
            shares.turn(Share.LOGIN, None),
            borrowed(shares.pool(Share.LOGIN)) as connection,
            connection.transaction(),
        ):
            yield connection

    async def call(self, method: str, path: str, **options: Any) -> Reply:
        """Call the API; raise an `Undetermined` or `NotFound` answer, return any other."""
        reply = await call(self.state.api, self.request, self.principal, method, path, **options)
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Undetermined
        if reply.status == NotFound.status:
            raise NotFound
        if reply.status == TooManyRequests.status:
            raise TooManyRequests
        return reply

    async def read(self, path: str, **query: object) -> Any:
        """The API's answer to a read that can only be refused for a forged URL."""
        reply = await self.call("GET", path, query=query)
        if not reply.is_ok:
            raise InvalidRequest
        return reply.json

    async def find(self, path: str) -> Reply | None:
        """The API's answer to a read, or None if there is no such object."""
        try:
            return await self.call("GET", path)
        except NotFound:
            return None

    def seal(self, value: Any, purpose: str) -> str:
        return sealed.seal(self.cipher, value, purpose=f"{self.person.account.id} {purpose}")

    def unseal(self, text: str, purpose: str) -> Any:
        return sealed.unseal(self.cipher, text, purpose=f"{self.person.account.id} {purpose}")

    @property
    def party(self) -> RelyingParty | None:
        """The relying party of passkeys for this page's host; None if passkeys are impossible there."""
        own = self.state.settings.console_origin
        return RelyingParty.of(own or f"{self.request.url.scheme}://{self.request.headers.get('host', '')}")

    def ask_passkey(self, asked: PasskeyChallenge, purpose: str) -> dict[str, str]:
        """The options that a page gives to the browser, and the sealed state that comes back with the answer: for this
        session, if there is one.
        """
        options, state = asked
        sealed_state = self.seal(state, purpose) if self.session else sealed.seal(self.cipher, state, purpose=purpose)
        return {"options": orjson.dumps(options).decode(), "asked": sealed_state}

    def passkey_state(self, purpose: str) -> dict[str, Any] | None:
        """The state of the challenge, as the form brings it back; None if there was none, or it is too old."""
        found: dict[str, Any] | None = (
            self.unseal(self.form["asked"], purpose)
            if self.session
            else sealed.unseal(self.cipher, self.form["asked"], purpose=purpose)
        )
        return found

    def ask_login(self) -> dict[str, str] | None:
        """For any passkey of this host that the person picks."""
        party = self.party
        if party is None or self.session is not None:
            return None
        return self.ask_passkey(ask_to_prove(party), "passkey login")

    def ask_step_up(self) -> dict[str, str] | None:
        """For a form that needs the second factor of a person who has a passkey."""
        party = self.party
        if self.session is None or party is None or not self.session.account.has_passkey:
            return None
        return self.ask_passkey(ask_to_prove(party), "step-up")

    async def step_up(self) -> None:
        """Require the second factor for an act that needs it; raise `FactorNeeded` or `FactorRefused`."""
        if self.person.is_proved_at(now()):
            return
        code, answer = self.form.given("code"), self.form.given("passkey")
        party, asked = self.party, self.passkey_state("step-up") if answer else None
        if code is None and answer is None:
            raise FactorNeeded
        by: dict[str, Any] = {"actor": self.actor, "secrecy": self.state.secrecy}
        async with borrowed(self.state.pool) as connection, connection.transaction():
            if answer is None:
                secret = await prove_again(connection, self.person, code or "", **by)
            elif party is None or asked is None:
                secret = None
            else:
                secret = await prove_by_passkey(connection, self.person, party, asked, answer, **by)
        if secret is None:
            raise FactorRefused
        self.new_secret = secret
        self.session = replace(self.person, secret=secret, proved_at=now())

    async def prove_again(self) -> None:
        """Raise `Unauthenticated` once the session is over; this check does not count as use."""
        async with borrowed(self.state.pool) as connection:
            session = await find_session(connection, self.person.secret, secrecy=self.state.secrecy)
        if session is None or not session.is_alive_at(now()):
            raise Unauthenticated

    async def is_proved(self) -> bool:
        """As `step_up`; if the factor is missing or wrong, the form says so and keeps its content."""
        try:
            await self.step_up()
        except FactorNeeded:
            self.form.faults["code"] = "此操作须用动态码再次验证，请填写"
        except FactorRefused:
            self.form.faults["code"] = "动态码不正确"
        return "code" not in self.form.faults

    def show(self, template: str, *, status: int = 200, **context: Any) -> Response:
        account = self.session.account if self.session else None
        shown = dict(
            visit=self,
            t=self.t,
            past=self.past,
            account=account,
            form=context.pop("form", self.form),
            language=self.language.value,
            here=self.request.url.path,
            printed_at=now(),
            token=form_token(self.session) if self.session else "",
            once=secrets.token_urlsafe(16),
            passkey_login=self.ask_login() if template == "login.html" else None,
            needs_factor=self.session is not None and not self.session.is_proved_at(now()),
            idle_seconds=int(IDLE.total_seconds()),
            warned_before=int(WARNED_BEFORE_IDLE.total_seconds()),
            **context,
        )
        return self.finished(Rendered(template, status, lambda: self.state.courtesy, shown))

    def go(self, path: str, **query: str) -> Response:
        target = f"{PREFIX}{path}" + (f"?{urlencode(query)}" if query else "")
        return self.finished(RedirectResponse(target, 303))

    def finished(self, response: Response) -> Response:
        if self.new_secret is not None:
            set_session(response, self.new_secret)
        return response


class Forwarded(Response):
    """Passes on the API's own streamed answer: a bundle, events."""

    def __init__(self, visit: Visit, path: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._visit, self._path = visit, path
        self._given = {name: value for name, value in (headers or {}).items() if value}

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        visit = self._visit
        await forward(
            visit.state.api,
            visit.request,
            visit.principal,
            self._path,
            send,
            receive=receive,
            prove_again=visit.prove_again,
            headers=self._given,
        )


def set_session(response: Response, secret: str) -> None:
    response.set_cookie(COOKIE, secret, path="/", secure=True, httponly=True, samesite="strict")


def forget_session(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
