"""A row as the file has it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Field(StrEnum):
    """What a column can mean, whatever its header calls it."""

    ACTION = "action"
    NAME = "name"
    KIND = "kind"
    IDENTIFIER_TYPE = "identifier_type"
    IDENTIFIER_NUMBER = "identifier_number"
    OTHER_NUMBERS = "other_numbers"
    """What further columns say of the debtor's number, separated by `;`."""
    SEX = "sex"
    LEGAL_REPRESENTATIVE = "legal_representative"
    REPRESENTATIVE_NUMBER = "representative_number"
    PEOPLE = "qysler"
    """Never a value: people are apart. Named where they cannot be read."""
    CASE_NUMBER = "case_number"
    PARTY_SEQUENCE = "party_sequence"
    COURT_NAME = "court_name"
    COURT_CODE = "court_code"
    FILED_ON = "filed_on"
    PUBLISHED_ON = "published_on"
    BASIS_NUMBER = "basis_number"
    BASIS_ISSUER = "basis_issuer"
    OBLIGATION = "obligation"
    PERFORMANCE = "performance"
    PERFORMED_PART = "performed_part"
    UNPERFORMED_PART = "unperformed_part"
    CIRCUMSTANCES = "circumstances"
    RECORD_ID = "record_id"
    DECISION_NUMBER = "decision_number"
    DECIDED_ON = "decided_on"
    EXPIRES_ON = "expires_on"
    GRACE_UNTIL = "grace_until"
    GROUND = "ground"
    SEVERITY = "severity"
    SERVED_ON = "served_on"
    OPERATION = "operation"
    """What a data-sharing platform does with its copy: insert, update, delete."""
    STATE = "state"
    DELETED_ON = "deleted_on"
    WITHHELD_ON = "withheld_on"
    """屏蔽: no longer shown, for a time or for good."""
    WITHHELD_REASON = "withheld_reason"
    WITHDRAWN_ON = "withdrawn_on"
    WITHDRAWN_REASON = "withdrawn_reason"
    EXITED_ON = "exited_on"
    EXIT_REASON = "exit_reason"
    IS_REMOVED = "is_removed"
    IS_WITHHELD = "is_withheld"
    IS_WITHDRAWN = "is_withdrawn"
    IS_IN_FORCE = "is_in_force"


DATES = frozenset(
    {
        *(Field.FILED_ON, Field.PUBLISHED_ON, Field.DECIDED_ON, Field.EXPIRES_ON, Field.GRACE_UNTIL),
        *(Field.SERVED_ON, Field.DELETED_ON, Field.WITHHELD_ON, Field.WITHDRAWN_ON, Field.EXITED_ON),
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


class Fault(StrEnum):
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
    faults: tuple[tuple[Field, Fault], ...] = ()
