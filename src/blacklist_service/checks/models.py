"""Tables: what an agency did with an answer, and how many numbers it asked under one name."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text, Uuid

from blacklist_service.database.tables import Instant, metadata, one_of

# What the agency did with the answer. The newest row counts; earlier ones are kept.
check_outcomes = Table(
    "check_outcomes",
    metadata,
    Column("check_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("agency", Text, nullable=False),
    Column("matter", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", LargeBinary, comment="sealed"),
    Column("operator", Text),
    Column("at", Instant, nullable=False),
    one_of("action", "refused", "suspended", "approved", "referred", "withdrawn"),
    Index("check_outcomes_agency", "agency", "checked_at"),
)

# Keyed digests that only this service can compute; kept for a day.
asked_numbers = Table(
    "asked_numbers",
    metadata,
    Column("member", Text, primary_key=True),
    Column("name", LargeBinary, primary_key=True),
    Column("number", LargeBinary, primary_key=True),
    Column("at", Instant, nullable=False),
    Index("asked_numbers_at", "at"),
)

# Parts of screenings, kept for a day; a unit's quota of rows is counted from them.
screened_parts = Table(
    "screened_parts",
    metadata,
    Column("member", Text, primary_key=True),
    Column("part", Text, primary_key=True, comment="the Idempotency-Key it was asked under"),
    Column("screening", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Index("screened_parts_at", "at"),
)

# What auditors were notified of, once a day, and what they were notified was refused.
many_numbers = Table(
    "many_numbers",
    metadata,
    Column("member", Text, primary_key=True),
    Column("name", LargeBinary, primary_key=True),
    Column("is_refused", Boolean, primary_key=True),
    Column("at", Instant, nullable=False),
)
