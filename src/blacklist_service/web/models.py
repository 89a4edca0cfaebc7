"""Table of answers that are stored for retries."""

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, Text

from blacklist_service.database.tables import Instant, metadata

# Answers to POSTs with an Idempotency-Key, sealed, kept for 24 hours.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("member", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
    Index("idempotency_keys_at", "at"),
)
