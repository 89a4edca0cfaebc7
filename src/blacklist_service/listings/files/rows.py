"""A row as it is in the file."""

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
"""Fields that name a debtor or a case: the text of a spreadsheet error would be taken for a name."""
BETWEEN_NUMBERS = ";"


class CellFault(StrEnum):
    """Why a cell of a known column cannot be parsed."""

    NO_TEXT = "no-text"
    """An object, or a list where a single value is expected."""
    NO_VALUE = "no-value"
    """A formula whose value was never computed and stored."""
    ERROR = "error"
    """A spreadsheet error (#N/A) in a field that names a debtor or a case."""
    TWO_VALUES = "two-values"
    """Two columns with the same meaning but different values."""


class RelatedPerson(NamedTuple):
    """One of an organisation's people in the official JSON (`qysler`); the relation is its word, not parsed."""

    relation: str
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row that is not blank.

    `number` counts records in the file: the header is 1 and blank rows count; in JSON Lines it is the line; in a workbook the
    sheet's row, after all rows of the sheets before it (`ListFile.sheets`). `values` has only non-empty cells, stripped of
    plain whitespace; a name is otherwise unchanged. `notes` are the unknown columns. A field in `faults` could not be parsed
    and must refuse the row: a guess could list, or spare, the wrong person.
    """

    number: int
    values: dict[Field, str]
    notes: dict[str, str]
    people: tuple[RelatedPerson, ...] = ()
    faults: tuple[tuple[Field, CellFault], ...] = ()
