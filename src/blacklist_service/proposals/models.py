"""Table of acts that wait for a second person."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.sql.elements import conv

from blacklist_service.database.tables import Instant, metadata, one_of

# An act that waits for a second person, sealed and fixed.
proposals = Table(
    "proposals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Text, ForeignKey("members.code"), nullable=False),
    Column("act", Text, nullable=False),
    Column("target", Uuid, comment="the listing, the import or the notice that it is about"),
    Column("base_version", BigInteger, comment="that of the target when it was proposed: it is approved on that alone"),
    Column("content", LargeBinary, nullable=False, comment="sealed"),
    Column("content_sha256", LargeBinary, nullable=False),
    Column("replaces", Uuid, ForeignKey("proposals.id")),
    Column("made_by", Text, ForeignKey("api_keys.id"), nullable=False),
    Column("operator", Text),
    Column("made_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("decided_by", Text, ForeignKey("api_keys.id")),
    Column("decider", Text),
    Column("decided_at", Instant),
    Column("outcome", LargeBinary, comment="what came of it, sealed: what was done, or why it was returned"),
    one_of(
        "act",
        *("publish", "correct", "extend", "import", "stop_notice", "key", "catalogue"),
        *("resume", "lift_contest", "renew_notice"),
    ),
    one_of("state", "waiting", "in_force", "returned", "recalled"),
    CheckConstraint("length(content_sha256) = 32", name="content_sha256"),
    # Nobody approves their own proposal, whoever they are.
    CheckConstraint("decided_by <> made_by", name=conv("proposals_another_person")),
    CheckConstraint(
        "(state = 'waiting') = (decided_at IS NULL) AND (state IN ('in_force', 'returned')) = (decided_by IS NOT NULL)",
        name=conv("proposals_decision"),
    ),
    CheckConstraint("ends_at = made_at + interval '168 hours'", name=conv("proposals_days")),
    Index("proposals_member", "member", "id"),
    Index("proposals_waiting", "member", "act", postgresql_where=text("state = 'waiting'")),
    Index("proposals_replaces", "replaces", postgresql_where=text("replaces IS NOT NULL")),
    # An import can have only one waiting proposal.
    Index("proposals_import", "target", unique=True, postgresql_where=text("act = 'import' AND state = 'waiting'")),
)
