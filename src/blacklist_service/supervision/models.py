"""Table of checks counted by day."""

from sqlalchemy import BigInteger, Column, Date, Table, Text

from blacklist_service.database.tables import Instant, metadata

# Checks of a finished day (UTC+8) by unit, matter and decision, counted once from the ledger.
check_days = Table(
    "check_days",
    metadata,
    Column("legal_date", Date, primary_key=True),
    Column("agency", Text, primary_key=True),
    Column("matter", Text, primary_key=True),
    Column("decision", Text, primary_key=True),
    Column("checks", BigInteger, nullable=False),
    Column("last_at", Instant, nullable=False),
)

check_days_counted = Table(
    "check_days_counted",
    metadata,
    Column("legal_date", Date, primary_key=True),
    Column("at", Instant, nullable=False),
)
