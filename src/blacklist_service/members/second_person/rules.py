"""The acts, and how many people each may need. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class CourtAct(StrEnum):
    PUBLISH = "publish"
    CORRECT = "correct"
    EXTEND = "extend"
    IMPORT = "import"
    STOP_NOTICE = "stop_notice"
    DELETE = "delete"
    WITHDRAW = "withdraw"
    RELEASE = "release"


AT_ONCE = frozenset({CourtAct.DELETE, CourtAct.WITHDRAW, CourtAct.RELEASE})
"""One person does it, and another reviews it afterwards; no option makes it two. The database holds the same."""

USUAL_PERSONS: Mapping[CourtAct, int] = {act: 1 if act in AT_ONCE else 2 for act in CourtAct}

WORKING_DAYS_TO_REVIEW = 1


class ReviewFinding(StrEnum):
    IN_ORDER = "in_order"
    NOT_IN_ORDER = "not_in_order"
