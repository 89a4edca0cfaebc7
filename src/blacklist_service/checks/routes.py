"""`/v1/checks`: single checks, batches of up to a thousand, and reading an answer again."""

import asyncio
import base64
import json
import re
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.checks.asks import Answer, Ask, Asker
from blacklist_service.checks.batcher import MOST_AT_ONCE, MOST_BYTES_AT_ONCE, MOST_BYTES_IN_COMPANY, Batcher
from blacklist_service.checks.records import get_check
from blacklist_service.checks.schemas import (
    MOST_CHECKS,
    SCREENING,
    BatchRequest,
    BatchResponse,
    CheckRequest,
    CheckResponse,
    RecordedCheckResponse,
)
from blacklist_service.checks.screenings import admit_part
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.log import find_proof
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock, find_agency_of_check
from blacklist_service.problems import (
    FieldError,
    InternalError,
    InvalidRequest,
    NotYours,
    Problem,
    Undetermined,
)
from blacklist_service.web.bodies import BATCH_BODY_BYTES, parse_json
from blacklist_service.web.context import source_ip
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.express import Exchange, Taker
from blacklist_service.web.idempotency import idempotency_key, item_key
from blacklist_service.web.refusals import problem_wire, recorded
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, HotRequest, HotRoute, needs, principal_of
from blacklist_service.web.shares import LARGE_BATCH, Share, Shares
from blacklist_service.web.transactions import Writes, borrowed

FIELDS = frozenset({"checks", "screening"})
ALONE = 256, MOST_BYTES_AT_ONCE
"""The most subjects and bytes in a slice of a batch."""
IN_COMPANY = 20, MOST_BYTES_IN_COMPANY
"""The same while single checks are asked: a single check may have to wait for one slice."""
SLICES_UNDER_WAY = 2
"""Slices of one batch under way at once: while one is in the database, the next is parsed."""
HEADER = b"idempotency-key"

router = APIRouter(prefix="/v1/checks", tags=["checks"], route_class=GuardedRoute)
hot = APIRouter(prefix="/v1/checks", tags=["checks"], route_class=HotRoute)


class _BatchRoute(HotRoute):
    most_bytes = BATCH_BODY_BYTES


batches = APIRouter(prefix="/v1/checks", tags=["checks"], route_class=_BatchRoute)


@hot.post(
    "",
    summary="Check a subject before approving",
    description="Is the subject listed, and what does that mean for this matter? Answered block, flag or clear, with "
    "its reason, its legal basis and durable evidence; 503 `undetermined` where that cannot be known or recorded.",
    response_model=CheckResponse,
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.CHECKS_WRITE)],
)
async def create_check(body: CheckRequest, request: HotRequest) -> bytes:
    raw: bytes = body  # type: ignore[assignment] # a HotRoute hands the body over unread
    key = idempotency_key(request.header(HEADER))
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    batcher: Batcher = request.app.state.batcher
    batcher.ask(Ask(_asker(request), raw, _deadline(request), answered, key=key))
    return (await answered).content


def check_taker(state: State) -> Taker:
    """As above, for a request whose head has already been parsed."""
    batcher: Batcher = state.batcher
    seconds: float = state.settings.check_deadline_ms / 1000

    def take(body: bytes, exchange: Exchange) -> None:
        asker = Asker(exchange.principal, exchange.request_id, exchange.source_ip)
        batcher.ask(Ask(asker, body, exchange.arrived + seconds, exchange, key=exchange.idempotency_key))

    return take


@batches.post(
    "/batch",
    summary="Make up to 1,000 checks at once",
    description="Each check is its own, with its own evidence, and is answered in its place. A wrong one is refused alone.",
    response_model=BatchResponse,
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.CHECKS_WRITE)],
)
async def create_checks(body: BatchRequest, request: HotRequest) -> bytes:
    raw: bytes = body  # type: ignore[assignment] # a HotRoute hands the body over unread
    shares: Shares = request.app.state.shares
    counts_as = 1 if len(raw) <= MOST_BYTES_AT_ONCE else LARGE_BATCH
    async with shares.turn(Share.BATCH, principal_of(request), counts_as):
        return await _answer_items(raw, request)


