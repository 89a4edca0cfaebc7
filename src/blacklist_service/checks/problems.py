"""Refusals about checks."""

from blacklist_service.problems import FieldError, InvalidRequest


class UnknownMatter(InvalidRequest):
    """There is no such matter, or none that is decided by a check."""

    def __init__(self) -> None:
        super().__init__(
            errors=[FieldError("/matter", "unknown-matter", "not a matter of GET /v1/matters with a verdict")]
        )


class ReasonMissing(InvalidRequest):
    """Overriding a block needs a reason."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/reason", "missing", "a block that is overridden needs its reason")])
