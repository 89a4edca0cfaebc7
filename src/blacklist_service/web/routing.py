"""Routes that keep the order of refusals: 401, 403, body 422, then the operation's own (design §8)."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any, Protocol

from fastapi import Depends, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive
from starlette.types import Scope as ASGIScope

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.problems import TooManyRequests, Unauthenticated, Undetermined
from blacklist_service.web.anteroom import IS_NO_STRANGER
from blacklist_service.web.bodies import CHECK_BODY_BYTES, Sent, parse_body, read_body
from blacklist_service.web.context import source_ip
from blacklist_service.web.courtesy import Piece
from blacklist_service.web.shares import Share, Shares, Taking


class Proofs(Protocol):
    """Verifies the `Authorization` header; what is remembered of a proof is found by its place."""

    async def authenticate(self, authorization: str | None) -> Principal: ...
    def place_of(self, authorization: str) -> bytes: ...
    def recall(self, place: bytes) -> Principal | None: ...
    def has_proved(self, authorization: str | None) -> bool: ...


LONG = frozenset({Share.SEARCH, Share.BULK})
"""Shares whose requests keep the database busy: run one at a time, with pauses, while checks are asked."""
TRANSACTIONS = "fastapi_function_astack"
"""Key in a request's scope: what FastAPI ends after the request was handled, the transactions of web/transactions.py."""
KEPT_IN_304 = frozenset({"etag", "cache-control", "list-version", "vary"})

_bearer = HTTPBearer(auto_error=False, description="An API key: sxd_{live|test}_{key id}_{secret}_{crc}")


class Needs:
    """Marks a route with the scope its caller needs, or several of which one suffices; None means any valid key."""

    def __init__(self, scope: Scope | None, *others: Scope) -> None:
        self.scope = scope
        self.others = others

    async def __call__(self, _key: Annotated[Any, Security(_bearer)] = None) -> None:
        """Nothing left to do: the route proved the caller before the body was read."""


def needs(scope: Scope | None, *others: Scope) -> Any:
    return Depends(Needs(scope, *others))


class GuardedRoute(APIRoute):
    """Verifies the caller, then parses the body strictly, then lets FastAPI continue."""

    most_bytes = CHECK_BODY_BYTES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        model = self._body_model()

        guard, share = self.guard, self.share

        async def guarded(request: Request) -> Response:
            await prove(request, guard, _authorization(request))
            if model is None:
                return unless_held(request, await in_turn(share, request, handle))
            headers = request.headers
            sent = Sent(*(headers.get(name, "") for name in ("content-type", "content-length", "content-encoding")))
            body = await read_body(sent, request.receive, self.most_bytes)
            strict = _StrictRequest(request.scope, request.receive)
            strict.raw = body
            strict.validated = parse_body(model, body)
            return await in_turn(share, strict, handle)

        return guarded

    @cached_property
    def guard(self) -> Needs | None:
        return next((d.dependency for d in self.dependencies if isinstance(d.dependency, Needs)), None)

    @cached_property
    def share(self) -> Share:
        """The share of the service that its requests take."""
        taken = (d.dependency.share for d in self.dependencies if isinstance(d.dependency, Taking))
        return next(taken, Share.ORDINARY)

    def _body_model(self) -> type[BaseModel] | None:
        annotation = self.body_field.field_info.annotation if self.body_field else None
        return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


async def in_turn(
    share: Share, request: Request, handle: Callable[[Request], Coroutine[Any, Any, Response]]
) -> Response:
    """Handle the request when it is its key's turn; a streaming answer takes its turn itself, while it is sent."""
    shares: Shares = request.app.state.shares
    request.scope["pool"] = shares.pool(share)
    if share is Share.STREAM:
        return await handle(request)
    principal = request.scope.get("principal")
    async with shares.turn(share, principal):
        try:
            return await (_in_pauses(request, handle) if share in LONG else _to_its_end(request, handle))
        except TooManyRequests as problem:  # of a quota: the turn is given back before that is told
            refused = problem
    await shares.wait_refused(principal)
    raise refused