async def _answer_items(body: bytes, request: HotRequest) -> bytes:
    items, screening = _read_items(body)
    key = idempotency_key(request.header(HEADER))
    if screening is not None:
        await _admit(request, screening, key, len(items))
    batcher: Batcher = request.app.state.batcher
    asker = _asker(request)
    results: list[bytes] = []
    asked: deque[_Slice] = deque()
    slices = _Slices(items)
    work = request.app.state.batch_courtesy.begin()
    # In slices, so that single checks get a turn between them; each slice has the whole deadline.
    while slices.is_more:
        is_in_company = batcher.has_company()
        while len(asked) >= (1 if is_in_company else SLICES_UNDER_WAY):
            results += await _settled(asked.popleft(), request)
        if is_in_company:
            await work.give_way()
        written = slices.take(*(IN_COMPANY if is_in_company else ALONE))
        request.scope["arrived"] = asyncio.get_running_loop().time()
        deadline, slice_ = _deadline(request), _Slice(len(written))
        asked.append(slice_)
        batcher.ask_together(
            [
                Ask(
                    asker,
                    body,
                    deadline,
                    _Place(slice_, place),
                    key=item_key(key, n),
                    is_of_a_batch=True,
                    screening=screening,
                )
                for place, (n, body) in enumerate(written)
            ]
        )
    for slice_ in asked:
        results += await _settled(slice_, request)
    if all(result.startswith(b'{"status":503') for result in results):
        raise Undetermined
    return b'{"results":[' + b",".join(results) + b"]}"


@router.get(
    "/{check_id}",
    summary="Read an answer again",
    description="The stored answer, for the agency that asked and for auditors (whose reading is recorded).",
    responses=problems(401, 403, 404, 503),
    dependencies=[needs(Scope.CHECKS_READ)],
)
async def read_check(
    check_id: UUID, request: Request, connection: Writes, caller: Caller, actor: Acting
) -> RecordedCheckResponse:
    secrecy = request.app.state.secrecy
    check = await get_check(connection, check_id, secrecy=secrecy)
    if caller.may(Scope.AUDIT_READ):
        entry = Entry(Action.AUDIT_READ, actor, check_id=check_id, facts={"what": "check"})
        await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
    elif check.agency != caller.member:
        raise NotYours
    return RecordedCheckResponse.model_validate(
        orjson.loads(check.answer)
        | {
            "answer": base64.b64encode(check.answer).decode(),
            "leaf": base64.b64encode(check.leaf).decode(),
            "leaf_salt": base64.b64encode(check.salt).decode(),
        }
    )


@router.get(
    "/{check_id}/receipt",
    summary="The receipt of a check",
    description="A C2SP tlog-proof: with the `leaf` of the answer and the log's public key it proves, offline and for "
    "ever, that the check was asked and answered so; for a clear answer too. 202 until the check is sealed.",
    response_class=PlainTextResponse,
    responses=problems(401, 403, 404, 503)
    | {202: {"description": "Not sealed yet", "headers": {"Retry-After": {"schema": {"type": "integer"}}}}},
    dependencies=[needs(Scope.CHECKS_READ)],
)
async def read_receipt(
    check_id: UUID, request: Request, connection: Writes, caller: Caller, actor: Acting
) -> PlainTextResponse:
    agency = await find_agency_of_check(connection, check_id)
    if agency is None:
        raise NotYours  # recorded in both cases, or the response time would reveal whether the check exists
    if caller.may(Scope.AUDIT_READ):
        entry = Entry(Action.AUDIT_READ, actor, check_id=check_id, facts={"what": "receipt"})
        await record(connection, [entry], at=await database_clock(connection), secrecy=request.app.state.secrecy)
    elif agency != caller.member:
        raise NotYours
    proof = await find_proof(connection, check_id)
    if proof is None:
        return PlainTextResponse("", status_code=202, headers={"Retry-After": "1"})
    return PlainTextResponse(proof.content)


def _asker(request: HotRequest) -> Asker:
    scope = request.scope
    return Asker(principal_of(request), scope["request_id"], source_ip(scope))


