"""Tables of the courts' options, and of acts to be reviewed."""

from sqlalchemy import (
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

# How many people an act of a court's accounts needs, if the court changed the default.
court_options = Table(
    "court_options",
    metadata,
    Column("member", Text, ForeignKey("members.code"), primary_key=True),
    Column("act", Text, primary_key=True),
    Column("persons", SmallInteger, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", Text),
    CheckConstraint("persons IN (1, 2)", name="persons"),
    one_of(
        "act",
        *("publish", "correct", "extend", "import", "stop_notice", "delete", "withdraw", "release"),
        *("suspend", "resume", "contest", "lift_contest", "renew_notice"),
    ),
    # Delay of these acts harms the person: they take effect at once, and are reviewed afterwards.
    CheckConstraint(
        "persons = 1 OR act NOT IN ('delete', 'withdraw', 'release', 'suspend', 'contest')",
        name=conv("court_options_check"),
    ),
)

# An act of one person that took effect at once, to be reviewed by another.
reviews = Table(
    "reviews",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Text, ForeignKey("members.code"), nullable=False),
    Column("act", Text, nullable=False),
    Column("target", Uuid, nullable=False),
    Column("version", Integer),
    Column("made_by", Text, ForeignKey("api_keys.id"), nullable=False),
    Column("operator", Text),
    Column("made_at", Instant, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("reviewed_by", Text, ForeignKey("api_keys.id")),
    Column("reviewer", Text),
    Column("reviewed_at", Instant),
    Column("finding", Text),
    Column("note", LargeBinary, comment="sealed"),
    one_of("act", "delete", "withdraw", "release", "suspend", "contest"),
    one_of("finding", "in_order", "not_in_order"),
    CheckConstraint("reviewed_by <> made_by", name=conv("reviews_another_person")),
    CheckConstraint(
        "(reviewed_by IS NULL) = (reviewed_at IS NULL) AND (reviewed_by IS NULL) = (finding IS NULL)",
        name=conv("reviews_done"),
    ),
    Index("reviews_member", "member", "id"),
    Index("reviews_open", "member", "due_on", postgresql_where=text("reviewed_at IS NULL")),
)
