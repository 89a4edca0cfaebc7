"""What can come instead of an answer. None of these holds a value that a caller could take for one.

    BlacklistError
    ├── NoAnswer            hold the matter and ask again
    │   ├── Unreachable     no connection, or it was cut
    │   ├── TimedOut        no answer within the time
    │   ├── CircuitOpen     not asked: the last answers failed to come
    │   ├── TooMany         429
    │   ├── Undetermined    503: the service cannot know, or cannot record
    │   ├── NotUnderstood   something else than a whole answer to this question
    │   ├── StaleReplay     a stored answer of longer ago
    │   └── NothingListed   clear, but the service says that no list was ever loaded
    ├── Refused             mend the question, the key or the act; never asked again
    │   ├── BadQuestion     400, 405, 413, 415, 422, 431
    │   ├── KeyRefused      401
    │   ├── NotAllowed      403
    │   ├── NotFound        404; `Gone` 410
    │   └── Conflict        409, 412, 428
    └── Unverified          a receipt, certificate, statement or webhook that proves nothing

A message holds no name and no number: what the service refuses it never repeats, and neither does this client.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class BlacklistError(Exception):
    """Whatever this client raises on purpose."""


class NoAnswer(BlacklistError):
    """There is no answer. The matter is held, and the question asked again."""

    after_seconds: float | None = None
    """When to ask again, if the service or the circuit says so."""
    is_worth_another_try = False
    """Whether to retry within the same call. An error that an immediate retry cannot cure is not retried."""
    is_of_the_service = True
    """Whether the error means that the service is unwell: such errors open the circuit."""

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Unreachable(NoAnswer):
    """No connection to the service, or it was cut before the answer was whole."""

    is_worth_another_try = True


class TimedOut(NoAnswer):
    """The answer did not come in time."""

    is_worth_another_try = True


class CircuitOpen(NoAnswer):
    """Not asked: too many answers failed to come lately."""

    is_of_the_service = False


class TooMany(NoAnswer):
    """The key, the member or the person at the window has asked too much for now (429)."""

    is_worth_another_try = True
    is_of_the_service = False


class Undetermined(NoAnswer):
    """The service cannot know, or cannot record, and says so (503 `undetermined`)."""

    is_worth_another_try = True


class Failing(NoAnswer):
    """The service failed inside (500)."""


class NotUnderstood(NoAnswer):
    """What came is not a whole answer to this question in words that this client knows."""


class StaleReplay(NoAnswer):
    """What came is the stored answer to an earlier question: proof of then, no knowledge of now."""

    is_worth_another_try = True
    is_of_the_service = False


class NothingListed(NoAnswer):
    """The service answers clear and says that no list was ever loaded: such a clear says nothing."""

    is_of_the_service = False


@dataclass(frozen=True, slots=True)
class FieldError:
    """Where a request is wrong: `pointer` is a JSON pointer into the body, or a parameter's name."""

    pointer: str
    code: str
    message: str


class Refused(BlacklistError):
    """The service refuses. Asking the same again is refused again."""

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str,
        errors: Sequence[FieldError] = (),
        request_id: str | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        places = "; ".join(f"{one.pointer}: {one.message}" for one in errors)
        super().__init__(f"{code}: {detail}" + (f" ({places})" if places else ""))
        self.detail = detail
        self.status = status
        self.code = code
        self.errors = tuple(errors)
        self.request_id = request_id
        self.problem = dict(problem or {})


class BadQuestion(Refused):
    """The question or act is not of the form, or cannot be answered as it stands."""


class KeyRefused(Refused):
    """The key is unknown, ended or revoked."""


class NotAllowed(Refused):
    """The key may not do this, or not in this matter."""


class NotFound(Refused):
    """There is no such thing here."""


class Gone(NotFound):
    """What this continues from was never given out, or is no more: begin anew."""


class Conflict(Refused):
    """The act does not fit the present state."""


class Unverified(BlacklistError):
    """What should prove something proves nothing; the message says why."""


def refusal_of(status: int) -> type[Refused] | None:
    """The exception class for a status that refuses; None for any other status."""
    known: dict[int, type[Refused]] = {
        401: KeyRefused,
        403: NotAllowed,
        404: NotFound,
        409: Conflict,
        410: Gone,
        412: Conflict,
        428: Conflict,
    }
    return known.get(status) or (BadQuestion if status in {400, 405, 413, 415, 422, 431} else None)
