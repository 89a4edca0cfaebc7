"""Refusals about webhooks."""

from blacklist_service.problems import Conflict, FieldError, InvalidRequest, NotFound, TooManyRequests
from blacklist_service.webhooks.targets import TargetFault


class NoTargets(Conflict):
    """This service tells nobody by webhook: its administrator lists no targets. Read GET /v1/watch-events instead."""

    code = "webhook-targets-empty"


class TargetNotAllowed(InvalidRequest):
    """The service may not speak to that address."""

    code = "webhook-target-not-allowed"

    def __init__(self, fault: TargetFault) -> None:
        super().__init__(errors=[FieldError("/url", fault.value, "ask the administrator which targets are listed")])


class TooManyWebhooks(Conflict):
    """A unit has five webhooks at most: close one first."""

    code = "too-many-webhooks"


class WebhookNotFound(NotFound):
    """There is no webhook with this id."""


class WrongState(Conflict):
    """The webhook is not in a state for this."""

    code = "webhook-state"


class TestedJustNow(TooManyRequests):
    """A webhook is tested every ten seconds at most."""


class NoSuchEvent(InvalidRequest):
    """There is no such event in the unit's feed, or it is kept no longer."""
