"""What an entry is, and its leaf. Pure."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from blacklist_service.access.principals import Actor

LEAF_VERSION = 1
SALT_BYTES = 16


class Action(StrEnum):
    """What was done, in the past tense; `check` is the one that is asked a million times."""

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


class EntrySubject(NamedTuple):
    """One person or organisation an entry is about. `digest` finds it again; `private` is sealed."""

    digest: bytes
    name_masked: str
    identifier_masked: str | None
    role: str | None
    private: Mapping[str, Any]


NO_FACTS: Mapping[str, Any] = MappingProxyType({})


class Entry(NamedTuple):
    """One act. `facts` stand in the leaf in clear and must hold nothing personal; `private` is committed to, sealed."""

    action: Action
    actor: Actor
    matter: str | None = None
    reference: str | None = None
    check_id: UUID | None = None
    decision: str | None = None
    listing_ids: tuple[UUID, ...] = ()
    list_version: int | None = None
    measures_version: int | None = None
    notices_version: int | None = None
    subjects: tuple[EntrySubject, ...] = ()
    facts: Mapping[str, Any] = NO_FACTS
    private: Mapping[str, Any] = NO_FACTS
    request: bytes | None = None
    answer: bytes | None = None


def leaf_of(entry: Entry, *, entry_id: UUID, at: str, salt: bytes, private: bytes) -> bytes:
    """The canonical bytes (RFC 8785) that the log hashes; `at` as on the wire.

    Personal content is there only as SHA-256(salt ‖ bytes): resident IDs are few enough to be guessed from a plain hash.
    """
    leaf: dict[str, Any] = {
        "v": LEAF_VERSION,
        "id": entry_id if type(entry_id) is UUID else str(entry_id),  # orjson writes the plain ones faster
        "at": at,
        "action": entry.action._value_,
        "private": commitment(salt, private),
    }
    actor = entry.actor
    if actor.member is not None:
        leaf["agency"] = actor.member
    if actor.key_id is not None:
        leaf["key"] = actor.key_id
    if entry.matter is not None:
        leaf["matter"] = entry.matter
    if entry.decision is not None:
        leaf["decision"] = entry.decision
    if entry.list_version is not None:
        leaf["list"] = entry.list_version
    if entry.measures_version is not None:
        leaf["measures"] = entry.measures_version
    if entry.notices_version is not None:
        leaf["notices"] = entry.notices_version
    if entry.facts:
        leaf["facts"] = dict(entry.facts)
    if entry.request is not None:
        leaf["request"] = commitment(salt, entry.request)
    if entry.answer is not None:
        leaf["answer"] = commitment(salt, entry.answer)
    return canonical(leaf)


def private_part(entry: Entry) -> bytes:
    """What the leaf commits to without showing it."""
    private: dict[str, Any] = dict(entry.private)
    if entry.actor.operator is not None:
        private["operator"] = entry.actor.operator
    if entry.actor.request_id is not None:
        private["request_id"] = entry.actor.request_id
    if entry.actor.source_ip is not None:
        private["source_ip"] = entry.actor.source_ip
    if entry.reference is not None:
        private["reference"] = entry.reference
    if entry.listing_ids:
        private["listings"] = [str(listing_id) for listing_id in entry.listing_ids]
    if entry.subjects:
        private["subjects"] = [subject.private for subject in entry.subjects]
    return canonical(private)


def commitment(salt: bytes, content: bytes) -> str:
    return hashlib.sha256(salt + content).hexdigest()


def canonical(value: Any) -> bytes:
    """RFC 8785 for the values used here: strings, booleans, null, integers below 2^53, lists and string-keyed objects."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
