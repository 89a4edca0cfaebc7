"""What the packages' `models.py` are made of: one `MetaData` of SQLAlchemy Core tables, with PostgreSQL's own naming
conventions.

The models describe the current schema; the migrations, in SQL, are how it came about; `make drift` compares the two, down to
the last CHECK. There is no ORM: no classes, no sessions, no relationships. A foreign key names a table of another package by
a string, so that no package imports another's models. `blacklist_service.schema` has all of them.
"""

from sqlalchemy import CheckConstraint, ColumnElement, DateTime, MetaData, Text, literal_column

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)
"""A CHECK is named after its column; one on several columns is `conv("<table>_check")`. Indexes have names of their own."""

Instant = DateTime(timezone=True)
"""`timestamptz`; a date without a time is a day of law (UTC+8)."""


def one_of(column: str, *words: str) -> CheckConstraint:
    """A column restricted to these words; null if the column is nullable."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def word(said: str) -> ColumnElement[str]:
    """A word of the schema as an SQL literal, so that the planner knows it and can match partial indexes."""
    return literal_column(f"'{said}'", Text)
