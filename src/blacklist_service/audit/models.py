"""Tables of exports, simulations, and embargoes on reports to persons."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from blacklist_service.database.tables import Instant, metadata, one_of

# An auditor's export: requested, made by the worker, fetched, deleted after a week.
exports = Table(
    "exports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Text, ForeignKey("members.code"), nullable=False),
    Column("key_id", Text),
    Column("operator", Text),
    Column("request_id", Text),
    Column("format", Text, nullable=False),
    Column("filters", JSONB, nullable=False),
    Column("digests", ARRAY(LargeBinary)),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("queued_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("rows", BigInteger),
    Column("bytes", BigInteger),
    Column("problem", Text),
    one_of("format", "jsonl", "csv", "parquet"),
    one_of("state", "queued", "running", "done", "failed"),
    Index("exports_waiting", "id", postgresql_where=text("state IN ('queued', 'running')")),
)

# The finished bundle, sealed, in parts.
export_parts = Table(
    "export_parts",
    metadata,
    Column("export_id", Uuid, ForeignKey("exports.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# What a candidate catalogue would have answered; "attended": run at a terminal by the person who requested it.
simulations = Table(
    "simulations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Text, ForeignKey("members.code")),
    Column("key_id", Text),
    Column("operator", Text),
    Column("request_id", Text),
    Column("candidate", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("progress", Double, nullable=False, server_default=text("0")),
    Column("queued_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("result", JSONB),
    Column("problem", Text),
    one_of("state", "queued", "attended", "running", "done", "failed"),
    Index("simulations_waiting", "id", postgresql_where=text("state IN ('queued', 'running')")),
)

# As long as it is in force, the report to a person leaves out these questions: a case under investigation.
embargoes = Table(
    "embargoes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("agency", Text),
    Column("reference", Text),
    Column("reason", LargeBinary, nullable=False),
    Column("until", Date, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("lifted_at", Instant),
    Index("embargoes_digest", "digest", postgresql_where=text("lifted_at IS NULL")),
)
