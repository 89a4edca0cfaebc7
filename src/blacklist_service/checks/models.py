"""What an agency did with an answer."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, Uuid

from blacklist_service.database.tables import Instant, metadata, one_of

# What the agency then did. The last one stands; the earlier ones stay.
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
