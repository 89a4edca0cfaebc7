"""Tables of the installation, and of the versions of its lists."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, LargeBinary, Table, Text, text

from blacklist_service.database.tables import Instant, metadata, one_of

# To which installation the database belongs: with another secret key every look-up would miss and every answer be clear.
installation = Table(
    "installation",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("key_fingerprint", LargeBinary, nullable=False),
    Column("digest_rules", Integer, nullable=False),
    Column("made_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column(
        "oldest_code",
        Text,
        nullable=False,
        server_default="0007",
        comment="the oldest revision whose code may serve this database; a migration that takes something away raises it",
    ),
    CheckConstraint("is_only", name="is_only"),
)

# The newest version of the list, the measures and the notices. A writer locks its row until it commits, so versions are
# gapless and in commit order; a check reads all three in its snapshot.
heads = Table(
    "heads",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    Column("changed_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    one_of("name", "list", "measures", "notices"),
)

# Versions skipped by a restore: `last_version` was the backup's; versions continue above `first_version`.
version_restarts = Table(
    "version_restarts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("last_version", BigInteger, nullable=False),
    Column("first_version", BigInteger, primary_key=True),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    one_of("name", "list", "notices"),
    CheckConstraint("last_version < first_version", name="order"),
)
