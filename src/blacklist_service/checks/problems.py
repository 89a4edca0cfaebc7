"""Refusals about checks."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from blacklist_service.measures.rules import Coverage
from blacklist_service.problems import FieldError, InvalidRequest, TooManyRequests


class UncoveredSubject(NamedTuple):
    """A subject that no measure covers: `place` is its index in the check."""

    place: int
    role: str
    kind: str
    coverage: Coverage

    @property
    def error(self) -> FieldError:
        """The field error points at the kind if the role is covered for the other kind, otherwise at the role."""
        if kinds := self.coverage.kinds_for(self.role):
            return self._error("kind", kinds)
        return self._error("role", self.coverage.roles_for(self.kind) or self.coverage.roles)

    def _error(self, name: str, covered: Iterable[str]) -> FieldError:
        named = ", ".join(covered) or "none today"
        message = f"no measure of this matter covers this {name}: covered are {named}"
        return FieldError(f"/subjects/{self.place}/{name}", SubjectNotCovered.code, message)


class UnknownMatter(InvalidRequest):
    """There is no such matter, or none that is decided by a check."""

    def __init__(self) -> None:
        super().__init__(
            errors=[FieldError("/matter", "unknown-matter", "not a matter of GET /v1/matters with a verdict")]
        )


class SubjectNotCovered(InvalidRequest):
    """A subject was not judged: no measure of the matter covers its role, or its kind. That is not clear."""

    code = "subject-not-covered"
    is_recorded = True

    def __init__(self, matter: str, uncovered: Sequence[UncoveredSubject]) -> None:
        errors = [one.error for one in uncovered]
        super().__init__("; ".join(dict.fromkeys(error.message for error in errors)), errors=errors)
        self.matter = matter
        self.facts = {"subjects": [{"role": one.role, "kind": one.kind} for one in uncovered]}
        """For the ledger; it names no person."""


class WatchTooLong(InvalidRequest):
    """A watch ends today or later, and within so many days."""

    def __init__(self, most_days: int) -> None:
        super().__init__(errors=[FieldError("/watch/until", "range", f"from today to {most_days} days from now")])


class ChildNotWatched(InvalidRequest):
    """A question about a child is not kept, so it cannot be kept open."""

    code = "child-not-watched"

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/watch", self.code, "a child who is named here is not stored")])


class TooManyWatches(TooManyRequests):
    """This member has as many open watches as it may: close some first."""

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=3600)


class ReasonMissing(InvalidRequest):
    """Overriding a block needs a reason."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/reason", "missing", "a block that is overridden needs its reason")])
