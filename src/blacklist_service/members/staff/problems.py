"""What is refused about accounts and logging in."""

from blacklist_service.problems import Conflict, InvalidRequest, NotFound, Problem, TooManyRequests


class AccountExists(Conflict):
    """This login is taken, or this employee has an account already."""


class AccountNotFound(NotFound):
    """There is no such account."""


class AccountInvalid(InvalidRequest):
    """The account cannot be opened or given so."""


class DutyExcluded(Conflict):
    """This duty is of another office than the account's: it is never held beside the others."""


class OwnAccount(Problem):
    """An officer's act on the officer's own account: another has to do it."""

    status = 403
    code = "own-account"


class OfficersAccount(Problem):
    """Whoever gives an officer a new enrolment code could log in as that officer: it is done at the command line."""

    status = 403
    code = "officers-account"


class FactorRefused(Problem):
    """The code or the passkey is not right."""

    status = 403
    code = "factor-refused"


class FactorNeeded(Problem):
    """This act needs the second factor once more."""

    status = 403
    code = "factor-needed"


class EnrolmentRefused(Problem):
    """The login or the enrolment code is not right, or the code is too old."""

    status = 401
    code = "enrolment-refused"


class PasswordRefused(InvalidRequest):
    """The password cannot be taken."""


class TooManyTries(TooManyRequests):
    """Too many tries failed; wait before the next."""
