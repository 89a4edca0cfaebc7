"""The acts of a court's accounts, and which of them a second person looks at: before, afterwards, or not. Pure.

There is one table, `RULES`. An act that burdens a person waits for a second person if the court wants that. An act that
relieves a person takes effect at once, because delay would harm that person, and is reviewed afterwards. An act that changes
no answer needs neither.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class CourtAct(StrEnum):
    """Acts that a second person looks at, before or afterwards."""

    PUBLISH = "publish"
    CORRECT = "correct"
    EXTEND = "extend"
    IMPORT = "import"
    STOP_NOTICE = "stop_notice"
    DELETE = "delete"
    WITHDRAW = "withdraw"
    RELEASE = "release"
    SUSPEND = "suspend"
    RESUME = "resume"
    CONTEST = "contest"
    LIFT_CONTEST = "lift_contest"
    RENEW_NOTICE = "renew_notice"


class SoloAct(StrEnum):
    """Acts that one person does alone, without a review."""

    DISPUTE = "dispute"
    STATE_PERFORMANCE = "state_performance"
    FILE_OBJECTION = "file_objection"
    DECIDE_OBJECTION = "decide_objection"
    RECONSIDER_OBJECTION = "reconsider_objection"
    ISSUE_CERTIFICATE = "issue_certificate"
    KEEP_NOTIFICATION = "keep_notification"
    BEAT_HEART = "beat_heart"
    SERVE_REQUEST = "serve_request"
    RENEW_REQUEST = "renew_request"
    ATTACH_FILE = "attach_file"
    TAKE_UP_LEAD = "take_up_lead"
    CLOSE_LEAD = "close_lead"
    PREVIEW_IMPORT = "preview_import"
    CANCEL_IMPORT = "cancel_import"
    PROPOSE = "propose"
    DECIDE_PROPOSAL = "decide_proposal"
    RECALL_PROPOSAL = "recall_proposal"
    REVIEW = "review"


class Look(StrEnum):
    """When a second person looks at an act."""

    BEFORE = "before"  # two people or one, as the court chose
    AFTERWARDS = "afterwards"  # it takes effect at once; no option can delay it
    NOT = "not"


class Rule(NamedTuple):
    """The rule of an act. `like` is the act whose option applies while the court has set none for this one."""

    look: Look
    why: str
    like: CourtAct | None = None


RULES: Mapping[CourtAct | SoloAct, Rule] = {
    CourtAct.PUBLISH: Rule(Look.BEFORE, "from the next check on it burdens a person"),
    CourtAct.CORRECT: Rule(Look.BEFORE, "it may burden another person, or with more"),
    CourtAct.EXTEND: Rule(Look.BEFORE, "it burdens a person for longer"),
    CourtAct.IMPORT: Rule(Look.BEFORE, "it does all of these, a file at once"),
    CourtAct.STOP_NOTICE: Rule(Look.BEFORE, "it stops what a unit does for a person, also one who is not listed"),
    CourtAct.RENEW_NOTICE: Rule(Look.BEFORE, "it stops that for longer", CourtAct.STOP_NOTICE),
    CourtAct.RESUME: Rule(Look.BEFORE, "it puts a person back on the list", CourtAct.PUBLISH),
    CourtAct.LIFT_CONTEST: Rule(Look.BEFORE, "it blocks again who was perhaps another person", CourtAct.PUBLISH),
    CourtAct.DELETE: Rule(Look.AFTERWARDS, "delay burdens a person whose listing is over"),
    CourtAct.WITHDRAW: Rule(Look.AFTERWARDS, "delay burdens a person who should never have been listed"),
    CourtAct.SUSPEND: Rule(Look.AFTERWARDS, "delay burdens a person who is to be off the list for a time"),
    CourtAct.CONTEST: Rule(Look.AFTERWARDS, "delay blocks who is perhaps another person"),
    CourtAct.RELEASE: Rule(Look.AFTERWARDS, "delay stops what may go on"),
    SoloAct.DISPUTE: Rule(Look.NOT, "it is shown, and changes no answer (Art. 12)"),
    SoloAct.STATE_PERFORMANCE: Rule(Look.NOT, "it changes no answer; the deletion that it calls for is reviewed"),
    SoloAct.FILE_OBJECTION: Rule(Look.NOT, "it is shown, and changes no answer"),
    SoloAct.DECIDE_OBJECTION: Rule(
        Look.NOT, "the act that follows has a rule of its own; a rejection goes to the next court"
    ),
    SoloAct.RECONSIDER_OBJECTION: Rule(Look.NOT, "the next higher court decides"),
    SoloAct.ISSUE_CERTIFICATE: Rule(Look.NOT, "it says what is on record"),
    SoloAct.KEEP_NOTIFICATION: Rule(Look.NOT, "it keeps what was sent"),
    SoloAct.BEAT_HEART: Rule(Look.NOT, "it changes nothing"),
    SoloAct.SERVE_REQUEST: Rule(Look.NOT, "it asks a unit for something, and stops nothing by itself"),
    SoloAct.RENEW_REQUEST: Rule(Look.NOT, "it stops nothing by itself"),
    SoloAct.ATTACH_FILE: Rule(Look.NOT, "it changes no answer"),
    SoloAct.TAKE_UP_LEAD: Rule(Look.NOT, "it changes no answer"),
    SoloAct.CLOSE_LEAD: Rule(Look.NOT, "it changes no answer"),
    SoloAct.PREVIEW_IMPORT: Rule(Look.NOT, "nothing takes effect"),
    SoloAct.CANCEL_IMPORT: Rule(Look.NOT, "nothing takes effect"),
    SoloAct.PROPOSE: Rule(Look.NOT, "nothing takes effect"),
    SoloAct.RECALL_PROPOSAL: Rule(Look.NOT, "nothing takes effect"),
    SoloAct.DECIDE_PROPOSAL: Rule(Look.NOT, "it is the second look"),
    SoloAct.REVIEW: Rule(Look.NOT, "it is the second look"),
}
"""These rules apply to people's accounts; a system's key keeps its contract. The database enforces the same."""

AT_ONCE = frozenset(act for act in CourtAct if RULES[act].look is Look.AFTERWARDS)
WORKING_DAYS_TO_REVIEW = 1


def persons_needed(kept: Mapping[CourtAct, int]) -> dict[CourtAct, int]:
    """How many people each act needs, given the options a court has set."""
    return {act: _persons(act, kept) for act in CourtAct}


def _persons(act: CourtAct, kept: Mapping[CourtAct, int]) -> int:
    if act in AT_ONCE:
        return 1
    like = RULES[act].like
    usual = 2 if like is None else kept.get(like, 2)
    return kept.get(act, usual)


class ReviewFinding(StrEnum):
    IN_ORDER = "in_order"
    NOT_IN_ORDER = "not_in_order"
