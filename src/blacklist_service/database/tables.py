"""What the rooms' `models.py` are made of: one `MetaData` of SQLAlchemy Core tables, named as PostgreSQL names things itself.

The models say what the schema is today; the migrations, in SQL, are how it came to be; `make drift` holds the two together,
to the last CHECK. No ORM: no classes, no sessions, no relationships. A foreign key names a table of another room by its
text, so that no room imports another's models. `blacklist_service.schema` has them all.
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
"""A CHECK is named after its column; one about several is `conv("<table>_check")`. Indexes have names of their own."""

Instant = DateTime(timezone=True)
"""`timestamptz`; a date without a time is a day of law (UTC+8)."""


def one_of(column: str, *words: str) -> CheckConstraint:
    """A column of these words alone; null, where the column may be."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def word(said: str) -> ColumnElement[str]:
    """One of the schema's own words, as it stands in a statement: the plan knows it, and partial indexes are seen to fit."""
    return literal_column(f"'{said}'", Text)
