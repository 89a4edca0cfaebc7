"""The words that columns may hold, according to the models and to the schema; used to find which CHECKs a new word of the
code must widen.
"""

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import NamedTuple

from sqlalchemy import CheckConstraint, MetaData

WIDTH = 120
_IN_A_MODEL = re.compile(r"(\w+) IN \(('\w[^']*'(?:, '\w[^']*')*)\)")
_IN_THE_SCHEMA = r"CONSTRAINT {name} CHECK \(\(\w+ = ANY \(ARRAY\[(.*?)\]\)\)\)"
_WORD = re.compile(r"'([^']*)'")


class Vocabulary(NamedTuple):
    """A column of words, and the CHECK that restricts it."""

    table: str
    column: str
    check: str
    words: tuple[str, ...]


class Widening(NamedTuple):
    """A CHECK that must accept more words: the statement that changes it, and the table to validate afterwards."""

    table: str
    check: str
    statement: str


def vocabularies(metadata: MetaData) -> Iterator[Vocabulary]:
    """The columns of words that the models declare by `one_of`."""
    for table in metadata.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint) and (found := _IN_A_MODEL.fullmatch(str(constraint.sqltext))):
                yield Vocabulary(table.name, found[1], str(constraint.name), tuple(_WORD.findall(found[2])))


def widenings(metadata: MetaData, schema: str) -> list[Widening]:
    """The changes that let in the words that the models have, and `schema` (the text of schema.sql) lacks."""
    found = []
    for one in vocabularies(metadata):
        held = re.search(_IN_THE_SCHEMA.format(name=re.escape(one.check)), schema)
        if held is not None and set(_WORD.findall(held[1])) < set(one.words):
            listed = ", ".join(f"'{word}'" for word in one.words)
            added = f"ADD CONSTRAINT {one.check} CHECK ({one.column} IN ({listed})) NOT VALID;"
            lines = wrap(added, WIDTH, initial_indent="    ", subsequent_indent="        ")
            statement = "\n".join([f"ALTER TABLE {one.table} DROP CONSTRAINT {one.check},", *lines])
            found.append(Widening(one.table, one.check, statement))
    return found
