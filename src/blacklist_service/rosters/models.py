"""Tables of rosters, their files and their slices; all content is sealed."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import conv

from blacklist_service.database.tables import Instant, metadata, one_of

rosters = Table(
    "rosters",
    metadata,
    Column("id", Uuid, primary_key=True, comment="and the name of its screening"),
    Column("member", Text, ForeignKey("members.code"), nullable=False),
    Column("once", Text, nullable=False, comment="of the form: one that is sent twice is one roster"),
    Column("key_id", Text, nullable=False, comment="the account that asks"),
    Column("operator", Text),
    Column("request_id", Text),
    Column("matter", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("identifier_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("problem", Text, comment="a code of ours: why it was not screened"),
    Column("private", LargeBinary, nullable=False, comment="sealed: how the file is called, its columns"),
    Column("file_sha256", LargeBinary),
    Column("bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("slices", Integer, nullable=False, server_default=text("0")),
    Column("staged", Integer, nullable=False, server_default=text("0"), comment="rows read so far"),
    Column("rows", Integer, comment="all of them, once it is read"),
    Column("settled", Integer, nullable=False, server_default=text("0")),
    Column("counts", JSONB, nullable=False, server_default="{}", comment="rows by conclusion"),
    Column("first_version", BigInteger, comment="of the list that answered"),
    Column("last_version", BigInteger),
    Column("result_bytes", BigInteger),
    Column("queued_at", Instant, nullable=False),
    Column("began_at", Instant),
    Column("turn_at", Instant, nullable=False, comment="when it last had its turn: they take turns"),
    Column("finished_at", Instant),
    one_of("state", "incoming", "queued", "running", "done", "refused"),
    UniqueConstraint("member", "once", name=conv("rosters_member_once_key")),
    Index("rosters_waiting", "turn_at", postgresql_where=text("state IN ('queued', 'running')")),
    Index("rosters_queued_at", "queued_at"),
)

# The uploaded file, until the result is written; then the result.
roster_parts = Table(
    "roster_parts",
    metadata,
    Column("roster_id", Uuid, ForeignKey("rosters.id", ondelete="CASCADE"), primary_key=True),
    Column("what", Text, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False, comment="sealed"),
    one_of("what", "upload", "result"),
)

# Its rows as read, and their results; deleted once the result is written.
roster_slices = Table(
    "roster_slices",
    metadata,
    Column("roster_id", Uuid, ForeignKey("rosters.id", ondelete="CASCADE"), primary_key=True),
    Column("slice", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False, comment="sealed"),
    Column("results", LargeBinary, comment="sealed; null until they are asked"),
    Index("roster_slices_open", "roster_id", "slice", postgresql_where=text("results IS NULL")),
)