def _deadline(request: HotRequest) -> float:
    """The deadline in the event loop's time, counted from the arrival of the request."""
    seconds: float = request.app.state.settings.check_deadline_ms / 1000
    return seconds + float(request.scope["arrived"])


class _Slice:
    """Checks of one batch that are asked together; `whole` is resolved when the last of them is answered."""

    def __init__(self, size: int) -> None:
        self.outcomes: list[Answer | BaseException | None] = [None] * size
        self.whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = size

    def settle(self, place: int, outcome: Answer | BaseException) -> None:
        self.outcomes[place] = outcome
        self._open -= 1
        if not self._open and not self.whole.done():
            self.whole.set_result(None)


class _Place:
    """Receives the answer to one check of a slice. A future would cost more, and nothing here awaits a single check."""

    __slots__ = ("_place", "_slice")

    def __init__(self, slice_: _Slice, place: int) -> None:
        self._slice = slice_
        self._place = place

    def done(self) -> bool:
        return self._slice.outcomes[self._place] is not None

    def set_result(self, answer: Answer) -> None:
        self._slice.settle(self._place, answer)

    def set_exception(self, problem: BaseException) -> None:
        self._slice.settle(self._place, problem)


def _read_items(body: bytes) -> tuple[Sequence[Any], str | None]:
    """The checks of a batch, and the screening they belong to."""
    parsed = parse_json(body)
    items = parsed.get("checks") if isinstance(parsed, dict) else None
    if not isinstance(items, list) or not parsed.keys() <= FIELDS or not 1 <= len(items) <= MOST_CHECKS:
        raise InvalidRequest(
            errors=[FieldError("/checks", "list", f"Must be a list of 1 to {MOST_CHECKS} checks, alone")]
        )
    screening = parsed.get("screening")
    if screening is not None and not (isinstance(screening, str) and re.fullmatch(SCREENING, screening)):
        raise InvalidRequest(errors=[FieldError("/screening", "form", "1 to 64 letters, digits, - and _")])
    return items, screening


async def _admit(request: HotRequest, screening: str, key: str | None, rows: int) -> None:
    """Raise `TooManyRequests` if the unit has screened the most rows it may in a day."""
    if key is None:
        raise InvalidRequest(
            errors=[FieldError("Idempotency-Key", "missing", "A part of a screening is asked under a key")]
        )
    most = request.app.state.settings.screened_rows
    async with borrowed(request.app.state.pool) as connection, connection.transaction():
        await admit_part(
            connection, member=principal_of(request).member, screening=screening, part=key, rows=rows, most=most
        )


class _Slices:
    """The checks of a batch, taken in slices that are limited by checks, subjects and (approximately) bytes."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items
        self._next = 0

    @property
    def is_more(self) -> bool:
        return self._next < len(self._items)

    def take(self, most_subjects: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """The next slice: each check's body with its position in the batch."""
        taken: list[tuple[int, bytes]] = []
        subjects, size = 0, 0
        while self.is_more and len(taken) < MOST_AT_ONCE and subjects < most_subjects and size < most_bytes:
            item = self._items[self._next]
            taken.append((self._next, body := _written(item)))
            asked = item.get("subjects") if isinstance(item, dict) else None
            subjects += len(asked) if isinstance(asked, list) else 1
            size += len(body)
            self._next += 1
        return taken


def _written(item: Any) -> bytes:
    """The item as JSON of its own. A number beyond 64 bits, which orjson cannot write, is left for the parser to refuse."""
    try:
        return orjson.dumps(item)
    except TypeError:
        return json.dumps(item).encode()


async def _settled(slice_: _Slice, request: HotRequest) -> list[bytes]:
    """The results of a slice, in order."""
    await slice_.whole
    return [
        b'{"status":200,"check":%b}' % outcome.content
        if isinstance(outcome, Answer)
        else await _refused(outcome, request)
        for outcome in slice_.outcomes
    ]


async def _refused(outcome: BaseException | None, request: HotRequest) -> bytes:
    problem = outcome if isinstance(outcome, Problem) else InternalError()
    stands = await recorded(request, problem, request.app.state.record_refusal)
    wire = problem_wire(stands, request.scope.get("request_id"))
    return b'{"status":%d,"problem":%b}' % (stands.status, orjson.dumps(wire))
