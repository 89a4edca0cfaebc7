"""Matters, and the catalogue of measures in its versions."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from blacklist_service.database.tables import Instant, metadata

# Every matter that ever existed; their consequences are in the measures.
matters = Table(
    "matters",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

measures_versions = Table(
    "measures_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("catalogue", JSONB, nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("applied_by", Text),
)
