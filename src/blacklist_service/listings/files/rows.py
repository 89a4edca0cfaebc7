"""A row as the file has it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from blacklist_service.listings.columns import KEPT_DAYS, Field

DATES = frozenset(
    {
        *(Field.FILED_ON, Field.PUBLISHED_ON, Field.DECIDED_ON, Field.EXPIRES_ON, Field.GRACE_UNTIL, *KEPT_DAYS),
        *(Field.DELETED_ON, Field.WITHHELD_ON, Field.WITHDRAWN_ON, Field.EXITED_ON),
    }
)
NUMBERS = frozenset({Field.IDENTIFIER_NUMBER, Field.OTHER_NUMBERS})
NAMING = frozenset(
    {
        *(
            Field.NAME,
            Field.IDENTIFIER_NUMBER,
            Field.CASE_NUMBER,
            Field.PARTY_SEQUENCE,
            Field.COURT_NAME,
            Field.COURT_CODE,
        ),
        *(Field.LEGAL_REPRESENTATIVE, Field.REPRESENTATIVE_NUMBER, Field.IDENTIFIER_TYPE),
    }
)
"""By which somebody or a case is named: of an error there, the text would be taken for a name."""
BETWEEN_NUMBERS = ";"


class CellFault(StrEnum):
    """Why nobody can say what a cell of a known column holds."""

    NO_TEXT = "no-text"
    """An object, or a list where one value belongs."""
    NO_VALUE = "no-value"
    """A formula whose value was never computed and stored."""
    ERROR = "error"
    """An error of a spreadsheet (#N/A) where somebody or a case is named."""
    TWO_VALUES = "two-values"
    """Two columns of one meaning that say different things."""


class RelatedPerson(NamedTuple):
    """One of an organisation's people in the official JSON (`qysler`); the relation is its word, unread."""

    relation: str
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row that is not blank.

    `number` is the record in the file: the header is 1 and blank rows count; in JSON Lines the line; in a workbook the
    sheet's row, after all rows of the sheets before it (`ListFile.sheets`). `values` has only cells with something in
    them, without plain whitespace at the ends; a name stays as it is. `notes` are the columns without a meaning here.
    A field in `faults` could not be read and must refuse the row: a guess could list, or spare, the wrong person.
    """

    number: int
    values: dict[Field, str]
    notes: dict[str, str]
    people: tuple[RelatedPerson, ...] = ()
    faults: tuple[tuple[Field, CellFault], ...] = ()
