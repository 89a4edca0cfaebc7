"""From a raw row of a file to what it says: content, or what names the listing it ends. Pure.

Values may be the code or its Chinese word, whatever the header's language. Nothing refuses a row but `Refusal`;
everything odd beside that is a warning, for a court's row must not be lost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from unicodedata import normalize

from blacklist_service.listings.courts import Courts
from blacklist_service.listings.files import Field, RawRow
from blacklist_service.listings.files.values import read_date, split_circumstances
from blacklist_service.listings.rules import (
    Content,
    Person,
    Refusal,
    RowAction,
    Warn,
    content_warnings,
    is_minor,
)
from blacklist_service.listings.wording import (
    ABSENT_NAMES,
    ACTIONS,
    GROUNDS,
    IDENTIFIER_TYPES,
    KINDS,
    ORGANISATION_WORDS,
    PERFORMANCES,
    RELATIONS,
    SEXES,
    fold,
    read_circumstance,
)
from blacklist_service.subjects.case_numbers import CaseNumber, fold_court_code, read_case_number
from blacklist_service.subjects.identifiers import (
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    birth_date,
    looks_damaged,
    read_identifier,
)
from blacklist_service.subjects.names import is_suspect_name, name_key

DATE_FIELDS = (Field.FILED_ON, Field.PUBLISHED_ON, Field.DECIDED_ON, Field.EXPIRES_ON, Field.GRACE_UNTIL)
ORGANISATION_TYPES = {
    IdentifierType.USCC,
    IdentifierType.ORGANISATION_CODE,
    IdentifierType.BUSINESS_REGISTRATION_NUMBER,
}
MOST_SEQUENCE = 1_000_000
SHORT_NAME = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]{2,4}")


@dataclass(frozen=True, slots=True)
class Importer:
    """Whose file it is, and on which day it is loaded."""

    court_code: str
    court_name: str
    courts: Courts
    today: date


@dataclass(frozen=True, slots=True)
class RefusedRow:
    number: int
    code: Refusal
    field: Field | None


@dataclass(frozen=True, slots=True)
class Naming:
    """What names a listing: enough for a row that deletes or withdraws it."""

    court_code: str
    court_name: str
    case_number: str
    party_sequence: int
    kind: SubjectKind
    name: str
    identifier: Identifier | None


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row that was understood. `content` is there for a publication or a correction, `ground` for a deletion."""

    number: int
    action: RowAction
    naming: Naming
    warnings: tuple[Warn, ...]
    content: Content | None = None
    ground: str | None = None
    decided_on: date | None = None
    notes: Mapping[str, str] | None = None


def read_row(raw: RawRow, importer: Importer) -> ReadRow | RefusedRow:
    """Read one row; the first refusal in the order of `Refusal` is the row's fate."""
    return _Reading(raw, importer).read()


