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
    SEX = "sex"
    LEGAL_REPRESENTATIVE = "legal_representative"
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


class RelatedPerson(NamedTuple):
    """One of an organisation's people in the official JSON (`qysler`); the relation is its word, unread."""

    relation: str
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row that is not blank.

    `number` is the record in the file: the header is 1 and blank rows count; in XLSX the sheet's row, in JSON Lines the
    line. `values` has only cells with something in them, without plain whitespace at the ends; a name stays as it is.
    `notes` are the columns without a meaning here. A JSON object that says two things of one field has no `values` at
    all, so that it is refused: choosing one of two names or numbers could list the wrong person.
    """

    number: int
    values: dict[Field, str]
    notes: dict[str, str]
    people: tuple[RelatedPerson, ...] = ()
