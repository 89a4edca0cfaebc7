"""The vocabulary of acts: `Action` is the type of a ledger entry, `Act` that of a version of a listing. Pure.

An act on a listing is declared only here: its entry, its type in the change feed, and its names in both languages.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Action(StrEnum):
    """What was done, in the past tense; nearly all entries are a `check`."""

    CHECK = "check"
    RECHECK = "recheck"
    REFUSED = "refused"
    MEMBER_ADDED = "member_added"
    MEMBER_RENAMED = "member_renamed"
    MEMBER_SUCCEEDED = "member_succeeded"
    MEMBER_CONTACTS_CHANGED = "member_contacts_changed"
    MEMBER_MATTERS_CHANGED = "member_matters_changed"
    FOLLOWER_REGISTERED = "follower_registered"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    MEASURES_APPLIED = "measures_applied"
    MEASURES_SIMULATED = "measures_simulated"
    LISTING_PUBLISHED = "listing_published"
    LISTING_CORRECTED = "listing_corrected"
    LISTING_EXTENDED = "listing_extended"
    LISTING_DISPUTED = "listing_disputed"
    IDENTITY_CONTESTED = "identity_contested"
    CONTEST_WITHDRAWN = "contest_withdrawn"
    PERFORMANCE_RECORDED = "performance_recorded"
    REMOVAL_CERTIFIED = "removal_certified"
    LISTING_NOTIFIED = "listing_notified"
    LISTING_SUSPENDED = "listing_suspended"
    LISTING_RESUMED = "listing_resumed"
    LISTING_REINSTATED = "listing_reinstated"
    LISTING_DELETED = "listing_deleted"
    LISTING_WITHDRAWN = "listing_withdrawn"
    LISTING_EXPIRED = "listing_expired"
    GRACE_ENDED = "grace_ended"
    DATE_CONFIRMED = "date_confirmed"
    IMPORT = "import"
    IMPORT_CONFIRMED = "import_confirmed"
    IMPORT_CANCELLED = "import_cancelled"
    UPLOAD_ABORTED = "upload_aborted"
    OBJECTION_FILED = "objection_filed"
    OBJECTION_DECIDED = "objection_decided"
    OBJECTION_RECONSIDERED = "objection_reconsidered"
    NOTICE_SERVED = "notice_served"
    NOTICE_ACKNOWLEDGED = "notice_acknowledged"
    NOTICE_ANSWERED = "notice_answered"
    NOTICE_RENEWED = "notice_renewed"
    NOTICE_RELEASED = "notice_released"
    NOTICE_ESCALATED = "notice_escalated"
    MANY_NUMBERS_ASKED = "many_numbers_asked"
    NOTICE_ATTACHED = "notice_attached"
    LEAD_FILED = "lead_filed"
    LEAD_TAKEN_UP = "lead_taken_up"
    LEAD_CLOSED = "lead_closed"
    LEAD_ATTACHED = "lead_attached"
    OUTCOME_RECORDED = "outcome_recorded"
    WATCHES_OPENED = "watches_opened"
    WATCH_CHANGED = "watch_changed"
    WATCH_CLOSED = "watch_closed"
    EVENTS_TOLD = "events_told"
    WEBHOOK_OPENED = "webhook_opened"
    WEBHOOK_APPROVED = "webhook_approved"
    WEBHOOK_VERIFIED = "webhook_verified"
    WEBHOOK_ROTATED = "webhook_rotated"
    WEBHOOK_TESTED = "webhook_tested"
    WEBHOOK_REPLAYED = "webhook_replayed"
    WEBHOOK_DISABLED = "webhook_disabled"
    WEBHOOK_CLOSED = "webhook_closed"
    AUDIT_READ = "audit_read"
    AUDIT_UNMASKED = "audit_unmasked"
    EXPORT_ASKED = "export_asked"
    EXPORT_MADE = "export_made"
    SUBJECT_REPORTED = "subject_reported"
    EMBARGO_SET = "embargo_set"
    EMBARGO_LIFTED = "embargo_lifted"
    SIGNING_KEY_ROTATED = "signing_key_rotated"
    ANCHOR_ADOPTED = "anchor_adopted"
    LOG_BEGUN = "log_begun"
    ENTRIES_DISPLACED = "entries_displaced"
    WITNESS_ADDED = "witness_added"
    SECRETS_ERASED = "secrets_erased"
    STAFF_ADDED = "staff_added"
    STAFF_ENROLLED = "staff_enrolled"
    STAFF_GRANTED = "staff_granted"
    STAFF_ENDED = "staff_ended"
    STAFF_LOCKED = "staff_locked"
    STAFF_UNLOCKED = "staff_unlocked"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    SESSION_BEGUN = "session_begun"
    SESSION_ENDED = "session_ended"
    LOGIN_REFUSED = "login_refused"
    EXPLANATION_PRINTED = "explanation_printed"
    PROPOSAL_MADE = "proposal_made"
    PROPOSAL_APPROVED = "proposal_approved"
    PROPOSAL_RETURNED = "proposal_returned"
    PROPOSAL_RECALLED = "proposal_recalled"
    REVIEW_DONE = "review_done"
    COURT_OPTIONS_CHANGED = "court_options_changed"


class Act(StrEnum):
    """What makes a version of a listing. `decided` is a listing received during its grace period, which does not change the
    list yet; `reinstated` undoes an `expired` that was written while the clock was wrong.
    """

    DECIDED = "decided"
    PUBLISHED = "published"
    CORRECTED = "corrected"
    EXTENDED = "extended"
    DISPUTED = "disputed"
    CONTESTED = "contested"
    CONTEST_WITHDRAWN = "contest_withdrawn"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    REINSTATED = "reinstated"
    EXPIRED = "expired"
    DELETED = "deleted"
    WITHDRAWN = "withdrawn"


class Wording(NamedTuple):
    """The name of an act in both languages."""

    zh: str
    en: str


class Names(NamedTuple):
    """An act's names. `feed_type` is its type in the change feed, if that differs from the act's own word."""

    entry: Action
    in_history: Wording
    in_ledger: Wording
    feed_type: str | None = None


NAMES: Mapping[Act, Names] = {
    Act.DECIDED: Names(
        Action.LISTING_PUBLISHED, Wording("决定纳入", "Decided"), Wording("发布失信信息", "Listing published")
    ),
    Act.PUBLISHED: Names(
        Action.LISTING_PUBLISHED, Wording("发布", "Published"), Wording("发布失信信息", "Listing published")
    ),
    Act.CORRECTED: Names(
        Action.LISTING_CORRECTED, Wording("更正", "Corrected"), Wording("更正失信信息", "Listing corrected")
    ),
    Act.EXTENDED: Names(
        Action.LISTING_EXTENDED, Wording("延长期限", "Term extended"), Wording("延长期限", "Term extended")
    ),
    Act.DISPUTED: Names(
        Action.LISTING_DISPUTED,
        Wording("登记异议状态", "Dispute recorded"),
        Wording("登记异议状态", "Dispute recorded"),
    ),
    Act.CONTESTED: Names(
        Action.IDENTITY_CONTESTED,
        Wording("登记身份存疑", "Identity contested"),
        Wording("身份存疑", "Identity contested"),
        feed_type="disputed",
    ),
    Act.CONTEST_WITHDRAWN: Names(
        Action.CONTEST_WITHDRAWN,
        Wording("解除身份存疑", "Identity contest withdrawn"),
        Wording("解除身份存疑", "Identity contest withdrawn"),
        feed_type="disputed",
    ),
    Act.SUSPENDED: Names(Action.LISTING_SUSPENDED, Wording("暂时屏蔽", "Suspended"), Wording("暂时屏蔽", "Suspended")),
    Act.RESUMED: Names(
        Action.LISTING_RESUMED,
        Wording("恢复公布", "Published again"),
        Wording("恢复公布", "Published again"),
        feed_type="published",
    ),
    Act.REINSTATED: Names(
        Action.LISTING_REINSTATED,
        Wording("恢复误终止的信息", "Listing reinstated"),
        Wording("恢复误终止的信息", "Listing reinstated"),
        feed_type="published",
    ),
    Act.EXPIRED: Names(Action.LISTING_EXPIRED, Wording("期限届满", "Expired"), Wording("期限届满", "Expired")),
    Act.DELETED: Names(Action.LISTING_DELETED, Wording("删除", "Deleted"), Wording("删除失信信息", "Listing deleted")),
    Act.WITHDRAWN: Names(
        Action.LISTING_WITHDRAWN, Wording("撤销", "Withdrawn"), Wording("撤销失信信息", "Listing withdrawn")
    ),
}
"""A copy of the list is told of a resumed or reinstated listing as `published`, and of a contested identity as `disputed`."""


def feed_type(act: Act) -> str:
    """What the change feed calls an act."""
    return NAMES[act].feed_type or act.value