class _Reading:
    def __init__(self, raw: RawRow, importer: Importer) -> None:
        self._raw = raw
        self._values = raw.values
        self._importer = importer
        self._warnings: list[Warn] = []
        self._refusals: list[tuple[Refusal, Field | None]] = []

    def read(self) -> ReadRow | RefusedRow:
        action = self._action()
        is_content = action in (RowAction.PUBLISH, RowAction.CORRECT)
        dates = self._dates(DATE_FIELDS if is_content else (Field.DECIDED_ON,))
        naming = self._naming()
        ground = self._ground() if action is RowAction.DELETE else None
        if is_content and naming is not None:
            self._refuse_minor(naming, dates)
        if self._refusals or naming is None:
            code, field = min(self._refusals, key=lambda refusal: _PRECEDENCE[refusal[0]])
            return RefusedRow(self._raw.number, code, field)
        content = self._content(naming, dates) if is_content else None
        return ReadRow(
            number=self._raw.number,
            action=action,
            naming=naming,
            warnings=tuple(dict.fromkeys(self._warnings)) if is_content else (),
            content=content,
            ground=ground,
            decided_on=dates.get(Field.DECIDED_ON),
            notes=self._raw.notes or None,
        )

    def _action(self) -> RowAction:
        """Publishing is the default where no action is given; a word that is not known must never list anyone."""
        written = self._values.get(Field.ACTION)
        action = ACTIONS.get(fold(written)) if written else RowAction.PUBLISH
        if action is None:
            self._refuse(Refusal.KIND_UNKNOWN, Field.ACTION)
        return action or RowAction.PUBLISH

    def _naming(self) -> Naming | None:
        """None where something that names the listing is missing; the refusal is noted."""
        values = self._values
        name = values.get(Field.NAME, "").strip()
        if not name_key(name):
            self._refuse(Refusal.NAME_MISSING, Field.NAME)
        case_number = read_case_number(values.get(Field.CASE_NUMBER, ""))
        if case_number is None:
            self._refuse(Refusal.CASE_NUMBER_MISSING, Field.CASE_NUMBER)
        court_code, court_name = self._court()
        number = values.get(Field.IDENTIFIER_NUMBER, "")
        if looks_damaged(number):
            self._refuse(Refusal.IDENTIFIER_DAMAGED, Field.IDENTIFIER_NUMBER)
        declared = IDENTIFIER_TYPES.get(fold(values.get(Field.IDENTIFIER_TYPE, "")))
        kind = self._kind(name, declared, number)
        if kind is None:
            self._refuse(Refusal.KIND_UNKNOWN, Field.KIND)
        if self._refusals or case_number is None or kind is None:
            return None
        identifier = read_identifier(kind, declared, number, today=self._importer.today)
        self._warn_of_naming(kind, name, identifier, case_number)
        sequence = self._sequence()
        return Naming(court_code, court_name, case_number.text, sequence, kind, name, identifier)

    def _court(self) -> tuple[str, str]:
        """The row's court: by code, else by name or alias; none given is the importer's."""
        importer, name = self._importer, self._values.get(Field.COURT_NAME, "").strip()
        code = fold_court_code(self._values.get(Field.COURT_CODE, ""))
        if not code and name:
            found = importer.court_code if fold(name) == fold(importer.court_name) else importer.courts.find_code(name)
            if found is None:
                self._warnings.append(Warn.COURT_UNKNOWN)
            code = found or ""
        if code and fold_court_code(code) != fold_court_code(importer.court_code):
            self._refuse(
                Refusal.COURT_MISMATCH, Field.COURT_CODE if Field.COURT_CODE in self._values else Field.COURT_NAME
            )
        return importer.court_code, importer.court_name

    def _kind(self, name: str, declared: IdentifierType | None, number: str) -> SubjectKind | None:
        """As written; else inferred from the identifier's type or form, then from who stands beside the debtor."""
        if written := self._values.get(Field.KIND):
            return KINDS.get(fold(written))
        if declared is not None and declared is not IdentifierType.OTHER:
            return SubjectKind.ORGANISATION if declared in ORGANISATION_TYPES else SubjectKind.PERSON
        if self._representative() or self._raw.people or any(word in name for word in ORGANISATION_WORDS):
            return SubjectKind.ORGANISATION
        as_person, as_organisation = (
            read_identifier(kind, None, number, today=self._importer.today) for kind in SubjectKind
        )
        is_short = SHORT_NAME.fullmatch(name) is not None
        fits_person, fits_organisation = (
            _fits(as_person, SubjectKind.PERSON),
            _fits(as_organisation, SubjectKind.ORGANISATION),
        )
        if fits_person and as_person is not None and as_person.quality is IdentifierQuality.VALID:
            return SubjectKind.PERSON
        if _holds(as_organisation) or (fits_organisation and not is_short):
            return SubjectKind.ORGANISATION
        return SubjectKind.PERSON if fits_person or is_short or "·" in name_key(name) else None

    def _sequence(self) -> int:
        """A missing one is 1; one that is no number is taken as missing, and told."""
        text = normalize("NFKC", self._values.get(Field.PARTY_SEQUENCE, "")).strip().removesuffix(".0")
        if text.isascii() and text.isdigit() and 1 <= int(text[:8]) <= MOST_SEQUENCE:
            return int(text)
        if text:
            self._warnings.append(Warn.PARTY_SEQUENCE_UNUSUAL)
        return 1

    def _dates(self, fields: tuple[Field, ...]) -> dict[Field, date]:
        """Judged singly; a text that is no date refuses the row."""
        dates: dict[Field, date] = {}
        for field in fields:
            try:
                day = read_date(self._values.get(field, ""))
            except ValueError:
                self._refuse(Refusal.DATE_INVALID, field)
            else:
                if day is not None:
                    dates[field] = day
        return dates

    def _ground(self) -> str | None:
        ground = GROUNDS.get(fold(self._values.get(Field.GROUND, "")))
        if ground is None:
            self._refuse(Refusal.GROUND_MISSING, Field.GROUND)
        return ground

    def _refuse_minor(self, naming: Naming, dates: Mapping[Field, date]) -> None:
        if naming.kind is not SubjectKind.PERSON or naming.identifier is None:
            return
        if naming.identifier.quality is IdentifierQuality.MASKED:
            return
        days = (dates.get(Field.DECIDED_ON), dates.get(Field.PUBLISHED_ON))
        if is_minor(birth_date(naming.identifier), days, today=self._importer.today):
            self._refuse(Refusal.MINOR, Field.IDENTIFIER_NUMBER)

    def _content(self, naming: Naming, dates: Mapping[Field, date]) -> Content:
        values = self._values
        circumstances = split_circumstances(values.get(Field.CIRCUMSTANCES, ""))
        performance = values.get(Field.PERFORMANCE)
        content = Content(
            court_code=naming.court_code,
            court_name=naming.court_name,
            case_number=naming.case_number,
            kind=naming.kind,
            name=naming.name,
            party_sequence=naming.party_sequence,
            sex=SEXES.get(fold(values.get(Field.SEX, ""))),
            identifier=naming.identifier,
            people=self._people(naming.kind),
            circumstances=tuple(sorted({read_circumstance(text).value for text in circumstances})),
            circumstances_text=values.get(Field.CIRCUMSTANCES),
            decision_number=values.get(Field.DECISION_NUMBER),
            decided_on=dates.get(Field.DECIDED_ON),
            published_on=dates.get(Field.PUBLISHED_ON),
            expires_on=dates.get(Field.EXPIRES_ON),
            grace_until=dates.get(Field.GRACE_UNTIL),
            filed_on=dates.get(Field.FILED_ON),
            basis_number=values.get(Field.BASIS_NUMBER),
            basis_issuer=values.get(Field.BASIS_ISSUER),
            obligation=values.get(Field.OBLIGATION),
            performance=PERFORMANCES.get(fold(performance)) if performance else None,
            performed_part=values.get(Field.PERFORMED_PART),
            unperformed_part=values.get(Field.UNPERFORMED_PART),
        )
        self._warnings += content_warnings(content)
        if performance and content.performance is None:
            self._warnings.append(Warn.PERFORMANCE_UNKNOWN)
        return content

    def _people(self, kind: SubjectKind) -> tuple[Person, ...]:
        """An organisation's people. By a name alone nobody is found, for names are shared: the row is told so."""
        if kind is not SubjectKind.ORGANISATION:
            return ()
        people = [
            Person(RELATIONS.get(fold(word), "legal_representative"), name.strip(), self._person_identifier(number))
            for word, name, number in self._raw.people
            if fold(name) not in ABSENT_NAMES and name_key(name)
        ]
        representative = self._representative()
        if representative and all(name_key(person.name) != name_key(representative) for person in people):
            people.append(Person("legal_representative", representative, None))
        if any(not _is_usable(person.identifier) for person in people):
            self._warnings.append(Warn.PERSON_UNIDENTIFIED)
        return tuple(people)

    def _representative(self) -> str:
        name = self._values.get(Field.LEGAL_REPRESENTATIVE, "").strip()
        return "" if fold(name) in ABSENT_NAMES or not name_key(name) else name

    def _person_identifier(self, number: str) -> Identifier | None:
        return read_identifier(SubjectKind.PERSON, None, number, today=self._importer.today)

    def _warn_of_naming(
        self, kind: SubjectKind, name: str, identifier: Identifier | None, case_number: CaseNumber
    ) -> None:
        self._warnings += naming_warnings(kind, name, identifier, is_legacy=case_number.is_legacy)

    def _refuse(self, code: Refusal, field: Field | None) -> None:
        self._refusals.append((code, field))


