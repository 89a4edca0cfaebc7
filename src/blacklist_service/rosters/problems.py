"""Refusals about rosters."""

from blacklist_service.problems import PayloadTooLarge, Problem, TooManyRequests
from blacklist_service.rosters.rules import MOST_FILE_BYTES, MOST_WAITING, RosterFault


class RosterRefused(Problem):
    """The file cannot be screened."""

    status = 422
    code = "roster-refused"

    def __init__(self, fault: RosterFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class RosterTooLarge(PayloadTooLarge):
    """The roster's file is too large."""

    def __init__(self) -> None:
        super().__init__(f"at most {MOST_FILE_BYTES >> 20} MiB")


class TooManyRosters(TooManyRequests):
    """As many rosters of this unit are waiting as may."""

    def __init__(self) -> None:
        super().__init__(f"at most {MOST_WAITING} at once", retry_after_seconds=60)
