"""What is refused about second persons."""

from blacklist_service.problems import Conflict, InvalidRequest, NotFound, Problem


class SecondPersonNeeded(Conflict):
    """This act needs a second person: propose it (POST /v1/proposals)."""

    code = "second-person-needed"


class SecondOfficerNeeded(SecondPersonNeeded):
    """This act needs a second security officer: propose it (POST /v1/proposals)."""


class OwnWork(Problem):
    """Nobody approves or reviews their own work."""

    status = 403
    code = "own-work"
    is_recorded = True


class NeverTwo(InvalidRequest):
    """What takes a burden off a person takes effect at once: it cannot be set to need two people."""


class ReviewNotFound(NotFound):
    """There is no such act to review."""


class ReviewedAlready(Conflict):
    """This act has been reviewed."""
