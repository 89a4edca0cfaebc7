"""Tables of the ledger, and of the log over it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET

from blacklist_service.database.tables import Instant, metadata

# One row for each act and each check. Append-only: the application's role may insert and read. This table and the two below
# have monthly partitions, which attach_ledger_month creates (migration 0001).
ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("action", Text, nullable=False),
    Column("agency", Text),
    Column("key_id", Text),
    Column("operator", Text),
    Column("matter", Text),
    Column("reference", Text),
    Column("check_id", Uuid),
    Column("decision", Text),
    Column("listing_ids", ARRAY(Uuid), nullable=False),
    Column("list_version", BigInteger),
    Column("measures_version", BigInteger),
    Column("notices_version", BigInteger),
    Column("request_id", Text),
    Column("source_ip", INET),
    Column("leaf", LargeBinary, nullable=False),
    CheckConstraint("length(leaf) <= 65535", name="leaf"),
    Index("ledger_entries_reference", "reference", "at", postgresql_where=text("reference IS NOT NULL")),
    # Finds the answers that rested on a listing (a withdrawal reports them). Most checks find nothing, so the index costs
    # them nothing.
    Index(
        "ledger_entries_listing_ids",
        "listing_ids",
        postgresql_using="gin",
        postgresql_where=text("listing_ids <> '{}'"),
    ),
    # Finds answers that wait for an outcome; most checks are clear, so the index costs them nothing.
    Index("ledger_entries_waiting", "agency", "at", postgresql_where=text("action = 'check' AND decision <> 'clear'")),
    # Finds all questions of one operator, which are few among a million checks. An index by unit and matter would cost each
    # check 10 µs, so there is none.
    Index("ledger_entries_operator", "operator", "at", postgresql_where=text("operator IS NOT NULL")),
    Index("ledger_entries_acts", "action", "at", postgresql_where=text("action <> 'check'")),
    postgresql_partition_by="RANGE (at)",
)

# The subjects of an entry: digest and masks.
ledger_subjects = Table(
    "ledger_subjects",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("entry_id", Uuid, primary_key=True),
    Column("ordinal", SmallInteger, primary_key=True),
    Column("role", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("name_masked", Text, nullable=False),
    Column("identifier_masked", Text),
    Index("ledger_subjects_digest", "digest", "at"),
    postgresql_partition_by="RANGE (at)",
)

# What opens the leaf's commitment, and the exact answer; erased at the end of retention, while every proof remains valid.
ledger_secrets = Table(
    "ledger_secrets",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("entry_id", Uuid, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("private", LargeBinary, nullable=False),
    Column("answer", LargeBinary),
    CheckConstraint("length(salt) = 16", name="salt"),
    postgresql_partition_by="RANGE (at)",
)

# One row for each transaction that made entries; the sequencer turns it into leaves. Vacuumed early, because rows live for
# moments.
ledger_pending = Table(
    "ledger_pending",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("entries", ARRAY(Uuid), nullable=False),
)

# The log's leaves in order: their entries and hashes; the bytes are in the entries.
ledger_leaves = Table(
    "ledger_leaves",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", Uuid, nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("length(hash) = 32", name="hash"),
)

# How far the order of the log was examined, and the newest timestamp among the leaves that are in order.
ledger_order = Table(
    "ledger_order",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("looked_to", BigInteger, nullable=False, server_default=text("0")),
    Column("newest", Instant),
    CheckConstraint("is_only", name="is_only"),
)

# Runs of leaves whose timestamps do not fit their neighbours; the worker records each in a ledger entry.
ledger_displaced = Table(
    "ledger_displaced",
    metadata,
    Column("first_idx", BigInteger, primary_key=True, autoincrement=False),
    Column("end_idx", BigInteger, nullable=False),
    Column("earliest", Instant, nullable=False),
    Column("latest", Instant, nullable=False),
    Column("found_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("noted_by", Uuid),
    CheckConstraint("end_idx > first_idx", name="end_idx"),
)

# The one log of this database; the act that begins the log creates the row.
ledger_log = Table(
    "ledger_log",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("origin", Text, nullable=False),
    Column("begun_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column(
        "since_size",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="of its first checkpoint; smaller ones are of a log before it",
    ),
    CheckConstraint("is_only", name="is_only"),
    CheckConstraint("length(origin) BETWEEN 1 AND 200", name="origin"),
)

# How one log succeeded another: the officer's act, signed by a key that is not in the database.
ledger_successions = Table(
    "ledger_successions",
    metadata,
    Column("origin", Text, primary_key=True, comment="of the log that follows"),
    Column("note", Text, nullable=False),
)

# The public keys it was ever signed with. Private keys are never in the database.
ledger_keys = Table(
    "ledger_keys",
    metadata,
    Column("number", Integer, Identity(always=True), primary_key=True),
    Column("vkey", Text, nullable=False, unique=True),
    Column("since", Instant, nullable=False, server_default=text("clock_timestamp()")),
)

# The hashes of full tiles, stored as entries of the tile level above; those of level 0 are the leaves.
ledger_tiles = Table(
    "ledger_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True),
    Column("idx", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("level > 0", name="level"),
    CheckConstraint("length(hash) = 32", name="hash"),
)

# What was signed. sealed_pending: the newest row of ledger_pending that it covers, so that the next search begins after it.
ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("sealed_pending", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("length(root) = 32", name="root"),
)

# Why nothing is sealed, if so: for the probes, and for the checks if it is a proof (kind).
ledger_sealing = Table(
    "ledger_sealing",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("refusal", Text),
    Column("since", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("kind", Text),
    Column(
        "term",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="rises whenever a sealer takes up the log; only the newest may write",
    ),
    Column("host", Text, comment="the machine whose sealer, or whose start, last said what is so"),
    Column("held", Text, comment="the newest checkpoint by which a machine disproved the database"),
    CheckConstraint("is_only", name="is_only"),
    CheckConstraint("kind IN ('rolled_back', 'forked', 'altered', 'unable')", name="kind"),
)

ledger_witnesses = Table(
    "ledger_witnesses",
    metadata,
    Column("vkey", Text, primary_key=True),
    Column("added_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
)

ledger_cosignatures = Table(
    "ledger_cosignatures",
    metadata,
    Column("size", BigInteger, ForeignKey("ledger_checkpoints.size"), primary_key=True),
    Column("vkey", Text, ForeignKey("ledger_witnesses.vkey"), primary_key=True),
    Column("line", Text, nullable=False),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()")),
)

# The state of the list that the worker computed last, for the sealer to sign.
list_states = Table(
    "list_states",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("version", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column(
        "sha256", LargeBinary, nullable=False, comment="of the set that a copy of the change feed holds at this version"
    ),
    Column("at", Instant, nullable=False),
    CheckConstraint("is_only", name="is_only"),
    CheckConstraint("length(sha256) = 32", name="sha256"),
)

# The newest statement: that state as a signed note.
list_statements = Table(
    "list_statements",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("at", Instant, nullable=False, comment="when the list was in the state that is stated"),
    Column("note", Text, nullable=False),
    CheckConstraint("is_only", name="is_only"),
)
