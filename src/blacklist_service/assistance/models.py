"""Tables of court notices (协助执行通知书), the keys that find them, and their steps."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.sql.elements import conv

from blacklist_service.database.tables import Instant, metadata, one_of

# A court's request that a unit act (协助执行通知书). Names as in listings; numbers and texts are sealed.
notices = Table(
    "notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("ruling_number", Text, nullable=False),
    Column("court_member", Text, ForeignKey("members.code"), nullable=False),
    Column("court_code", Text, nullable=False),
    Column("court_name", Text, nullable=False),
    Column("agency", Text, ForeignKey("members.code"), nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_name", Text, nullable=False),
    Column("identifier_masked", Text),
    Column("object", Text),
    Column("object_key", Text),
    Column("object_kind", Text),
    Column("valid_until", Date),
    Column("due_at", Instant),
    Column("urgency", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False, comment="sealed: subject and text as served"),
    Column("served_at", Instant, nullable=False),
    Column("acknowledged_at", Instant),
    Column("escalated_at", Instant),
    Column("answered_at", Instant),
    Column("result", Text),
    Column("reply", LargeBinary),
    Column("released_at", Instant),
    Column("findings", LargeBinary, comment="sealed: what was found, in answer to a query"),
    one_of(
        "action",
        *("stop_transfer", "stop_procedure", "query", "freeze", "deduct", "seize", "dispatch_police"),
        *("transfer_execution", "locate_person", "control_vehicle", "bar_exit", "withhold_income", "refer_crime"),
    ),
    one_of("subject_kind", "person", "organisation"),
    one_of("urgency", "normal", "urgent", "emergency"),
    one_of("result", "done", "partly_done", "not_found", "refused"),
    CheckConstraint("(answered_at IS NULL) = (result IS NULL)", name=conv("notices_check")),
    Index("notices_number", "court_code", "number", "agency", unique=True),
    Index("notices_agency", "agency", "id"),
    Index("notices_court", "court_code", "id"),
    Index(
        "notices_object",
        "agency",
        "object_key",
        postgresql_where=text("released_at IS NULL AND object_key IS NOT NULL"),
    ),
    Index(
        "notices_emergency",
        "served_at",
        postgresql_where=text(
            "urgency = 'emergency' AND acknowledged_at IS NULL AND escalated_at IS NULL AND released_at IS NULL"
        ),
    ),
)

# The keys by which a stop notice is found; those of a released notice are closed.
notice_keys = Table(
    "notice_keys",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("notice_id", Uuid, ForeignKey("notices.id"), nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("is_live", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("length(digest) = 16", name="digest"),
    Index("notice_keys_digest", "digest", postgresql_where=text("is_live")),
    Index("notice_keys_notice", "notice_id"),
    Index("notice_keys_closed", "digest", postgresql_where=text("NOT is_live")),
)

# Every step of a notice, in the order of the notices' versions: its history, and what streams send.
notice_events = Table(
    "notice_events",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("notice_id", Uuid, ForeignKey("notices.id"), nullable=False),
    Column("agency", Text, nullable=False),
    Column("court_code", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("member", Text),
    Column("operator", Text),
    Column("valid_until", Date),
    Column("detail", LargeBinary, comment="sealed: what was replied, why it was released, the ruling of a renewal"),
    one_of("act", "served", "acknowledged", "answered", "renewed", "released", "escalated", "attached"),
    Index("notice_events_notice", "notice_id", "version"),
)

# Information from a unit to the executing court about a listed debtor.
leads = Table(
    "leads",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("listing_id", Uuid, ForeignKey("listings.id"), nullable=False),
    Column("case_number", Text, nullable=False),
    Column("court_code", Text, nullable=False),
    Column("agency", Text, ForeignKey("members.code"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", LargeBinary, nullable=False, comment="sealed"),
    Column("state", Text, nullable=False),
    Column("word", LargeBinary, comment="sealed: the court's last"),
    Column("operator", Text),
    Column("filed_at", Instant, nullable=False),
    Column("taken_up_at", Instant),
    Column("closed_at", Instant),
    one_of("kind", "asset", "whereabouts", "evasion", "refusal_to_perform", "other"),
    one_of("state", "filed", "taken_up", "closed"),
    Index("leads_court", "court_code", "id"),
    Index("leads_agency", "agency", "id"),
    Index("leads_filed", "filed_at"),
)

# Files attached to a notice or a lead.
attachments = Table(
    "attachments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("notice_id", Uuid, ForeignKey("notices.id")),
    Column("lead_id", Uuid, ForeignKey("leads.id")),
    Column("name", LargeBinary, nullable=False, comment="sealed: as it was called"),
    Column("media_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("member", Text, nullable=False),
    Column("operator", Text),
    Column("at", Instant, nullable=False),
    CheckConstraint("(notice_id IS NULL) <> (lead_id IS NULL)", name=conv("attachments_check")),
    Index("attachments_notice", "notice_id", postgresql_where=text("notice_id IS NOT NULL")),
    Index("attachments_lead", "lead_id", postgresql_where=text("lead_id IS NOT NULL")),
)

attachment_parts = Table(
    "attachment_parts",
    metadata,
    Column("attachment_id", Uuid, ForeignKey("attachments.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False, comment="sealed"),
)
