"""The requests of the client's methods, and how the answers are parsed. Without I/O."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from blacklist_client.answers import Answer, Asked, read_answer, read_check, require_fits, require_fresh
from blacklist_client.conversation import Call, Headers, Reply, Request, media_type, refusal
from blacklist_client.errors import Failing, NoAnswer, NotUnderstood, Refused, TooMany, Undetermined
from blacklist_client.models import (
    CorrectionRequest,
    DeletionRequest,
    DisputeRequest,
    ExtensionRequest,
    ResumptionRequest,
    SuspensionRequest,
    WithdrawalRequest,
)
from blacklist_client.patience import BATCH, QUICK, READING, UPLOAD
from blacklist_client.questions import Question
from blacklist_client.reading import dump, parse, read
from blacklist_client.uploads import Upload

T = TypeVar("T")

MOST_IN_A_BATCH = 1000
KEY_BYTES = 18


Act = (
    CorrectionRequest
    | DeletionRequest
    | WithdrawalRequest
    | ExtensionRequest
    | DisputeRequest
    | SuspensionRequest
    | ResumptionRequest
)
ACTS: Mapping[type, str] = {
    CorrectionRequest: "correction",
    DeletionRequest: "deletion",
    WithdrawalRequest: "withdrawal",
    ExtensionRequest: "extension",
    DisputeRequest: "dispute",
    SuspensionRequest: "suspension",
    ResumptionRequest: "resumption",
}
"""The path of each act on a listing."""


def new_key() -> str:
    """A key for one call: it is unique, and every retry of the call uses it."""
    return secrets.token_urlsafe(KEY_BYTES)


def ask(asked: Asked) -> Call[Answer]:
    request = Request("POST", "/v1/checks", asked.content, key=asked.key)
    return Call(request, lambda reply: read_answer(reply, asked.question), QUICK, new_key)


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions that are sent together; each is answered, and replayed, separately."""

    questions: tuple[Question, ...]
    content: bytes
    key: str

    @classmethod
    def of(cls, questions: Sequence[Question], key: str | None = None, screening: str | None = None) -> "Batch":
        if not 1 <= len(questions) <= MOST_IN_A_BATCH:
            raise ValueError(f"a batch is of 1 to {MOST_IN_A_BATCH} questions")
        content = dump(said(checks=[question.wire() for question in questions], screening=screening))
        return cls(tuple(questions), content, key or new_key())


Result = Answer | NoAnswer | Refused


def ask_many(batch: Batch, within_seconds: float) -> Call[list[Result]]:
    request = Request("POST", "/v1/checks/batch", batch.content, key=batch.key)
    return Call(request, lambda reply: _read_batch(reply, batch.questions, within_seconds), BATCH)


def _read_batch(reply: Reply, questions: Sequence[Question], within_seconds: float) -> list[Result]:
    if reply.status != 200 or media_type(reply) != "application/json":
        raise NotUnderstood(f"not an answer of the service (status {reply.status})")
    parsed = parse(reply.content)
    found = read(_Results, parsed)
    if len(found.results) != len(questions):
        raise NotUnderstood("the answer is to another number of questions")
    return [
        _result(item, question, reply, within_seconds) for item, question in zip(found.results, questions, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Item:
    status: int
    check: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Results:
    results: list[_Item]


def _result(item: _Item, question: Question, reply: Reply, within_seconds: float) -> Result:
    """The result of one question in a batch. `recorded` returns the exact bytes of such an answer."""
    status, problem = item.status, item.problem
    try:
        if status == 200 and item.check is not None and problem is None:
            answer = read_check(item.check, b"", reply.headers.get("x-request-id"))
            require_fits(answer, question)
            require_fresh(answer.checked_at, reply, within_seconds)
            return answer
    except NoAnswer as error:
        return error
    if item.check is not None or problem is None:
        return NotUnderstood("an item of the batch is neither an answer nor a refusal")
    if status == 503:
        return Undetermined("the service cannot know or cannot record (503)")
    if status == 429:
        return TooMany("too much was asked for now (429)")
    return refusal(problem, status) or Failing(f"an item of the batch has status {status}")


def get(kind: type[T], *path: object, **query: object) -> Call[T]:
    return Call(Request("GET", target(*path, **query)), _json(kind), READING)


def get_text(*path: object, accept: str = "text/plain", **query: object) -> Call[str]:
    request = Request("GET", target(*path, **query), headers={"accept": accept})
    return Call(request, _text(accept), READING)


def post(kind: type[T], *path: object, body: Any = None, version: int | None = None) -> Call[T]:
    """An act, under a key of its own; `version` is the one that was seen, and must still be the newest."""
    request = Request("POST", target(*path), b"" if body is None else dump(body), _if_match(version), new_key())
    return Call(request, _json(kind), READING)


def put(kind: type[T], *path: object, body: Any) -> Call[T]:
    return Call(Request("PUT", target(*path), dump(body)), _json(kind), READING)


def upload(kind: type[T], where: str, upload: Upload, key: str) -> Call[T]:
    """A file upload; if interrupted, the caller repeats it with the same key."""
    headers = {"content-type": upload.content_type, "content-length": str(upload.length)}
    return Call(Request("POST", where, upload, headers, key), _json(kind), UPLOAD)


def said(**values: object) -> dict[str, object]:
    """A body of the given values; those that are None are left out."""
    return {name: value for name, value in values.items() if value is not None}


def nothing(call: Call[Any]) -> Call[None]:
    """The same, for an act whose answer has no further content."""
    return replace(call, read=lambda _reply: None)


def target(*path: object, **query: object) -> str:
    """A path under `/v1`, each segment quoted, with the given query values; a trailing underscore is dropped from names."""
    given = {name.rstrip("_"): _query_value(value) for name, value in query.items() if value is not None}
    written = "/v1/" + "/".join(quote(str(part), safe="-_.~") for part in path)
    return written + (f"?{urlencode(given)}" if given else "")


def _query_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _if_match(version: int | None) -> Headers:
    return {} if version is None else {"if-match": f'"{version}"'}


def _json(kind: type[T]) -> Callable[[Reply], T]:
    def read_json(reply: Reply) -> T:
        if media_type(reply) != "application/json":
            raise NotUnderstood(f"not JSON (status {reply.status})")
        return read(kind, parse(reply.content))

    return read_json


def _text(accept: str) -> Callable[[Reply], str]:
    def read_text(reply: Reply) -> str:
        if reply.status == 202:
            raise NotReady("not made yet", after_seconds=_after(reply))
        if media_type(reply) != accept:
            raise NotUnderstood(f"not {accept} (status {reply.status})")
        try:
            return reply.content.decode()
        except UnicodeDecodeError:
            raise NotUnderstood("not UTF-8") from None

    return read_text


def _after(reply: Reply) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 1.0


class NotReady(NoAnswer):
    """Not available yet: a receipt within seconds of its check, a certificate within seconds of its entry."""

    is_worth_another_try = True
    is_of_the_service = False
