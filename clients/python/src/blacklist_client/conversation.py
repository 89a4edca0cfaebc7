"""One call, with its retries, without any I/O: a generator yields what to send or how long to wait, and receives the result.
The two clients drive the same generator, one blocking, one asynchronously.
"""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from blacklist_client import errors
from blacklist_client.errors import FieldError, NoAnswer, NotUnderstood, Refused
from blacklist_client.patience import QUICK, Circuit, Patience, RetryBudget
from blacklist_client.reading import parse
from blacklist_client.uploads import Upload

T = TypeVar("T")

Headers = Mapping[str, str]
KEY_HEADER = "Idempotency-Key"
LONGEST_ASKED_WAIT_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `target` is a path with its query; `content` is the same in every retry."""

    method: str
    target: str
    content: bytes | Upload = field(default=b"", repr=False)
    headers: Headers = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response. Header names are in lower case."""

    status: int
    headers: Headers
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request, and receive the whole response within that many seconds."""

    request: Request
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


Step = Send | Wait
Outcome = Reply | NoAnswer | None
"""After a `Send`: the response, or why there is none. After a `Wait`: None."""
Conversation = Generator[Step, Outcome, T]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and the parser of its response. `read` only receives responses with a status of success."""

    request: Request
    read: Callable[[Reply], T]
    patience: Patience = QUICK
    renew_key: Callable[[], str] | None = None
    """Creates another key, if a stored answer is not good enough."""


@dataclass(slots=True)
class State:
    """State shared by the calls of one client."""

    circuit: Circuit = field(default_factory=Circuit)
    budget: RetryBudget = field(default_factory=RetryBudget)
    clock: Callable[[], float] = time.monotonic


def converse(call: Call[T], state: State) -> Conversation[T]:
    """Raise `NoAnswer` or `Refused`; return what `call.read` made of the answer."""
    began = state.clock()
    was_probe = state.circuit.admit(began)
    state.budget.note_call(began)
    is_settled = False
    try:
        result = yield from _try(call, state, until=began + call.patience.deadline_seconds, is_alone=was_probe)
        is_settled = True
        state.circuit.succeeded()
    except Refused:
        is_settled = True
        state.circuit.succeeded()
        raise
    except NoAnswer as error:
        if error.is_of_the_service:
            is_settled = True
            state.circuit.failed(state.clock(), was_probe=was_probe)
        raise
    else:
        return result
    finally:
        if not is_settled:  # cancelled, or not a fault of the service
            state.circuit.left_off(was_probe=was_probe)


def _try(call: Call[T], state: State, *, until: float, is_alone: bool) -> Conversation[T]:
    patience, request = call.patience, call.request
    for tried in range(1, patience.tries + 1):
        came = yield Send(request, min(patience.try_seconds, until - state.clock()))
        try:
            if isinstance(came, NoAnswer):
                raise came
            assert came is not None  # noqa: S101 - of a Send
            return call.read(succeeded(came))
        except NoAnswer as error:
            now = state.clock()
            wait = 0.0 if isinstance(error, errors.StaleReplay) else patience.wait_seconds(error.after_seconds)
            is_over = is_alone or tried == patience.tries or not error.is_worth_another_try
            if is_over or not patience.fits(wait, until - now) or not state.budget.take(now):
                raise
            if isinstance(error, errors.StaleReplay):
                if call.renew_key is None:
                    raise
                request = replace(request, key=call.renew_key())
        yield Wait(wait)
    raise AssertionError("the last try returns or raises")


def succeeded(reply: Reply) -> Reply:
    """The response, if its status is one of success; otherwise raise the exception for the status."""
    if reply.status in {200, 201, 202}:
        return reply
    after = retry_after_seconds(reply)
    problem = problem_of(reply)
    if reply.status == 429:
        raise errors.TooMany("too much was asked for now (429)", after_seconds=after)
    if reply.status == 503 and problem is not None and problem.get("code") == "undetermined":
        raise errors.Undetermined("the service cannot know or cannot record (503)", after_seconds=after)
    if reply.status in {502, 503, 504}:
        raise errors.Unreachable(f"something before the service answered {reply.status}", after_seconds=after)
    if reply.status == 500:
        raise errors.Failing("the service failed inside (500)", after_seconds=after)
    if problem is not None and (refused := refusal(problem, reply.status)) is not None:
        raise refused
    raise NotUnderstood(f"not an answer of the service (status {reply.status})")


def refusal(problem: Mapping[str, Any], status: int) -> Refused | None:
    """The exception for a problem document; None if it is not one."""
    kind = errors.refusal_of(status)
    code, detail = problem.get("code"), problem.get("detail")
    if kind is None or problem.get("status") != status or not isinstance(code, str) or not isinstance(detail, str):
        return None
    return kind(
        detail,
        status=status,
        code=code,
        errors=[*_field_errors(problem.get("errors"))],
        request_id=problem.get("request_id") if isinstance(problem.get("request_id"), str) else None,
        problem=problem,
    )


def problem_of(reply: Reply) -> Mapping[str, Any] | None:
    """The RFC 9457 document; None if the response does not come from the service itself."""
    if media_type(reply) != "application/problem+json":
        return None
    try:
        problem = parse(reply.content)
    except NotUnderstood:
        return None
    return problem if isinstance(problem, dict) else None


def media_type(reply: Reply) -> str:
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


def retry_after_seconds(reply: Reply) -> float | None:
    """The header in seconds, as the service sends it; a date, which only others send, is ignored."""
    text = reply.headers.get("retry-after", "")
    return min(float(text), LONGEST_ASKED_WAIT_SECONDS) if text.isascii() and text.isdigit() else None


def _field_errors(found: Any) -> Generator[FieldError, None, None]:
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and all(isinstance(one.get(name), str) for name in ("pointer", "code", "message")):
            yield FieldError(one["pointer"], one["code"], one["message"])
