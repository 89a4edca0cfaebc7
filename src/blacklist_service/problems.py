"""Refusals: what the service will not do, said as RFC 9457 problem details.

    Problem
    ├── InvalidRequest 422            InvalidIdentifier 422        IdempotencyKeyReused 422
    ├── Unauthenticated 401           ScopeMissing 403             MatterNotAllowed 403
    ├── NotFound 404                  Conflict 409                 VersionMismatch 412
    ├── PayloadTooLarge 413           UnsupportedMediaType 415     PreconditionRequired 428
    ├── TooManyRequests 429           HeadTooLarge 431             MalformedRequest 400
    ├── InternalError 500             Undetermined 503

A capability adds its own below one of these. The first line of a class's docstring is the public title.
No refusal repeats the caller's values: `detail` is a sentence of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """Where a request is wrong: `pointer` is an RFC 6901 JSON pointer into the body, or a parameter's name."""

    pointer: str
    code: str
    message: str


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """The request was refused."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid-request"
    is_recorded: ClassVar[bool] = False
    """Whether the refusal is recorded in the ledger: a lack of right is, a typing error is not."""

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.code).strip().splitlines()[0]


class InvalidRequest(Problem):
    """The request is not of the form this operation takes."""

    status = 422
    code = "invalid-request"


class InvalidIdentifier(Problem):
    """The identifier cannot be right: no such number is ever issued."""

    status = 422
    code = "invalid-identifier"


class IdempotencyKeyReused(Problem):
    """This Idempotency-Key was used with another request."""

    status = 422
    code = "idempotency-key-reused"


class Unauthenticated(Problem):
    """A valid API key is needed."""

    status = 401
    code = "unauthenticated"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class ScopeMissing(Problem):
    """The key lacks the scope for this operation."""

    status = 403
    code = "scope-missing"
    is_recorded = True


class MatterNotAllowed(Problem):
    """The key may not ask about this matter."""

    status = 403
    code = "matter-not-allowed"
    is_recorded = True

    def __init__(self, matter: str) -> None:
        super().__init__()
        self.matter = matter
        """For the ledger; it is not repeated to the caller."""


class NotFound(Problem):
    """There is no such thing here."""

    status = 404
    code = "not-found"


class NotYours(NotFound):
    """There is no such thing here."""  # the same words as for a missing object: existence is not revealed

    is_recorded = True


class Gone(Problem):
    """What this continues from is not there any more: start anew."""

    status = 410
    code = "gone"


class MethodNotAllowed(Problem):
    """This address does not take that method."""

    status = 405
    code = "method-not-allowed"


class Conflict(Problem):
    """The request does not fit the present state."""

    status = 409
    code = "conflict"


class VersionMismatch(Problem):
    """The thing has changed since the version that If-Match names."""

    status = 412
    code = "version-mismatch"


class PayloadTooLarge(Problem):
    """The body is larger than this operation takes."""

    status = 413
    code = "payload-too-large"


class UnsupportedMediaType(Problem):
    """The body is of a media type that this operation does not take."""

    status = 415
    code = "unsupported-media-type"


class PreconditionRequired(Problem):
    """This act needs an If-Match header with the version it changes."""

    status = 428
    code = "precondition-required"


class TooManyRequests(Problem):
    """This is more than one key may have at once, or ask in a while."""

    status = 429
    code = "too-many-requests"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class HeadTooLarge(Problem):
    """The request's head is larger than any operation needs."""

    status = 431
    code = "head-too-large"


class MalformedRequest(Problem):
    """This is no request of HTTP/1.1."""

    status = 400
    code = "malformed-request"


class InternalError(Problem):
    """Something went wrong on our side; nothing was answered in its place."""

    status = 500
    code = "internal-error"


class Undetermined(Problem):
    """The service cannot know, or cannot record, the answer now; this is neither clear nor block."""

    status = 503
    code = "undetermined"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})