async def _in_pauses(request: Request, handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
    work: Piece = request.app.state.courtesy.begin()
    await work.give_way()
    try:
        return await _to_its_end(request, handle)
    finally:
        work.end()


async def _to_its_end(request: Request, handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
    """Handle the request and end its transaction. FastAPI would end it only when the route is left: after the turn was given
    back, and after a refusal has waited, with the connection and its locks held meanwhile.
    """
    transactions: AsyncExitStack = request.scope[TRANSACTIONS]
    async with transactions:
        return await handle(request)


def _authorization(request: Request) -> str | None:
    """Raise `Unauthenticated` if there are several: a proxy in front may have examined another one."""
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise Unauthenticated("one Authorization header is needed, not several")
    return given[0] if given else None


def unless_held(request: Request, response: Response) -> Response:
    """The response, or 304 if `If-None-Match` names its ETag: the client already has it (RFC 9110 §13.1.2)."""
    etag, held = response.headers.get("etag"), request.headers.get("if-none-match")
    if request.method not in {"GET", "HEAD"} or response.status_code != HTTPStatus.OK or etag is None or held is None:
        return response
    if held.strip() != "*" and etag.removeprefix("W/") not in {
        one.strip().removeprefix("W/") for one in held.split(",")
    }:
        return response
    kept = {name: value for name, value in response.headers.items() if name in KEPT_IN_304}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)


class HotRequest(Request):
    """A request whose headers are indexed once, for a route that is called thousands of times a second."""

    def __init__(self, scope: ASGIScope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._first: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self.has_twins = len(self._first) != len(scope["headers"])
        """Whether a header occurs more than once."""

    def header(self, name: bytes) -> str | None:
        """The first header of that name; the name is given in lower case."""
        value = self._first.get(name)
        return None if value is None else value.decode("latin-1")


HotEndpoint = Callable[[bytes, HotRequest], Awaitable[bytes]]


class HotRoute(GuardedRoute):
    """For the busiest operations: the endpoint is called with the raw body and the request, and returns the JSON of the
    answer.

    Its annotations only serve OpenAPI: there is no dependency solving and no response validation per request. `HotLane` also
    takes its requests around the framework's layers.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def hot(request: Request) -> Response:
            content = await self.answer(HotRequest(request.scope, request.receive))
            return Response(content, media_type="application/json")

        return hot

    def is_open_to(self, principal: Principal) -> bool:
        """Whether a caller that is already verified has the scope needed here."""
        guard = self.guard
        return guard is not None and (guard.scope is None or guard.scope in principal.scopes)

    async def answer(self, request: HotRequest) -> bytes:
        authorization = _authorization(request) if request.has_twins else request.header(b"authorization")
        await prove(request, self.guard, authorization)
        sent = Sent(
            request.header(b"content-type") or "",
            request.header(b"content-length") or "",
            request.header(b"content-encoding") or "",
        )
        body = await read_body(sent, request.receive, self.most_bytes)
        endpoint: HotEndpoint = self.endpoint
        return await endpoint(body, request)


async def prove(request: Request, guard: Needs | None, authorization: str | None) -> None:
    """Put the caller's `Principal` into the request's scope; raise `Unauthenticated` or `ScopeMissing`.

    It is already there if a page of the console asks in the name of the logged-in person; no header can put it there.
    """
    if guard is None:
        return
    principal: Principal | None = request.scope.get("principal")
    if principal is None:
        proofs: Proofs = request.app.state.proofs
        try:
            principal = request.scope["principal"] = await proofs.authenticate(authorization)
        except Undetermined:
            request.scope[IS_NO_STRANGER] = proofs.has_proved(authorization)
            raise
    if guard.scope is not None:
        principal.require(guard.scope, *guard.others)


async def prove_again(request: Request) -> None:
    """For a long-lasting answer: raise `Unauthenticated` once the caller's key, or session, has ended."""
    again: Callable[[], Awaitable[None]] | None = request.scope.get("prove_again")
    if again is not None:
        await again()
        return
    proofs: Proofs = request.app.state.proofs
    await proofs.authenticate(request.headers.get("authorization"))


def principal_of(request: Request) -> Principal:
    principal: Principal = request.scope["principal"]
    return principal


def actor_of(request: Request) -> Actor:
    principal = principal_of(request)
    request_id = request.scope.get("request_id")
    return Actor(principal.member, principal.key_id, principal.operator, request_id, source_ip(request.scope))


Caller = Annotated[Principal, Depends(principal_of)]
Acting = Annotated[Actor, Depends(actor_of)]


class _StrictRequest(Request):
    """A request whose JSON was already parsed and validated; FastAPI takes the model as it is."""

    raw: bytes
    validated: BaseModel

    async def body(self) -> bytes:
        return self.raw

    async def json(self) -> Any:
        return self.validated
