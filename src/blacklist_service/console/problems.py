"""What a page refuses by itself; all else is refused by the API."""

from blacklist_service.access.duties import Duty
from blacklist_service.problems import NotFound, Problem, ScopeMissing, TooManyRequests


class LoggedOut(Exception):  # noqa: N818 - no error: the person logs in and goes on
    """Nobody is logged in, or not any more."""


class DutyMissing(ScopeMissing):
    """Your duty does not have this page."""

    code = "duty-missing"

    def __init__(self, duties: frozenset[Duty]) -> None:
        super().__init__()
        self.duties = duties


class ForeignForm(Problem):
    """The form was not sent from a page of the console."""

    status = 403
    code = "foreign-form"


class StaleForm(Problem):
    """The page is of a session that is over; open it again."""

    status = 409
    code = "stale-form"


class NotServedHere(NotFound):
    """The console is served under its own name alone."""


class TooManyPersons(TooManyRequests):
    """More persons were asked about by hand than one officer may within ten minutes."""

    is_recorded = True
