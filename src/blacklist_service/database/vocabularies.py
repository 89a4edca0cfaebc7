"""The words that columns may hold, as the models and the schema have them: what a new word of the code asks of the schema."""

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
    """A column of words, by the CHECK that holds it to them."""

    table: str
    column: str
    check: str
    words: tuple[str, ...]


class Widening(NamedTuple):
    """A CHECK that has to let more words in: its statement, and the table that is then read through for it."""

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
    """What lets in the words that the models have and `schema`, the text of schema.sql, has not yet."""
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
