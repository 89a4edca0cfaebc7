"""What may be proposed, how long it waits, and who may decide. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from blacklist_service.access.scopes import Scope

WAITS = timedelta(days=7)
"""A proposal that nobody has decided by then expires, and must be proposed again."""


class ProposalAct(StrEnum):
    PUBLISH = "publish"
    CORRECT = "correct"
    EXTEND = "extend"
    IMPORT = "import"
    STOP_NOTICE = "stop_notice"
    KEY = "key"
    CATALOGUE = "catalogue"
    RESUME = "resume"
    LIFT_CONTEST = "lift_contest"
    RENEW_NOTICE = "renew_notice"


OF_OFFICERS = frozenset({ProposalAct.KEY, ProposalAct.CATALOGUE})
"""Acts of the installation, not of a court: a second security officer decides, of whichever member."""

ON_LISTINGS = frozenset({ProposalAct.CORRECT, ProposalAct.EXTEND, ProposalAct.RESUME, ProposalAct.LIFT_CONTEST})
"""Acts on an existing object, at the version that was seen."""


class ProposalState(StrEnum):
    WAITING = "waiting"
    IN_FORCE = "in_force"
    RETURNED = "returned"
    RECALLED = "recalled"
    EXPIRED = "expired"


class ReturnCode(StrEnum):
    """Why a proposal was returned to its maker."""

    REASON = "reason"  # the checker gives the reason
    NUMBER_DIFFERS = "number_differs"  # the number typed from the document was different


class Needed(NamedTuple):
    """The scopes needed to propose, decide and see an act."""

    to_make: Scope
    to_decide: Scope
    to_see: Scope


_LISTING = Needed(Scope.LISTINGS_WRITE, Scope.LISTINGS_APPROVE, Scope.LISTINGS_READ)

NEEDED: Mapping[ProposalAct, Needed] = {
    ProposalAct.PUBLISH: _LISTING,
    ProposalAct.CORRECT: _LISTING,
    ProposalAct.EXTEND: _LISTING,
    ProposalAct.IMPORT: _LISTING,
    ProposalAct.STOP_NOTICE: _LISTING._replace(to_make=Scope.NOTICES_WRITE),
    ProposalAct.RESUME: _LISTING,
    ProposalAct.LIFT_CONTEST: _LISTING,
    ProposalAct.RENEW_NOTICE: _LISTING._replace(to_make=Scope.NOTICES_WRITE),
    ProposalAct.KEY: Needed(Scope.KEYS_WRITE, Scope.KEYS_WRITE, Scope.KEYS_WRITE),
    ProposalAct.CATALOGUE: Needed(Scope.MEASURES_WRITE, Scope.MEASURES_WRITE, Scope.MEASURES_WRITE),
}


def state_at(kept: str, ends_at: datetime, at: datetime) -> ProposalState:
    """A waiting proposal expires by its date, without a write."""
    state = ProposalState(kept)
    return ProposalState.EXPIRED if state is ProposalState.WAITING and at >= ends_at else state