def naming_warnings(kind: SubjectKind, name: str, identifier: Identifier | None, *, is_legacy: bool) -> list[Warn]:
    """What is odd about whom and which case a listing names."""
    warnings = []
    if identifier is None:
        warnings.append(Warn.IDENTIFIER_MISSING)
    elif "*" in identifier.number:
        warnings.append(Warn.IDENTIFIER_MASKED)  # also by a mask that nobody knows: it is found by the name alone
    elif (warning := _WARNING_OF_QUALITY.get(identifier.quality)) is not None:
        warnings.append(warning)
    if is_suspect_name(kind, name):
        warnings.append(Warn.NAME_SUSPECT)
    if is_legacy:
        warnings.append(Warn.CASE_NUMBER_LEGACY)
    return warnings


_WARNING_OF_QUALITY = {
    IdentifierQuality.CHECK_FAILED: Warn.IDENTIFIER_CHECKSUM,
    IdentifierQuality.UNUSABLE: Warn.IDENTIFIER_UNUSABLE,
}
_PRECEDENCE = {code: place for place, code in enumerate(Refusal)}


def _is_usable(identifier: Identifier | None) -> bool:
    return identifier is not None and identifier.quality in (IdentifierQuality.VALID, IdentifierQuality.MASKED)


def _holds(identifier: Identifier | None) -> bool:
    """Whether it is a credit or organisation code whose check holds: no accident."""
    return (
        identifier is not None
        and identifier.quality is IdentifierQuality.VALID
        and identifier.type in (IdentifierType.USCC, IdentifierType.ORGANISATION_CODE)
    )


def _fits(identifier: Identifier | None, kind: SubjectKind) -> bool:
    if identifier is None or identifier.quality is IdentifierQuality.UNUSABLE:
        return False
    return (identifier.type in ORGANISATION_TYPES) == (kind is SubjectKind.ORGANISATION) and (
        identifier.type is not IdentifierType.OTHER
    )
