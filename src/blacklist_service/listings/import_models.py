"""Tables of imports: the file, its parsed rows, and the result of each."""

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.elements import conv

from blacklist_service.database.tables import Instant, metadata, one_of

imports = Table(
    "imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("court_code", Text, nullable=False),
    Column("court_name", Text, nullable=False),
    Column("member", Text),
    Column("key_id", Text),
    Column("operator", Text),
    Column("request_id", Text),
    Column("mode", Text, nullable=False),
    Column("is_dry_run", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column(
        "legal_date",
        Date,
        nullable=False,
        comment="the day of loading: an empty publication date becomes it, also after a restart",
    ),
    Column("file_sha256", LargeBinary),
    Column("unknown_columns", ARRAY(Text), nullable=False, server_default="{}"),
    Column("applied_through", Integer, nullable=False, server_default=text("0")),
    Column("total", Integer, nullable=False, server_default=text("0")),
    Column("list_version", BigInteger),
    Column("problem", Text),
    Column("file_name", Text),
    Column("format", Text),
    Column("parts", Integer, nullable=False, server_default=text("0")),
    Column("staged_at", Instant),
    Column("progress", REAL, nullable=False, server_default=text("0")),
    Column(
        "absent",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="listings that a snapshot lacked, and that it ended (or would end)",
    ),
    Column("confirmed_by", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column(
        "sheets",
        JSONB,
        nullable=False,
        server_default="[]",
        comment="the worksheets in order: name, and the number of the row before its first",
    ),
    Column(
        "findings",
        JSONB,
        nullable=False,
        server_default="[]",
        comment="what is to be said of the file as a whole; of its rows, import_fates say it",
    ),
    Column(
        "is_preview",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="it waits, with what would become of each row, until it is confirmed",
    ),
    Column(
        "needs_another",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="while it waits: whether another than its sender confirms it",
    ),
    Column(
        "planned_at_version",
        BigInteger,
        comment="the newest list version of its court that the preview was made on",
    ),
    Column("plan", JSONB, comment="what it would do to the court's listings in force, as counts"),
    Column("counts", JSONB, comment="rows by fate, when it last came to rest; null: count them"),
    one_of("mode", "upsert", "snapshot"),
    one_of("state", "queued", "running", "awaiting_confirmation", "done", "failed", "cancelled"),
    Index("imports_court", "court_code", "id"),
    Index("imports_open", "id", postgresql_where=text("state IN ('queued', 'running')")),
)

# The uploaded file, sealed, until it has been read to its end.
import_parts = Table(
    "import_parts",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("content", LargeBinary, nullable=False),
)

# Parsed rows that wait to take effect. first_row gathers all rows of one case in one chunk. Unlogged: after a crash of the
# database the file is read again, and rows that have a fate are skipped.
import_rows = Table(
    "import_rows",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("first_row", Integer, nullable=False),
    Column(
        "is_alone",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="no other row of the file is about its case",
    ),
    Column("listing_id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("natural_key", LargeBinary, nullable=False),
    Column("loose_key", LargeBinary, nullable=False),
    Column("court_code", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("ground", Text),
    Column("decided_on", Date),
    Column("decision_number", Text),
    Column("warnings", ARRAY(Text), nullable=False),
    Column("content_digest", LargeBinary),
    Column("court_name", Text),
    Column("party_sequence", Integer),
    Column("kind", Text),
    Column("debtor_name", Text),
    Column("identifier_masked", Text),
    Column("people", JSONB),
    Column("circumstances", ARRAY(Text)),
    Column("published_on", Date),
    Column("grace_until", Date),
    Column("in_force_from", Date),
    Column("expires_on", Date),
    Column("document", JSONB),
    Column("secret", LargeBinary),
    Column("key_digests", ARRAY(LargeBinary)),
    Column("key_kinds", ARRAY(SmallInteger)),
    Column("key_relations", ARRAY(SmallInteger)),
    Column("key_people", ARRAY(SmallInteger)),
    Column("performance", Text),
    Column("record_id", Text),
    Column(
        "is_stated",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="an action asks for what becomes of the listing, not the columns of its record",
    ),
    one_of("action", "publish", "correct", "delete", "withdraw", "suspend", "resume"),
    Index("import_rows_first_row", "import_id", "first_row", postgresql_where=text("NOT is_alone")),
    prefixes=["UNLOGGED"],
)

# The fate of every row, by number and code; never a value.
import_fates = Table(
    "import_fates",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("fate", Text, nullable=False),
    Column("field", Text),
    Column("code", Text),
    Column("warnings", ARRAY(Text), nullable=False, server_default="{}"),
    Column("listing_id", Uuid),
    Column(
        "others", ARRAY(Uuid), comment="other listings of the debtor in the case that a warning or a refusal is about"
    ),
    one_of("fate", "created", "corrected", "ended", "unchanged", "rejected"),
    CheckConstraint("(fate = 'rejected') = (code IS NOT NULL)", name=conv("import_fates_check")),
    Index("import_fates_reported", "import_id", "row", postgresql_where=text("fate = 'rejected' OR warnings <> '{}'")),
)

# Refused rows as they were sent, sealed, for 30 days, so that the court that sent them can correct them.
import_refusals = Table(
    "import_refusals",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
