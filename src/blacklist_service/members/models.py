"""Tables of members over the years, and of the keys of their systems."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import conv

from blacklist_service.access.scopes import Role
from blacklist_service.database.tables import Instant, metadata, one_of

members = Table(
    "members",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("court_code", Text, unique=True),
    Column("added_at", Instant, nullable=False),
    Column("matters", ARRAY(Text), comment="what its keys may be given to ask; null = not narrowed"),
    CheckConstraint("length(code) BETWEEN 1 AND 64", name="code"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),
    one_of("kind", "court", "agency", "auditor"),
    CheckConstraint("(kind = 'court') = (court_code IS NOT NULL)", name=conv("members_check")),
)

# Units are merged and renamed: an old answer is shown with the name of its day.
member_names = Table(
    "member_names",
    metadata,
    Column("member", Text, ForeignKey("members.code"), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("name", Text, nullable=False),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),
)

# Responsible leader, department, liaison and how to reach them, sealed; the newest revision counts.
member_contacts = Table(
    "member_contacts",
    metadata,
    Column("member", Text, ForeignKey("members.code"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("contacts", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)

# Which members answer to notices served on a member: itself, and its successors.
member_lineage = Table(
    "member_lineage",
    metadata,
    Column("member", Text, ForeignKey("members.code"), nullable=False),
    Column("ancestor", Text, ForeignKey("members.code"), nullable=False),
    Column("since", Date, comment="the day on which member took the place of ancestor"),
    PrimaryKeyConstraint("ancestor", "member"),
)

# The secret of a key is shown once and never stored.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("member", Text, ForeignKey("members.code"), nullable=False),
    Column("role", Text, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column(
        "kind",
        Text,
        nullable=False,
        server_default=text("'machine'"),
        comment="staff: the account of a person, which no bearer can present",
    ),
    one_of("kind", "machine", "staff"),
    one_of("role", *Role),
    CheckConstraint("length(secret_sha256) = 32", name="secret_sha256"),
    Index("api_keys_member", "member"),
)

# Installations that follow this list, and what is sealed for each.
followers = Table(
    "followers",
    metadata,
    Column("member", Text, ForeignKey("members.code"), primary_key=True),
    Column("public_key", LargeBinary, nullable=False, comment="X25519"),
    Column("since", Instant, nullable=False),
    CheckConstraint("length(public_key) = 32", name="public_key"),
)

api_key_matters = Table(
    "api_key_matters",
    metadata,
    Column("key_id", Text, ForeignKey("api_keys.id"), primary_key=True),
    Column("matter", Text, ForeignKey("matters.code"), primary_key=True),
)
